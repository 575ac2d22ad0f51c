import json
from pathlib import Path

import pytest

from stormcell.benchmark.report import page, skill_table, summary

FIGURES = {
    "command": "stormcell benchmark nowcast --parts speed,skill",
    "versions": {"stormcell": "0.1.0"},
    "machine": {"processor": "a processor", "cores": 2, "python": "3.11"},
    "speed": {
        "advection": {"median_ms": 80.0, "min_ms": 79.0, "max_ms": 90.0},
        "pysteps-extrapolation": {"median_ms": 2000.0, "min_ms": 1, "max_ms": 3},
    },
    "process": {"stormcell --help": {"median_s": 0.2, "peak_mb": 30.0}},
    "skill": {
        "storm": {
            "advection": {"30 min": {"0.5": 0.6, "2.0": 0.4}},
            "persistence": {"30 min": {"0.5": 0.5, "2.0": 0.2}},
            "pysteps-extrapolation": {"30 min": {"0.5": 0.603, "2.0": 0.39}},
        }
    },
}


def test_the_page_says_what_was_measured():
    text = page(FIGURES)
    assert "| advection | 80 | 79 to 90 | 25.0 |" in text and "| stormcell --help | 0.20 | 30 |" in text
    assert "| storm | 30 min | advection | 0.600 | 0.400 |" in text
    assert "--parts speed,skill --report FILE`" in text and "stormcell 0.1.0." in text and "## Costs" not in text
    assert "beats persistence at 0.5 mm/h by +0.100 or more" in text and "it is -0.003 at the least, +0.010 at the most" in text


def test_without_the_reference_there_are_no_ratios():
    figures = json.loads(json.dumps(FIGURES))
    del figures["speed"]["pysteps-extrapolation"], figures["skill"]["storm"]["pysteps-extrapolation"]
    assert "| advection | 80 | 79 to 90 | - |" in page(figures) and "pysteps-extrapolation" not in summary(figures)


def test_thresholds_head_the_columns():
    assert skill_table(FIGURES["skill"]).startswith("| event | lead | method | 0.5 mm/h | 2.0 mm/h |")


def test_counts_of_an_event_are_those_of_its_windows(tmp_path, storm):
    from stormcell.benchmark.skill import event_counts, issue_windows
    from stormcell.data.readers.odim import write_odim
    from stormcell.methods import Advection, Persistence

    write_odim(storm, tmp_path)
    windows = list(issue_windows(storm, past=3, ahead=2, every=2))
    assert [str(before["time"].values[-1])[14:16] for before, _ in windows] == ["10", "20", "30"]
    assert all(after["time"].values[0] > before["time"].values[-1] and after.sizes["time"] == 2 for before, after in windows)
    counts = event_counts(tmp_path, {"a": Advection(), "p": Persistence()}, lead_minutes=(5, 10), thresholds=(0.5,), past=3, every=2)
    assert set(counts) == {"a", "p"} and counts["a"].shape == (2, 1, 4)
    # the same pixels count for both: those that the radar and both methods know
    assert (counts["a"].sum("statistic").values == counts["p"].sum("statistic").values).all()
    assert counts["a"].sum().item() < 3 * 2 * storm[0].size


def test_a_process_is_measured():
    from stormcell.benchmark.process import stormcell_process
    from stormcell.errors import StormcellError

    cost = stormcell_process(["--version"])
    assert 0 < cost.seconds < 30 and cost.peak_mb > 5
    with pytest.raises(StormcellError, match="ended with status 2.*no such file"):
        stormcell_process(["info", "absent.h5"])


def test_parts_and_comparisons_that_do_not_fit():
    from stormcell.benchmark.costs.choice import Choice
    from stormcell.benchmark.nowcast import benchmark_nowcast
    from stormcell.errors import StormcellError

    with pytest.raises(StormcellError, match="there is no part 'magic': expected some of speed, skill, costs"):
        benchmark_nowcast(None, Choice({}, []), parts=["costs", "magic"])
    with pytest.raises(StormcellError, match="which are not among the parts skill"):
        benchmark_nowcast(None, Choice({}, []), parts=["skill"], against=Path("a.json"))
    with pytest.raises(StormcellError, match="--sizes 64x64: chooses costs, which are not among the parts speed, skill"):
        benchmark_nowcast(None, Choice({}, [], " --sizes 64x64"), parts=["speed", "skill"])
