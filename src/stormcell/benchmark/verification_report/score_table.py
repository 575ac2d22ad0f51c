"""All other scores in one table: who is best at what, and which differences are more than chance."""

from collections import Counter

import numpy as np
import pandas as pd

from stormcell.benchmark.verification_report.comparison import about_marks, compared, marked
from stormcell.benchmark.verification_report.document import Block, Cell, Section, Table
from stormcell.benchmark.verification_report.evidence import Evidence, Pool, chosen_leads, lead_label
from stormcell.benchmark.verification_report.lead_time_curves import drawn_scores
from stormcell.benchmark.verification_report.score_words import WORDS

__all__ = ["score_table"]

_MOST_EVENTS = 4  # where each stands for itself
_ELSEWHERE = {"csi", "departure"}  # has a table of its own; compares ensembles only


def score_table(evidence: Evidence) -> Section | None:
    """A table for the middle and one for the last lead time, with a row for each score; None where there is none besides CSI."""
    families = Counter(pool.family for pool in evidence.pools)
    pools = [pool for pool in evidence.pools if _best(pool) and families[pool.family] <= _MOST_EVENTS]
    if not pools:
        return None
    leads = dict.fromkeys(lead for pool in pools for lead in chosen_leads(pool))
    blocks: list[Block] = [_table(evidence, [pool for pool in pools if lead in chosen_leads(pool)], lead) for lead in leads]
    return Section("Other scores", [about_marks(pools, line="row") + " How each is read stands with its plot."], blocks)


def _best(pool: Pool) -> dict[str, float | None]:
    """The scores to show, and the best value of each."""
    return {name: WORDS[name].best for name in drawn_scores(pool) if name in WORDS and name not in _ELSEWHERE}


def _name(score: str) -> str:
    """In full, with the unit if it has one."""
    words = WORDS[score]
    return words.title + words.label[words.label.find(" [") :] if " [" in words.label else words.title


def _table(evidence: Evidence, pools: list[Pool], lead: np.timedelta64) -> Table:
    rows: list[list[str | Cell]] = []
    numbers = []
    for pool in pools:
        found = compared(pool, _best(pool), lead).assign(family=pool.family, cases=pool.cases, days=pool.days)
        numbers.append(found)
        event = f", {pool.event}" if sum(one.family == pool.family for one in pools) > 1 else ""
        for _, part in found.groupby(["score", "threshold"], sort=False, dropna=False):
            if part["value"].notna().any():
                name, threshold = str(part["score"].iloc[0]), float(part["threshold"].iloc[0])
                rate = f", {threshold:g} mm/h" if np.isfinite(threshold) else ""
                label = f"{_name(name)}{evidence.note(name, pool.family)}{rate}{event}"
                rows.append([label, *(marked(row) for row in part.to_dict("records"))])
    caption = f"Scores after {lead_label(lead)}"
    name = f"score_table_{lead / np.timedelta64(1, 'm'):g}min"
    return Table(caption, ["score", *pools[0].methods], rows, 1, name, pd.concat(numbers, ignore_index=True))
