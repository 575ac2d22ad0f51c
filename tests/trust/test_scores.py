"""Scores: what mirrors, permutations, units and doubled members must not change, and single precision beside double."""

import numpy as np
import pytest
import xarray as xr
from hypothesis import given, settings
from hypothesis import strategies as st

from stormcell.verification import SCORES, Contingency
from stormcell.verification.fss import FSS
from tests.verification.cases import case, rain

BY_PIXEL = ("balanced", "contingency", "continuous", "hko-7", "brier", "crps", "rank-histogram", "spread")
"""They look at each pixel alone."""

BY_PLACE = ("fss", "sal", "spectrum", "ssim")
SEEDS = st.integers(0, 10**6)

few = settings(max_examples=6)
"""Each is a random field of hundreds of pixels."""


def random_case(seed: int) -> tuple[np.ndarray, np.ndarray]:
    return np.stack([rain(seed + member, (1, 12, 15)) for member in range(3)]), rain(seed + 7, (1, 12, 15))


def values_of(name: str, forecast: np.ndarray, observed: np.ndarray) -> xr.Dataset:
    score = SCORES[name]()
    return score.value(score.sums(*case(forecast, observed)))


@few
@pytest.mark.parametrize("name", BY_PIXEL)
@given(SEEDS, st.randoms(use_true_random=False))
def test_where_the_pixels_lie_does_not_matter(name, seed, random):
    forecast, observed = random_case(seed)
    order = list(range(observed[0].size))
    random.shuffle(order)
    shuffled = (part.reshape(*part.shape[:-2], -1)[..., order].reshape(part.shape) for part in (forecast, observed))
    xr.testing.assert_allclose(values_of(name, *shuffled), values_of(name, forecast, observed), rtol=1e-6)


@few
@pytest.mark.parametrize("name", BY_PLACE)
@given(SEEDS)
def test_a_mirror_changes_nothing(name, seed):
    forecast, observed = random_case(seed)
    for turn in (np.s_[..., ::-1], np.s_[..., ::-1, :]):
        xr.testing.assert_allclose(
            values_of(name, forecast[turn], observed[turn]), values_of(name, forecast, observed), rtol=1e-4, atol=1e-6
        )


@few
@given(SEEDS, st.sampled_from([0.125, 0.5, 4.0, 32.0]))
def test_the_unit_of_rain_does_not_matter(seed, factor):
    """Scores of events, with the threshold in the same unit; a power of two is exact."""
    forecast, observed = random_case(seed)
    for make in (lambda threshold: Contingency(thresholds=(threshold,)), lambda threshold: FSS(thresholds=(threshold,))):
        one, other = make(1.0), make(factor)
        sums, scaled = one.sums(*case(forecast, observed)), other.sums(*case(forecast * factor, observed * factor))
        np.testing.assert_array_equal(sums.values, scaled.values)


@few
@given(SEEDS)
def test_who_is_forecast_and_who_observed_does_not_matter_to_csi_and_fss(seed):
    one, other = rain(seed, (1, 12, 15)), rain(seed + 7, (1, 12, 15))
    for name, variable in (("contingency", "csi"), ("fss", "fss")):
        xr.testing.assert_allclose(values_of(name, one, other)[variable], values_of(name, other, one)[variable], rtol=1e-12)


@few
@given(SEEDS, st.sampled_from([0.5, 3.0, 16.0]))
def test_crps_is_in_the_unit_of_rain_and_sees_differences_alone(seed, change):
    forecast, observed = random_case(seed)
    plain = values_of("crps", forecast, observed)
    xr.testing.assert_allclose(values_of("crps", forecast * change, observed * change), plain * change, rtol=1e-5)
    xr.testing.assert_allclose(values_of("crps", forecast + change, observed + change), plain, rtol=1e-3, atol=1e-5)


@few
@given(SEEDS)
def test_members_that_are_there_twice_say_nothing_new(seed):
    forecast, observed = random_case(seed)
    for name, variables in (("crps", ["crps"]), ("brier", ["brier", "mean_probability", "observed_frequency"])):
        twice, once = (values_of(name, part, observed)[variables] for part in (np.concatenate([forecast, forecast]), forecast))
        xr.testing.assert_allclose(twice, once, rtol=1e-5, atol=1e-9)


@few
@given(SEEDS)
def test_one_member_makes_crps_the_mean_absolute_error(seed):
    forecast, observed = random_case(seed)
    assert float(values_of("crps", forecast[0], observed)["crps"][0]) == pytest.approx(
        np.abs(forecast[0].astype(np.float64) - observed).mean(), rel=1e-6
    )


@few
@pytest.mark.parametrize("name", SCORES)
@given(SEEDS)
def test_single_precision_is_enough(name, seed):
    """Fields are float32; the same numbers as float64 have the same scores, to a part in a hundred thousand."""
    forecast, observed = random_case(seed)
    score, (said, seen, valid) = SCORES[name](), case(forecast, observed)
    single = score.value(score.sums(said, seen, valid))
    double = score.value(score.sums(said.astype(np.float64), seen.astype(np.float64), valid))
    xr.testing.assert_allclose(single, double, rtol=1e-5, atol=1e-6)
