"""Warps: linear, alike in every mirror, blind to values in what is seen, the same for fields and tensors, and near double precision."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from stormcell.motion import advect
from stormcell.motion.trajectory import Trajectories
from stormcell.warp import warp
from stormcell.warp_tensor import warp_tensor

SIDES = st.tuples(st.integers(2, 9), st.integers(2, 9))
RATES = st.floats(0, 200, width=32)
FIELDS = SIDES.flatmap(lambda shape: arrays(np.float32, shape, elements=RATES))
HOLED = SIDES.flatmap(lambda shape: arrays(np.float32, shape, elements=RATES | st.just(np.nan)))
SHIFTS = st.floats(-3, 3, width=32)


def even(shape: tuple[int, ...], x: float, y: float) -> np.ndarray:
    """The same displacement everywhere."""
    return np.stack([np.full(shape, x, np.float32), np.full(shape, y, np.float32)])


def bilinear(field: np.ndarray, x: float, y: float) -> np.ndarray:
    """In double precision, as the docstring of `Sampler` says it, pixel by pixel."""
    rows, columns = field.shape
    out = np.full(field.shape, np.nan)
    for row, column in np.ndindex(field.shape):
        at_y, at_x = row - y, column - x
        total = weights = 0.0
        for r in (int(np.floor(at_y)), int(np.floor(at_y)) + 1):
            for c in (int(np.floor(at_x)), int(np.floor(at_x)) + 1):
                weight = max(1 - abs(at_y - r), 0.0) * max(1 - abs(at_x - c), 0.0)
                if 0 <= r < rows and 0 <= c < columns and np.isfinite(field[r, c]):
                    total, weights = total + weight * float(field[r, c]), weights + weight
        if weights >= 0.5:
            out[row, column] = total / weights
    return out


@given(HOLED, SHIFTS, SHIFTS)
def test_near_the_definition_in_double_precision(field, x, y):
    """To a part in ten thousand of the strongest rain: places are float32, and OpenCV may round them to 1/32 of a pixel elsewhere."""
    made, right = warp(field, even(field.shape, x, y)), bilinear(field, x, y)
    both = np.isfinite(made) & np.isfinite(right)
    assert (np.isfinite(made) != np.isfinite(right)).sum() <= (0 if _far_from_half(field.shape, x, y) else field.size)
    strongest = np.nanmax(field) if np.isfinite(field).any() else 0
    np.testing.assert_allclose(made[both], right[both], rtol=1e-4, atol=1e-4 * strongest + 1e-30)


def _far_from_half(shape: tuple[int, ...], x: float, y: float) -> bool:
    """Is no sum of some of the four weights so near to one half that rounding decides?"""
    fx, fy = (abs(part - np.floor(part)) for part in (float(x), float(y)))
    weights = np.outer([1 - fy, fy], [1 - fx, fx]).ravel()
    sums = [sum(weights[i] for i in range(4) if bits >> i & 1) for bits in range(16)]
    return min(abs(total - 0.5) for total in sums) > 1e-4


@given(FIELDS, SHIFTS, SHIFTS, st.sampled_from([0.25, 2.0, 8.0]))
def test_twice_the_rain_is_twice_the_answer(field, x, y, factor):
    """To the last bit, for powers of two, above what float32 has no more bits for."""
    field = np.where(field < 1e-30, np.float32(0), field)
    where = even(field.shape, x, y)
    np.testing.assert_array_equal(warp(field * np.float32(factor), where), warp(field, where) * np.float32(factor))


@given(st.data(), SIDES, SHIFTS, SHIFTS)
def test_the_sum_of_fields_is_the_sum_of_answers(data, shape, x, y):
    one, other = (data.draw(arrays(np.float32, shape, elements=RATES)) for _ in range(2))
    where = even(shape, x, y)
    np.testing.assert_allclose(warp(one + other, where), warp(one, where) + warp(other, where), rtol=1e-5, atol=1e-4)


@given(HOLED, SHIFTS, SHIFTS)
def test_mirrors_change_nothing(field, x, y):
    straight = warp(field, even(field.shape, x, y))
    strongest = np.nanmax(field) if np.isfinite(field).any() else 0
    flipped = warp(field[:, ::-1], even(field.shape, -x, y))[:, ::-1]
    transposed = warp(field.T, even(field.T.shape, y, x)).T
    for again in (flipped, transposed):
        both = np.isfinite(again) & np.isfinite(straight)
        np.testing.assert_allclose(again[both], straight[both], rtol=1e-4, atol=1e-4 * strongest + 1e-30)
        assert (np.isfinite(again) == np.isfinite(straight)).all() or not _far_from_half(field.shape, x, y)


@given(HOLED, st.randoms(use_true_random=False), SHIFTS, SHIFTS)
def test_what_is_seen_does_not_depend_on_how_much_it_rains(field, random, x, y):
    other = np.where(np.isnan(field), np.nan, np.float32(random.uniform(0, 100))).astype(np.float32)
    where = even(field.shape, x, y)
    np.testing.assert_array_equal(np.isnan(warp(field, where)), np.isnan(warp(other, where)))


@settings(max_examples=50)
@given(FIELDS, SHIFTS, SHIFTS)
def test_fields_and_tensors_are_warped_alike(field, x, y):
    """Well inside, where the one has no zeros to mix in and the other nothing unseen."""
    where = even(field.shape, x, y)
    labelled = warp(field, where)
    tensor = warp_tensor(torch.from_numpy(field)[None, None], torch.from_numpy(where)[None])[0, 0].numpy()
    rows, columns = np.indices(field.shape)
    inside = (rows - y >= 0) & (rows - y <= field.shape[0] - 1) & (columns - x >= 0) & (columns - x <= field.shape[1] - 1)
    np.testing.assert_allclose(tensor[inside], labelled[inside], rtol=1e-4, atol=1e-4 * field.max() + 1e-30)


@settings(max_examples=10)
@given(st.floats(-4, 4, width=32), st.floats(-4, 4, width=32), st.lists(st.floats(0.25, 12), min_size=1, max_size=3, unique=True))
def test_paths_on_a_national_grid_are_known_to_a_hundredth_of_a_pixel(x, y, leads):
    """Of a steady motion, over 4,400 columns: float32 numbers them to 1/4096, and a step rounds twice."""
    leads, shape = sorted(leads), (64, 4400)
    for lead, (column, row) in zip(leads, Trajectories(even(shape, x, y)).followed(leads), strict=True):
        right_column = np.arange(4400) - lead * np.float64(x)
        right_row = np.arange(64)[:, None] - lead * np.float64(y)
        assert np.abs(column - right_column).max() < 0.01 and np.abs(row - right_row).max() < 0.01


@given(st.integers(-2, 2), st.integers(-2, 2), st.integers(1, 3), st.integers(1, 3))
def test_ahead_in_two_goes_is_ahead_in_one(x, y, first, second):
    """For whole pixels, to the last bit; and rain is neither made nor lost where it came from inside."""
    field = np.random.default_rng(1).gamma(0.4, 4, (24, 26)).astype(np.float32)
    motion = even(field.shape, x, y)
    once = advect(field, motion, [first + second])[0]
    np.testing.assert_array_equal(advect(advect(field, motion, [first])[0], motion, [second])[0], once)
    rows, columns = (slice(max(-(first + second) * part, 0), size - max((first + second) * part, 0)) for part, size in ((y, 24), (x, 26)))
    assert np.nansum(once, dtype=np.float64) == pytest.approx(field[rows, columns].sum(dtype=np.float64), rel=1e-12)
