"""How each scale of the rain changes along its way: an autoregressive process of first or second order."""

from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

__all__ = ["Autoregression", "adjusted_correlation", "autoregression"]

Numbers = NDArray[np.float64]

_MOST = 1 - 1e-6  # correlation of a level that does not change; 1 would divide by zero


class Autoregression(NamedTuple):
    """x(t) = phi_1 x(t-1) + phi_2 x(t-2) + phi_0 e(t) with white noise e of variance 1; x keeps its variance of 1. Each is (level,)."""

    phi_1: Numbers
    phi_2: Numbers
    phi_0: Numbers


def adjusted_correlation(lag_1: ArrayLike, lag_2: ArrayLike) -> tuple[Numbers, Numbers]:
    """Autocorrelations r_1, r_2 of a process that fades, and does not swing, from estimates that may say otherwise.

    r_1 is held between 0 and 1. The roots of z^2 - phi_1 z - phi_2 are real, so that the process fades steadily, where

        r_2 >= (3 r_1^2 - 2 + 2 (1 - r_1^2)^(3/2)) / r_1^2,

    (put the phi of `autoregression` into phi_1^2 + 4 phi_2 >= 0, and solve for r_2), and what is two steps old is no better known than
    what is one step old: r_2 <= r_1.

    Source:
        The bound, without derivation: `adjust_lag2_corrcoef2` of pysteps, Pulkkinen et al. (2019), doi:10.5194/gmd-12-4185-2019.
    """
    r_1 = np.clip(np.asarray(lag_1, np.float64), 0.0, _MOST)
    square = np.maximum(r_1**2, 1e-9)
    least = np.where(r_1**2 > 1e-6, (3 * square - 2 + 2 * (1 - square) ** 1.5) / square, 0.0)
    return r_1, np.clip(np.asarray(lag_2, np.float64), np.minimum(least, r_1), r_1)


def autoregression(lag_1: ArrayLike, lag_2: ArrayLike | None = None) -> Autoregression:
    """Coefficients from autocorrelations, by the equations of Yule and Walker.

        order 1:  phi_1 = r_1,                              phi_2 = 0
        order 2:  phi_1 = r_1 (1 - r_2) / (1 - r_1^2),      phi_2 = (r_2 - r_1^2) / (1 - r_1^2)
        phi_0 = sqrt(1 - r_1 phi_1 - r_2 phi_2)

    Args:
        lag_1: r_1, (level,).
        lag_2: r_2, (level,); order 1 if None. Both are adjusted first, see `adjusted_correlation`.

    Source:
        Seed (2003), doi:10.1175/1520-0450(2003)042<0381:ADASAF>2.0.CO;2; Bowler, Pierce & Seed (2006), doi:10.1256/qj.04.100.
    """
    r_1 = np.clip(np.asarray(lag_1, np.float64), 0.0, _MOST)
    if lag_2 is None:
        return Autoregression(r_1, np.zeros_like(r_1), np.sqrt(1 - r_1**2))
    r_1, r_2 = adjusted_correlation(r_1, lag_2)
    phi_1 = r_1 * (1 - r_2) / (1 - r_1**2)
    phi_2 = (r_2 - r_1**2) / (1 - r_1**2)
    return Autoregression(phi_1, phi_2, np.sqrt(np.maximum(1 - r_1 * phi_1 - r_2 * phi_2, 0.0)))
