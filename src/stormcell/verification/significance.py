"""How sure scores are: confidence intervals from resampled days, and whether two methods differ by more than chance.

Cases of one day share their weather, so thousands of forecasts of ten days are ten samples, not thousands. Days are drawn with
replacement, as many as there are; the sums of the drawn days are added, and the score is worked out from the total, never as a mean
of daily scores.
"""

from collections.abc import Callable
from typing import NamedTuple

import numpy as np
import xarray as xr
from numpy.typing import NDArray
from scipy import stats

from stormcell.errors import FramesError

__all__ = ["Difference", "block_bootstrap", "fewest_blocks", "paired_difference"]

_BOUNDS = ("low", "estimate", "high")
_AT_ONCE = 2**22  # numbers of resampled sums in memory

Value = Callable[[xr.DataArray], xr.Dataset]


class Difference(NamedTuple):
    """One method's scores minus another's.

    Attributes:
        interval: one variable a score, (bound, lead_time, ...), where `bound` is low, estimate, high.
        significant: the same scores, (lead_time, ...) bool: the interval excludes 0. False where it is NaN.
    """

    interval: xr.Dataset
    significant: xr.Dataset


def block_bootstrap(
    sums: xr.DataArray, value: Value, *, block: int = 1, replicates: int = 1000, level: float = 0.95, seed: int = 0
) -> xr.Dataset:
    """Confidence intervals of scores.

    Percentiles of the resampled scores, widened for few days: of n blocks the tail (1 - level) / 2 becomes
    Phi(-sqrt(n / (n - 1)) t), with t the quantile of Student's distribution with n - 1 degrees of freedom at that tail.

    Args:
        sums: (case, ..., statistic) of single cases, with the issue times as coordinate of `case`; `method` may be among the others.
        value: from sums to scores, as a rule the `value` of a `Score`; choose some of its variables where it gives large curves.
        block: days that are drawn together; more than 1 where the weather of one day is like that of the day before.
        replicates: how often days are drawn.
        level: of confidence.
        seed: of the draws; the same seed draws the same days.

    Returns:
        What `value` gives, with a first dimension `bound` of low, estimate and high; the estimate is the score of all cases. Low and
        high are NaN with fewer than `fewest_blocks(level)` blocks, 6 at 95 %: drawing again cannot make up for days that were never
        seen. They are NaN too where more than 1 - level of the draws leave the score undefined.

    Raises:
        FramesError: no dimension `case` with times, or parameters that make no sense.

    Source:
        Efron & Tibshirani (1993), An Introduction to the Bootstrap, ch. 13; Künsch (1989), doi:10.1214/aos/1176347265, for blocks (here
        they start on fixed days and do not overlap); Hesterberg (2015), doi:10.1080/00031305.2015.1089789, for the widening.
    """
    draws = _drawn(sums, value, block=block, replicates=replicates, level=level, seed=seed)
    return _interval(value(sums.sum("case", skipna=False)), draws, level)


def paired_difference(
    sums: xr.DataArray,
    value: Value,
    method: str,
    reference: str,
    *,
    block: int = 1,
    replicates: int = 1000,
    level: float = 0.95,
    seed: int = 0,
) -> Difference:
    """One method's scores minus another's on the same cases, with confidence intervals.

    Both are scored on the same drawn days: what is easy or hard about a day is no difference between methods.

    A difference is called significant where its interval excludes 0. Each comparison has a chance of 1 - level of being called so by
    luck; in a table of many cells some will be.

    Args:
        sums: (case, method, ..., statistic), as for `block_bootstrap`; leave out cases on which one of the two failed.
        value: from sums to scores.
        method: name of the first method.
        reference: name of the one that is subtracted.
        block: days that are drawn together.
        replicates: how often days are drawn.
        level: of confidence.
        seed: of the draws.

    Returns:
        Intervals, as from `block_bootstrap`, and significance.

    Raises:
        FramesError: as for `block_bootstrap`, or a method that the sums do not have.
    """
    for name in (method, reference):
        if "method" not in sums.dims or name not in sums["method"].values:
            raise FramesError(f"paired difference: expected sums with a dimension method that holds {name!r}, got {dict(sums.sizes)}")
    both = sums.sel({"method": [method, reference]})

    def difference(part: xr.DataArray) -> xr.Dataset:
        values = value(part)
        return values.isel(method=0, drop=True) - values.isel(method=1, drop=True)

    draws = _drawn(both, difference, block=block, replicates=replicates, level=level, seed=seed)
    interval = _interval(difference(both.sum("case", skipna=False)), draws, level)
    low, high = (interval.sel(bound=bound, drop=True) for bound in ("low", "high"))
    return Difference(interval, (low > 0) | (high < 0))


def fewest_blocks(level: float) -> int:
    """The fewest days, or blocks of days, that an interval of this level can be made from: 6 at 95 %, 8 at 99 %.

    The median of all days lies outside the range of n of them with a chance of 2^(1 - n), when they all fall on one side of it. An
    interval within their range can promise no more.
    """
    return 1 + int(np.ceil(np.log2(1 / (1 - level)) - 1e-9))


def _blocks_of(sums: xr.DataArray, block: int) -> NDArray[np.intp]:
    """(case,), the number of the block of days of each case, 0 ... n - 1."""
    times = sums["case"].values if "case" in sums.coords else np.array([])
    if "case" not in sums.dims or not np.issubdtype(times.dtype, np.datetime64) or times.size == 0:
        raise FramesError(f"bootstrap: expected sums of cases, with their issue times as coordinate 'case', got {dict(sums.sizes)}")
    if block < 1:
        raise FramesError(f"bootstrap: expected blocks of 1 day or more, got {block}")
    days = times.astype("datetime64[D]").astype(np.int64)
    return np.unique((days - days.min()) // block, return_inverse=True)[1]


def _drawn(sums: xr.DataArray, value: Value, *, block: int, replicates: int, level: float, seed: int) -> tuple[xr.Dataset, int]:
    """Scores of drawn days, one variable a score with a first dimension `draw`, and the number of blocks that were drawn from."""
    if replicates < 1 or not 0 < level < 1:
        raise FramesError(f"bootstrap: expected a replicate or more and a level between 0 and 1, got {replicates} and {level}")
    numbers = _blocks_of(sums, block)
    count = int(numbers.max()) + 1
    cases = sums.transpose("case", ...)
    flat = cases.values.reshape(cases.sizes["case"], -1).astype(np.float64)
    daily = np.zeros((count, flat.shape[1]))
    np.add.at(daily, numbers, flat)
    times_drawn = np.random.default_rng(seed).multinomial(count, np.full(count, 1 / count), size=replicates).astype(np.float64)
    layout = cases.isel(case=0, drop=True)
    parts = []
    step = max(1, _AT_ONCE // max(1, flat.shape[1]))
    for start in range(0, replicates, step):
        drawn = (times_drawn[start : start + step] @ daily).reshape(-1, *layout.shape)
        parts.append(value(xr.DataArray(drawn, dims=("draw", *layout.dims), coords=layout.coords, name=sums.name)))
    return xr.concat(parts, "draw", coords="minimal", compat="override", join="override"), count


def _interval(estimate: xr.Dataset, drawn: tuple[xr.Dataset, int], level: float) -> xr.Dataset:
    """The estimate between its bounds."""
    draws, count = drawn
    low = high = xr.full_like(estimate, np.nan, dtype=np.float64)
    if count >= fewest_blocks(level):
        student = stats.t.ppf((1 - level) / 2, count - 1)
        tail = float(stats.norm.cdf(np.sqrt(count / (count - 1)) * student))
        low, high = (draws.map(_quantile, args=(at, 1 - level)) for at in (tail, 1 - tail))
    bounds = xr.Variable("bound", list(_BOUNDS))
    return xr.concat([low, estimate, high], bounds, coords="minimal", compat="override", join="override").assign_coords(bound=list(_BOUNDS))


def _quantile(draws: xr.DataArray, at: float, undefined: float) -> xr.DataArray:
    """The quantile of the draws that define the score, linear between them; NaN where a larger share than `undefined` does not."""
    values = np.sort(draws.transpose("draw", ...).values, axis=0)  # NaN last
    known = np.count_nonzero(~np.isnan(values), axis=0)
    place = at * np.maximum(known - 1, 0)
    below = np.floor(place).astype(np.intp)
    above = np.minimum(below + 1, np.maximum(known - 1, 0))
    low, high = (np.take_along_axis(values, index[np.newaxis], axis=0)[0] for index in (below, above))
    quantile = np.where(known >= (1 - undefined) * len(values), low + (place - below) * (high - low), np.nan)
    return draws.transpose("draw", ...).isel(draw=0, drop=True).copy(data=quantile)
