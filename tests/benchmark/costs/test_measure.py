"""Measuring itself: one tiny run in real processes, and what becomes of processes that fail."""

import json

import pytest

from stormcell.benchmark.costs import measure
from stormcell.benchmark.costs.choice import Choice, chosen
from stormcell.benchmark.costs.record import STAGES, read_costs
from stormcell.benchmark.nowcast import benchmark_nowcast
from stormcell.benchmark.process import Told, told_alone
from stormcell.errors import StormcellError

RATES = {"matrix_product": [40.0, 20.0], "memory_copy": [8.0, 8.0], "threads": 2}


def test_one_method_on_a_tiny_domain(tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(measure, "_rates", lambda limit: RATES)
    monkeypatch.setattr(measure, "write_odim", _writing := _Written(measure.write_odim))
    path, page = tmp_path / "costs.json", tmp_path / "costs.md"
    choice = chosen("advection", "48x64")
    figures = benchmark_nowcast(None, choice, output=path, report=page, parts=["costs"], processes=1)
    (cost,) = figures["costs"]["costs"]
    assert cost["failure"] is None and list(cost["seconds"]) == list(STAGES) and len(figures["costs"]["memory_copy"]["wall"]) == 2
    assert all(0 < seconds < 60 for samples in cost["seconds"].values() for seconds in samples["wall"])
    assert cost["seconds"]["start-up"]["wall"] > cost["seconds"]["forecast"]["wall"]
    assert 50 < cost["peak_mb"][0] < 2000 and cost["gflop"] is None
    assert cost["field_gb"] == pytest.approx((4 + 12) * 48 * 64 * 4 / 1e9)
    assert _writing.shapes == [(8, 48, 64)]
    written = page.read_text()
    assert "Written by `stormcell benchmark nowcast --parts costs --methods advection --sizes 48x64 --report FILE`" in written
    assert "# What each method costs" in written and "| advection | - |" in written and "## Skill" not in written
    assert "| advection | - |" in capsys.readouterr().out
    earlier, said = read_costs(path)
    assert earlier.plain() == figures["costs"] and said["versions"]["stormcell"]
    monkeypatch.setattr(measure, "told_alone", lambda *_, **__: Told({}, "no more"))
    again = benchmark_nowcast(None, choice, report=page, against=path, parts=["costs"], processes=1)
    assert again["costs"]["costs"][0]["failure"] == "no more" and json.loads(path.read_text())["costs"] == figures["costs"]
    assert "## Beside an earlier run" in page.read_text() and "- advection, 48 x 64: start-up, first forecast, read" in page.read_text()


class _Written:
    def __init__(self, write) -> None:
        self.write, self.shapes = write, []

    def __call__(self, frames, folder) -> None:
        self.shapes.append(frames.shape)
        self.write(frames, folder)


@pytest.fixture
def played(monkeypatch):
    """Processes that tell what they are told to, in turn by combination, and every request that was made."""
    asked = []
    script: dict[tuple[str, str], list[Told]] = {}

    def tell(module, request, *, limit):
        if module.endswith("rates"):
            return Told(RATES, None)
        asked.append((request["method"], request["runtime"], request["scans"] is None, request["count"]))
        return script[request["method"], request["runtime"]].pop(0)

    monkeypatch.setattr(measure, "told_alone", tell)
    monkeypatch.setattr(measure, "write_odim", lambda *_: None)
    monkeypatch.setattr(measure, "scans_for", lambda *_: None)
    return script, asked


def done(**more):
    return Told({"start-up": [1.0, 2.0], "forecast": [3.0, 4.0], "peak_mb": 100.0, "field_gb": 1.0, **more}, None)


def test_a_failure_is_one_row_and_not_the_end(played):
    script, asked = played
    script["slow", "-"] = [Told({"start-up": [1.0, 2.0]}, "took longer than 5 s")]
    script["quick", "-"] = [done(), done()]
    costs = measure.measure_costs(Choice({"slow": ["-"], "quick": ["-"]}, [(64, 64)]), processes=2, limit=5.0)
    slow, quick = costs.costs
    assert slow.failure == "took longer than 5 s" and slow.seconds["start-up"].wall == [1.0] and slow.peak_mb == []
    assert quick.failure is None and quick.seconds["forecast"].processor == [4.0, 4.0] and quick.peak_mb == [100.0, 100.0]
    assert [name for name, *_ in asked] == ["slow", "quick", "quick"]  # what failed is not tried again


def test_networks_are_exported_first_and_counted_once(played):
    script, asked = played
    script["net", "torch"] = [done(flop_per_pixel=1e6), done()]
    script["net", "openvino"] = [Told({"start-up": [60.0, 60.0]}, None), done(), done()]
    script["net", "onnxruntime"] = [Told({}, "cannot be exported")]
    costs = measure.measure_costs(Choice({"net": ["torch", "openvino", "onnxruntime"]}, [(100, 50)]), processes=2, limit=5.0)
    torch, openvino, onnxruntime = costs.costs
    assert torch.gflop == openvino.gflop == pytest.approx(5.0) and openvino.seconds["start-up"].wall == [1.0, 1.0]
    assert onnxruntime.failure == "cannot be exported" and onnxruntime.seconds == {}
    assert [entry[1:] for entry in asked] == [
        ("openvino", True, False),
        ("onnxruntime", True, False),
        ("torch", False, True),
        ("openvino", False, False),
        ("torch", False, False),
        ("openvino", False, False),
    ]


def test_without_the_machines_rates_there_is_no_share(monkeypatch):
    monkeypatch.setattr(measure, "told_alone", lambda *_, **__: Told({}, "no memory"))
    with pytest.raises(StormcellError, match="rates cannot be measured: no memory"):
        measure.measure_costs(Choice({}, []), processes=1, limit=1.0)


MODULE = """
import sys
from stormcell.benchmark.process import tell

def measured(asked):
    print("noise of a library")
    yield {"first": asked["number"]}
    HOW
    yield {"second": 2}

tell(measured, sys.argv[1])
"""


@pytest.mark.parametrize(
    ("how", "values", "failure"),
    [
        ("pass", {"first": 1, "second": 2}, None),
        ("raise ValueError('no good')", {"first": 1}, "ValueError: no good"),
        ("import os; os.kill(os.getpid(), 9)", {"first": 1}, "was ended by signal 9"),
        ("sys.exit(3)", {"first": 1}, "ended with status 3"),
        ("import time; time.sleep(60)", {"first": 1}, "took longer than 2 s"),
    ],
)
def test_a_process_tells_what_it_knew_before_it_died(how, values, failure, tmp_path, monkeypatch):
    (tmp_path / "measured_here.py").write_text(MODULE.replace("HOW", how))
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    assert told_alone("measured_here", {"number": 1}, limit=2.0 if "sleep" in how else 60.0) == Told(values, failure)


@pytest.mark.slow
def test_networks_rates_and_the_command(tmp_path):
    """All of it in real processes: the network is counted, motion is told apart, and a second run is held against the first."""
    path = tmp_path / "costs.json"
    choice = chosen("guided,persistence", "64x64", "torch")
    figures = benchmark_nowcast(None, choice, output=path, parts=["costs"], processes=2)
    guided, persistence = figures["costs"]["costs"]
    assert guided["gflop"] > 0.01 and {"motion", "forecast"} <= set(guided["seconds"]) and "motion" not in persistence["seconds"]
    assert guided["failure"] is persistence["failure"] is None and figures["costs"]["matrix_product"]["wall"][0] > 1
    page = tmp_path / "again.md"
    benchmark_nowcast(None, choice, report=page, against=path, parts=["costs"], processes=2)
    assert "| guided | 64 x 64 | torch |" in page.read_text()
