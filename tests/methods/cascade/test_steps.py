"""STEPS as a whole: members, their distribution, their spread, and that nothing but the seed decides."""

import threading
from dataclasses import dataclass

import cv2
import numpy as np
import pytest
import xarray as xr

from stormcell.methods import Sprog, Steps
from stormcell.methods.cascade.velocity_noise import VelocityNoise
from stormcell.timeline import minutes

LEADS = minutes(5, 30, step=5)


@pytest.fixture
def one_thread():
    before = cv2.getNumThreads()
    cv2.setNumThreads(1)
    yield
    cv2.setNumThreads(before)


def test_members_have_the_distribution_of_the_last_scan(storm):
    """Where they know it: the share of wet pixels and the quantiles of the rain, at the first and at the last lead time."""
    past = storm.isel(time=slice(4))
    observed = past.values[-1]
    forecast = Steps(motion_noise=False, estimate=lambda past: np.zeros((2, *past.shape[1:]), np.float32))(past, LEADS, members=4, seed=1)
    for field in forecast.values[:, [0, -1]].reshape(-1, *observed.shape):
        np.testing.assert_array_equal(np.isfinite(field), np.isfinite(observed))
        assert np.nanmean(field >= 0.1) == pytest.approx(np.nanmean(observed >= 0.1), rel=0.02)
        for least in (0.5, 2, 5):
            assert np.nanmean(field >= least) == pytest.approx(np.nanmean(observed >= least), rel=0.03, abs=2e-4)
        assert np.nanmean(field) == pytest.approx(np.nanmean(observed), rel=0.01)


@pytest.mark.parametrize("motion_noise", [True, False])
def test_spread_grows_with_lead_time(storm, motion_noise):
    forecast = Steps(motion_noise=motion_noise)(storm.isel(time=slice(4)), LEADS, members=10, seed=1).values
    known = np.isfinite(forecast).all(axis=(0, 1))
    spread = forecast[:, :, known].var(axis=0, ddof=1).mean(axis=1)
    assert (np.diff(spread[:4]) > 0).all() and spread[-1] > 2 * spread[0]


def test_members_stay_sharp(storm):
    past = storm.isel(time=slice(4))
    steps, sprog = Steps()(past, LEADS, members=2, seed=1).values[:, -1], Sprog()(past, LEADS).values[0, -1]
    rough = [np.nanvar(np.diff(field, axis=1)) for field in (*steps, sprog, past.values[-1])]
    assert min(rough[:2]) > 1.05 * rough[2] and max(rough[:2]) < 2 * rough[3]


def test_neither_threads_nor_the_size_of_the_ensemble_change_a_bit(storm, one_thread):
    alone = Steps()(storm, LEADS, members=5, seed=7)
    cv2.setNumThreads(3)
    together = Steps()(storm, LEADS, members=5, seed=7)
    xr.testing.assert_identical(alone, together)
    np.testing.assert_array_equal(Steps()(storm, LEADS, members=2, seed=7).values, alone.values[:2])


@dataclass(frozen=True)
class Wind:
    """An estimator that is a dataclass itself."""

    speed: float

    def __call__(self, past):
        return np.full((2, *past.shape[1:]), self.speed, np.float32)


def test_an_estimator_may_be_a_dataclass(storm):
    plain = Steps(estimate=lambda past: np.full((2, *past.shape[1:]), 1.0, np.float32))(storm, LEADS, seed=1)
    np.testing.assert_array_equal(Steps(estimate=Wind(1.0))(storm, LEADS, seed=1).values, plain.values)


def test_forecasts_at_once_do_not_mix(storm):
    made = {}
    workers = [
        threading.Thread(target=lambda seed=seed: made.update({seed: Steps()(storm, LEADS, members=2, seed=seed)})) for seed in range(3)
    ]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    for seed, forecast in made.items():
        xr.testing.assert_identical(forecast, Steps()(storm, LEADS, members=2, seed=seed))


def test_without_a_seed_it_is_different_every_time(storm):
    assert not Steps()(storm, LEADS).equals(Steps()(storm, LEADS))


def test_some_lead_times_are_the_same_as_in_all(storm):
    some, every = (Steps(motion_noise=False)(storm, leads, seed=1).values for leads in (LEADS[[1, 3]], LEADS))
    np.testing.assert_array_equal(some, every[:, [1, 3]])


@pytest.mark.parametrize("noise", ["nonparametric", "parametric", "local"])
@pytest.mark.parametrize("mask", ["incremental", "obs", "sprog", None])
@pytest.mark.parametrize("matching", ["cdf", "mean", None])
def test_every_way_is_an_ensemble(storm, noise, mask, matching):
    past = storm.isel(time=slice(4), y=slice(20, 84), x=slice(20, 84))
    forecast = Steps(noise=noise, mask=mask, matching=matching)(past, LEADS[:3], members=2, seed=1).values
    assert np.isfinite(forecast).mean() > 0.5 and np.nanmin(forecast) == 0 and 1 < np.nanmax(forecast) < 1000
    first, second = forecast
    assert (first != second)[np.isfinite(first) & np.isfinite(second)].any()


def test_masks_hold_the_rain(storm):
    """With "obs" it rains nowhere but where it rained; with "sprog" where S-PROG has it; an incremental mask grows step by step."""
    past = storm.isel(time=slice(4))
    still = {"motion_noise": False, "estimate": lambda past: np.zeros((2, *past.shape[1:]), np.float32)}
    wet = past.values[-1] >= 0.1
    obs = Steps(mask="obs", **still)(past, LEADS, seed=1).values[0]
    assert not (obs[:, ~wet] > 0).any() and (obs[-1] > 0).sum() > 0.9 * wet.sum()
    sprog = Steps(mask="sprog", **still)(past, LEADS, seed=1).values[0]
    area = Sprog(estimate=still["estimate"])(past, LEADS).values[0] > 0
    assert ((sprog > 0) & ~area).mean() < 0.02
    growing = Steps(mask="incremental", **still)(past, LEADS, seed=1).values[0]
    distance = cv2.distanceTransform((~wet).astype(np.uint8), cv2.DIST_L2, 5)
    reach = [distance[field > 0].max() for field in growing]
    assert reach[0] <= 13.5 and all(now <= 13.5 * (step + 1) for step, now in enumerate(reach))


def test_the_error_of_velocity():
    """Laplace numbers of variance 1 times a t^b + c km/h; at 60 minutes that is 20.2 along and 12.1 across."""
    members = [VelocityNoise.of_member(member, (0.3, 0.8)) for member in range(1000)]
    drawn = np.array([[noise.e_along, noise.e_across] for noise in members])
    np.testing.assert_allclose(drawn.var(axis=0), 1, rtol=0.03)
    assert np.abs(drawn.mean(axis=0)).max() < 0.02 and abs(np.corrcoef(drawn.T)[0, 1]) < 0.05
    assert np.abs(drawn[:20].mean(axis=0)).max() < 0.2, "few members are spread evenly, too"
    along, across = VelocityNoise(1.0, -1.0).at(60, km=1.0, step_minutes=5)
    assert (along * 12, across * 12) == pytest.approx((10.88 * 60**0.23 - 7.68, -(5.76 * 60**0.31 - 2.72)))
    assert VelocityNoise(1.0, 1.0).at(60, km=2.0, step_minutes=10) == pytest.approx((along, -across))


def test_progress_is_told_member_by_member(storm):
    from stormcell.progress import listener

    heard = []

    def listen(items, what, total):
        for item in items:
            heard.append((what, total))
            yield item

    token = listener.set(listen)
    try:
        Steps()(storm, LEADS[:1], members=3, seed=1)
    finally:
        listener.reset(token)
    assert heard == [("forecast", 3)] * 3
