"""Band-pass filters: which part of a field belongs to which scale."""

import numpy as np
from numpy.typing import ArrayLike, NDArray

__all__ = ["gaussian_bandpass", "room_for_levels"]

Floats = NDArray[np.float32]

_WIDTH = 0.5  # standard deviation of a filter, in steps from one level to the next
_LEAST = 1e-3  # of a filter's peak, below which it is cut off


def gaussian_bandpass(wavenumber: ArrayLike, *, levels: int, longest: int) -> Floats:
    """Weights that share out the wavenumbers among the levels of a cascade.

    Levels split the range from 1 to l/2 waves along the longer side l into n bands [q^(j-1), q^j] of equal ratio, q = (l/2)^(1/n).
    A level takes a Gaussian about the middle m_j of its band, on the logarithmic scale,

        w_j(k) = exp(-(log_q k - log_q m_j)^2 / (2 0.5^2)),    W_j = w_j / sum_i w_i,

    so the levels of a field add up to the field. A w_j below 0.001 counts as 0, hence a level is a finite range of wavenumbers.

    Args:
        wavenumber: |k| in waves along the longer side, any shape; 0 goes to the first level whole.
        levels: n, 2 or more; the first one holds the largest scales.
        longest: l [pixels].

    Returns:
        (level, *wavenumber.shape), 0 to 1, sums over levels 1.

    Source:
        Pulkkinen, Chandrasekar & Harri (2018), doi:10.1109/JSTARS.2018.2846718; the cascade: Seed (2003),
        doi:10.1175/1520-0450(2003)042<0381:ADASAF>2.0.CO;2. Departure: the cut at 0.001.
    """
    k = np.asarray(wavenumber, np.float32)
    step = np.log(longest / 2) / levels
    edges = np.exp(step * np.arange(levels + 1))
    middles = np.log((edges[:-1] + edges[1:]) / 2) / step
    place = np.log(np.maximum(k, np.float32(1e-9))) / np.float32(step)
    shares = np.empty((levels, *k.shape), np.float32)
    for share, middle in zip(shares, middles.astype(np.float32), strict=True):
        np.subtract(place, middle, out=share)
        np.square(share, out=share)
        share *= np.float32(-1 / (2 * _WIDTH**2))
        np.exp(share, out=share)
        share[share < np.float32(_LEAST)] = 0.0
    shares[0, k < 1] = 1.0
    shares /= shares.sum(axis=0)
    return shares


def room_for_levels(shape: tuple[int, int], wanted: int) -> int:
    """How many levels a grid has room for, each an octave or more: at most as many as wanted, and 0 on a single pixel."""
    return min(wanted, int(np.log2(max(min(shape) / 2, 1))))
