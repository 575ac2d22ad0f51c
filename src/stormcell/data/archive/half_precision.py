"""Rain rates in two bytes: IEEE half precision, rounded so that wet stays wet."""

import numpy as np
from numpy.typing import NDArray

from stormcell.errors import FramesError

__all__ = ["PRECISION", "WET", "to_half"]

WET = 0.1  # mm h-1; at and above it a pixel counts as wet
PRECISION = (
    "float16: relative error at most 2^-11 (0.049 %), absolute error at most 3e-8 mm h-1 below 6.1e-5 mm h-1; "
    "0 and NaN are exact, and what is at least 0.1 mm h-1 stays at least 0.1 mm h-1"
)

_LARGEST = 65_504.0
_ALMOST_WET = np.float16(WET)  # the half nearest to 0.1 is 0.09998
_JUST_WET = np.nextafter(_ALMOST_WET, np.float16(1.0))  # and the next is 0.10004


def to_half(rain_rate: NDArray[np.float32]) -> NDArray[np.float16]:
    """Round rain rates [mm h-1] to the nearest half, but never from wet to dry. NaN and 0 are kept as they are.

    A rate of 0.1 becomes 0.10004, not 0.09998: an error of 0.037 %, which is within what the rounding may cost anywhere.

    Raises:
        FramesError: a rate is above what a half can hold, 65,504 mm/h, which never falls on earth.
    """
    if rain_rate.size and (largest := float(np.fmax.reduce(rain_rate, axis=None))) > _LARGEST:
        raise FramesError(f"frames: expected rain rates of at most {_LARGEST:,.0f} mm/h, got {largest:g}")
    half = rain_rate.astype(np.float16)
    half[(half == _ALMOST_WET) & (rain_rate >= np.float32(WET))] = _JUST_WET
    return half
