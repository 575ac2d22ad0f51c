"""What the cascade learns from past frames: how fast each level of scale changes."""

import numpy as np
import pytest

from stormcell.methods.cascade.start import UnsuitedError, start_from

STILL = np.zeros((2, 96, 96), np.float32)


def noise(count: int) -> np.ndarray:
    """Frames of 2 mm/h on average that have nothing to do with each other."""
    return np.exp(np.random.default_rng(4).normal(size=(count, 96, 96))).astype(np.float32)


def lag_1(frames: np.ndarray) -> np.ndarray:
    return start_from(frames, STILL, order=2, levels=4, boundary="mirror").lag_1


def test_an_edge_of_what_is_known_is_no_rain_that_stays():
    frames, square = noise(3), np.full((96, 96), np.nan, np.float32)
    square[30:64, 30:64] = 0
    whole, cut = lag_1(frames), lag_1(frames + square)
    assert np.abs(whole[2:]).max() < 0.05
    assert np.abs(cut[-1]) < 0.1, "the edge of the square is the same in all frames"


def test_what_stays_has_a_correlation_of_one_and_what_is_new_of_none():
    first, second, third = noise(3)
    np.testing.assert_allclose(lag_1(np.stack([third, second, second])), 1, atol=1e-6)
    assert (lag_1(np.stack([first, second, third]))[1:] < 0.2).all()


@pytest.mark.parametrize(("frames", "message"), [(np.zeros((3, 96, 96)), "rain in 0 of"), (np.ones((3, 96, 96)), "the same value")])
def test_fields_without_scales_are_told(frames, message):
    with pytest.raises(UnsuitedError, match=message):
        lag_1(frames.astype(np.float32))
