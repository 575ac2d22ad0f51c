"""`stormcell lab`, as a student runs it."""

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from stormcell.cli import app
from stormcell.errors import StormcellError
from stormcell.lab import EXPERIMENTS
from stormcell.lab.book.source import quoted
from stormcell.lab.fit import fit
from tests.lab import toy


def stormcell(*words: str) -> Result:
    return CliRunner().invoke(app, words)


@pytest.fixture(autouse=True)
def only_a_toy(monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    for name in list(EXPERIMENTS):
        monkeypatch.delitem(EXPERIMENTS, name)
    monkeypatch.setitem(EXPERIMENTS, "toy", toy.EXPERIMENT)
    monkeypatch.setattr("stormcell.lab.book.write.quoted", lambda shown: quoted(fit))

    def interactive(folder: Path) -> Path:
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "interactive.html").write_text("sliders")
        return folder / "interactive.html"

    monkeypatch.setattr("stormcell.lab.interactive.write_interactive", interactive)  # that trains networks


def test_list():
    assert "toy: Halves & <halves> (has a longer version)\n  A half is less than the whole. [equation 1]" in stormcell("lab", "list").stdout
    assert json.loads(stormcell("lab", "list", "--json").stdout)[0]["name"] == "toy"


def test_run_says_what_it_measured(tmp_path):
    done = stormcell("lab", "run", "toy", "-o", "out")
    assert done.exit_code == 0 and "holds  the last value: 2 (at most 2)" in done.stdout
    assert "Each value is half of the one before.\n    out/toy/values.svg" in done.stdout and (tmp_path / "out/toy/values.svg").is_file()


def test_a_claim_that_fails_is_exit_status_1(monkeypatch):
    monkeypatch.setattr(toy, "halved", lambda value: value)
    done = stormcell("lab", "run", "all")
    assert done.exit_code == 1 and "FAILS  the last value: 8 (at most 2)" in done.stdout


def test_report_runs_what_is_missing_or_old(tmp_path):
    first = stormcell("lab", "report")
    assert first.exit_code == 0 and "toy: Halves" in first.stdout and (tmp_path / "book/toy.html").is_file()
    assert '<a href="interactive.html">' in (tmp_path / "book/index.html").read_text()
    again = stormcell("lab", "report")
    assert again.exit_code == 0 and "toy: Halves" not in again.stdout and "1 chapters" in again.stdout
    assert "toy: Halves" in stormcell("lab", "report", "--full").stdout, "the long version has not run yet"
    assert "toy: Halves" not in stormcell("lab", "report", "--full").stdout
    record = tmp_path / "lab/toy/record.json"
    record.write_text(record.read_text().replace(json.loads(record.read_text())["code"], "0" * 16))
    assert "toy: Halves" in stormcell("lab", "report").stdout


def test_no_such_experiment():
    done = stormcell("lab", "run", "toys")
    assert isinstance(done.exception, StormcellError) and "expected an experiment of the lab" in str(done.exception)
