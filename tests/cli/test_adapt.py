"""`stormcell adapt` as a person runs it, and its folder as a method."""

import pytest

from stormcell.products.netcdf import read_forecast
from tests.benchmark.hindcasts import write_event
from tests.cli.process import stormcell
from tests.methods.tiny_models import save_tiny

GUIDED = {"hidden": [4, 6], "tail": 4, "levels": [0.5, 2.0, 5.0], "steps": 4, "squares": [3]}


@pytest.fixture(scope="module")
def event(tmp_path_factory):
    return write_event(tmp_path_factory.mktemp("event") / "a", steps=16)


def test_from_scans_to_a_method(event, tmp_path):
    model, folder = save_tiny(tmp_path / "tiny", network="guided", settings=GUIDED), tmp_path / "mine"
    done = stormcell("adapt", event, "-m", model, "-o", folder)
    assert done.returncode == 0 and done.stderr == "", done.stderr
    assert "in use frozen" in done.stdout and "learnt    from 3 forecasts" in done.stdout
    again = stormcell("adapt", event, "-o", folder)
    assert again.returncode == 0 and "learnt    from 0 forecasts" in again.stdout
    out = tmp_path / "nowcast.nc"
    done = stormcell("nowcast", *sorted(event.iterdir())[4:9], "--method", folder, "--lead", "10min", "-o", out)
    assert done.returncode == 0, done.stderr
    assert read_forecast(out).attrs["lessons"] == 3


def test_nothing_to_begin_from(event, tmp_path):
    done = stormcell("adapt", event, "-o", tmp_path / "new")
    assert done.returncode == 2 and "say which model to begin from" in done.stderr
