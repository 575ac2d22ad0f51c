"""How far ahead a forecast is worth having."""

from collections.abc import Iterable

import numpy as np
import pandas as pd
import xarray as xr
from numpy.typing import NDArray

from stormcell.benchmark.verification_report.document import Block, Cell, Section, Table
from stormcell.benchmark.verification_report.evidence import Evidence, Pool, long_form, minutes_of
from stormcell.verification.skill_horizon import skill_horizon

__all__ = ["horizon_table"]

_LOWEST_CSI = 0.3
_REFERENCE = "persistence"


def horizon_table(evidence: Evidence) -> Section | None:
    """The lead time at which CSI falls below a fixed value, and below that of persistence; None where CSI was not computed."""
    pools = [pool for pool in evidence.having("csi") if "threshold" in pool.values["csi"].dims]
    blocks: list[Block] = []
    for pool in pools:
        csi, note = pool.values["csi"], evidence.note("csi", pool.family)
        blocks.append(_table(pool, skill_horizon(csi, _LOWEST_CSI), f"falls below {_LOWEST_CSI:g}", "fixed", pool.methods, note))
        others = [name for name in pool.methods if name != _REFERENCE]
        if _REFERENCE in pool.methods and others:
            level = csi.sel({"method": _REFERENCE}, drop=True)
            lost = skill_horizon(csi.sel({"method": others}), level)
            blocks.append(_table(pool, lost, f"falls below that of {_REFERENCE}", _REFERENCE, others, note))
    text = [
        "The lead time from which on a forecast is no longer worth having, between two lead times on a straight line. An entry such as "
        "> 60 min was not lost within the run; < 5 min was lost at the first lead time already."
    ]
    return Section("Lead time until skill is lost", text, blocks) if blocks else None


def _table(pool: Pool, lost: xr.Dataset, what: str, level: str, methods: Iterable[str], note: str) -> Table:
    leads = minutes_of(pool.values["lead_time"])
    thresholds = lost["threshold"].values
    rows: list[list[str | Cell]] = [
        [method, *(_words(lost.sel({"method": method, "threshold": threshold}), leads) for threshold in thresholds)] for method in methods
    ]
    in_minutes = lost.assign(horizon=lost["horizon"] / np.timedelta64(1, "m")).rename(horizon="horizon_min")
    numbers: pd.DataFrame = long_form(in_minutes, pool.event).assign(level=level, cases=pool.cases)
    event = "" if pool.event == "all events" else f"_{pool.event}"
    header = ["method", *(f"{threshold:g} mm/h" for threshold in thresholds)]
    return Table(
        f"Lead time at which CSI{note} {what}, {pool.event}", header, rows, 1, f"{pool.family}_skill_horizon_{level}{event}", numbers
    )


def _words(lost: xr.Dataset, leads: NDArray[np.float64]) -> str:
    outcome = str(lost["outcome"].item())
    minutes = lost["horizon"].values / np.timedelta64(1, "m")
    return {"kept": f"> {leads[-1]:g} min", "none": f"< {leads[0]:g} min", "lost": f"{minutes:.0f} min"}.get(outcome, "-")
