"""Fourier space: there and back, what lies beyond the border, and how coefficients are counted."""

import numpy as np
import pytest

from stormcell.errors import MethodError
from stormcell.methods.cascade.domain import BOUNDARIES, SpectralDomain

SHAPES = [(20, 30), (21, 30), (20, 31), (37, 53), (3, 5)]


@pytest.fixture
def rng():
    return np.random.default_rng(1)


@pytest.mark.parametrize("boundary", BOUNDARIES)
@pytest.mark.parametrize("shape", SHAPES)
def test_there_and_back(rng, shape, boundary):
    domain = SpectralDomain(shape, boundary=boundary)
    field = rng.standard_normal(shape, dtype=np.float32)
    np.testing.assert_allclose(domain.field(domain.spectrum(field)), field, atol=1e-5)


@pytest.mark.parametrize("shape", SHAPES)
def test_parseval(rng, shape):
    domain = SpectralDomain(shape, boundary="periodic")
    field = rng.standard_normal(shape, dtype=np.float32)
    spectrum = domain.spectrum(field)
    assert (domain.count * np.abs(spectrum) ** 2).sum() / domain.pixels == pytest.approx((field**2).sum(), rel=1e-5)
    assert spectrum[0].real == pytest.approx(field.sum(), abs=1e-3) and domain.wavenumber[0] == 0
    assert (np.diff(domain.wavenumber) >= 0).all() and domain.count.sum() >= domain.pixels


def test_wavenumbers_count_waves_along_the_longer_side():
    domain = SpectralDomain((20, 40), boundary="periodic")
    wave = np.broadcast_to(np.cos(2 * np.pi * 5 * np.arange(40) / 40), (20, 40)).astype(np.float32)
    assert domain.wavenumber[np.abs(domain.spectrum(wave)).argmax()] == pytest.approx(5)
    across = np.cos(2 * np.pi * 5 * np.arange(20) / 20)[:, None] * np.ones((20, 40))
    assert domain.wavenumber[np.abs(domain.spectrum(across.astype(np.float32))).argmax()] == pytest.approx(10)


def test_margins():
    """One in twenty pixels or more lies between the borders, and reflections meet in it."""
    field = np.arange(1, 41, dtype=np.float32) * np.ones((40, 1), np.float32)
    extended = {}
    for boundary in BOUNDARIES:
        domain = SpectralDomain((40, 40), boundary=boundary)
        whole = SpectralDomain(domain.extended, boundary="periodic")
        extended[boundary] = whole.field(domain.spectrum(field))
    assert extended["periodic"].shape == (40, 40) and extended["dry"].shape == extended["mirror"].shape and extended["dry"].shape[1] >= 42
    assert abs(extended["dry"]).min() < 1e-4 and extended["mirror"].min() == pytest.approx(1, abs=1e-4)


@pytest.mark.parametrize("shape", SHAPES)
def test_white_noise_is_white(rng, shape):
    """The same variance at every pixel, columns that are their own mirror images included; only the mean is left out."""
    domain = SpectralDomain(shape, boundary="periodic")
    numbers = rng.standard_normal((4000, domain.wavenumber.size, 2)).astype(np.float32)
    fields = np.stack([domain.field((n[:, 0] + 1j * n[:, 1]).astype(np.complex64) * domain.white) for n in numbers])
    np.testing.assert_allclose(fields.var(axis=0) * domain.pixels / 2, 1 - 1 / domain.pixels, rtol=0.15)


def test_another_boundary_is_refused():
    with pytest.raises(MethodError, match="expected a boundary of periodic, dry, mirror, got 'open'"):
        SpectralDomain((8, 8), boundary="open")
