"""The cascade: levels that add up, correlations without a transform, and an evolution that keeps its variance."""

import numpy as np
import pytest
from scipy.ndimage import gaussian_filter

from stormcell.methods.cascade.bandpass import gaussian_bandpass
from stormcell.methods.cascade.domain import SpectralDomain
from stormcell.methods.cascade.levels import Levels
from stormcell.methods.cascade.noise import GlobalNoise

SHAPE = (48, 60)


@pytest.fixture(scope="module")
def domain():
    return SpectralDomain(SHAPE, boundary="periodic")


@pytest.fixture(scope="module")
def fields():
    rng = np.random.default_rng(5)
    smooth = gaussian_filter(rng.standard_normal((3, *SHAPE)), (0, 1, 1), mode="wrap")
    return (10 * smooth + 3).astype(np.float32)


def levels_in_space(field: np.ndarray) -> np.ndarray:
    """The plain way: one inverse transform a level."""
    k = np.hypot(np.fft.fftfreq(SHAPE[0])[:, None], np.fft.rfftfreq(SHAPE[1])) * max(SHAPE)
    weights = gaussian_bandpass(k, levels=4, longest=max(SHAPE))
    weights[:, 0, 0] = 0
    return np.fft.irfft2(weights * np.fft.rfft2(field), s=SHAPE)


def test_variances_and_correlations_without_a_transform(domain, fields):
    cascade = Levels(domain, 4)
    one, other = (levels_in_space(field) for field in fields[:2])
    spectra = [domain.spectrum(field) for field in fields[:2]]
    np.testing.assert_allclose(cascade.covariance(spectra[0], spectra[0]), (one**2).mean(axis=(1, 2)), rtol=1e-4)
    plain = [np.corrcoef(a.ravel(), b.ravel())[0, 1] for a, b in zip(one, other, strict=True)]
    np.testing.assert_allclose(cascade.correlation(*spectra), plain, atol=1e-4)
    assert cascade.correlation(spectra[0], np.zeros_like(spectra[0])).tolist() == [0] * 4


def test_without_noise_it_is_the_recursion_in_space(domain, fields):
    lag_1, lag_2 = np.array([0.98, 0.9, 0.6, 0.2]), np.array([0.95, 0.8, 0.4, 0.1])
    evolution = Levels(domain, 4).evolution(*(domain.spectrum(field) for field in fields[:2]), lag_1=lag_1, lag_2=lag_2, noise=None)
    now, before = (levels_in_space(field) for field in fields[:2])
    before *= (now.std(axis=(1, 2)) / before.std(axis=(1, 2)))[:, None, None]  # each level keeps its variance
    phi_1, phi_2 = (part[:, None, None] for part in evolution.process[:2])
    for spectrum in evolution.steps(5, np.random.default_rng(0)):
        now, before = phi_1 * now + phi_2 * before, now
        np.testing.assert_allclose(domain.field(spectrum), now.sum(axis=0) + fields[0].mean(), atol=1e-3 * fields[0].std())


@pytest.mark.parametrize(("lag_1", "lag_2", "lost"), [([0.8] * 4, [0.6] * 4, 0.0), ([0.95, 0.9, 0.6, 0.2], [0.85, 0.75, 0.4, 0.1], 0.2)])
def test_with_noise_the_levels_keep_their_variance_and_the_field_its_mean(domain, fields, lag_1, lag_2, lost):
    """After many steps as after few, within 10 % over 60 runs, where all levels change at the same pace. Where they do not, neighbours
    drift apart in the wavenumbers that they share, and a level of their sum has up to a fifth less: the price of overlapping filters."""
    cascade = Levels(domain, 4)
    newest = domain.spectrum(fields[0])
    noise = GlobalNoise(np.abs(newest), domain)
    evolution = cascade.evolution(newest, domain.spectrum(fields[0]), lag_1=np.array(lag_1), lag_2=np.array(lag_2), noise=noise)
    variances = {25: np.zeros(4), 40: np.zeros(4)}
    for seed in range(60):
        for step, spectrum in enumerate(evolution.steps(40, np.random.default_rng(seed)), start=1):
            assert spectrum[0] == newest[0]
            if step in variances:
                seen = domain.spectrum(domain.field(spectrum))
                variances[step] += cascade.covariance(seen, seen) / 60
    share = np.stack(list(variances.values()))[:, 1:] / cascade.covariance(newest, newest)[1:]
    assert share.min() > 0.9 - lost and share.max() < 1.1


def test_runs_hold_little_more_than_two_fields():
    cascade = Levels(SpectralDomain((320, 355)), 6)
    evolution = cascade.evolution(
        *np.ones((2, cascade.domain.wavenumber.size), np.complex64), lag_1=np.full(6, 0.5), lag_2=None, noise=None
    )
    assert sum(new.size for new, _ in evolution.starts) < 2.7 * evolution.size
