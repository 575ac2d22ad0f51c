"""The one protocol of scores: sums that add up, then values from the sums."""

from collections.abc import Iterable
from typing import Protocol

import numpy as np
import xarray as xr

from stormcell.errors import FramesError

__all__ = ["Score", "check_case", "common_mask", "point_forecast"]


class Score(Protocol):
    """A family of scores that are gathered piece by piece.

    The sums of two cases added together are the sums of both, so scores can be gathered over days and machines, and merging any
    split of the cases gives the same values. Averaging ratios is never needed.
    """

    def sums(self, forecast: xr.DataArray, observed: xr.DataArray, valid: xr.DataArray) -> xr.DataArray:
        """The sums of one case.

        Args:
            forecast: (member, lead_time, y, x) rain rate [mm h-1].
            observed: (lead_time, y, x) rain rate [mm h-1] at the valid times.
            valid: (lead_time, y, x) bool, the pixels to score; see `common_mask`. What lies outside is never looked at.

        Returns:
            (lead_time, ..., statistic) float64, where `statistic` names what was summed.

        Raises:
            FramesError: the three do not fit together, or a valid pixel is NaN.
        """
        ...

    def value(self, sums: xr.DataArray) -> xr.Dataset:
        """The scores from sums, which may have been added over many cases.

        Returns:
            One variable a score, (lead_time, ...); NaN where it is not defined, never a flattering 0 or 1. Further dimensions of
            the sums (method, day, ...) are kept.
        """
        ...


def common_mask(observed: xr.DataArray, forecasts: Iterable[xr.DataArray]) -> xr.DataArray:
    """The pixels that the observation, and every member of every forecast, know: the ones that a fair comparison scores.

    Args:
        observed: (lead_time, y, x).
        forecasts: each (member, lead_time, y, x).

    Returns:
        (lead_time, y, x) bool.
    """
    known = observed.notnull()
    for forecast in forecasts:
        known = known & np.isfinite(forecast.values).all(axis=0)
    return known.rename("valid")


def check_case(forecast: xr.DataArray, observed: xr.DataArray, valid: xr.DataArray) -> None:
    """Dimensions and sizes that fit together.

    Raises:
        FramesError: they do not; says which.
    """
    if forecast.dims != ("member", "lead_time", "y", "x") or observed.dims != ("lead_time", "y", "x") or valid.dims != observed.dims:
        raise FramesError(
            f"scores: expected a forecast (member, lead_time, y, x), an observation and a mask (lead_time, y, x), "
            f"got {forecast.dims}, {observed.dims} and {valid.dims}"
        )
    if forecast.shape[1:] != observed.shape or valid.shape != observed.shape:
        raise FramesError(
            f"scores: the forecast has {forecast.shape[1:]} values a member, the observation {observed.shape}, the mask {valid.shape}"
        )
    if valid.dtype != bool:
        raise FramesError(f"scores: expected a mask of bool, got {valid.dtype}")


def point_forecast(forecast: xr.DataArray) -> xr.DataArray:
    """The one field that deterministic scores look at, (lead_time, y, x): the only member, or the mean of the ensemble.

    NaN where a member is NaN: a mean over the others would hide it. The mean is taken in float64, so that equal members keep their value.
    """
    if forecast.sizes["member"] == 1:
        return forecast[0].drop_vars("member", errors="ignore")
    return forecast.mean("member", skipna=False, dtype=np.float64).astype(forecast.dtype)
