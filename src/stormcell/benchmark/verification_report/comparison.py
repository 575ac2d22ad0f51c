"""Methods held against the best of them, score by score, and whether the difference is more than chance."""

from collections.abc import Hashable, Iterator, Mapping

import numpy as np
import pandas as pd
import xarray as xr

from stormcell.benchmark.verification_report.document import Cell
from stormcell.benchmark.verification_report.evidence import LEVEL, Pool, days_of, minutes_of, number_text
from stormcell.verification.significance import fewest_blocks, paired_difference

__all__ = ["ALIKE", "about_marks", "compared", "marked"]

ALIKE = "≈"


def about_marks(pools: list[Pool], *, line: str) -> str:
    """What the marks in a table mean; `line` is what is compared within: "row" or "column"."""
    best = f"The best of each {line} is bold. "
    days = max(pool.days for pool in pools)
    if not any(pool.has_intervals for pool in pools):
        few = f"With cases on {days_of(days)} it cannot be told which differences are more than chance; "
        return best + few + f"it takes {fewest_blocks(LEVEL)} days or more."
    return best + (
        f"{ALIKE} marks values whose difference from the best may be chance: its 95 % interval, from drawing the same {days} days again "
        "and again for both methods, holds 0. Each comparison has a chance of 1 in 20 of seeming more than chance by luck."
    )


def compared(pool: Pool, best: Mapping[str, float | None], lead: np.timedelta64) -> pd.DataFrame:
    """Each method beside the best one, for every score and threshold at a lead time.

    The merit of a value is how near it is to the best one there could be, -|value - best|, or -value of an error; the method with the
    highest merit is the best of those compared, the first of several. Where all are alike, or only one has a value, none is.

    Args:
        pool: what is compared.
        best: score -> its best value; None for a score that is an error, best if low.
        lead: lead time.

    Returns:
        Rows of `event`, `lead_time_min`, `score`, `threshold` (NaN for scores without), `method`, `value`, `best_method`, and of the
        method's merit minus the best one's `difference`, the bounds `low` and `high`, and `significant`; None where the days are too few
        for bounds.
    """
    names = list(best)

    def merits(sums: xr.DataArray) -> xr.Dataset:
        values = pool.score.value(sums)[names].isel(lead_time=0, drop=True)
        return xr.Dataset({name: -values[name] if at is None else -abs(values[name] - at) for name, at in best.items()})

    daily = pool.daily.sel(lead_time=[lead])
    values, merit = pool.values[names].sel(lead_time=lead), merits(daily.sum("case", skipna=False))
    winners = {(name, at): _winner(_picked(merit[name], at)) for name in names for at in _thresholds(merit[name])}
    shared = {"event": pool.event, "lead_time_min": float(minutes_of(values["lead_time"]))}
    rows = []
    for method in pool.methods:
        bounds = {
            winner: paired_difference(daily, merits, method, winner, level=LEVEL)
            for winner in dict.fromkeys(winners.values())
            if winner not in (None, method) and pool.has_intervals
        }
        for (name, at), winner in winners.items():
            row = {**shared, "score": name, "threshold": np.nan if at is None else at, "method": method}
            row |= {"value": float(_picked(values[name], at).sel({"method": method})), "best_method": winner}
            row |= {"difference": np.nan, "low": np.nan, "high": np.nan, "significant": False if pool.has_intervals else None}
            if winner not in (None, method):
                mine = _picked(merit[name], at)
                row["difference"] = float(mine.sel({"method": method}) - mine.sel({"method": winner}))
            if winner in bounds:
                low, high = (float(_picked(bounds[winner].interval[name], at).sel(bound=bound)) for bound in ("low", "high"))
                row |= {"low": low, "high": high, "significant": bool(_picked(bounds[winner].significant[name], at))}
            rows.append(row)
    return pd.DataFrame.from_records(rows)


def marked(row: Mapping[Hashable, object]) -> Cell:
    """The value of a row of `compared`: bold if it is the best, with a mark if its difference from the best may be chance."""
    value = float(str(row["value"]))
    best = row["best_method"] == row["method"] or row["difference"] == 0
    alike = row["significant"] is False and row["best_method"] is not None and not best and np.isfinite(value)
    return Cell(number_text(value) + (f" {ALIKE}" if alike else ""), best)


def _thresholds(values: xr.DataArray) -> Iterator[float | None]:
    yield from map(float, values["threshold"].values) if "threshold" in values.dims else (None,)


def _picked(values: xr.DataArray, threshold: float | None) -> xr.DataArray:
    return values if threshold is None else values.sel(threshold=threshold)


def _winner(merit: xr.DataArray) -> str | None:
    """The method with the highest merit, (method,); None where there are no two different ones."""
    differ = np.unique(merit.values[np.isfinite(merit.values)]).size > 1
    return str(merit["method"].values[int(np.nanargmax(merit.values))]) if differ else None
