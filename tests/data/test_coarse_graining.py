import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from stormcell.data.coarse_graining import coarse_grain

NAN = np.nan


def test_by_hand():
    values = np.array([[[1, 3, 0, NAN, 9], [NAN, 2, NAN, NAN, 9], [0, 0, NAN, 8, 9], [0, 4, 0, NAN, 9], [9, 9, 9, 9, 9]]], np.float32)
    # means of 3, of 1 in 4 (too few), of 4, of 2 in 4 (just enough); the odd row and column are dropped
    np.testing.assert_array_equal(coarse_grain(values, 2), np.array([[[2, NAN], [1, 4]]], np.float32))


def test_an_odd_block_needs_more_than_half():
    values = np.full((1, 3, 3), NAN, np.float32)
    values[0].flat[:4] = 1.0
    assert np.isnan(coarse_grain(values, 3)).all()
    values[0].flat[4] = 1.0
    assert coarse_grain(values, 3).item() == 1.0


def test_one_pixel_blocks_change_nothing():
    values = np.array([[[0.1, NAN]]], np.float32)
    assert coarse_grain(values, 1) is values


@given(st.integers(1, 3), st.integers(1, 4), st.integers(0, 2**32 - 1))
def test_water_is_kept_and_the_input_is_not_touched(side, blocks, seed):
    values = np.random.default_rng(seed).random((2, side * blocks, side * blocks), np.float32)
    before = values.copy()
    coarse = coarse_grain(values, side)
    assert coarse.dtype == np.float32 and coarse.shape == (2, blocks, blocks)
    assert coarse.mean() == pytest.approx(values.mean(), rel=1e-5)
    np.testing.assert_array_equal(values, before)
