import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from stormcell.data.moving_digits.flight import clamped_path, mirrored_path


def test_a_mirror_by_hand():
    """From 30 at +4 to a wall at 36: 34, then 38 which is 34 on the way back."""
    path = mirrored_path(np.array(30.0), np.array(4.0), 12, low=0.0, high=36.0)
    assert path.tolist() == [30, 34, 34, 30, 26, 22, 18, 14, 10, 6, 2, 2]


def test_a_stop_by_hand():
    """From 50 at +3 to a wall at 54: 53, stopped at 54, then back by 3."""
    path = clamped_path(np.array(50.0), np.array(3.0), 6, low=10.0, high=54.0)
    assert path.tolist() == [50, 53, 54, 51, 48, 45]


def test_who_starts_beyond_a_wall_is_put_on_it_and_turned_around():
    """As in the published code: at 3, flying in at +2, it is put at 10 and flies out, is put at 10 again and flies in."""
    assert clamped_path(np.array(3.0), np.array(2.0), 5, low=10.0, high=54.0).tolist() == [3, 10, 10, 12, 14]


@pytest.mark.parametrize("path", [mirrored_path, clamped_path])
def test_each_component_meets_its_own_walls(path):
    both = path(np.array([[5.0, 1.0]]), np.array([[4.0, -3.0]]), 9, low=0.0, high=10.0)
    assert both.shape == (9, 1, 2)
    for component, (start, velocity) in enumerate([(5.0, 4.0), (1.0, -3.0)]):
        alone = path(np.array(start), np.array(velocity), 9, low=0.0, high=10.0)
        np.testing.assert_array_equal(both[:, 0, component], alone)


@given(start=st.floats(10, 54), velocity=st.floats(-200, 200))
def test_a_mirrored_path_is_what_step_by_step_reflection_gives(start, velocity):
    path = mirrored_path(np.array(start), np.array(velocity), 15, low=10.0, high=54.0)
    place, speed, expected = start, velocity, [start]
    for _ in range(14):
        place += speed
        while not 10.0 <= place <= 54.0:
            place, speed = (20.0 if place < 10.0 else 108.0) - place, -speed
        expected.append(place)
    np.testing.assert_allclose(path, expected, atol=1e-8)


@given(start=st.floats(10, 54), velocity=st.floats(-3.6, 3.6))
def test_a_clamped_path_stays_inside_and_never_outruns_its_speed(start, velocity):
    path = clamped_path(np.array(start), np.array(velocity), 30, low=10.0, high=54.0)
    assert path.min() >= 10.0 and path.max() <= 54.0
    assert np.abs(np.diff(path)).max() <= abs(velocity) + 1e-12
