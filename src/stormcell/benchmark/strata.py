"""Kinds of weather that are scored apart: the season, and what the radar showed when a forecast was made.

To add one, write a function from the table of cases to a label for each, and list it in `STRATA`.

A kind is told from what was known at the issue time, never from what came. Cases chosen by what came punish whoever forecasts well: where
only downpours are looked at, a forecast that always says "downpour" wins. Source: Lerch et al. (2017), doi:10.1214/16-STS588.
"""

from collections.abc import Callable, Sequence

import numpy as np
import pandas as pd
from numpy.typing import NDArray

__all__ = ["STRATA", "regime", "season"]

_SEASONS = ("DJF", "MAM", "JJA", "SON")
_REGIMES = ("dry", "scattered light", "scattered heavy", "widespread light", "widespread heavy")
_HARDLY_ANY, _WIDESPREAD = 0.01, 0.10  # share of the seen area with 0.1 mm h-1 or more
_HEAVY = 2.0  # mean rain rate where it rains [mm h-1]


def season(cases: pd.DataFrame) -> pd.Series:
    """Three months of the year by their first letters, as climatology has them: DJF, MAM, JJA, SON.

    Args:
        cases: a row for each case, with `issue_time` [UTC]; see `Results.cases`.

    Returns:
        The label of each case.
    """
    return _labels(cases["issue_time"].dt.month.to_numpy(np.int64) % 12 // 3, _SEASONS, cases)


def regime(cases: pd.DataFrame) -> pd.Series:
    """How much of the area had rain in the last scan that the forecast knew, and how heavy it was there.

        dry             rain (0.1 mm/h or more) in less than 1 % of what the radar saw
        scattered       in less than 10 %
        widespread      in 10 % or more
        light, heavy    a mean below 2 mm/h where it rained, or not below

    The shares are of the seen area, so that regimes of radars of very different size are not quite the same.

    Args:
        cases: a row for each case, with `past_wet_share` and `past_mean` [mm h-1]; see `Results.cases`.

    Returns:
        The label of each case; missing where the last scan saw nothing.
    """
    share, mean = (cases[name].to_numpy(np.float64) for name in ("past_wet_share", "past_mean"))
    heavy = mean >= _HEAVY * share  # of the wet pixels alone, as nearly all rain lies in them
    code = np.where(share < _HARDLY_ANY, 0, 1 + heavy + 2 * (share >= _WIDESPREAD))
    return _labels(np.where(np.isfinite(share), code, -1), _REGIMES, cases)


def _labels(codes: NDArray[np.int64], labels: Sequence[str], cases: pd.DataFrame) -> pd.Series:
    """The label of each code, in the order of the labels; missing for -1."""
    return pd.Series(pd.Categorical.from_codes(pd.Index(codes), pd.Index(labels), ordered=True), cases.index)


STRATA: dict[str, Callable[[pd.DataFrame], pd.Series]] = {
    "season": season,
    "regime": regime,
}
