"""The one protocol of scores: sums that add up, then a value from the sums."""

from typing import Protocol

import xarray as xr

__all__ = ["Score"]


class Score(Protocol):
    """A score that can be gathered piece by piece.

    The sums of two cases added together are the sums of both, so scores can be gathered over days and machines, and merging any
    split of the cases gives the same value. Averaging ratios is never needed.
    """

    def sums(self, forecast: xr.DataArray, observed: xr.DataArray) -> xr.DataArray:
        """The sums of one case.

        Args:
            forecast: (member, lead_time, y, x) rain rate [mm h-1]; NaN is left out.
            observed: (lead_time, y, x) rain rate [mm h-1] at the valid times; NaN is left out.
        """
        ...

    def value(self, sums: xr.DataArray) -> xr.DataArray:
        """The score from sums, which may have been added over many cases; NaN where it is not defined."""
        ...
