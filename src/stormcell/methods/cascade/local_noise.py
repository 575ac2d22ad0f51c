"""Noise whose structure differs from place to place, as rain's does: showers here, a band of steady rain there."""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from stormcell.methods.cascade.decibels import THRESHOLD_DB
from stormcell.methods.cascade.domain import SpectralDomain
from stormcell.methods.cascade.noise import nonparametric_amplitude, normal_numbers, taper, windowed_amplitude

__all__ = ["LocalNoise"]

Floats = NDArray[np.float32]
Spectrum = NDArray[np.complex64]

_SIDE = 128  # pixels of a window
_OVERLAP = 0.25  # of a window, on either side
_WETTEST = 0.1  # share of a window that has to be wet for a spectrum of its own


class _Window(NamedTuple):
    """A part of the grid, its share of the noise at each of its pixels, and the amplitude there, one row of `LocalNoise.amplitudes`."""

    part: tuple[slice, slice]
    share: Floats
    row: int


class LocalNoise:
    """Noise by the short-space Fourier transform: in each window white noise is filtered by the window's own spectrum.

        z(x) = sum_i s_i(x) F^-1[H_i n](x),    sum_i s_i = 1,

    with the same white noise n for all windows, so that large scales go on from one to the next, H_i the amplitude of the past fields
    times a window about place i, each scaled to the same variance, and s_i a share that fades linearly over a quarter of the window
    into its neighbour. Windows with less than 10 % of rain take the spectrum of the whole grid.

    Each field takes one transform for each window with a spectrum of its own, where `GlobalNoise` needs none.

    Args:
        fields: past fields (y, x) [dB], without NaN.
        domain: of the cascade.
        side: of a window [pixels].

    Source:
        Nerini et al. (2017), doi:10.5194/hess-21-2777-2017.
    """

    def __init__(self, fields: list[Floats], domain: SpectralDomain, *, side: int = _SIDE) -> None:
        self._domain = domain
        amplitudes = [_scaled(nonparametric_amplitude(fields, domain), domain)]
        self._windows: list[_Window] = []
        places = [_places(size, side) for size in domain.shape]
        for y in places[0]:
            for x in places[1]:
                part, share = _share(y, x, domain.shape, side)
                around = np.zeros(domain.shape, np.float32)
                around[part] = taper((part[0].stop - part[0].start, part[1].stop - part[1].start))
                own = (fields[0][part] >= THRESHOLD_DB).mean() >= _WETTEST
                if own:
                    amplitudes.append(_scaled(windowed_amplitude(fields, around, domain), domain))
                self._windows.append(_Window(part, share, len(amplitudes) - 1 if own else 0))
        total = np.zeros(domain.shape, np.float32)
        for window in self._windows:
            total[window.part] += window.share
        self._windows = [window._replace(share=window.share / total[window.part]) for window in self._windows]
        self._amplitudes = [amplitude * domain.white for amplitude in amplitudes]
        self._used = sorted({window.row for window in self._windows})
        self.variance = np.stack([2 * amplitudes[window.row] ** 2 for window in self._windows])

    def draw(self, rng: np.random.Generator) -> Spectrum:
        """See `Noise`."""
        white = normal_numbers(rng, 2 * self._domain.wavenumber.size).view(np.complex64)
        field = np.zeros(self._domain.shape, np.float32)
        for row in self._used:
            filtered = self._domain.field(white * self._amplitudes[row])
            for window in self._windows:
                if window.row == row:
                    field[window.part] += window.share * filtered[window.part]
        spectrum = self._domain.spectrum(field)
        spectrum[0] = 0.0
        return spectrum


def _scaled(amplitude: Floats, domain: SpectralDomain) -> Floats:
    """With variance 1 in space."""
    total = float((domain.count * amplitude.astype(np.float64) ** 2).sum()) * 2 / domain.pixels**2
    return amplitude / np.float32(np.sqrt(total)) if total > 0 else amplitude


def _places(size: int, side: int) -> NDArray[np.float64]:
    """Middles of the windows along an axis, at most `side` apart and evenly spaced."""
    count = max(1, round(size / side))
    return (np.arange(count) + 0.5) * size / count


def _share(y: float, x: float, shape: tuple[int, int], side: int) -> tuple[tuple[slice, slice], Floats]:
    """Part of the grid about (y, x), and weights there that fade linearly towards its rim; not yet divided by their sum."""
    parts, weights = [], []
    for middle, size in zip((y, x), shape, strict=True):
        half = size / max(1, round(size / side)) / 2
        fade = 2 * half * _OVERLAP
        start, stop = max(0, int(middle - half - fade)), min(size, int(np.ceil(middle + half + fade)))
        distance = np.abs(np.arange(start, stop) + 0.5 - middle)
        parts.append(slice(start, stop))
        weights.append(np.clip((half + fade - distance) / (2 * fade), 1e-3, 1))
    return (parts[0], parts[1]), np.outer(weights[0], weights[1]).astype(np.float32)
