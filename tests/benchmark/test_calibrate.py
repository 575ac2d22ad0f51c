"""A hindcast teaches what a method's words are worth."""

import warnings
from dataclasses import dataclass

import numpy as np
import pandas as pd
import pytest
import xarray as xr

from stormcell.benchmark.calibrate import calibrate
from stormcell.benchmark.settings import Settings
from stormcell.errors import MethodError
from stormcell.frames import make_forecast
from stormcell.methods.calibration_file import read_calibration
from tests.benchmark.hindcasts import Scaled, write_event


@dataclass(frozen=True)
class Sure:
    """All but one of its members are the last frame, three times too strong: overconfident, and too wet."""

    past_steps: int = 2

    def __call__(self, past: xr.DataArray, lead_times: np.ndarray, *, members: int = 1, seed: int | None = None) -> xr.DataArray:
        field = 3 * past.values[-1]
        fields = np.broadcast_to(field, (members, len(lead_times), *field.shape)).copy()
        fields[0] /= 6
        return make_forecast(fields, past, lead_times, method="sure")


@pytest.fixture(scope="module")
def events(tmp_path_factory):
    folder = tmp_path_factory.mktemp("events")
    return [write_event(folder / f"day{day}", steps=20, seed=day, start=f"2024-07-0{day}T12:00") for day in (1, 2, 3)]


SETTINGS = Settings({"sure": Sure()}, lead="10min", every="10min", members=4)


@pytest.mark.parametrize("kind", ["isotonic", "logistic"])
def test_probabilities_become_reliable_on_days_held_out(kind, events, tmp_path):
    calibration = calibrate(events, tmp_path, SETTINGS, kind=kind, thresholds=(0.5, 2.0))
    assert calibration == read_calibration(tmp_path) and calibration.method == "sure" and calibration.kind == kind
    assert calibration.members == 4 and calibration.cases == 27 and calibration.lead_minutes == (5.0, 10.0)
    assert calibration.data["events"] == ["day1", "day2", "day3"] and calibration.data["first_issue_time"] == "2024-07-01T12:05"
    scores = pd.read_csv(tmp_path / "figures" / "calibration_scores.csv").set_index(["lead_time_min", "threshold", "method"])
    before, after = (scores.xs(name, level="method") for name in ("sure", "sure, calibrated"))
    assert len(before) == 4 and (after["brier"] < before["brier"]).all() and (after["reliability"] < before["reliability"]).all()
    page = (tmp_path / "report.html").read_text()
    assert "Reliability and sharpness" in page and "sure, calibrated" in page
    assert "27 forecasts by sure, issued from 2024-07-01T12:05" in (tmp_path / "report.md").read_text().replace("\\", "")


def test_another_kind_needs_no_other_hindcast(events, tmp_path):
    first = calibrate(events, tmp_path, SETTINGS)
    marks = {path: path.stat().st_mtime_ns for path in (tmp_path / "sums.zarr").rglob("*") if path.is_file()}
    second = calibrate(events, tmp_path, SETTINGS, kind="quantile")
    assert first.kind == "isotonic" and second.kind == "quantile" and read_calibration(tmp_path) == second
    assert {path: path.stat().st_mtime_ns for path in marks} == marks
    assert sorted(path.name for path in (tmp_path / "figures").iterdir()) == ["calibration_scores.csv", "rain_rates.csv"]


def test_rain_rates_of_a_single_field(events, tmp_path):
    calibration = calibrate(events, tmp_path, Settings({"scaled": Scaled(2.0)}, lead="5min", every="10min"), identity="of my own")
    assert calibration.kind == "quantile" and calibration.members == 1 and calibration.method == "of my own"
    rain = np.array([0.0, 1.0, 4.0])
    np.testing.assert_allclose(calibration.calibrated(rain, 5.0), rain / 2, atol=0.3)
    scores = pd.read_csv(tmp_path / "figures" / "calibration_scores.csv")
    before, after = scores["distance"]
    assert after < before / 2 and "Distribution of rain rates" in (tmp_path / "report.html").read_text()


def test_decisions_of_a_single_field(events, tmp_path):
    calibration = calibrate(events, tmp_path, Settings({"scaled": Scaled(2.0)}, lead="5min", every="10min"), kind="decision")
    assert (calibration.calibrated(np.array([0.2, 2.0, 4.0]), 5.0) < [0.1, 1.8, 3.6]).all(), "twice the rain is too much"
    scores = pd.read_csv(tmp_path / "figures" / "calibration_scores.csv")
    assert (
        np.isfinite(scores[scores["threshold"] == 2.0]["csi"]).sum() == 2
        and "From which rate on to say it" in (tmp_path / "report.html").read_text()
    )
    assert (tmp_path / "figures" / "decision_rates.csv").is_file()


def test_what_rains_too_seldom_stays_as_it_is(events, tmp_path):
    with pytest.warns(UserWarning, match=r"sure stays as it is at 300 mm/h for 2 of 4 curves: expected 5 cases or more"):
        calibration = calibrate(events, tmp_path, SETTINGS, thresholds=(0.5, 300.0))
    assert [curves[1] for curves in calibration.maps.values] == [None, None]
    with pytest.raises(MethodError, match="nothing can be learnt from 27 cases"):
        calibrate(events, tmp_path, SETTINGS, thresholds=(300.0,), fresh=True)


BAD = {
    "two methods": (Settings({"a": Sure(), "b": Sure()}), {}, "expected one method, got a, b"),
    "unknown kind": (SETTINGS, {"kind": "magic"}, "--kind 'magic': expected one of isotonic, logistic, quantile, decision"),
    "unknown split": (SETTINGS, {"split": "magic"}, "--split 'magic': expected one of day, event, block"),
    "decisions of members": (SETTINGS, {"kind": "decision"}, "decisions are learnt from single fields: give --members 1"),
    "one member": (Settings({"scaled": Scaled()}, lead="5min"), {"kind": "isotonic"}, "scaled made 1 member, and probabilities"),
}


@pytest.mark.parametrize("case", BAD)
def test_what_cannot_be_calibrated(case, events, tmp_path):
    settings, how, says = BAD[case]
    with pytest.raises(MethodError, match=says):
        calibrate(events, tmp_path, settings, **how)


def test_the_same_again(events, tmp_path):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        one, other = (calibrate(events, tmp_path / name, SETTINGS) for name in ("a", "b"))
    assert one == other and (tmp_path / "a/report.html").read_bytes() == (tmp_path / "b/report.html").read_bytes()
