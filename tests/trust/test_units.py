"""Units: there and back, order kept, single precision beside double, and one factor however a unit is spelled."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from stormcell.units import (
    ZR_RULES,
    Scaling,
    ZRRule,
    mm_per_hour_factor,
    rain_rate_from_accumulation,
    rain_rate_from_reflectivity,
    reflectivity_from_rain_rate,
)

RULES = st.sampled_from(list(ZR_RULES.values())) | st.builds(ZRRule, st.floats(1, 1000), st.floats(0.5, 3))
DBZ = st.floats(-32, 95)
RATES = st.floats(0, 9000)

DEPTHS_MM = {"mm": 1.0, "cm": 10.0, "m": 1000.0, "in": 25.4, "inch": 25.4, "kg m-2": 1.0, "kg/m2": 1.0, "kg m^-2": 1.0, "kg m**-2": 1.0}
SECONDS = {"s": 1, "sec": 1, "second": 1, "min": 60, "minutes": 60, "h": 3600, "hr": 3600, "hour": 3600, "d": 86400, "day": 86400}
SPELLINGS = ("{}/{}", "{} / {}", "{} {}-1", "{} {}^-1", "{} {}**-1", "{} per {}")


@given(DBZ, RULES)
def test_reflectivity_there_and_back(dbz, rule):
    assert reflectivity_from_rain_rate(rain_rate_from_reflectivity(np.float64(dbz), rule), rule) == pytest.approx(dbz, abs=1e-9)


@given(DBZ, st.sampled_from(list(ZR_RULES.values())))
def test_reflectivity_there_and_back_in_single_precision(dbz, rule):
    """To a thousandth of a decibel; the finest files have hundredths."""
    back = reflectivity_from_rain_rate(rain_rate_from_reflectivity(np.float32(dbz), rule), rule)
    assert back.dtype == np.float32 and back == pytest.approx(dbz, abs=1e-4)


@given(st.lists(DBZ, min_size=2), RULES)
def test_more_reflectivity_is_never_less_rain(dbz, rule):
    for dtype in (np.float32, np.float64):
        assert (np.diff(rain_rate_from_reflectivity(np.sort(np.array(dbz, dtype)), rule)) >= 0).all()


@given(st.lists(RATES, min_size=2), RULES)
def test_more_rain_is_never_less_reflectivity(rates, rule):
    for dtype in (np.float32, np.float64):
        dbz = reflectivity_from_rain_rate(np.sort(np.array(rates, dtype)), rule)
        assert (dbz[1:] >= dbz[:-1]).all()  # and no difference, as dry is -inf


@given(DBZ, st.sampled_from(list(ZR_RULES.values())))
def test_single_precision_is_off_by_four_millionths_at_most(dbz, rule):
    """The exponent holds up to 20 e-folds, each digit of which float32 knows to 1.2e-7."""
    single, double = (rain_rate_from_reflectivity(dtype(np.float32(dbz)), rule) for dtype in (np.float32, np.float64))
    assert single == pytest.approx(double, rel=4e-6)


@given(RATES, st.sampled_from([1.0, 2.5, 5.0, 6.0, 10.0, 15.0, 60.0]))
def test_an_amount_is_its_rate_times_its_time(rate, minutes):
    for dtype, within in ((np.float32, 4e-7), (np.float64, 1e-15)):
        amount = dtype(rate) * dtype(minutes / 60)
        assert float(rain_rate_from_accumulation(amount, minutes)) == pytest.approx(float(dtype(rate)), rel=within, abs=1e-40)


@given(st.lists(st.floats(0, 500), min_size=1, max_size=12), st.sampled_from([1.0, 5.0, 10.0]))
def test_amounts_of_parts_are_the_amount_of_the_whole(amounts, minutes):
    """The rate of the sum is the mean of the rates."""
    whole = rain_rate_from_accumulation(np.float64(sum(amounts)), minutes * len(amounts))
    assert float(np.mean(rain_rate_from_accumulation(np.array(amounts), minutes))) == pytest.approx(float(whole), rel=1e-12, abs=1e-12)


@given(st.sampled_from(list(DEPTHS_MM)), st.sampled_from(list(SECONDS)), st.sampled_from(SPELLINGS))
def test_one_factor_however_it_is_spelled(depth, period, spelling):
    assert mm_per_hour_factor(spelling.format(depth, period)) == pytest.approx(DEPTHS_MM[depth] * 3600 / SECONDS[period], rel=1e-12)


@given(RATES, st.sampled_from(["in/h", "cm h-1", "kg m-2 s-1", "m s-1", "mm/day"]))
def test_a_rate_in_any_unit_there_and_back(rate, unit):
    assert rate / mm_per_hour_factor(unit) * mm_per_hour_factor(unit) == pytest.approx(rate, rel=1e-15)


@given(st.floats(-100, 99), st.floats(0.01, 200), st.floats(0, 1))
def test_a_scaling_there_and_back(low, span, share):
    scaling = Scaling(low, low + span)
    assert float(scaling.forward(scaling.inverse(share))) == pytest.approx(share, abs=1e-11)
