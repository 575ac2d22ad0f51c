"""ROVER: its transforms, its variants, its warps."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from stormcell.errors import MethodError
from stormcell.motion import ArctanTransform, LinearTransform, rover
from stormcell.units import rain_rate_from_reflectivity
from tests.motion.rain import moved, power_law_rain, translation

TRANSFORMS = [ArctanTransform(), LinearTransform()]


@pytest.mark.parametrize("transform", TRANSFORMS)
def test_dry_is_zero_there_and_back_and_unseen_stays(transform):
    np.testing.assert_array_equal(transform.forward([0.0, np.nan]), [0, np.nan])
    np.testing.assert_array_equal(transform.inverse([0.0, -0.1, np.nan]), [0, 0, np.nan])
    assert transform.forward(1e6) == 1
    assert transform.inverse(2.0) == pytest.approx(float(rain_rate_from_reflectivity(60.0, transform.rule)), rel=1e-3)


@given(st.sampled_from(TRANSFORMS), st.floats(0.03, 500))
def test_there_and_back(transform, rain_rate):
    assert float(transform.inverse(transform.forward(rain_rate))) == pytest.approx(rain_rate, rel=2e-3)


@given(st.sampled_from(TRANSFORMS), st.lists(st.floats(0, 1000), min_size=2))
def test_more_rain_is_never_less(transform, rain_rate):
    level = transform.forward(np.sort(rain_rate))
    assert np.all(np.diff(level) >= 0) and level.min() >= 0 and level.max() <= 1


def test_the_arctan_by_hand():
    transform = ArctanTransform()
    low, high = math.atan(-43 / 4), math.atan(27 / 4)
    rain_rate = float(rain_rate_from_reflectivity(37.0, transform.rule))
    assert float(transform.forward(rain_rate)) == pytest.approx((math.atan(1.0) - low) / (high - low), abs=1e-5)


@pytest.fixture(scope="module")
def turns():
    """Rain that moves 1, then 2, then 3 pixels per step to the east."""
    rain = power_law_rain((160, 170))
    return np.stack([np.roll(rain, shift, axis=1) for shift in (0, 1, 3, 6)])


@pytest.mark.parametrize("variant, speed", [(1, 3.0), (2, 2.5), (3, 0.7 * 3 + 0.2 * 2 + 0.1 * 1)])
def test_the_variants_weigh_the_latest_flows(turns, variant, speed):
    assert np.median(rover(turns, variant=variant)[0][turns[-1] > 0.5]) == pytest.approx(speed, abs=0.2)


def test_fewer_frames_share_the_weights(turns):
    np.testing.assert_allclose(rover(turns[-2:], variant=3), rover(turns, variant=1), atol=1e-6)


def test_warps_find_fast_motion():
    rain = power_law_rain((256, 256))
    motion = translation(rain.shape, 10.0, 5.0)
    past = moved(rain, motion, frames=2)
    wet = past[-1] > 0.5
    plain, warped = (np.median(np.hypot(*(rover(past, warps=warps) - motion))[wet]) for warps in (0, 2))
    assert warped < 0.4
    assert warped < plain / 2


def test_a_flow_as_long_as_the_image_is_none():
    """Rain that fills a grid of 3 x 5 blurs to nearly one value; what little slope is left would stand for 79 pixels a step."""
    wide = np.zeros((3, 11), np.float32)
    wide[1:, 1:6] = 9.0
    past = np.stack([wide[:, 6 - index : 11 - index] for index in range(6)])
    np.testing.assert_array_equal(rover(past), 0)


@pytest.mark.parametrize("wrong", [{"variant": 4}, {"transform": "cubic"}])
def test_settings_that_are_not_known(turns, wrong):
    with pytest.raises(MethodError, match="rover: expected"):
        rover(turns, **wrong)
