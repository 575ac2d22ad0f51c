"""The grey value of a pixel of rain, 0 to 1, on the scale of the HKO-7 data: what balanced errors and SSIM compare."""

import math

import numpy as np

from stormcell.units import ZR_RULES
from stormcell.verification.fields import Field

__all__ = ["GREY_LEVELS", "grey_from_rain_rate", "rain_rate_from_grey"]

GREY_LEVELS = 255  # steps between black and white in the files of the data set
_LOWEST_DBZ, _RANGE_DB = -10.0, 70.0


def grey_from_rain_rate(rain_rate: Field) -> Field:
    """Grey value p = (dBZ + 10) / 70, clipped to 0..1, with dBZ = 10 log10 a + 10 b log10 R, a = 58.53, b = 1.56.

    Args:
        rain_rate: R [mm h-1], not negative, float32.

    Returns:
        0 (dry, or below -10 dBZ: R < 0.017) to 1 (60 dBZ or more: R > 516.7), same shape; not rounded to whole grey levels.

    Source:
        Shi et al. (2017), arXiv:1706.03458. Agrees with `reflectivity_from_rain_rate` and `Scaling(-10, 60)` of `stormcell.units` to
        float32, in one pass.
    """
    factor, offset = _logarithm()
    grey = np.log(np.maximum(rain_rate, np.float32(1e-6)))
    grey *= np.float32(factor)
    grey += np.float32(offset)
    return np.clip(grey, 0.0, 1.0, out=grey)


def rain_rate_from_grey(grey: Field) -> Field:
    """The way back; 0 is dry, and NaN stays NaN.

    Args:
        grey: 0 to 1, float32.

    Returns:
        Rain rate [mm h-1], same shape.
    """
    factor, offset = _logarithm()
    rain_rate = np.exp((grey - np.float32(offset)) / np.float32(factor))
    return np.where(grey <= 0, np.float32(0), rain_rate)


def _logarithm() -> tuple[float, float]:
    """(f, o): grey value = f ln R + o."""
    rule = ZR_RULES["hko-7"]
    return 10.0 * rule.b / math.log(10.0) / _RANGE_DB, (10.0 * math.log10(rule.a) - _LOWEST_DBZ) / _RANGE_DB
