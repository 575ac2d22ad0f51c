"""Rain rate to numbers between 0 and 1, as ROVER wants its images, and back."""

import math
from dataclasses import dataclass
from typing import Self

import numpy as np
from numpy.typing import ArrayLike, NDArray

from stormcell.units import ZR_RULES, ZRRule, rain_rate_from_reflectivity, reflectivity_from_rain_rate

__all__ = ["ArctanTransform", "LinearTransform"]

Floats = NDArray[np.float32]


@dataclass(frozen=True)
class LinearTransform:
    """Reflectivity, linearly: t = (Z - low) / (high - low), Z [dBZ] clipped to low..high.

    Args:
        low_dbz: reflectivity that becomes 0.
        high_dbz: reflectivity that becomes 1.
        rule: from rain rate to reflectivity.
    """

    low_dbz: float = -10.0
    high_dbz: float = 60.0
    rule: ZRRule = ZR_RULES["hko-7"]

    def forward(self: Self, rain_rate: ArrayLike) -> Floats:
        """Rain rate [mm h-1] to 0..1; dry is 0, NaN stays NaN."""
        return (_clipped_dbz(rain_rate, self.low_dbz, self.high_dbz, self.rule) - np.float32(self.low_dbz)) / self._span

    def inverse(self: Self, scaled: ArrayLike) -> Floats:
        """0..1 to rain rate [mm h-1]; exactly 0 at 0 and below, the rate of `high_dbz` at 1 and above, NaN stays NaN."""
        level = np.clip(np.asarray(scaled, dtype=np.float32), 0, 1)
        return _rain_or_dry(level, level * self._span + np.float32(self.low_dbz), self.rule)

    @property
    def _span(self: Self) -> np.float32:
        return np.float32(self.high_dbz - self.low_dbz)


@dataclass(frozen=True)
class ArctanTransform:
    """Reflectivity with the contrast where rain is moderate: ROVER's non-linear transform, as the HKO-7 benchmark has it.

    t = (g(Z) - g(low)) / (g(high) - g(low)),  g(Z) = arctan((Z - centre) / width),  Z [dBZ] clipped to low..high

    Args:
        centre_dbz: reflectivity with the steepest contrast.
        width_dbz: over which the contrast falls off.
        low_dbz: reflectivity that becomes 0.
        high_dbz: reflectivity that becomes 1.
        rule: from rain rate to reflectivity.

    Source:
        Woo & Wong (2017), doi:10.3390/atmos8030048, with the constants of the HKO-7 benchmark (Shi et al., 2017, arXiv:1706.03458).
    """

    centre_dbz: float = 33.0
    width_dbz: float = 4.0
    low_dbz: float = -10.0
    high_dbz: float = 60.0
    rule: ZRRule = ZR_RULES["hko-7"]

    def forward(self: Self, rain_rate: ArrayLike) -> Floats:
        """Rain rate [mm h-1] to 0..1; dry is 0, NaN stays NaN."""
        low, span = self._low_and_span()
        dbz = _clipped_dbz(rain_rate, self.low_dbz, self.high_dbz, self.rule)
        turned = np.arctan((dbz - np.float32(self.centre_dbz)) / np.float32(self.width_dbz))
        level: Floats = np.clip((turned - low) / span, 0, 1)  # rounding may leave -1e-8
        return level

    def inverse(self: Self, scaled: ArrayLike) -> Floats:
        """0..1 to rain rate [mm h-1]; exactly 0 at 0 and below, the rate of `high_dbz` at 1 and above, NaN stays NaN."""
        low, span = self._low_and_span()
        level = np.clip(np.asarray(scaled, dtype=np.float32), 0, 1)
        dbz = np.float32(self.centre_dbz) + np.float32(self.width_dbz) * np.tan(level * span + low)
        return _rain_or_dry(level, dbz, self.rule)

    def _low_and_span(self: Self) -> tuple[np.float32, np.float32]:
        low, high = (math.atan((dbz - self.centre_dbz) / self.width_dbz) for dbz in (self.low_dbz, self.high_dbz))
        return np.float32(low), np.float32(high - low)


def _clipped_dbz(rain_rate: ArrayLike, low: float, high: float, rule: ZRRule) -> Floats:
    clipped: Floats = np.clip(reflectivity_from_rain_rate(np.asarray(rain_rate, dtype=np.float32), rule), np.float32(low), np.float32(high))
    return clipped


def _rain_or_dry(level: Floats, dbz: Floats, rule: ZRRule) -> Floats:
    rain_rate = rain_rate_from_reflectivity(dbz, rule).astype(np.float32, copy=False)
    return np.where(level <= 0, np.float32(0), rain_rate)
