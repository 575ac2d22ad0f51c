"""The main job on every real event, at full scale."""

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from stormcell.benchmark.nowcast import EVENTS, THRESHOLDS
from stormcell.benchmark.process import stormcell_process
from stormcell.benchmark.skill import event_counts
from stormcell.methods import METHODS
from stormcell.products.netcdf import read_forecast
from stormcell.verification.contingency import csi

pytestmark = [pytest.mark.slow, pytest.mark.timeout(1800), pytest.mark.filterwarnings("ignore")]


@pytest.mark.parametrize("event", EVENTS)
def test_every_product_of_every_event(radar_data, tmp_path, event):
    arguments = [
        "nowcast",
        str(radar_data / "events" / event),
        "--lead",
        "60min",
        "-o",
        str(tmp_path / "out.nc"),
        "--gif",
        str(tmp_path / "out.gif"),
    ]
    cost = stormcell_process([*arguments, "--cog", str(tmp_path / "cog"), "--png", str(tmp_path / "png")])
    forecast = read_forecast(tmp_path / "out.nc")
    assert np.isfinite(forecast.values).any() and float(np.nanmin(forecast.values)) >= 0
    assert len(list((tmp_path / "cog").iterdir())) == forecast.sizes["lead_time"]
    if event.startswith("opera_cirrus"):
        assert cost.peak_mb < 3000
    pytest.importorskip("compliance_checker", reason="compliance-checker is not installed")
    checker = Path(sys.executable).with_name("compliance-checker")
    checked = subprocess.run([checker, "--test=cf:1.11", tmp_path / "out.nc"], capture_output=True, text=True)
    assert checked.returncode == 0 and "All tests passed" in checked.stdout, checked.stdout[-2000:]


@pytest.mark.parametrize("name", EVENTS)
def test_skill_beside_persistence_and_pysteps(radar_data, name):
    pytest.importorskip("pysteps", reason="pysteps is not installed")
    event = EVENTS[name]
    methods = {method: METHODS[method]() for method in ("advection", "persistence", "pysteps-extrapolation")}
    counts = event_counts(
        radar_data / "events" / name,
        methods,
        lead_minutes=event.leads,
        thresholds=THRESHOLDS,
        past=event.past,
        every=4 * event.every,
        last=event.last,
        crop=event.crop,
    )
    ours, still, theirs = (csi(counts[method]).transpose("threshold", "lead_time").values for method in methods)
    assert (ours[0] > still[0]).all(), "Lucas-Kanade beats persistence at 0.5 mm/h"
    assert (ours >= theirs - 0.01).all(), "a quarter of the issue times, so twice the margin of the benchmark"
