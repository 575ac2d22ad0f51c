"""Lagrangian probability: its members stand for the disk, which grows from nothing."""

import numpy as np
import pytest
from scipy.ndimage import gaussian_filter

from stormcell.errors import MethodError
from stormcell.methods import Advection, LagrangianProbability
from stormcell.timeline import minutes
from tests.conftest import frames_of

LEADS = minutes(5, 20, step=5)


def test_a_disk_that_does_not_grow_is_advection(storm):
    forecast = LagrangianProbability(growth=0)(storm, LEADS, members=2, seed=1).values
    np.testing.assert_allclose(forecast[1], Advection()(storm, LEADS).values[0], atol=1e-5)


def test_by_hand():
    """A wet half-plane that stands still: 1/2 on its edge, 0 or 1 farther away from it than the radius."""
    past = np.zeros((3, 41, 60))
    past[:, :, 30:] = 5.0
    method = LagrangianProbability(growth=1.6, estimate=lambda past: np.zeros((2, *past.shape[1:]), np.float32))
    probability = method.probability(frames_of(past), LEADS, threshold=1.0)
    assert probability.dims == ("lead_time", "y", "x") and probability.attrs["units"] == "1"
    for lead, radius in enumerate((4, 8, 12, 16)):
        row = probability.values[lead, 20]
        assert (
            row[29 - radius] == pytest.approx(0, abs=1e-5)
            and row[30 + radius] == pytest.approx(1)
            and row[29:31].mean() == pytest.approx(0.5, abs=1e-5)
        )


def test_the_share_of_members_comes_near_the_probability(storm):
    method, past = LagrangianProbability(), storm.isel(time=slice(4))
    exact = method.probability(past, LEADS, threshold=0.5).values
    members = method(past, LEADS, members=60, seed=3).values
    share = np.where(np.isnan(members[0]), np.nan, (members >= 0.5).mean(axis=0))
    known = np.isfinite(exact) & np.isfinite(share)
    assert known.mean() > 0.5 and np.abs(exact - share)[known].mean() < 0.03
    np.testing.assert_array_equal(np.isnan(members), np.broadcast_to(np.isnan(Advection()(past, LEADS).values), members.shape))


def test_the_same_as_pysteps():
    pysteps = pytest.importorskip("pysteps.nowcasts.lagrangian_probability", reason="pysteps is not installed")
    field = 3 + 9 * gaussian_filter(np.random.default_rng(0).standard_normal((50, 60)), 3).clip(-0.3)
    theirs = pysteps.forecast(field, np.zeros((2, 50, 60)), 3, 3.5, slope=7)
    method = LagrangianProbability(growth=1.4, estimate=lambda past: np.zeros((2, *past.shape[1:]), np.float32))
    ours = method.probability(frames_of(np.stack([field] * 3)), LEADS[:3], threshold=3.5).values
    inside = ([0, 2], slice(12, -12), slice(12, -12))  # a disk of even width has no middle there, and lies half a pixel off
    assert np.corrcoef(ours[inside].ravel(), theirs[inside].ravel())[0, 1] > 0.97


def test_a_smaller_ensemble_is_the_beginning_of_a_larger_one(storm):
    method = LagrangianProbability()
    np.testing.assert_array_equal(method(storm, LEADS, members=2, seed=1).values, method(storm, LEADS, members=4, seed=1).values[:2])


def test_what_makes_no_sense(storm):
    with pytest.raises(MethodError, match="growth of 0 km per minute or more, got -1"):
        LagrangianProbability(growth=-1)
    with pytest.raises(MethodError, match="expected 1 member or more, got 0"):
        LagrangianProbability()(storm, LEADS, members=0)
