"""Advection: shifts, turns, what stays and what is lost, and the nodes on which paths are followed."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from stormcell.errors import FramesError, MethodError
from stormcell.motion import advect, advected
from stormcell.motion.nodes import node_places, upsample
from stormcell.warp import warp


def steady(shape, x, y):
    return np.stack([np.full(shape, x, np.float32), np.full(shape, y, np.float32)])


def turning(shape, steps_a_turn):
    """Solid rotation about the middle."""
    rows, columns = shape
    row, column = np.mgrid[:rows, :columns].astype(np.float32)
    rate = np.float32(2 * np.pi / steps_a_turn)
    return np.stack([-rate * (row - (rows - 1) / 2), rate * (column - (columns - 1) / 2)])


def blob(shape, row, column, width):
    y, x = np.mgrid[: shape[0], : shape[1]]
    return np.exp(-((x - column) ** 2 + (y - row) ** 2) / (2 * width**2)).astype(np.float32)


def test_no_motion_changes_nothing():
    field = np.random.default_rng(0).random((40, 50)).astype(np.float32)
    field[3, 4] = np.nan
    for frame in advected(field, steady(field.shape, 0, 0), [0.5, 3, 12]):
        np.testing.assert_array_equal(frame, field)


@given(st.integers(-3, 3), st.integers(-3, 3), st.sampled_from([(6, 9), (40, 33)]))
def test_whole_pixels_are_a_shift_and_the_inflow_is_unseen(x, y, shape):
    field = np.random.default_rng(1).random(shape).astype(np.float32)
    for step, frame in zip([1, 2], advect(field, steady(shape, x, y), [1, 2]), strict=True):
        np.testing.assert_array_equal(frame, warp(field, steady(shape, x * step, y * step)))
        assert np.isnan(frame).sum() == field.size - max(shape[0] - abs(y) * step, 0) * max(shape[1] - abs(x) * step, 0)


def test_fractions_of_a_step():
    field = blob((40, 60), 20, 20, 4)
    fine, whole = advect(field, steady(field.shape, 6, 0), [0.5, 1.0])
    np.testing.assert_allclose(fine[:, 3:], field[:, :-3])
    np.testing.assert_allclose(whole[:, 6:], field[:, :-6])


def test_lead_times_do_not_depend_on_each_other():
    field, motion = blob((64, 64), 30, 40, 5), turning((64, 64), 60)
    np.testing.assert_allclose(advect(field, motion, [3])[0], advect(field, motion, [1, 2, 3])[2], atol=1e-5)


def test_a_full_turn_brings_rain_back():
    shape = (128, 140)
    field = blob(shape, 50, 50, 6)
    back = advect(field, turning(shape, 60), [60])[0]
    assert np.nanmax(np.abs(back - field)) < 0.05


def test_a_path_is_followed_not_straight():
    """After a quarter of a turn in 15 steps, following the path is at least 50 times nearer than going straight."""
    shape = (129, 129)
    field, motion = blob(shape, 64, 94, 5), turning(shape, 60)
    truth = blob(shape, 94, 64, 5)
    followed = np.nan_to_num(advect(field, motion, [15])[0])
    straight = np.nan_to_num(warp(field, 15 * motion))
    assert np.abs(followed - truth).max() < 0.02
    assert np.abs(straight - truth).max() > 50 * np.abs(followed - truth).max()


def test_rain_inside_is_kept():
    """A bent, divergence-free motion: the total of a blob that stays inside changes by less than 1 %."""
    y, x = np.mgrid[:120, :160].astype(np.float32)
    motion = np.stack([2 + np.sin(y / 25), 0.5 * np.cos(x / 30)]).astype(np.float32)
    field = blob((120, 160), 60, 60, 8)
    for frame in advect(field, motion, [3, 6, 12]):
        assert np.nansum(frame) == pytest.approx(field.sum(), rel=0.01)


def test_the_edge_of_the_unseen_is_carried_along():
    field = np.ones((32, 32), np.float32)
    field[:, :8] = np.nan
    frame = advect(field, steady(field.shape, 2, 0), [3])[0]
    np.testing.assert_array_equal(np.isnan(frame[0]), np.arange(32) < 14)


@pytest.mark.parametrize("shape", [(1, 1), (1, 9), (3, 5)])
def test_tiny_grids(shape):
    assert advect(np.ones(shape), steady(shape, 0.2, -0.2), [1, 2]).shape == (2, *shape)


def test_nothing_seen_stays_unseen_and_absurd_motion_leaves():
    assert np.isnan(advect(np.full((20, 20), np.nan), steady((20, 20), 1, 1), [1])).all()
    assert np.isnan(advect(np.ones((20, 20)), steady((20, 20), 1e12, 0), [1, 2])).all()


def test_coarse_nodes_are_as_good_as_every_pixel(monkeypatch):
    """Where nodes are used, places after 12 steps differ by less than 0.3 pixels from those followed on every pixel."""
    y, x = np.mgrid[:200, :260].astype(np.float32)
    # advecting the coordinates themselves tells where each pixel came from
    motion = np.stack([4 + 2 * np.sin(x / 40 + y / 60), 2 * np.cos(y / 50)]).astype(np.float32)
    coarse = advect(x, motion, [12])[0], advect(y, motion, [12])[0]
    monkeypatch.setattr("stormcell.motion.trajectory._TOLERANCE", -1.0)
    fine = advect(x, motion, [12])[0], advect(y, motion, [12])[0]
    assert all(np.nanmax(np.abs(a - b)) < 0.3 for a, b in zip(coarse, fine, strict=True))
    assert any((a != b).any() for a, b in zip(coarse, fine, strict=True))


@given(st.integers(16, 90), st.integers(16, 90), st.sampled_from([1, 4]))
def test_nodes_are_exact_for_linear_fields(rows, columns, spacing):
    column, row = np.meshgrid(node_places(columns, spacing), node_places(rows, spacing))
    whole = upsample(2 * column - 3 * row, spacing, (rows, columns))
    y, x = np.mgrid[:rows, :columns]
    np.testing.assert_allclose(whole, 2 * x - 3 * y, atol=1e-4)


@pytest.mark.parametrize("steps", [[], [0], [-1, 1], [1, 1], [2, 1], [np.nan], [np.inf]])
def test_lead_times_that_make_no_sense(steps):
    with pytest.raises(MethodError, match="rising lead times"):
        advected(np.zeros((4, 4)), steady((4, 4), 0, 0), steps)


def test_motion_that_does_not_fit():
    with pytest.raises(FramesError, match="motion"):
        advect(np.zeros((4, 4)), steady((4, 5), 0, 0), [1])
    with pytest.raises(FramesError, match="finite"):
        advect(np.zeros((4, 4)), steady((4, 4), np.inf, 0), [1])
