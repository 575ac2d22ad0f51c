"""What every estimator of motion keeps to: known motions found, degenerate frames survived."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from stormcell.errors import FramesError, MethodError
from stormcell.motion import ESTIMATORS
from tests.motion.rain import moved, power_law_rain, real_rain, rotation, shear, translation

pytestmark = pytest.mark.parametrize("estimate", ESTIMATORS.values(), ids=ESTIMATORS)


@pytest.fixture(scope="module")
def synthetic():
    return power_law_rain()


def median_error(estimate, rain, motion):
    """Median over rainy places of the error of the motion [pixels per step]."""
    past = moved(rain, motion)
    error = np.hypot(*(estimate(past) - motion))
    return float(np.median(error[past[-1] > 0.5]))


MOTIONS = {
    "slow": (lambda shape: translation(shape, 1.3, -0.6), 0.1),
    "fast": (lambda shape: translation(shape, -4.0, 2.0), 0.4),
    "rotation": (lambda shape: rotation(shape, 4.0), 0.35),
    "shear": (lambda shape: shear(shape, 3.0), 0.25),
}


@pytest.mark.parametrize("motion, error", MOTIONS.values(), ids=MOTIONS)
def test_known_motion_of_synthetic_rain(estimate, motion, error, synthetic):
    assert median_error(estimate, synthetic, motion(synthetic.shape)) < error


@pytest.mark.parametrize("motion, error", MOTIONS.values(), ids=MOTIONS)
def test_known_motion_of_real_rain(estimate, motion, error, radar_data):
    rain = real_rain(radar_data)
    assert median_error(estimate, rain, motion(rain.shape)) < error


def test_no_motion_is_zero(estimate, synthetic):
    assert np.abs(estimate(np.stack([synthetic] * 3))).max() < 0.01


@pytest.mark.parametrize("shape", [(1, 1), (3, 5), (1, 40), (21, 20), (64, 65)])
@pytest.mark.parametrize("value", [0.0, 3.0, np.nan, 1e4])
def test_nothing_to_see_is_no_motion(estimate, shape, value):
    motion = estimate(np.full((3, *shape), value, np.float32))
    assert motion.shape == (2, *shape) and motion.dtype == np.float32
    assert not motion.any()


@pytest.mark.parametrize("shape", [(1, 1), (3, 5), (40, 50)])
def test_one_wet_pixel_that_stays(estimate, shape):
    past = np.zeros((4, *shape), np.float32)
    past[:, shape[0] // 2, shape[1] // 2] = 20
    assert np.abs(estimate(past)).max() < 0.01


def test_a_missing_scan_is_stepped_over(estimate, synthetic):
    motion = translation(synthetic.shape, 2.0, 1.0)
    past = moved(synthetic, motion)
    past[1] = np.nan
    wet = past[-1] > 0.5
    assert np.median(np.hypot(*(estimate(past) - motion))[wet]) < 0.3


def test_two_frames_are_enough(estimate, synthetic):
    motion = translation(synthetic.shape, 2.0, 1.0)
    past = moved(synthetic, motion, frames=2)
    assert np.median(np.hypot(*(estimate(past) - motion))[past[-1] > 0.5]) < 0.3


def test_only_one_frame_seen_is_no_motion(estimate, synthetic):
    past = np.stack([np.full_like(synthetic, np.nan), synthetic])
    assert not estimate(past).any()


def test_the_edge_of_the_radar_does_not_hold_the_rain_back(estimate, synthetic):
    """The same rain under a disk that stays: the motion well inside it is found as well as without the disk."""
    motion = translation(synthetic.shape, 2.0, 1.0)
    past = moved(synthetic, motion)
    row, column = np.mgrid[: past.shape[1], : past.shape[2]]
    outside = np.hypot(row - past.shape[1] / 2, column - past.shape[2] / 2) > 120
    past[:, outside] = np.nan
    assert np.median(np.hypot(*(estimate(past) - motion))[~outside & (past[-1] > 0.5)]) < 0.35


def test_a_disk_of_even_rain_does_not_move(estimate):
    past = np.full((3, 96, 96), 4.0, np.float32)
    row, column = np.mgrid[:96, :96]
    past[:, np.hypot(row - 48, column - 48) > 40] = np.nan
    past[1:, :10] = np.nan  # nor does an edge that does
    assert np.abs(estimate(past)).max() < 1e-3


def test_past_is_not_changed_and_the_answer_is_always_the_same(estimate, synthetic):
    past = moved(synthetic, translation(synthetic.shape, 1.0, 0.0))
    past[:, :20] = np.nan
    before = past.copy()
    first = estimate(past)
    np.testing.assert_array_equal(past, before)
    np.testing.assert_array_equal(estimate(past), first)


@settings(max_examples=30, deadline=None)
@given(
    arrays(
        np.float32, st.tuples(st.integers(2, 4), st.integers(1, 30), st.integers(1, 30)), elements=st.sampled_from([0, 0.3, 8, 300, np.nan])
    )
)
def test_whatever_comes_the_motion_stays_within_the_image(estimate, past):
    """It is finite, too."""
    (east, south), (rows, columns) = estimate(past), past.shape[1:]
    assert np.abs(east).max() < columns and np.abs(south).max() < rows


def test_input_that_is_no_past(estimate):
    with pytest.raises(FramesError, match="time, y, x"):
        estimate(np.zeros((4, 4)))
    with pytest.raises(FramesError, match="one pixel or more"):
        estimate(np.zeros((4, 0, 4)))
    with pytest.raises(MethodError, match="two frames"):
        estimate(np.zeros((1, 4, 4)))
