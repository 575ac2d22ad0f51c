"""The benchmark of hindcasts, in small."""

import json

import pytest

from stormcell.benchmark import hindcast
from stormcell.benchmark.settings import Settings
from stormcell.errors import MissingExtraError


@pytest.fixture
def small(monkeypatch):
    monkeypatch.setattr(hindcast, "GRID", (48, 52))
    monkeypatch.setattr(hindcast, "STEPS", 16)
    settings = Settings(("persistence", "advection"), ("contingency", "fss"), lead="10min", every="5min")
    monkeypatch.setattr(hindcast, "SETTINGS", settings)


def test_every_way_is_timed_and_gives_the_same_numbers(small, tmp_path, capsys):
    pytest.importorskip("distributed", reason="distributed is not installed")
    figures = hindcast.benchmark_hindcast(output=tmp_path / "a.json", report=tmp_path / "a.md", repeats=1)
    page = (tmp_path / "a.md").read_text()
    assert json.loads((tmp_path / "a.json").read_text()) == figures and page in capsys.readouterr().out
    assert list(figures["seconds"]) == list(figures["same_numbers"]) and len(figures["seconds"]) == 4
    assert all(figures["same_numbers"].values()) and "NO" not in page and figures["cases"] == 11
    assert figures["times_one"] == pytest.approx(figures["seconds"]["1 Dask worker"] / figures["seconds"]["2 Dask workers"])
    assert f"| {figures['times_one']:.2f} | yes |" in page and "methods persistence, advection; scores contingency, fss" in page


def test_without_distributed_the_extra_is_named(small, monkeypatch):
    def absent(name: str) -> None:
        raise ImportError(name)

    monkeypatch.setattr(hindcast, "import_module", absent)
    with pytest.raises(MissingExtraError, match=r"pip install 'stormcell\[cloud\]'"):
        hindcast.benchmark_hindcast(repeats=1)
