"""Backward warp: identity, shifts, NaN, edges, and what does not fit."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from stormcell.errors import FramesError
from stormcell.warp import Sampler, warp

NAN = np.nan
RATES = st.one_of(st.just(NAN), st.floats(0, 200, width=32))
IMAGES = st.tuples(st.integers(1, 7), st.integers(1, 7)).flatmap(lambda shape: arrays(np.float32, shape, elements=RATES))


def displacement(shape, x, y):
    return np.stack([np.full(shape, x, np.float32), np.full(shape, y, np.float32)])


@given(IMAGES)
def test_zero_displacement_is_the_identity(field):
    np.testing.assert_array_equal(warp(field, displacement(field.shape, 0, 0)), field)


@given(IMAGES, st.integers(-8, 8), st.integers(-8, 8))
def test_whole_pixels_are_a_shift(field, x, y):
    rows, columns = field.shape
    shifted = np.full_like(field, NAN)
    for row in range(rows):
        for column in range(columns):
            if 0 <= row - y < rows and 0 <= column - x < columns:
                shifted[row, column] = field[row - y, column - x]
    np.testing.assert_array_equal(warp(field, displacement(field.shape, x, y)), shifted)


@given(IMAGES, st.floats(-3, 3), st.floats(-3, 3))
def test_values_stay_between_the_lowest_and_the_highest(field, x, y):
    seen = warp(field, displacement(field.shape, x, y))
    seen = seen[~np.isnan(seen)]
    if seen.size:
        assert np.nanmin(field) * (1 - 1e-5) - 1e-6 <= seen.min() and seen.max() <= np.nanmax(field) * (1 + 1e-5) + 1e-6


def test_positive_is_east_and_south():
    field = np.zeros((5, 5), np.float32)
    field[2, 2] = 1
    assert warp(field, displacement(field.shape, 1, 0))[2, 3] == 1
    assert warp(field, displacement(field.shape, 0, 1))[3, 2] == 1


def test_halfway_is_the_mean():
    np.testing.assert_allclose(warp([[2.0, 4.0, 8.0]], displacement((1, 3), -0.5, 0)), [[3.0, 6.0, 8.0]])


def test_unseen_neither_bleeds_nor_grows():
    """At p - 1/4 the pixel itself weighs 3/4 and its left neighbour 1/4: the third is 3/4 unseen, the first has only itself."""
    np.testing.assert_allclose(warp([[2.0, 4.0, NAN, NAN]], displacement((1, 4), 0.25, 0)), [[2.0, 3.5, NAN, NAN]])


def test_the_field_is_not_changed():
    field = np.array([[1.0, NAN], [3.0, 4.0]], np.float32)
    before = field.copy()
    warp(field, displacement(field.shape, 0.3, -0.2))
    np.testing.assert_array_equal(field, before)


@pytest.mark.parametrize("far", [1e5, -1e5, 1e12, -3e38])
def test_absurdly_far_is_outside(far):
    assert np.isnan(warp(np.ones((4, 6)), displacement((4, 6), far, far))).all()


@pytest.mark.parametrize("shape", [(3,), (2, 3, 4), (0, 4)])
def test_a_field_that_is_no_image(shape):
    with pytest.raises(FramesError, match="expected an image"):
        Sampler(np.zeros(shape))


def test_a_displacement_that_does_not_fit():
    with pytest.raises(FramesError, match=r"expected \(2, y, x\)"):
        warp(np.zeros((3, 4)), np.zeros((2, 4, 3)))
    with pytest.raises(FramesError, match="finite"):
        warp(np.zeros((3, 4)), displacement((3, 4), NAN, 0))
