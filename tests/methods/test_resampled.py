"""Pixels and steps: amounts are kept, places stay where they are, and what is too far apart is refused."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from stormcell.errors import MethodError
from stormcell.methods.resampled import pixels_between, scans_per_step


def test_means_by_hand():
    """Three pixels of 1 km in pixels of 1.5 km: (a + b/2) / 1.5 and (b/2 + c) / 1.5."""
    pixels = pixels_between(1.0, 1.5, (1, 3), name="m")
    assert pixels is not None and pixels.shape == (1, 2)
    np.testing.assert_allclose(pixels.to_model(np.array([[[3.0, 6.0, 9.0]]], np.float32)), [[[4.0, 8.0]]], rtol=1e-6)


def test_interpolation_by_hand():
    """Two pixels of 2 km in pixels of 1 km: middles lie at -1/4, 1/4, 3/4, 5/4 of the way; and back the means of two."""
    pixels = pixels_between(2.0, 1.0, (1, 2), name="m")
    assert pixels is not None
    fine = pixels.to_model(np.array([[[0.0, 4.0]]], np.float32))
    np.testing.assert_allclose(fine[0, 0], [0.0, 1.0, 3.0, 4.0], rtol=1e-6)
    np.testing.assert_allclose(pixels.to_radar(fine), [[[0.5, 3.5]]], rtol=1e-6)


def test_unseen_pixels_are_left_out_of_a_mean():
    pixels = pixels_between(1.0, 2.0, (2, 6), name="m")
    field = np.array([[[1, np.nan, np.nan, np.nan, 0, 2], [3, np.nan, np.nan, np.nan, 4, 6]]], np.float32)
    assert pixels is not None
    np.testing.assert_allclose(pixels.to_model(field), [[[2.0, np.nan, 3.0]]], rtol=1e-6)


@given(st.floats(0.32, 9.9), st.integers(1, 60), st.integers(1, 60))
def test_one_value_stays_one_value(model_km, rows, columns):
    pixels = pixels_between(0.625, model_km, (rows, columns), name="m")
    if pixels is None:
        return
    field = np.full((1, rows, columns), 3.0, np.float32)
    there = pixels.to_model(field)
    np.testing.assert_allclose(there, 3.0, rtol=1e-5)
    np.testing.assert_allclose(pixels.to_radar(there), field, rtol=1e-5)


@pytest.mark.parametrize("model_km", [0.55, 3.0, 3.75])
def test_a_shower_stays_where_it_is(model_km):
    pixels = pixels_between(1.0, model_km, (60, 75), name="m")
    row, column = np.mgrid[:60, :75]
    shower = np.exp(-((row - 33) ** 2 + (column - 21) ** 2) / 60).astype(np.float32)[None]
    assert pixels is not None
    back = pixels.to_radar(pixels.to_model(shower))[0]
    assert abs((back * row).sum() / back.sum() - 33) < 0.05 and abs((back * column).sum() / back.sum() - 21) < 0.05
    assert back.sum() == pytest.approx(shower.sum(), rel=0.02)


def test_pixels_as_good_as_the_same():
    assert pixels_between(1.0, 1.05, (9, 9), name="m") is None


@pytest.mark.parametrize("radar_km", [0.1, 8.0])
def test_pixels_too_far_apart(radar_km):
    with pytest.raises(
        MethodError, match=f"m was trained on pixels of 3.75 km, but these are of {radar_km:g} km: expected 0.234 to 7.5 km"
    ):
        pixels_between(radar_km, 3.75, (9, 9), name="m")


@pytest.mark.parametrize(("radar", "scans"), [(5.0, 1), (6.0, 1), (4.0, 1), (2.5, 2), (2.0, 3), (1.0, 5), (0.5, 10)])
def test_scans_per_step(radar, scans):
    assert scans_per_step(radar, 5.0, name="m") == scans


@pytest.mark.parametrize("radar", [10.0, 15.0, 7.0, 3.5])
def test_steps_that_cannot_be_made(radar):
    with pytest.raises(
        MethodError, match=f"m was trained on scans every 5 min, but these come every {radar:g} min: expected one in 4 to 6.25"
    ):
        scans_per_step(radar, 5.0, name="m")


def test_rain_at_the_rim_of_what_is_seen_is_not_thinned_on_either_way():
    pixels = pixels_between(1.0, 2.0, (1, 8), name="m")
    assert pixels is not None
    field = np.array([[[np.nan] * 3 + [5.0] * 5]], np.float32)  # the rim cuts through the second of the model's pixels
    there = pixels.to_model(field)
    np.testing.assert_allclose(there, [[[np.nan, 5.0, 5.0, 5.0]]])
    back = pixels.to_radar(there)[0, 0]
    np.testing.assert_allclose(back[3:], 5.0)
