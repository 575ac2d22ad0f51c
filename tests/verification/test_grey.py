import numpy as np
import pytest

from stormcell.units import ZR_RULES, Scaling, reflectivity_from_rain_rate
from stormcell.verification.grey import grey_from_rain_rate, rain_rate_from_grey

# rain rate [mm h-1], dBZ, grey value 0 to 1, level 0 to 255: the thresholds of Shi et al. (2017) with Z = 58.53 R^1.56
TABLE = [
    (0.5, 12.978, 0.3283, 83.70),
    (2, 22.370, 0.4624, 117.92),
    (5, 28.578, 0.5511, 140.53),
    (10, 33.274, 0.6182, 157.64),
    (30, 40.717, 0.7245, 184.75),
]


@pytest.mark.parametrize(("rain_rate", "dbz", "grey", "level"), TABLE)
def test_the_thresholds_of_the_benchmark(rain_rate, dbz, grey, level):
    got = grey_from_rain_rate(np.array([rain_rate], np.float32)).item()
    assert (
        got == pytest.approx(grey, abs=5e-5)
        and got * 255 == pytest.approx(level, abs=6e-3)
        and got * 70 - 10 == pytest.approx(dbz, abs=1e-3)
    )


def test_dry_is_black_and_the_heaviest_rain_white():
    assert grey_from_rain_rate(np.array([0.0, 1e-30, 0.0168, 517, 1e4], np.float32)).tolist() == [0, 0, 0, 1, 1]


def test_twin_of_units():
    rates = np.concatenate([[0.0], np.geomspace(1e-8, 1e5, 2000)]).astype(np.float32)
    expected = Scaling(-10.0, 60.0).forward(reflectivity_from_rain_rate(rates, ZR_RULES["hko-7"]))
    np.testing.assert_allclose(grey_from_rain_rate(rates), expected, atol=3e-7)


def test_there_and_back():
    rates = np.array([0.0, np.nan, 0.1, 3.0, 100.0], np.float32)
    np.testing.assert_allclose(rain_rate_from_grey(grey_from_rain_rate(rates)), rates, rtol=1e-4)


def test_the_input_is_left_alone():
    rates = np.array([[1.0, 0.0]], np.float32)
    grey_from_rain_rate(rates)
    assert rates.tolist() == [[1, 0]]
