"""`stormcell calibrate` as a person runs it, and what `nowcast` and `verify` make of its folder."""

import numpy as np
import pandas as pd
import pytest

from stormcell.products.netcdf import read_forecast
from tests.benchmark.hindcasts import write_event
from tests.cli.process import stormcell


@pytest.fixture(scope="module")
def event(tmp_path_factory):
    return write_event(tmp_path_factory.mktemp("event") / "a", steps=20)


@pytest.fixture(scope="module")
def folder(event, tmp_path_factory):
    """A calibration of advection."""
    folder = tmp_path_factory.mktemp("calibration") / "advection"
    done = stormcell("calibrate", event, "-m", "advection", "--lead", "10min", "--every", "10min", "-o", folder)
    assert done.returncode == 0 and done.stderr == "", done.stderr
    assert "learnt    quantile calibration of advection from 8 forecasts, to 10 min ahead\n" in done.stdout
    assert f"wrote     {folder / 'calibration.json'}" in done.stdout and f"wrote     {folder / 'report.html'}" in done.stdout
    return folder


def test_a_calibrated_nowcast(event, folder, tmp_path):
    out, scans = tmp_path / "nowcast.nc", sorted(event.iterdir())[4:9]
    done = stormcell("nowcast", *scans, "-m", "advection", "--lead", "10min", "-o", out, "--calibration", folder)
    assert done.returncode == 0 and done.stderr == "", done.stderr
    calibrated = read_forecast(out)
    assert calibrated.attrs["calibration"].startswith("quantile, from 8 cases, ") and calibrated.attrs["method"] == "advection"
    assert stormcell("nowcast", *scans, "-m", "advection", "--lead", "10min", "-o", out).returncode == 0
    assert not np.array_equal(read_forecast(out).values, calibrated.values, equal_nan=True)


def test_calibrated_beside_as_it_was(event, folder, tmp_path):
    words = ("verify", event, "--lead", "10min", "--every", "10min", "--no-report", "-o", tmp_path / "out", "--calibration", folder)
    done = stormcell(*words, "--members", "1")
    assert done.returncode == 0 and done.stderr == "", done.stderr
    scores = pd.read_csv(tmp_path / "out" / "scores.csv")
    assert list(scores["method"].unique()) == ["persistence", "advection", "advection-calibrated"]
    other = stormcell(*words, "-m", "persistence")
    assert other.returncode == 2 and "is the calibration of advection, which is not among --methods persistence" in other.stderr


BAD = {
    "another method": (
        ["nowcast", "{event}", "-m", "rover", "--gif", "a.gif", "--calibration", "{folder}"],
        "not of rover; calibrate rover",
    ),
    "too long": (
        ["nowcast", "{event}", "-m", "advection", "--lead", "1h", "--gif", "a.gif", "--calibration", "{folder}"],
        "reaches to 10 min, but 15 min",
    ),
    "no calibration": (["nowcast", "{event}", "--gif", "a.gif", "--calibration", "absent"], "'stormcell calibrate' writes one"),
    "unknown kind": (["calibrate", "{event}", "--kind", "magic", "-o", "out"], "--kind 'magic': expected one of isotonic"),
    "thresholds": (["calibrate", "{event}", "--thresholds", "much", "-o", "out"], "--thresholds 'much' is not understood"),
    "output in the input": (["calibrate", "{event}", "-o", "{event}/out"], "lies in the input"),
    "one case": (["calibrate", "{event}", "-m", "persistence", "--every", "2h", "--lead", "10min", "-o", "out"], "nothing can be learnt"),
}


@pytest.mark.parametrize("case", BAD)
def test_a_mistake_is_one_line_and_status_2(case, event, folder, tmp_path):
    words, says = BAD[case]
    done = stormcell(*(word.format(event=event, folder=folder) for word in words), cwd=tmp_path)
    assert done.returncode == 2 and says in done.stderr, done.stderr
    assert done.stderr.startswith("stormcell: error: ") and done.stderr.count("\n") == 1
