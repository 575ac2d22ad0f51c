"""Errors in which heavy rain counts for more, because there is so little of it: B-MSE and B-MAE of the HKO-7 benchmark."""

from dataclasses import dataclass
from typing import Literal

import cv2
import numpy as np
import xarray as xr

from stormcell.errors import FramesError
from stormcell.verification.fields import Field, Mask, sums_of_pixels
from stormcell.verification.grey import grey_from_rain_rate

__all__ = ["Balanced", "balancing_weights"]

_STEPS = ((2.0, 1.0), (5.0, 3.0), (10.0, 5.0), (30.0, 20.0))  # from this rain rate on [mm h-1], so much is added to the weight
_STATISTICS = ("frames", "squared_error", "absolute_error")


def balancing_weights(observed: Field) -> Field:
    """Weight of each pixel by what was observed: 1 below 2 mm/h, 2 from 2, 5 from 5, 10 from 10, 30 from 30 mm/h on.

    Args:
        observed: rain rate [mm h-1], float32.

    Returns:
        The weights, same shape.

    Source:
        Shi et al. (2017), arXiv:1706.03458.
    """
    weights = np.ones_like(observed)
    for rain_rate, more in _STEPS:
        weights += np.float32(more) * (observed >= np.float32(rain_rate))
    return weights


@dataclass(frozen=True)
class Balanced:
    """B-MSE and B-MAE: weighted errors, summed over the pixels of a frame, then averaged over frames; satisfies `Score`.

        B-MSE = mean over frames of sum over pixels of w (p - o)^2,   B-MAE the same of w |p - o|

    with w of `balancing_weights`. As they are sums over pixels they grow with the grid and cannot be compared between sizes (HKO-7 has
    480 x 480 pixels, of which those that the mask leaves out count nothing). 0 is perfect. A frame without a valid pixel is not
    counted; a dry frame is, as rain forecast there is an error.

    Args:
        unit: "grey", the benchmark's own, in which p and o are grey values 0 to 1 (see `grey_from_rain_rate`, so forecasts above
            60 dBZ are clipped), or "mm h-1", the rain rate itself.

    Raises:
        FramesError: the unit is neither.

    Source:
        Shi et al. (2017), arXiv:1706.03458, and the benchmark's evaluation code.
    """

    unit: Literal["grey", "mm h-1"] = "grey"

    def __post_init__(self) -> None:
        if self.unit not in ("grey", "mm h-1"):
            raise FramesError(f"balanced errors are in 'grey' or 'mm h-1', not in {self.unit!r}")

    def sums(self, forecast: xr.DataArray, observed: xr.DataArray, valid: xr.DataArray) -> xr.DataArray:
        """Frames and weighted errors, (lead_time, statistic); a method with members is judged by their mean."""
        sums = sums_of_pixels(self._errors, forecast, observed, valid, statistic=_STATISTICS)
        sums.loc[{"statistic": "frames"}] = sums.sel(statistic="frames") > 0  # of pixels so far
        return sums

    def value(self, sums: xr.DataArray) -> xr.Dataset:
        """`b_mse` and `b_mae`, (lead_time,) each; NaN where there is no frame."""
        frames, squared, absolute = (sums.sel(statistic=name, drop=True) for name in _STATISTICS)
        frames = frames.where(frames > 0)
        return xr.Dataset({"b_mse": squared / frames, "b_mae": absolute / frames})

    def _errors(self, said: Field, seen: Field, known: Mask) -> tuple[float, ...]:
        weights = balancing_weights(seen)
        fields = (said, seen) if self.unit == "mm h-1" else (grey_from_rain_rate(said), grey_from_rain_rate(seen))
        error = cv2.absdiff(*fields)
        once = cv2.multiply(error, weights)
        twice = cv2.multiply(error, once)
        return float(np.count_nonzero(known)), cv2.sumElems(twice)[0], cv2.sumElems(once)[0]
