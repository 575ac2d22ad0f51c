import json

import pytest

from stormcell.benchmark import scores
from stormcell.benchmark.rounds import timed_rounds


@pytest.fixture
def small(monkeypatch):
    monkeypatch.setattr(scores, "GRID", (64, 70))
    monkeypatch.setattr(scores, "LEADS", 2)
    monkeypatch.setattr(scores, "SAL_LEADS", 1)


def test_every_score_is_timed_beside_its_reference(small, tmp_path, capsys):
    pytest.importorskip("pysteps", reason="pysteps is not installed")
    figures = scores.benchmark_scores(output=tmp_path / "a.json", report=tmp_path / "a.md", repeats=1)
    page = (tmp_path / "a.md").read_text()
    assert json.loads((tmp_path / "a.json").read_text()) == figures and page in capsys.readouterr().out
    rows = figures["scores"]
    assert {"continuous", "spectrum", "sal", "balanced", "ssim"} < set(rows)
    assert all(row["ms"] > 0 for row in rows.values()) and rows["continuous"]["reference_ms"] > 0 and rows["ssim"]["reference_ms"] is None
    assert "`det_cont_fct`" in page and "| all that both have |" in page and "| ssim |" in page
    assert [row["fields"] for row in figures["crps"]] == ["rain-like", "wet everywhere"] and "| rain-like | 80% |" in page


def test_without_the_reference_there_are_no_ratios(small, monkeypatch, capsys):
    monkeypatch.setattr(scores, "find_spec", lambda name: None)
    figures = scores.benchmark_scores(repeats=1)
    said = capsys.readouterr().out
    assert figures["pysteps"] is None and "pip install 'stormcell[pysteps]'" in said and "all that both have" not in said


def test_rounds_are_interleaved_and_the_first_does_not_count():
    calls: list[str] = []
    times = timed_rounds({"a": lambda: calls.append("a"), "b": lambda: calls.append("b")}, repeats=2)
    assert calls == ["a", "b"] * 3 and {name: len(seconds) for name, seconds in times.items()} == {"a": 2, "b": 2}
