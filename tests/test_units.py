import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from stormcell.errors import UnitsError
from stormcell.units import (
    ZR_RULES,
    Scaling,
    ZRRule,
    mm_per_hour_factor,
    parse_zr_rule,
    rain_rate_from_accumulation,
    rain_rate_from_reflectivity,
    reflectivity_from_rain_rate,
)


def test_marshall_palmer_by_hand():
    # Z = 200 R^1.6: one mm/h is Z = 200, that is 10 log10 200 = 23.0103 dBZ
    rule = ZR_RULES["marshall-palmer"]
    assert reflectivity_from_rain_rate(np.float64(1.0), rule) == pytest.approx(23.0103, abs=1e-4)
    assert rain_rate_from_reflectivity(np.float64(40.0), rule) == pytest.approx((10**4 / 200) ** (1 / 1.6))


@pytest.mark.parametrize(("rate", "dbz"), [(0.5, 12.978), (2, 22.370), (5, 28.578), (10, 33.274), (30, 40.717)])
def test_hko7_thresholds_of_the_paper(rate, dbz):
    assert reflectivity_from_rain_rate(np.float64(rate), ZR_RULES["hko-7"]) == pytest.approx(dbz, abs=1e-3)


@pytest.mark.parametrize("name", ZR_RULES)
def test_dry_and_missing_never_mix(name):
    rule = ZR_RULES[name]
    dbz = reflectivity_from_rain_rate(np.array([0.0, np.nan, 1.0], np.float32), rule)
    assert dbz[0] == -math.inf and math.isnan(dbz[1])
    rate = rain_rate_from_reflectivity(dbz, rule)
    assert rate[0] == 0.0 and math.isnan(rate[1]) and rate.dtype == np.float32


@given(rate=st.floats(1e-3, 1e3), a=st.floats(1.0, 1e3), b=st.floats(0.5, 3.0))
def test_inverse_is_exact(rate, a, b):
    rule = ZRRule(a, b)
    there = reflectivity_from_rain_rate(np.float64(rate), rule)
    assert rain_rate_from_reflectivity(there, rule) == pytest.approx(rate, rel=1e-12)


@given(rate=st.floats(0.0078125, 1000.0, width=32))
def test_inverse_in_single_precision(rate):
    rule = ZR_RULES["fmi"]
    assert rain_rate_from_reflectivity(reflectivity_from_rain_rate(np.float32(rate), rule), rule) == pytest.approx(rate, rel=3e-6)


def test_rules_by_name_and_by_numbers():
    assert parse_zr_rule("fmi") == ZRRule(223.0, 1.53, "fmi")
    assert parse_zr_rule("300,1.4") == ZRRule(300.0, 1.4)
    for wrong in ("no-such-rule", "1,2,3", "", "0,1", "200,-1", "nan,1"):
        with pytest.raises(UnitsError):
            parse_zr_rule(wrong)


@pytest.mark.parametrize(
    ("units", "factor"),
    [
        ("mm h-1", 1),
        ("mm/h", 1),
        ("mm hr-1", 1),
        ("mm/hr", 1),
        ("kg m-2 s-1", 3600),
        ("kg m-2 h-1", 1),
        ("m s-1", 3.6e6),
        ("mm/day", 1 / 24),
        ("mm min-1", 60),
        ("kg m**-2 s**-1", 3600),
        ("m s**-1", 3.6e6),
        ("mm.h-1", 1),
        ("mm per hour", 1),
        ("in/hr", 25.4),
        ("inches per hour", 25.4),
        ("cm h-1", 10),
    ],
)
def test_rates_of_many_spellings(units, factor):
    assert mm_per_hour_factor(units) == pytest.approx(factor)


@pytest.mark.parametrize("units", ["mm", "dBZ", "", "mm/fortnight", "K"])
def test_what_is_no_rate_is_refused(units):
    with pytest.raises(UnitsError, match="rain rate"):
        mm_per_hour_factor(units)


def test_accumulation():
    assert rain_rate_from_accumulation(np.float32(0.5), 5.0) == pytest.approx(6.0)
    assert rain_rate_from_accumulation([1, 2], 30.0).tolist() == [2.0, 4.0]
    for wrong in (0.0, -5.0, math.nan):
        with pytest.raises(UnitsError, match="minutes above 0"):
            rain_rate_from_accumulation(1.0, wrong)


def test_scaling():
    scaling = Scaling(-10.0, 60.0)
    assert scaling.forward([-20.0, -10.0, 25.0, 60.0, 99.0]).tolist() == [0.0, 0.0, 0.5, 1.0, 1.0]
    assert scaling.inverse(0.5) == 25.0
    assert np.isnan(scaling.forward(np.nan))
    with pytest.raises(UnitsError):
        Scaling(1.0, 1.0)
