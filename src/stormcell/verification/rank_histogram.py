"""Rank histogram: does the observation fall among the members as if it were one of them?"""

from dataclasses import dataclass
from functools import cache

import numpy as np
import xarray as xr

from stormcell.errors import FramesError
from stormcell.verification.fields import Field, Mask, Sums, sums_of_members

__all__ = ["RankHistogram"]

_STATISTICS = ("pixels", "expected")


@dataclass(frozen=True)
class RankHistogram:
    """How often the observation has each rank among the members; satisfies `Score`.

    The rank is the number of members below the observation, 0 ... m. If the observation could be one of the members, all m + 1 ranks
    are equally frequent. A U says that the spread is too small, a dome that it is too large, a slope that the forecast is too wet
    (low ranks) or too dry.

        frequency (rank)    share of the pixels with this rank; NaN for ranks that the ensemble does not have
        departure           sum (frequency - e)^2 / e with e = 1 / (m + 1): 0 is flat, m is all in one rank

    `departure` times the number of pixels is the chi-squared statistic of flatness. It is no test: neighbouring pixels are not
    independent. What is left by chance is gauged by resampling days; see `stormcell.verification.significance`.

    Ties: an observation that equals t members could have any of t + 1 ranks, and each of them gets 1 / (t + 1) of the pixel. This is
    the mean over all ways of drawing lots, without lots.

    Dry pixels: where neither members nor observation have rain all ranks tie, and such a pixel says "flat" of any ensemble. They are
    left out unless asked for, as most pixels are dry and would flatter the rest. This favours none of the ranks, since members and
    observation are treated alike. NaN where nothing is left.

    Args:
        dry: count pixels that are dry (0) in the observation and all members.
        ranks: length of the dimension `rank`, at least members + 1; the same for all methods, so that their sums have one shape.

    Source:
        Hamill (2001), doi:10.1175/1520-0493(2001)129<0550:IORHFV>2.0.CO;2. Departure: ties are split, not drawn by lot.
    """

    dry: bool = False
    ranks: int = 51

    def sums(self, forecast: xr.DataArray, observed: xr.DataArray, valid: xr.DataArray) -> xr.DataArray:
        """Pixels of each rank, and how many a flat histogram has there, (lead_time, rank, statistic).

        Raises:
            FramesError: there are more members than ranks, the three do not fit together, or a valid pixel is NaN.
        """
        if forecast.sizes.get("member", 0) >= self.ranks:
            raise FramesError(
                f"rank histogram: {forecast.sizes['member']} members have more ranks than {self.ranks}; make {self.ranks - 1} members "
                "or fewer, or build RankHistogram(ranks=...)"
            )
        return sums_of_members(self._counts, forecast, observed, valid, statistic=_STATISTICS, rank=range(self.ranks))

    def value(self, sums: xr.DataArray) -> xr.Dataset:
        """`frequency` (lead_time, rank) and `departure` (lead_time,)."""
        pixels, expected = (sums.sel(statistic=name, drop=True) for name in _STATISTICS)
        n = pixels.sum("rank", skipna=False)
        n = n.where(n > 0)
        chi_squared = (pixels - expected) ** 2 / expected.where(expected != 0, 1)
        return xr.Dataset({"frequency": pixels.where(expected != 0) / n, "departure": chi_squared.sum("rank", skipna=False) / n})

    def _counts(self, members: Field, seen: Field, known: Mask) -> Sums:
        count = len(members)
        chosen = known if self.dry else known & ((seen != 0) | (members != 0).any(axis=0))
        truth = seen[chosen]
        places = np.zeros(truth.shape, np.int32)  # members below, times count + 1, and those equal
        for member in members:
            said = member[chosen]
            places += (said < truth) * np.int32(count + 1)
            places += said == truth
        sums = np.zeros((self.ranks, len(_STATISTICS)))
        sums[: count + 1, 0] = np.bincount(places, minlength=(count + 1) ** 2) @ _shares(count)
        sums[: count + 1, 1] = truth.size / (count + 1)
        return sums


@cache
def _shares(count: int) -> Sums:
    """The share of each rank in a pixel with so many members below and so many equal, (below (count + 1) + equal, rank)."""
    shares = np.zeros((count + 1, count + 1, count + 1))
    for below in range(count + 1):
        for equal in range(count + 1 - below):
            shares[below, equal, below : below + equal + 1] = 1 / (equal + 1)
    return shares.reshape(-1, count + 1)
