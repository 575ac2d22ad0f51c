from dataclasses import replace

import numpy as np
import pytest

from stormcell.methods import Advection, Persistence, method_named
from stormcell.methods.nowcast import nowcast
from stormcell.timeline import minutes
from stormcell.verification.contingency import Contingency
from stormcell.verification.score import common_mask
from tests.conftest import frames_of


def constant(u: float, v: float):
    """A motion estimator that always sees the same wind."""
    return lambda past: np.broadcast_to(np.array([[[u]], [[v]]], np.float32), (2, *past.shape[1:])).copy()


def blob(x: float, y: float, shape=(60, 60)):
    rows, columns = np.mgrid[: shape[0], : shape[1]]
    return 10 * np.exp(-((columns - x) ** 2 + (rows - y) ** 2) / 18)


def test_whole_pixels_by_hand():
    past = frames_of(np.stack([blob(20, 30), blob(22, 31)]))
    forecast = Advection(estimate=constant(2, 1))(past, minutes(5, 15, step=5))
    for index in range(3):
        shift = 2 * (index + 1), index + 1
        np.testing.assert_allclose(
            forecast.values[0, index, shift[1] :, shift[0] :], past.values[-1][: 60 - shift[1], : 60 - shift[0]], atol=1e-5
        )
        assert np.isnan(forecast.values[0, index, : shift[1]]).all(), "what flows in from outside is not known"


def test_lead_times_between_steps():
    past = frames_of(np.stack([blob(20, 30), blob(22, 30)]))
    half = Advection(estimate=constant(2, 0))(past, np.array([150], "timedelta64[s]"))
    np.testing.assert_allclose(half.values[0, 0, :, 1:], past.values[-1][:, :-1], atol=1e-5)


def test_a_missing_last_scan_is_made_good():
    """Starting one step further back from the scan before gives the same as if the storm had been seen."""
    frames = np.stack([blob(20, 30), blob(22, 30), blob(24, 30), np.full((60, 60), np.nan)])
    late = Advection(estimate=constant(2, 0))(frames_of(frames), minutes(5, 10, step=5))
    np.testing.assert_allclose(late.values[0, 0, :, 4:], blob(24, 30)[:, :-4], atol=1e-4)
    assert late.attrs["steps_since_last_scan"] == 1


def test_persistence_says_how_old_its_scan_is():
    past = frames_of(np.stack([np.full((3, 4), rain) for rain in (1.0, 2.0, np.nan, np.nan)]))
    forecast = Persistence()(past, minutes(5, 10, step=5))
    assert (forecast.values == 2.0).all() and forecast.attrs["steps_since_last_scan"] == 2


MOVING = ("advection", "rover", "sprog", "steps", "lagrangian-probability")


@pytest.mark.parametrize("name", MOVING)
def test_a_missing_last_scan_leaves_the_motion_as_it_was(name, storm):
    """The same as forecasting a step earlier, a step further."""
    late = storm[:6].copy(deep=True)
    late.values[-1] = np.nan
    forecast, earlier = (
        method_named(name)(past, leads, seed=1) for past, leads in ((late, minutes(5, 10, step=5)), (storm[:5], minutes(10, 15, step=5)))
    )
    np.testing.assert_array_equal(forecast.values, earlier.values)


@pytest.mark.parametrize("name", MOVING)
def test_motion_is_seen_across_a_gap_longer_than_what_goes_into_it(name, storm):
    """Three of the last four scans are missing: the one before them tells the motion, or all would stand still without a word."""
    gap = storm[:6].copy(deep=True)
    gap.values[2:5] = np.nan
    motions = []
    method = method_named(name)
    seen = replace(method, estimate=lambda past: motions.append(method.estimate(past)) or motions[-1])
    seen(gap, minutes(5, 5, step=5), seed=1)
    wet = gap.values[-1] > 0.5
    assert np.abs(motions[0][:, wet]).mean() > 0.5


def test_pysteps_too_makes_good_a_missing_last_scan():
    pytest.importorskip("pysteps", reason="pysteps is not installed")
    from stormcell.data.synthetic import synthetic_storm

    storm = synthetic_storm(5, shape=(96, 96), seed=2)
    gap = storm.copy(deep=True)
    gap.values[-1] = np.nan
    late = method_named("pysteps-extrapolation")(gap, minutes(5, 5, step=5))
    ahead = method_named("pysteps-extrapolation")(storm.isel(time=slice(4)), minutes(10, 10, step=5))
    np.testing.assert_allclose(late.values[0, 0], ahead.values[0, 0], atol=1e-4)


def test_persistence_repeats_the_last_scan_that_was_seen():
    frames = frames_of(np.stack([blob(20, 30), np.full((60, 60), np.nan)]))
    forecast = Persistence()(frames, minutes(5, 10, step=5))
    for lead in range(2):
        np.testing.assert_array_equal(forecast.values[0, lead], frames.values[0])


@pytest.mark.parametrize(("name", "margin"), [("advection", 0.05), ("rover", 0.05)])
def test_skill_floor_on_a_storm_whose_future_is_known(name, margin):
    from stormcell.data.synthetic import synthetic_storm

    storm = synthetic_storm(10, seed=0)
    past, future = storm.isel(time=slice(4)), storm.isel(time=slice(4, None))
    score, seen = Contingency((0.5,)), future.rename(time="lead_time")
    forecasts = {method: nowcast(past, method=method, lead="30min") for method in (name, "persistence")}
    valid = common_mask(seen, forecasts.values())
    skill = {
        method: score.value(score.sums(forecast, seen, valid))["csi"].isel(threshold=0, lead_time=-1).item()
        for method, forecast in forecasts.items()
    }
    assert skill[name] > skill["persistence"] + margin, skill


def test_rover_gives_back_what_does_not_move():
    still = frames_of(np.stack([blob(30, 30)] * 4))
    forecast = method_named("rover")(still, minutes(5, 5, step=5))
    np.testing.assert_allclose(forecast.values[0, 0], still.values[-1], rtol=2e-2, atol=2e-2)


def test_nowcast_takes_a_method_object_and_lead_times(storm):
    forecast = nowcast(storm, method=Advection(estimate=constant(0, 0)), lead=minutes(10, 20, step=10))
    assert forecast.sizes["lead_time"] == 2
    np.testing.assert_allclose(forecast.values[0, 0], storm.values[-1], atol=1e-5)
