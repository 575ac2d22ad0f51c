"""S-PROG as a whole: it grows smooth, keeps the distribution, and is near pysteps' own."""

import re

import numpy as np
import pytest
import xarray as xr

from stormcell.errors import MethodError
from stormcell.methods import Advection, PystepsSprog, Sprog
from stormcell.methods.cascade.settings import Settings
from stormcell.methods.pysteps.session import pysteps_at_work
from stormcell.methods.pysteps.start import dbr_from_rain_rate
from stormcell.timeline import minutes
from tests.conftest import frames_of

LEADS = minutes(5, 60, step=5)


def roughness(field: np.ndarray) -> float:
    steps = np.diff(field, axis=1)
    return float(np.nanvar(steps) / np.nanvar(field))


def test_it_grows_smooth_and_keeps_its_distribution(storm):
    past = storm.isel(time=slice(4))
    forecast, carried = (method(past, LEADS).values[0] for method in (Sprog(), Advection()))
    known = np.isfinite(forecast[-1])
    np.testing.assert_array_equal(known, np.isfinite(carried[-1]))
    assert roughness(forecast[-1]) < 0.7 * roughness(carried[-1])
    shares = [[(field[known] >= least).mean() for least in (0.1, 1, 5)] for field in (forecast[-1], carried[-1])]
    np.testing.assert_allclose(*shares, rtol=0.35, atol=0.01)


def test_nothing_lies_between_dry_and_the_threshold(storm):
    values = Sprog()(storm, LEADS).values
    assert not ((values > 0) & (values < np.float32(0.1))).any()


@pytest.mark.parametrize("matching", ["cdf", "mean", None])
@pytest.mark.parametrize("boundary", ["mirror", "dry", "periodic"])
def test_every_way_is_a_forecast(storm, matching, boundary):
    past, future = storm.isel(time=slice(4)), storm.isel(time=slice(4, 8)).values
    forecast = Sprog(matching=matching, boundary=boundary)(past, LEADS[:4]).values[0]
    known = np.isfinite(forecast)
    still = np.broadcast_to(past.values[-1], future.shape)
    known &= np.isfinite(future) & np.isfinite(still)
    assert np.corrcoef(forecast[known], future[known])[0, 1] > np.corrcoef(still[known], future[known])[0, 1]


def test_near_pysteps(storm):
    pytest.importorskip("pysteps", reason="pysteps is not installed")
    past = storm.isel(time=slice(4))

    def motion(rain_rate: np.ndarray) -> np.ndarray:
        with pysteps_at_work("here") as pysteps:
            return pysteps.motion.get_method("LK")(dbr_from_rain_rate(np.nan_to_num(rain_rate.astype(float)))).astype(np.float32)

    ours, theirs = (method(past, LEADS[:6]).values[0] for method in (Sprog(estimate=motion), PystepsSprog()))
    both = np.isfinite(ours) & np.isfinite(theirs)
    assert both.mean() > 0.5 and np.corrcoef(ours[both], theirs[both])[0, 1] > 0.85


def test_lead_times_between_the_steps(storm):
    """The nearer step's cascade, carried along for exactly the time."""
    between, whole = Sprog()(storm, minutes(7, 7, step=5)), Sprog()(storm, LEADS[:1])
    assert not between.equals(whole) and "fallback" not in between.attrs
    some = Sprog()(storm, LEADS[[1, 5]]).values
    np.testing.assert_array_equal(some, Sprog()(storm, LEADS).values[:, [1, 5]])


def cloud(column: float) -> np.ndarray:
    rows, columns = np.mgrid[:48, :48]
    return 10 * np.exp(-((columns - column) ** 2 + (rows - 24) ** 2) / 32)


MISSING = np.full((48, 48), np.nan)
REASONS = {
    "dry": (np.zeros((4, 48, 48)), "advection: one of the last 3 scans has rain in 0 of the pixels"),
    "flat": (np.stack([np.full((48, 48), value) for value in (2.0, 2.1, 2.2, 2.3)]), "advection: .* the same value everywhere"),
    "new rain": (np.stack([np.zeros((48, 48))] * 3 + [cloud(20)]), "advection: one of the last 3 scans has rain in 0 of the pixels"),
    "a gap": (np.stack([cloud(16), cloud(18), MISSING, cloud(22)]), "a process of first order: one of the last 3 scans is missing"),
    "two frames": (np.stack([cloud(16), cloud(18)]), "a process of first order: 2 scans of 3"),
    "small": (np.random.default_rng(0).gamma(1, 1, (4, 6, 9)), "advection: a cascade needs 8 pixels a side or more, and the grid has 6"),
}


@pytest.mark.parametrize("name", REASONS)
def test_what_cannot_be_done_is_said(name):
    frames, reason = REASONS[name]
    forecast = Sprog()(frames_of(frames), LEADS[:3])
    assert re.match(reason, forecast.attrs["fallback"]), forecast.attrs["fallback"]
    if reason.startswith("advection"):
        carried = Advection()(frames_of(frames), LEADS[:3]).values
        np.testing.assert_array_equal(forecast.values, np.where(carried < np.float32(0.1), 0, carried))
    else:
        assert np.nanmax(forecast.values) > 5


def test_a_missing_last_scan_is_made_good(storm):
    gap = storm.copy(deep=True)
    gap.values[-1] = np.nan
    late, ahead = Sprog()(gap, LEADS[:1]), Sprog()(storm.isel(time=slice(9)), LEADS[:2])
    np.testing.assert_array_equal(late.values[0, 0], ahead.values[0, 1])
    assert late.attrs["steps_since_last_scan"] == 1 and "fallback" not in late.attrs


def test_one_member_only(storm):
    with pytest.raises(MethodError, match="sprog is deterministic: expected members=1, got 2"):
        Sprog()(storm, LEADS, members=2)


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ({"ar_order": 3}, "ar_order to be one of 1, 2, got 3"),
        ({"noise": "pink"}, "noise to be one of nonparametric, parametric, local, None, got 'pink'"),
        ({"mask": "any"}, "mask to be one of incremental, obs, sprog, None"),
        ({"matching": "median"}, "matching to be one of cdf, mean, None"),
        ({"boundary": "open"}, "boundary to be one of periodic, dry, mirror"),
        ({"cascade_levels": 1}, "2 levels and 2 past steps or more, got 1 and 4"),
    ],
)
def test_settings_that_there_are_not(wrong, said):
    with pytest.raises(MethodError, match=said):
        Settings(**wrong)


def test_the_past_may_be_long(storm):
    xr.testing.assert_equal(Sprog()(storm, LEADS[:2]), Sprog()(storm.isel(time=slice(-4, None)), LEADS[:2]))
