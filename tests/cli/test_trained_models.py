"""`stormcell models` and `stormcell nowcast` with trained models."""

import json

import pytest

from stormcell.data.readers.odim import write_odim
from stormcell.data.synthetic import synthetic_storm
from stormcell.products.netcdf import read_forecast
from tests.cli.process import stormcell
from tests.methods.tiny_models import save_tiny


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return save_tiny(
        tmp_path_factory.mktemp("models") / "tiny", data={"name": "A made-up storm", "licence": "none"}, scores={"csi": {"0.5": 0.25}}
    )


def test_info_for_a_person(folder):
    done = stormcell("models", "info", folder)
    assert done.returncode == 0, done.stderr
    assert "pyramid, " in done.stdout and "hidden 4 4" in done.stdout
    assert "3 in, 4 out, every 5 min, pixels of 1 km" in done.stdout
    assert "data      name A made-up storm, licence none" in done.stdout and "scores    csi (0.5 0.25)" in done.stdout


def test_info_for_a_program(folder):
    facts = json.loads(stormcell("models", "info", folder, "--json").stdout)
    assert facts["settings"]["hidden"] == [4, 4] and facts["parameters"] > 100 and len(facts["fingerprint"]) == 16
    assert facts["scores"] == {"csi": {"0.5": 0.25}} and facts["representation"]["high_dbz"] == 60.0


def test_info_of_what_is_no_model(folder, tmp_path):
    unknown = stormcell("models", "info", "no-such-model", cwd=tmp_path)
    assert unknown.returncode == 2 and "unknown model 'no-such-model'" in unknown.stderr and unknown.stderr.count("\n") == 1
    (tmp_path / "empty").mkdir()
    empty = stormcell("models", "info", "empty", cwd=tmp_path)
    assert empty.returncode == 2 and "there is no config.json" in empty.stderr and empty.stderr.count("\n") == 1


def test_a_nowcast_by_the_folder_of_a_checkpoint(folder, tmp_path):
    write_odim(synthetic_storm(4, shape=(40, 48)), tmp_path / "radar")
    done = stormcell("nowcast", tmp_path / "radar", "--method", folder, "--lead", "10min", "-o", tmp_path / "nowcast.nc")
    assert done.returncode == 0, done.stderr
    assert "past      3 scans" in done.stdout and "forecast  tiny, 2 lead times" in done.stdout
    assert read_forecast(tmp_path / "nowcast.nc").attrs["model"] == "pyramid"
