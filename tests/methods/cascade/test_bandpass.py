"""Filters that share out the wavenumbers: sums, ranges, and the filters of pysteps."""

import numpy as np
import pytest

from stormcell.methods.cascade.bandpass import gaussian_bandpass, room_for_levels


def test_the_levels_add_up_and_each_is_one_range():
    weights = gaussian_bandpass(np.linspace(0, 90, 2000), levels=5, longest=128)
    np.testing.assert_allclose(weights.sum(axis=0), 1, rtol=1e-6)
    for weight in weights:
        inside = np.flatnonzero(weight)
        assert (weight >= 0).all() and inside[-1] - inside[0] + 1 == inside.size


def test_a_level_peaks_in_the_middle_of_its_band():
    """64 = 4^3 splits into [1, 4], [4, 16], [16, 64]."""
    k = np.arange(1, 65)
    weights = gaussian_bandpass(k, levels=3, longest=128)
    assert [k[weight > 0.5].tolist()[:: len(k[weight > 0.5]) - 1] for weight in weights] == [[1, 4], [6, 19], [21, 64]]
    assert gaussian_bandpass([0.0], levels=3, longest=128)[:, 0].tolist() == [1, 0, 0]


@pytest.mark.parametrize(("side", "levels"), [(64, 5), (128, 6), (100, 4)])
def test_the_same_as_pysteps(side, levels):
    bandpass_filters = pytest.importorskip("pysteps.cascade.bandpass_filters", reason="pysteps is not installed")
    theirs = bandpass_filters.filter_gaussian((side, side), levels)["weights_2d"]
    k = np.hypot(np.fft.fftfreq(side)[:, None], np.fft.rfftfreq(side)) * side
    np.testing.assert_allclose(gaussian_bandpass(k, levels=levels, longest=side), theirs, atol=5e-3)


@pytest.mark.parametrize(("shape", "room"), [((640, 710), 6), ((64, 300), 5), ((16, 16), 3), ((3, 5), 0), ((1, 1), 0)])
def test_each_level_has_an_octave(shape, room):
    assert room_for_levels(shape, 6) == room
