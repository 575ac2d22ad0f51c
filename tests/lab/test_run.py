"""What a run leaves in its folder is what the book is made of."""

import json
from dataclasses import replace

import pytest

from stormcell.errors import ReadError, StormcellError
from stormcell.lab import EXPERIMENTS, Check
from stormcell.lab.run import RECORD, code_of, read_record, run_experiment
from tests.lab import toy


@pytest.fixture(autouse=True)
def only_a_toy(monkeypatch):
    for name in list(EXPERIMENTS):
        monkeypatch.delitem(EXPERIMENTS, name)
    monkeypatch.setitem(EXPERIMENTS, "toy", toy.EXPERIMENT)


def test_a_record_is_read_as_it_was_written(tmp_path):
    record = run_experiment("toy", tmp_path)
    assert record == read_record("toy", tmp_path) and record.holds and record.is_current and not record.full
    assert record.figures == {"values": [8.0, 4.0, 2.0], "missing": None, "3": [1, None, True]}
    assert [check["holds"] for check in record.checks] == [True, True]
    assert {path.name for path in (tmp_path / "toy").iterdir()} == {RECORD, "values.svg", "values.png"}
    assert run_experiment("toy", tmp_path, full=True).figures["values"][-1] == 0.5


def test_pictures_do_not_change_from_run_to_run(tmp_path):
    for folder in ("a", "b"):
        run_experiment("toy", tmp_path / folder)
    assert (tmp_path / "a/toy/values.svg").read_bytes() == (tmp_path / "b/toy/values.svg").read_bytes()


def test_a_claim_that_fails_is_kept_as_such(tmp_path, monkeypatch):
    outcome = toy.run(False)
    fails = replace(toy.EXPERIMENT, run=toy.run)
    monkeypatch.setattr(toy, "halved", lambda value: value)
    monkeypatch.setitem(EXPERIMENTS, "toy", fails)
    record = run_experiment("toy", tmp_path)
    assert outcome.checks[0].holds and not record.holds and not record.checks[0]["holds"] and record.checks[1]["holds"]


def test_a_record_of_other_code_is_not_current(tmp_path):
    record = replace(run_experiment("toy", tmp_path), code="0" * 16)
    assert not record.is_current and len(code_of("toy")) == 16


def test_what_is_no_record_is_refused(tmp_path):
    assert read_record("toy", tmp_path) is None
    (tmp_path / "toy").mkdir()
    for text in ("{", "[]", json.dumps({"name": "toy"})):
        (tmp_path / "toy" / RECORD).write_text(text)
        with pytest.raises(ReadError, match="expected the record of an experiment"):
            read_record("toy", tmp_path)


def test_no_such_experiment(tmp_path):
    with pytest.raises(StormcellError, match="expected an experiment of the lab .toy."):
        run_experiment("toys", tmp_path)
    assert not list(tmp_path.iterdir())


def test_checks_can_be_dictionaries_for_json():
    assert json.dumps(vars(Check("x", 1.0, at_most=2.0)))
