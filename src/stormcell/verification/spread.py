"""Spread and error: does the ensemble know how wrong its mean is?"""

from dataclasses import dataclass

import cv2
import numpy as np
import xarray as xr

from stormcell.verification.fields import Field, Mask, sums_of_members

__all__ = ["SpreadError"]

_STATISTICS = ("pixels", "variance", "squared_error")


@dataclass(frozen=True)
class SpreadError:
    """The spread of an ensemble beside the error of its mean; satisfies `Score`.

    With m members x_i, their mean X and the observation y at a pixel, means over all valid pixels of all cases,

        rmse = sqrt(mean (X - y)^2)                                                 [mm h-1]
        spread = sqrt((m + 1) / m  mean(1 / (m - 1) sum_i (x_i - X)^2))             [mm h-1]
        ratio = spread / rmse

    If the observation could be one of the members the ratio is 1, for any number of members: the factor (m + 1) / m makes up for the
    mean of few members being off by itself. Below 1 the ensemble is too sure. Variances are averaged, not standard deviations.

    One member: `rmse` is its own, spread and ratio are NaN. Dry everywhere: spread and rmse are 0, and the ratio is NaN, as it is where
    the mean is perfect. NaN without valid pixels.

    Source:
        Fortin, Abaza, Anctil & Turcotte (2014), doi:10.1175/JHM-D-14-0008.1.
    """

    def sums(self, forecast: xr.DataArray, observed: xr.DataArray, valid: xr.DataArray) -> xr.DataArray:
        """Pixels, variances times (m + 1) / m, and squared errors, (lead_time, statistic)."""
        return sums_of_members(_moments, forecast, observed, valid, statistic=_STATISTICS)

    def value(self, sums: xr.DataArray) -> xr.Dataset:
        """`spread` and `rmse` [mm h-1] and `ratio`, (lead_time,) each."""
        pixels, variance, squared = (sums.sel(statistic=name, drop=True) for name in _STATISTICS)
        pixels = pixels.where(pixels > 0)
        spread, rmse = (variance / pixels) ** 0.5, (squared / pixels) ** 0.5
        return xr.Dataset({"spread": spread, "rmse": rmse, "ratio": spread / rmse.where(rmse > 0)})


def _moments(members: Field, seen: Field, known: Mask) -> tuple[float, float, float]:
    count = len(members)
    mean = members.mean(axis=0, dtype=np.float64).astype(np.float32)
    variance = np.nan
    if count > 1:
        variance = sum(cv2.norm(member, mean, cv2.NORM_L2SQR) for member in members) / (count - 1) * (count + 1) / count
    return float(np.count_nonzero(known)), variance, cv2.norm(mean, seen, cv2.NORM_L2SQR)
