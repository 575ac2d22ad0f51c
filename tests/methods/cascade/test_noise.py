"""Noise: its numbers, its spectrum at every wavenumber, and its structure from place to place."""

import numpy as np
import pytest

from stormcell.data.synthetic import synthetic_storm
from stormcell.methods.cascade.decibels import decibels_from_rain_rate
from stormcell.methods.cascade.domain import SpectralDomain
from stormcell.methods.cascade.local_noise import LocalNoise
from stormcell.methods.cascade.noise import GlobalNoise, nonparametric_amplitude, normal_numbers, parametric_amplitude, taper

FIELDS = 300


@pytest.fixture(scope="module")
def storm():
    frames = synthetic_storm(3, shape=(72, 90), seed=3).values
    return [decibels_from_rain_rate(np.nan_to_num(frame)) for frame in frames[::-1]]


def test_normal_numbers():
    numbers = normal_numbers(np.random.default_rng(1), 400_001)
    assert numbers.size == 400_001 and numbers.dtype == np.float32
    assert numbers.mean() == pytest.approx(0, abs=0.01) and numbers.std() == pytest.approx(1, abs=0.005)
    assert (numbers**4).mean() == pytest.approx(3, rel=0.02) and (numbers < -1.96).mean() == pytest.approx(0.025, rel=0.05)
    assert abs(np.corrcoef(numbers[:-1], numbers[1:])[0, 1]) < 0.01


@pytest.mark.parametrize("boundary", ["periodic", "mirror"])
def test_the_noise_has_the_power_spectrum_of_the_input(storm, boundary):
    """The mean of 300 fields, ring by ring, is within 10 % of the input's (tapered) spectrum; a ring of n coefficients is uncertain by
    some 1 / sqrt(300 n)."""
    domain = SpectralDomain(storm[0].shape, boundary=boundary)
    whole = SpectralDomain(domain.extended, boundary="periodic")
    noise = GlobalNoise(nonparametric_amplitude(storm, domain), domain)
    rng = np.random.default_rng(2)
    power = sum(np.abs(whole.spectrum(whole.field(noise.draw(rng)))).astype(np.float64) ** 2 for _ in range(FIELDS)) / FIELDS
    window = taper(storm[0].shape)
    tapered = [(field - np.average(field, weights=window)) * window for field in storm]
    wanted = sum(np.abs(domain.spectrum(field, outside="dry")).astype(np.float64) ** 2 for field in tapered) / len(storm)
    rings = np.rint(domain.wavenumber).astype(int)
    made, given = (np.bincount(rings, domain.count * spectrum)[1:] for spectrum in (power, wanted))
    enough = np.bincount(rings, domain.count)[1:] >= 4  # but for the corners of Fourier space, all are
    assert enough[:50].all()
    np.testing.assert_allclose((made / made.sum())[enough], (given / given.sum())[enough], rtol=0.1)
    assert made.sum() == pytest.approx(2 * given.sum(), rel=0.05)


def test_the_noise_is_as_stretched_as_the_rain():
    y, x = np.mgrid[:64, :64]
    band = np.exp(-((x - y) ** 2) / 20).astype(np.float32) * 20
    domain = SpectralDomain((64, 64))
    noise = GlobalNoise(nonparametric_amplitude([band], domain), domain)
    field = np.stack([domain.field(noise.draw(np.random.default_rng(seed))) for seed in range(20)])
    along, across = ((field[:, 4:, 4:] * field[:, :-4, :-4]).mean(), (field[:, 4:, :-4] * field[:, :-4, 4:]).mean()) / field.var()
    assert along > 0.9 and across < 0.6


def test_two_power_laws_are_found_again():
    domain = SpectralDomain((256, 256), boundary="periodic")
    k = np.maximum(domain.wavenumber, 1)
    power = np.where(k < 16, k**-1.5, 16**1.5 * k**-3.0)
    rng = np.random.default_rng(3)
    # the taper would blur the laws: what is fitted here is a field that has none, made periodic
    field = domain.field((normal_numbers(rng, 2 * k.size).view(np.complex64) * np.sqrt(power) * domain.white).astype(np.complex64))
    amplitude = parametric_amplitude([field * 1000], domain)
    slopes = [np.polyfit(np.log(k[part]), 2 * np.log(amplitude[part]), 1)[0] for part in ((k > 2) & (k < 10), (k > 30) & (k < 100))]
    assert slopes == pytest.approx([-1.5, -3.0], abs=0.35)
    assert amplitude[0] == 0 and np.isfinite(amplitude).all()


def test_tiny_grids_have_no_laws(storm):
    domain = SpectralDomain((8, 8))
    np.testing.assert_array_equal(parametric_amplitude([storm[0][:8, :8] + np.eye(8, dtype=np.float32)], domain)[:1], [0])


def test_rain_in_the_corners_only():
    field = np.zeros((32, 32), np.float32)
    field[:3, :3] = 10 + np.arange(9).reshape(3, 3)
    assert nonparametric_amplitude([field], SpectralDomain((32, 32))).max() > 0


def test_local_noise_differs_from_place_to_place():
    """Fine rain on the left, coarse rain on the right: so is the noise, with the same variance."""
    rng = np.random.default_rng(4)
    domain = SpectralDomain((64, 128), boundary="periodic")
    k = np.maximum(domain.wavenumber, 1)
    coarse, fine = (
        domain.field((normal_numbers(rng, 2 * k.size).view(np.complex64) * filtered * domain.white).astype(np.complex64))
        for filtered in (k < 6, (k > 10) & (k < 20))
    )
    field = np.where(np.arange(128) < 64, fine / fine.std(), coarse / coarse.std()).astype(np.float32) * 5 + 15
    noise = LocalNoise([field], domain, side=64)
    made = np.stack([domain.field(noise.draw(rng)) for _ in range(40)])
    roughness = [np.diff(made[:, :, part], axis=2).var() / made[:, :, part].var() for part in (slice(8, 56), slice(72, 120))]
    assert roughness[0] > 3 * roughness[1]
    assert made[:, :, 8:56].var() == pytest.approx(made[:, :, 72:120].var(), rel=0.35)


def test_local_noise_where_it_hardly_rains_is_global(storm):
    dry = [np.where(np.arange(90) < 6, field, np.float32(0)) + np.float32(0) for field in storm]
    domain = SpectralDomain(dry[0].shape)
    noise = LocalNoise(dry, domain, side=36)
    assert len({row.tobytes() for row in noise.variance}) < len(noise.variance)
    assert np.isfinite(noise.draw(np.random.default_rng(0))).all()
