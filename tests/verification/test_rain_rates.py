"""Histograms of rain rates by hand, and how they add up."""

import numpy as np
import pytest

from stormcell.verification.rain_rates import RATES, RainRates
from tests.verification.cases import NAN, case, rain, values


def test_classes_by_hand():
    sums = RainRates().sums(*case([0.0, 0.05, 0.1, 0.2, 1000.0], [0.0, 0.0, 0.0, 0.2, NAN]))[0]
    forecast, observed = (sums.sel(statistic=name) for name in ("forecast", "observed"))
    assert sums["rain_rate"].values.tolist() == [0.0, *RATES]
    assert forecast.sel(rain_rate=[0.0, 0.1, 0.2, RATES[-1]]).values.tolist() == [2, 1, 1, 0], "what the radar did not see counts nowhere"
    assert observed.sel(rain_rate=[0.0, 0.2]).values.tolist() == [3, 1] and forecast.sum() == observed.sum() == 4


def test_members_share_a_pixel():
    sums = RainRates().sums(*case([[[[0.0]]], [[[1.0]]], [[[1.0]]], [[[300.0]]]], [1.0]))[0].sel(statistic="forecast")
    assert sums.sel(rain_rate=0.0) == 0.25 and float(sums.max()) == 0.5 and sums[-1] == 0.25


def test_values_by_hand():
    assert values(RainRates(), [1.0, 1.0, 0.0, 0.0], [1.0, 0.0, 0.0, 0.0]) == {"distance": 0.25, "wet_ratio": 2.0}
    assert values(RainRates(), [0.0, 1.0], [1.0, 0.0]) == {"distance": 0.0, "wet_ratio": 1.0}, "where it rains plays no part"


@pytest.mark.parametrize(("said", "distance"), [(0.0, 0.0), (1.0, 1.0)])
def test_a_dry_day(said, distance):
    found = values(RainRates(), [said] * 3, [0.0] * 3)
    assert found["distance"] == distance and np.isnan(found["wet_ratio"])


def test_nothing_seen():
    assert all(np.isnan(value) for value in values(RainRates(), [1.0], [NAN]).values())


def test_two_halves_add_up_to_the_whole():
    said, seen = rain(1, (3, 2, 24, 30)), rain(2)
    score = RainRates()
    whole = score.sums(*case(said, seen))
    halves = score.sums(*case(said[..., :11], seen[..., :11])) + score.sums(*case(said[..., 11:], seen[..., 11:]))
    np.testing.assert_allclose(whole.values, halves.values, rtol=1e-12)
