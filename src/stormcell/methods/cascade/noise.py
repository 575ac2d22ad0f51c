"""Noise with the structure of rain: white noise through a filter that has the observed power spectrum."""

from functools import lru_cache
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from stormcell.methods.cascade.domain import SpectralDomain

__all__ = ["GlobalNoise", "Noise", "nonparametric_amplitude", "normal_numbers", "parametric_amplitude", "taper", "windowed_amplitude"]

Floats = NDArray[np.float32]
Spectrum = NDArray[np.complex64]

_RINGS_AT_LEAST = 8  # wavenumbers from which power laws can be told
_SMALLEST_RANGE = 3  # of the ring numbers on either side of the break between the two power laws


class Noise(Protocol):
    """Random fields, as coefficients in a `SpectralDomain`.

    Attributes:
        variance: expected |coefficient|^2 of the fields at each wavenumber, as counted by `SpectralDomain.count`, (k,); one row of it
            for each window where the noise is local, (window, k).
    """

    @property
    def variance(self) -> Floats: ...

    def draw(self, rng: np.random.Generator) -> Spectrum:
        """Coefficients of one field, (k,)."""
        ...


class GlobalNoise:
    """Noise with the same spectrum everywhere.

    It is drawn where it is needed, as coefficients: two normal numbers each, times the amplitude. No transform is needed.

    Args:
        amplitude: (k,) of a domain, in any unit.
        domain: in which the noise lives.
    """

    def __init__(self, amplitude: Floats, domain: SpectralDomain) -> None:
        self._amplitude = np.repeat(amplitude * domain.white, 2)
        self.variance = 2 * amplitude**2
        self.variance[0] = 0.0

    def draw(self, rng: np.random.Generator) -> Spectrum:
        """See `Noise`."""
        numbers = normal_numbers(rng, self._amplitude.size)
        numbers *= self._amplitude
        return numbers.view(np.complex64)


def normal_numbers(rng: np.random.Generator, count: int) -> Floats:
    """Normal numbers of mean 0 and variance 1 from 16 random bits each: the middles of 65,536 equally likely intervals.

    They end at +-4.3, which nobody sees in sums of thousands of them, and take a quarter of the time.
    """
    bits = rng.integers(0, 2**64, size=-(-count // 4), dtype=np.uint64, endpoint=False).view(np.uint16)[:count]
    numbers: Floats = _quantiles().take(bits.astype(np.intp), mode="clip")
    return numbers


@lru_cache(maxsize=1)
def _quantiles() -> Floats:
    from scipy.special import ndtri  # slow to import

    quantiles = ndtri((np.arange(2**16) + 0.5) / 2**16)
    scaled: Floats = (quantiles / quantiles.std()).astype(np.float32)
    return scaled


def taper(shape: tuple[int, int]) -> Floats:
    """A window that falls to 0 on the rim of a grid, round: 1 within half of the way from the middle, then a cosine (Tukey's window)."""
    y, x = (np.linspace(-1, 1, size) if size > 1 else np.zeros(1) for size in shape)
    distance = np.clip(np.hypot(y[:, np.newaxis], x), 0, 1)
    fading: NDArray[np.float64] = np.where(distance < 0.5, 1.0, 0.5 * (1 + np.cos(2 * np.pi * (distance - 0.5))))
    return fading.astype(np.float32)


def windowed_amplitude(fields: list[Floats], window: Floats, domain: SpectralDomain) -> Floats:
    """Root of the mean power spectrum of fields times a window, after their mean is taken off, (k,)."""
    power = np.zeros(domain.wavenumber.size)
    for field in fields:
        mean = np.average(field, weights=window)
        spectrum = domain.spectrum((field - np.float32(mean)) * window, outside="dry")
        power += spectrum.real**2 + spectrum.imag**2
    power[0] = 0.0
    return np.sqrt(power / len(fields)).astype(np.float32)


def nonparametric_amplitude(fields: list[Floats], domain: SpectralDomain) -> Floats:
    """The amplitude of the observed fields themselves at each wavenumber and direction: noise that is as stretched as the rain.

    Fields are tapered to the rim of the grid first, so that the jump between opposite borders adds nothing. If it rains only near the rim,
    they are not.

    Args:
        fields: past fields (y, x) [dB], without NaN.
        domain: of the cascade.

    Source:
        Seed, Pierce & Norman (2013), doi:10.1002/wrcr.20536.
    """
    window = taper(domain.shape)
    if not any((field * window).any() for field in fields):
        window = np.ones(domain.shape, np.float32)
    return windowed_amplitude(fields, window, domain)


def parametric_amplitude(fields: list[Floats], domain: SpectralDomain) -> Floats:
    """A smooth amplitude, the same in all directions: two power laws of the wavenumber that meet at a break.

        log P(k) = a + b_1 log k                                 k <= k_0
        log P(k) = a + b_1 log k_0 + b_2 (log k - log k_0)       k >= k_0

    fitted by least squares to the mean power of the rings round(k) = 1, 2, ..., each ring counting by the log range that it covers
    (1/k); of all breaks at a ring the best one is taken. Few numbers from much data: steadier than the non-parametric amplitude where
    it hardly rains.

    Args:
        fields: past fields (y, x) [dB], without NaN.
        domain: of the cascade.

    Returns:
        (k,). On a domain of less than 16 pixels a side, the non-parametric amplitude.

    Source:
        Pulkkinen et al. (2019), doi:10.5194/gmd-12-4185-2019, after Germann & Zawadzki (2002).
    """
    amplitude = nonparametric_amplitude(fields, domain)
    rings = np.rint(domain.wavenumber).astype(np.int64)
    last = domain.longest // 2
    total, weight = (
        np.bincount(rings, values)[1 : last + 1] for values in (domain.count * amplitude.astype(np.float64) ** 2, domain.count)
    )
    number = np.arange(1, total.size + 1)
    full = (weight > 0) & (total > 0)
    if full.sum() < _RINGS_AT_LEAST:
        return amplitude
    x, y = np.log(number[full]), np.log(total[full] / weight[full])
    fits = [_two_lines(x, y, x[knot]) for knot in range(_SMALLEST_RANGE, x.size - _SMALLEST_RANGE)]
    _, knot, (level, first, second) = min(fits, key=lambda fit: fit[0])
    k = np.log(np.maximum(domain.wavenumber.astype(np.float64), 1.0))
    fitted = np.exp(0.5 * (level + first * np.minimum(k, knot) + second * np.maximum(k - knot, 0)))
    fitted[0] = 0.0
    laws: Floats = fitted.astype(np.float32)
    return laws


def _two_lines(x: NDArray[np.float64], y: NDArray[np.float64], knot: float) -> tuple[float, float, NDArray[np.float64]]:
    """Error, knot, and level and slopes of two lines that meet at the knot."""
    weight = np.exp(-x / 2)
    columns = np.stack([np.ones_like(x), np.minimum(x, knot), np.maximum(x - knot, 0)], axis=1)
    fitted = np.linalg.lstsq(columns * weight[:, np.newaxis], y * weight, rcond=None)[0]
    return float((((columns @ fitted - y) * weight) ** 2).sum()), float(knot), fitted
