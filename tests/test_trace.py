"""The story from file to forecast, and the page that tells it, kept true."""

import importlib
import re
import runpy
from pathlib import Path

import numpy as np
import pytest

from stormcell.data.readers.odim import write_odim
from stormcell.data.synthetic import synthetic_storm
from stormcell.products.netcdf import read_forecast

ROOT = Path(__file__).parents[1]
PAGE = (ROOT / "docs" / "trace.md").read_text()
STOPS = PAGE.split("Side trips")[0]
PLACES = re.findall(r"`([a-z_/]+\.py):(\w+)`", PAGE)


def test_one_file_runs_as_it_stands(tmp_path, monkeypatch):
    write_odim(synthetic_storm(4, shape=(64, 64)), tmp_path / "radar")
    monkeypatch.chdir(tmp_path)
    runpy.run_path(str(ROOT / "examples" / "one_file.py"))
    forecast = read_forecast(tmp_path / "nowcast.nc")
    assert forecast.shape == (1, 12, 64, 64) and np.isfinite(forecast.values[0, 0]).any()


@pytest.mark.parametrize(("file", "name"), PLACES)
def test_each_place_on_the_page_is_there(file, name):
    module = importlib.import_module("stormcell." + file.removesuffix(".py").removesuffix("/__init__").replace("/", "."))
    assert hasattr(module, name)


def test_the_stops_are_short_enough_to_read_at_one_sitting():
    files = dict.fromkeys(file for file, _ in re.findall(r"`([a-z_/]+\.py):(\w+)`", STOPS))
    lines = sum(len((ROOT / "src" / "stormcell" / file).read_text().splitlines()) for file in files)
    assert len(files) == 9 and lines <= 900, f"{lines} lines"
    assert len((ROOT / "examples" / "one_file.py").read_text().splitlines()) <= 20


def test_the_trace_prints_the_stops(tmp_path, capsys, monkeypatch):
    from stormcell.cli import app

    write_odim(synthetic_storm(4, shape=(64, 64)), tmp_path / "radar")
    app(
        ["nowcast", str(tmp_path / "radar"), "-m", "advection", "--lead", "10min", "-o", str(tmp_path / "out.nc"), "--trace"],
        standalone_mode=False,
    )
    said = capsys.readouterr().out
    stops = re.findall(r"^([a-z_/]+\.py):([\w.]+) ", said, re.MULTILINE)
    assert [name for _, name in stops] == ["read", "check_frames", "lucas_kanade", "nowcast", "write_netcdf"]
    for file, name in stops:
        module = importlib.import_module("stormcell." + file.removesuffix(".py").replace("/", "."))
        assert hasattr(module, name)
    assert re.search(r"data/read\.py:read +\(time 4, y 64, x 64\) +mm h-1", said)
    assert re.search(r"lucas_kanade +\(component 2, y 64, x 64\) +px/step", said)
