import json

import pytest

from stormcell.benchmark import ensemble
from stormcell.benchmark.ensemble_page import page
from stormcell.benchmark.power import power
from stormcell.benchmark.process import ProcessCost
from stormcell.data.synthetic import synthetic_storm
from stormcell.timeline import minutes


@pytest.fixture
def small(monkeypatch, tmp_path):
    """Two members on a small storm, and processes that are not started."""
    (tmp_path / "events" / ensemble.EVENT).mkdir(parents=True)
    monkeypatch.setattr(ensemble, "read", lambda folder, last: synthetic_storm(last, shape=(64, 64), seed=3))
    monkeypatch.setattr(ensemble, "stormcell_process", lambda arguments: ProcessCost(1.0, 300.0 if "pysteps-steps" in arguments else 100.0))
    monkeypatch.setattr(ensemble, "MEMBERS", 2)
    monkeypatch.setattr(ensemble, "LEADS", minutes(5, 10, step=5))
    return tmp_path


def test_ours_beside_the_reference(small, capsys):
    pytest.importorskip("pysteps", reason="pysteps is not installed")
    figures = ensemble.benchmark_ensemble(small, output=small / "a.json", report=small / "a.md", repeats=1)
    text = (small / "a.md").read_text()
    assert json.loads((small / "a.json").read_text()) == figures and text in capsys.readouterr().out
    assert set(figures["seconds"]) == {"sprog", "steps", "bare", "pysteps-sprog", "pysteps-steps"} and min(figures["seconds"].values()) > 0
    assert "| STEPS, 2 members |" in text and "3.0 times as much" in text and "(a.png)" in text
    assert (small / "a.png").read_bytes().startswith(b"\x89PNG")


def test_without_the_reference_there_are_no_ratios(small, monkeypatch, capsys):
    monkeypatch.setattr(ensemble, "find_spec", lambda name: None)
    figures = ensemble.benchmark_ensemble(small, repeats=1)
    said = capsys.readouterr().out
    assert "pysteps-steps" not in figures["seconds"] and "pip install 'stormcell[pysteps]'" in said and "times as much" not in said


def test_the_power_of_growth():
    assert power({"1": 2.0, "2": 4.0, "4": 8.0}) == pytest.approx(1)
    assert power({"10": 3.0, "1000": 3.0}) == pytest.approx(0)


def test_ratios_by_hand():
    figures = {
        "cores": 2,
        "grid": [64, 64],
        "members": 24,
        "seconds": {"sprog": 0.5, "steps": 4.0, "bare": 2.0, "pysteps-sprog": 5.0, "pysteps-steps": 100.0},
        "peak_mb": {"steps": 1000.0, "pysteps-steps": 4600.0},
        "scaling": {"members": {"6": 1.0, "12": 2.0}},
    }
    text = page(figures, plot=None)
    assert "| S-PROG | 0.50 | 5.0 | 10.0 |" in text and "| STEPS, 24 members | 4.00 | 100.0 | 25.0 |" in text
    assert "2.0 times as long as that limit" in text and "4.6 times as much" in text and "| members | 6, 12 | 1.00, 2.00 | 1.00 |" in text
