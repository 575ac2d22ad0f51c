"""The table that is looked at first: critical success index by method and threshold, and which differences are more than chance."""

from contextlib import suppress
from typing import NamedTuple

import numpy as np
import pandas as pd
import xarray as xr

from stormcell.benchmark.verification_report.document import Block, Cell, Section, Table
from stormcell.benchmark.verification_report.evidence import Evidence, Pool, chosen_leads, days_of, lead_label, minutes_of
from stormcell.errors import StormcellError

__all__ = ["csi_table"]

ALIKE = "≈"
_MOST_EVENTS = 12  # more would make a table that nobody reads; they are in scores.csv


class _Compared(NamedTuple):
    """A method held against the best one at a lead time and threshold."""

    best: str
    difference: float
    low: float
    high: float
    significant: bool


def csi_table(evidence: Evidence) -> Section | None:
    """Tables of CSI at the middle and the last lead time, and of each event; None where CSI was not computed."""
    pools = [pool for pool in evidence.having("csi") if "threshold" in pool.values["csi"].dims]
    if not pools:
        return None
    blocks: list[Block] = [
        _table(pool, lead, _differences(pool, lead), evidence.note("csi", pool.family)) for pool in pools for lead in chosen_leads(pool)
    ]
    events = evidence.results.events
    if 1 < len(events) <= _MOST_EVENTS:
        blocks += [_by_event(evidence, pool) for pool in dict.fromkeys(pool.family for pool in pools)]
    return Section("Critical success index", [_about_marks(pools)], blocks)


def _about_marks(pools: list[Pool]) -> str:
    best = "The best of each column is bold. "
    days = max(pool.days for pool in pools)
    if not any(pool.has_intervals for pool in pools):
        return best + f"With cases on {days_of(days)} it cannot be told which differences are more than chance; it takes 6 days or more."
    return best + (
        f"{ALIKE} marks values whose difference from the best may be chance: its 95 % interval, from drawing the same {days} days again "
        "and again for both methods, holds 0. Each comparison has a chance of 1 in 20 of seeming more than chance by luck."
    )


def _best(column: xr.DataArray) -> str | None:
    """The method with the highest value, (method,); the first of several."""
    return str(column["method"].values[int(np.nanargmax(column.values))]) if bool(column.notnull().any()) else None


def _differences(pool: Pool, lead: np.timedelta64) -> dict[tuple[str, float], _Compared]:
    """Of each method from the best one, by method and threshold."""
    values = pool.values["csi"].sel(lead_time=lead)
    best = {float(threshold): _best(values.sel(threshold=threshold)) for threshold in values["threshold"].values}
    found = {}
    for reference in dict.fromkeys(name for name in best.values() if name is not None):
        for method in pool.methods:
            if method == reference:
                continue
            difference = pool.difference("csi", method, reference)
            for threshold in (threshold for threshold, name in best.items() if name == reference):
                at = {"lead_time": lead, "threshold": threshold}
                low, middle, high = difference.interval["csi"].sel(at).transpose("bound").values
                found[method, threshold] = _Compared(reference, middle, low, high, bool(difference.significant["csi"].sel(at)))
    return found


def _table(pool: Pool, lead: np.timedelta64, compared: dict[tuple[str, float], _Compared], note: str) -> Table:
    values = pool.values["csi"].sel(lead_time=lead)
    thresholds = [float(threshold) for threshold in values["threshold"].values]
    rows: list[list[str | Cell]] = []
    records = []
    for method in pool.methods:
        cells: list[str | Cell] = [method]
        for threshold in thresholds:
            value, other = float(values.sel({"method": method, "threshold": threshold})), compared.get((method, threshold))
            alike = other is not None and pool.has_intervals and not other.significant and np.isfinite(value)
            cells.append(Cell(_number(value) + (f" {ALIKE}" if alike else ""), best=other is None and np.isfinite(value)))
            record = {
                "event": pool.event,
                "lead_time_min": float(minutes_of(values["lead_time"])),
                "method": method,
                "threshold": threshold,
            }
            record |= {"csi": value, "best_method": other.best if other else method}
            record |= dict(zip(("difference", "low", "high"), other[1:4] if other else (np.nan,) * 3, strict=True))
            record["significant"] = (other is not None and other.significant) if pool.has_intervals else None
            records.append(record)
        rows.append(cells)
    caption = f"CSI{note} after {lead_label(lead)}, {pool.event}, {pool.cases} cases on {days_of(pool.days)}"
    name = f"{pool.family}_csi_table_{minutes_of(values['lead_time']):g}min" + ("" if pool.event == "all events" else f"_{pool.event}")
    return Table(caption, _header(thresholds), rows, 1, name, pd.DataFrame.from_records(records))


def _by_event(evidence: Evidence, family: str) -> Table:
    """Event by event at the last lead time; without marks, for an event is a day or two."""
    rows: list[list[str | Cell]] = []
    records, header = [], ["event", "method"]
    for event in evidence.results.events:
        with suppress(StormcellError):  # no case of this event succeeded
            values = evidence.results.values(family, event)["csi"].isel(lead_time=-1)
            thresholds = [float(threshold) for threshold in values["threshold"].values]
            header = ["event", *_header(thresholds)]
            best = {threshold: _best(values.sel(threshold=threshold)) for threshold in thresholds}
            for method in map(str, values["method"].values):
                row = {threshold: float(values.sel({"method": method, "threshold": threshold})) for threshold in thresholds}
                rows.append([event, method, *(Cell(_number(value), best[threshold] == method) for threshold, value in row.items())])
                minutes = float(minutes_of(values["lead_time"]))
                records += [
                    {"event": event, "lead_time_min": minutes, "method": method, "threshold": threshold, "csi": value}
                    for threshold, value in row.items()
                ]
    return Table(
        f"CSI{evidence.note('csi', family)} at the last lead time, event by event",
        header,
        rows,
        2,
        f"{family}_csi_by_event",
        pd.DataFrame.from_records(records),
    )


def _header(thresholds: list[float]) -> list[str]:
    return ["method", *(f"{threshold:g} mm/h" for threshold in thresholds)]


def _number(value: float) -> str:
    return f"{value:.3f}" if np.isfinite(value) else "-"
