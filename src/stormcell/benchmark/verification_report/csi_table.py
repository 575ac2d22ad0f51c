"""The table that is looked at first: critical success index by method and threshold, and which differences are more than chance."""

import numpy as np
import pandas as pd

from stormcell.benchmark.strata import STRATA
from stormcell.benchmark.verification_report.comparison import about_marks, compared, marked
from stormcell.benchmark.verification_report.document import Block, Cell, Section, Table
from stormcell.benchmark.verification_report.evidence import Evidence, Pool, chosen_leads, days_of, lead_label

__all__ = ["csi_table", "weather_table"]

_MOST_EVENTS = 12  # more would make a table that nobody reads; they are in scores.csv


def csi_table(evidence: Evidence) -> Section | None:
    """Tables of CSI at the middle and the last lead time, and of each event; None where CSI was not computed."""
    pools = _pools(evidence)
    if not pools:
        return None
    blocks: list[Block] = [_table(pool, lead, evidence.note("csi", pool.family)) for pool in pools for lead in chosen_leads(pool)]
    if len(evidence.results.events) <= _MOST_EVENTS:
        blocks += _apart(evidence, "event")
    return Section("Critical success index", [about_marks(pools, line="column")], blocks)


def weather_table(evidence: Evidence) -> Section | None:
    """Tables of CSI by season and by regime; None where CSI was not computed, or all cases are of one season and one regime."""
    blocks = [block for by in STRATA for block in _apart(evidence, by)]
    text = [
        "Critical success index of some of the cases only. Seasons are three months, named by their letters. The regime is told from the "
        "last scan that the forecasts knew: dry is rain in less than 1 % of what the radar saw, scattered in less than 10 %, widespread in "
        "more; heavy is a mean of 2 mm/h or more where it rained. What rests on few days says little."
    ]
    return Section("Seasons and regimes", text, blocks) if blocks else None


def _pools(evidence: Evidence) -> list[Pool]:
    return [pool for pool in evidence.having("csi") if "threshold" in pool.values["csi"].dims]


def _compared(pool: Pool, lead: np.timedelta64) -> pd.DataFrame:
    return compared(pool, {"csi": 1.0}, lead).drop(columns="score").rename(columns={"value": "csi"})


def _cells(numbers: pd.DataFrame) -> dict[str, list[str | Cell]]:
    """Of each method, by threshold."""
    cells: dict[str, list[str | Cell]] = {}
    for row in numbers.rename(columns={"csi": "value"}).to_dict("records"):
        cells.setdefault(str(row["method"]), []).append(marked(row))
    return cells


def _columns(pool: Pool) -> list[str]:
    return [f"{threshold:g} mm/h" for threshold in pool.values["threshold"].values]


def _table(pool: Pool, lead: np.timedelta64, note: str) -> Table:
    numbers = _compared(pool, lead)
    rows: list[list[str | Cell]] = [[method, *cells] for method, cells in _cells(numbers).items()]
    caption = f"CSI{note} after {lead_label(lead)}, {pool.event}, {pool.cases} cases on {days_of(pool.days)}"
    name = f"{pool.family}_csi_table_{lead / np.timedelta64(1, 'm'):g}min" + ("" if pool.event == "all events" else f"_{pool.event}")
    return Table(caption, ["method", *_columns(pool)], rows, 1, name, numbers)


def _apart(evidence: Evidence, by: str) -> list[Block]:
    """For each family a table at the last lead time, with rows for each event, season or regime; none where there are not two of them."""
    blocks: list[Block] = []
    for family in dict.fromkeys(pool.family for pool in _pools(evidence)):
        pools = evidence.strata(by, family)
        rows: list[list[str | Cell]] = []
        numbers = []
        for pool in pools:
            part = _compared(pool, chosen_leads(pool)[-1])
            rows += [[pool.event, f"{pool.cases} on {days_of(pool.days)}", method, *cells] for method, cells in _cells(part).items()]
            numbers.append(part.rename(columns={"event": by}).assign(cases=pool.cases, days=pool.days))
        if len(pools) > 1:
            caption = f"CSI{evidence.note('csi', family)} at the last lead time, by {by}"
            header = [by, "cases", "method", *_columns(pools[0])]
            blocks.append(Table(caption, header, rows, 3, f"{family}_csi_by_{by}", pd.concat(numbers, ignore_index=True)))
    return blocks
