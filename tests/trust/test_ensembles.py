"""Ensembles: the order of members, members that are there twice, more rain, and other grids must change what they should and no more."""

import numpy as np
import xarray as xr
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from stormcell.frames import make_forecast
from stormcell.methods import method_named
from stormcell.products.ensemble.dataset import ensemble_products
from stormcell.timeline import minutes
from tests.conftest import frames_of

RATES = st.just(0.0) | st.just(np.nan) | st.floats(0, 200, width=32)
MEMBERS = arrays(np.float32, st.tuples(st.integers(1, 5), st.integers(1, 2), st.integers(1, 3), st.integers(1, 4)), elements=RATES)
ASKED = {"probability": (1.0, 5.0), "neighbourhood_km": 1.5, "quantiles": (0.0, 0.5, 1.0), "mean": True, "matched_mean": True}
RISING = ("probability", "neighbourhood_probability", "rainfall_rate_quantile", "ensemble_mean", "probability_matched_mean")


def products_of(rain: np.ndarray) -> xr.Dataset:
    past = frames_of(np.zeros((2, *rain.shape[2:])))
    return ensemble_products(make_forecast(rain, past, minutes(5, 5 * rain.shape[1], step=5), method="any"), **ASKED)


@settings(max_examples=20)
@given(MEMBERS, st.randoms(use_true_random=False))
def test_the_order_of_members_does_not_matter(rain, random):
    order = list(range(len(rain)))
    random.shuffle(order)
    xr.testing.assert_allclose(products_of(rain[order]), products_of(rain), rtol=1e-6)


@settings(max_examples=20)
@given(MEMBERS)
def test_members_that_are_there_twice_say_nothing_new(rain):
    once, twice = products_of(rain), products_of(np.concatenate([rain, rain]))
    for name in ("probability", "neighbourhood_probability", "neighbourhood_maximum_probability", "ensemble_mean"):
        xr.testing.assert_allclose(twice[name], once[name], rtol=1e-6)
    ends = {"quantile": [0.0, 1.0]}
    xr.testing.assert_equal(twice["rainfall_rate_quantile"].sel(ends), once["rainfall_rate_quantile"].sel(ends))


@settings(max_examples=20)
@given(MEMBERS, st.floats(0, 50, width=32))
def test_more_rain_is_nowhere_less(rain, more):
    less, wetter = products_of(rain), products_of(rain + np.float32(more))
    for name in RISING:
        before, after = less[name].values, wetter[name].values
        known = np.isfinite(before)
        assert (np.isfinite(after) == known).all() and (after[known] >= before[known] * (1 - 1e-6)).all(), name


@settings(max_examples=20)
@given(MEMBERS)
def test_every_product_lies_between_the_driest_and_the_wettest_member(rain):
    made = products_of(rain)
    known = np.isfinite(made["ensemble_mean"].values)
    low, high = np.fmin.reduce(rain)[known], np.fmax.reduce(rain)[known]
    for name in ("ensemble_mean", "rainfall_rate_quantile"):
        for field in np.atleast_2d(made[name].values[..., known]):
            assert (field >= low * (1 - 1e-6)).all() and (field <= high * (1 + 1e-6) + 1e-30).all(), name


@settings(max_examples=4)
@given(st.integers(0, 2**31), st.integers(1, 4))
def test_members_are_told_by_seed_and_number_alone(storm, seed, members):
    """A smaller ensemble is the beginning of a larger one, whatever was forecast between."""
    for name in ("steps", "lagrangian-probability"):
        method, past = method_named(name), storm[-4:, :48, :48]
        small = method(past, minutes(5, 10, step=5), members=members, seed=seed)
        method(past, minutes(5, 5, step=5), members=2, seed=seed + 1)
        large = method(past, minutes(5, 10, step=5), members=members + 1, seed=seed)
        np.testing.assert_array_equal(large.values[:members], small.values)
