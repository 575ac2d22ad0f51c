"""Matching by rank and by mean: beside a full sort, within its bound, and where there is little to match."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from stormcell.methods.cascade.decibels import decibels_from_rain_rate, rain_rate_from_decibels
from stormcell.methods.cascade.matching import RankMatching, matched_mean


def by_sorting(values: np.ndarray, observed: np.ndarray) -> np.ndarray:
    """The pixel of rank i gets the observed rain rate of rank i; zeros are dry."""
    order = np.argsort(-values.ravel(), kind="stable")
    wet = np.sort(observed[observed >= 0.1])[::-1]
    matched = np.zeros(values.size, np.float32)
    count = min(wet.size, int((values > 0).sum()))
    matched[order[:count]] = wet[:count]
    return matched.reshape(values.shape)


def rain(rng, shape, dry):
    values = rng.gamma(0.4, 4.0, shape)
    return np.where(rng.random(shape) < dry, 0, values + 0.1).astype(np.float32)


def test_by_hand():
    values = np.array([[3.0, 0.0, 1.0], [2.0, 5.0, 4.0]], np.float32)
    observed = np.array([10.0, 0.0, 7.0, 1.0, 0.05], np.float32)
    assert RankMatching(observed)(values) == pytest.approx(np.array([[1, 0, 0], [0, 10, 7]]))


def test_beside_a_full_sort():
    rng = np.random.default_rng(0)
    values, observed = np.abs(rng.normal(0, 8, (300, 400))).astype(np.float32), rain(rng, (300, 400), 0.6)
    made, exact = RankMatching(observed)(values), by_sorting(values, observed)
    off = np.abs(made - exact)
    assert np.quantile(off, 0.99) < 0.02 and off.max() < 0.03 * observed.max()
    assert made.sum(dtype=float) == pytest.approx(exact.sum(dtype=float), rel=1e-3)
    np.testing.assert_allclose(np.sort(made.ravel())[::-500], np.sort(observed.ravel())[::-500], rtol=0.02, atol=0.01)


@given(st.integers(0, 1000), st.integers(4, 200), st.floats(0, 1))
def test_no_pixel_is_off_by_more_than_the_range_of_its_bin(seed, bins, dry):
    rng = np.random.default_rng(seed)
    values, observed = rain(rng, (20, 30), 0.3), rain(rng, (20, 30), dry)
    made, exact = RankMatching(observed, bins=bins)(values), by_sorting(values, observed)
    number = (values * np.float32((bins - 1) / values.max()) + np.float32(1 - 1e-3)).astype(int)
    for bin_number in np.unique(number[number > 0]):
        inside = number == bin_number
        allowed = np.ptp(exact[inside]) if exact[inside].min() > 0 else exact[inside].max() + 0.1
        assert np.abs(made[inside] - exact[inside]).max() <= allowed + 1e-4
    assert (made[values == 0] == 0).all() and made.max() <= observed.max() + 1e-5


@pytest.mark.parametrize(("values", "observed"), [([0.0, 0.0], [1.0, 2.0]), ([1.0, 2.0], [0.0, 0.05])])
def test_dry_on_either_side(values, observed):
    assert RankMatching(np.array(observed, np.float32))(np.array(values, np.float32)).tolist() == [0, 0]


def test_ties_share_what_is_theirs():
    assert RankMatching(np.array([4.0, 2.0, 1.0], np.float32))(np.ones(4, np.float32)) == pytest.approx(np.full(4, 7 / 4))


def test_matching_the_mean():
    """Decibels of the wet pixels are shifted so that their mean is the observed one."""
    decibels = np.array([0.0, 6.0, 10.0, 14.0], np.float32)
    made = decibels_from_rain_rate(matched_mean(decibels, 12.0))
    assert made == pytest.approx([0, 8, 12, 16], abs=1e-4)
    assert (matched_mean(np.zeros(3, np.float32), 12.0) == 0).all()
    assert matched_mean(np.array([6.0, 14.0], np.float32), 8.0)[0] == 0, "what falls below the threshold is dry"


def test_decibels_and_back():
    rain_rate = np.array([0.0, 0.05, 0.1, 1.0, 100.0, np.nan], np.float32)
    decibels = decibels_from_rain_rate(rain_rate)
    np.testing.assert_allclose(decibels, [0, 0, 5, 15, 35, np.nan], atol=1e-4)
    np.testing.assert_allclose(rain_rate_from_decibels(decibels + np.float32(1e-5)), [0, 0, 0.1, 1, 100, np.nan], rtol=1e-4)
