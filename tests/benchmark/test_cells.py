"""`stormcell benchmark cells` at a size that takes seconds: every figure is there, and the page says what the figures say."""

import json

import pytest
import torch

from stormcell.benchmark import cells, training_memory
from stormcell.benchmark.training_memory import TrainingCost


@pytest.fixture
def small(monkeypatch):
    for name, number in {"BATCH": 1, "STEPS": 3, "CHANNELS": 8, "GRID": 8, "SERIES": (2, 3), "VALUES": 4, "UNITS": 5}.items():
        monkeypatch.setattr(cells, name, number)
    monkeypatch.setattr(cells, "_matmul_rates", lambda: {"float32": 100.0, "bfloat16": 200.0})
    monkeypatch.setattr(cells, "compile_gates", lambda module: module)
    monkeypatch.setattr(cells, "training_cost", lambda steps, every, *, threads: TrainingCost(10.0 * steps / (every or 1), 0.1 * steps))


def test_figures_and_page(small, tmp_path):
    before = torch.get_num_threads()
    figures = cells.benchmark_cells(output=tmp_path / "cells.json", report=tmp_path / "cells.md", repeats=1, threads=1)
    assert torch.get_num_threads() == before
    assert json.loads((tmp_path / "cells.json").read_text()) == figures
    page = (tmp_path / "cells.md").read_text()
    assert list(figures["images"]) == ["ConvLSTM 5x5", "ConvGRU 5x5", "TrajGRU, 13 links", "ConvTTLSTM 5x5", "PredRNN, 2 layers"]
    for name, ways in figures["images"].items():
        assert list(ways)[:3] == ["plain", "float32", "bfloat16"]
        assert all(row["inference_ms"] > 0 and row["training_ms"] > 0 and row["gflop"] > 0 for row in ways.values())
        assert 0 < ways["bfloat16"]["relative_error"] < 0.02
        faster = ways["plain"]["inference_ms"] / ways["bfloat16"]["inference_ms"]
        assert f"| {name} | bfloat16 | {ways['bfloat16']['inference_ms']:.0f} | {faster:.2f} |" in page
    assert {row["inference_ratio"] > 0 < row["training_ratio"] for row in figures["vectors"].values()} == {True}
    assert "| 40 steps, checkpoint_every=4 | 100 | 0.25 | 4.00 | 1.00 |" in page


def test_products_are_counted_by_hand(small):
    """5x5 from 8 and 8 channels to 4 x 8, two operations a weight and pixel; without the state's product in the first step."""
    figures = cells._images(1)["ConvLSTM 5x5"]
    product = 2 * 25 * 8 * 32 * 64 / 1e9
    assert figures["plain"]["gflop"] == pytest.approx(6 * product)
    assert figures["float32"]["gflop"] == pytest.approx(5 * product)


@pytest.mark.slow
def test_memory_of_training_grows_with_the_length_and_less_with_checkpoints():
    short, long, sparing = (training_memory.training_cost(steps, every, threads=1) for steps, every in ((4, None), (16, None), (16, 4)))
    assert 2.5 < long.peak_mb / short.peak_mb < 5
    assert sparing.peak_mb < 0.7 * long.peak_mb
