"""The scores that a report shows: of all events together where they can be added up, else event by event, and how sure they are."""

from contextlib import suppress
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import pandas as pd
import xarray as xr
from numpy.typing import NDArray

from stormcell.benchmark.results import POOLED, DailySums, Results
from stormcell.errors import StormcellError
from stormcell.progress import track
from stormcell.verification.score import Score
from stormcell.verification.significance import block_bootstrap, fewest_blocks

__all__ = ["LEVEL", "Evidence", "Pool", "chosen_leads", "days_of", "lead_label", "long_form", "minutes_of", "number_text"]

LEVEL = 0.95


@dataclass(frozen=True)
class Pool:
    """Cases that are scored together, by one family of scores.

    Attributes:
        event: the event, or "all events".
        family: name of the family.
        score: what makes values of sums.
        values: the scores of all cases, (method, lead_time, ...).
        daily: sums of each day, (case, method, lead_time, ..., statistic), the day as `case`: all that resampling needs.
        cases: how many cases there are.
    """

    event: str
    family: str
    score: Score
    values: xr.Dataset
    daily: xr.DataArray
    cases: int

    @classmethod
    def of(cls, event: str, family: str, score: Score, daily: DailySums) -> "Pool":
        """From the sums of the cases that all methods forecast."""
        return cls(event, family, score, score.value(daily.sums.sum("case", skipna=False)), *daily)

    @property
    def days(self) -> int:
        """How many days the cases lie on."""
        return int(self.daily.sizes["case"])

    @property
    def has_intervals(self) -> bool:
        """Are there days enough to say how sure the scores are?"""
        return self.days >= fewest_blocks(LEVEL)

    @property
    def methods(self) -> list[str]:
        """In the order of the run."""
        return [str(name) for name in self.daily["method"].values]

    @cached_property
    def totals(self) -> xr.DataArray:
        """The sums of all cases, (method, lead_time, ..., statistic)."""
        return self.daily.sum("case", skipna=False)

    def bounds(self, names: list[str]) -> xr.Dataset:
        """These scores with a first dimension `bound` of low, estimate and high; the estimate is in `values` to the last digit."""
        interval = block_bootstrap(self.daily, lambda sums: self.score.value(sums)[names], level=LEVEL)
        low, high = (interval.sel(bound=bound, drop=True) for bound in ("low", "high"))
        labels = xr.Variable("bound", ["low", "estimate", "high"])
        return xr.concat([low, self.values[names], high], labels, coords="minimal", compat="override", join="override").assign_coords(
            bound=labels
        )


class Evidence:
    """All scores of a run.

    Args:
        results: of the run.

    Raises:
        StormcellError: a score of the run is not one of this package's, and was not given when the results were opened.
    """

    def __init__(self, results: Results) -> None:
        self.results = results
        self.pools = [pool for family in track(results.scores, "adding up") for pool in self._pools(family)]

    def having(self, *names: str) -> list[Pool]:
        """The pools whose values hold all of these."""
        return [pool for pool in self.pools if all(name in pool.values for name in names)]

    def note(self, name: str, family: str) -> str:
        """What to add to a title: the family in brackets, where this score is among the values of several."""
        return f" ({family})" if len({pool.family for pool in self.having(name)}) > 1 else ""

    @property
    def ensembles(self) -> list[str]:
        """The methods that made more than one member."""
        return [name for name, sizes in self.results.members.items() if max(sizes, default=1) > 1]

    def strata(self, by: str, family: str) -> list[Pool]:
        """A pool for each event, or each label of a kind of weather, where there are two or more; none otherwise.

        Args:
            by: "event", or a name in `stormcell.benchmark.strata.STRATA`.
            family: of scores.
        """
        choices, pools = self.results.strata(by), []
        for label, where in choices.items() if len(choices) > 1 else ():
            with suppress(StormcellError):  # without a case that succeeded, or of events that cannot be added up
                daily = self.results.daily(family, where=where)
                if daily.cases:
                    pools.append(Pool.of(label, family, self.results.family(family), daily))
        return pools

    def _pools(self, family: str) -> list[Pool]:
        score, events = self.results.family(family), self.results.events
        choices: list[list[str | None]] = [[None], [*events]] if len(events) > 1 else [[*events]]
        for choice in choices:
            pools = []
            for event in choice:
                with suppress(StormcellError):  # events that cannot be added up, or without a case that succeeded
                    daily = self.results.daily(family, event)
                    if daily.cases:
                        pools.append(Pool.of(event or POOLED, family, score, daily))
            if pools:
                return pools
        return []


def minutes_of(lead_times: xr.DataArray) -> NDArray[np.float64]:
    """Lead times in minutes."""
    return np.asarray(lead_times.values / np.timedelta64(1, "m"), np.float64)


def chosen_leads(pool: Pool) -> list[np.timedelta64]:
    """The lead times of tables and diagrams that show few: the middle one and the last."""
    leads = pool.values["lead_time"].values
    return list(dict.fromkeys((leads[(len(leads) - 1) // 2], leads[-1])))


def days_of(count: int) -> str:
    """`1 day`, `2 days`."""
    return f"{count} day" if count == 1 else f"{count} days"


def lead_label(lead_time: np.timedelta64) -> str:
    """`30 min`."""
    return f"{lead_time / np.timedelta64(1, 'm'):g} min"


def number_text(value: float) -> str:
    """Three decimals, or none from 100 on; a dash for what is not defined."""
    if np.isnan(value):
        return "-"
    return f"{value:.3f}" if abs(value) < 100 else f"{value:.0f}"


def long_form(values: xr.Dataset, event: str) -> pd.DataFrame:
    """A row for each point, `event` first, lead times in minutes."""
    plain = values.reset_coords(drop=True)
    if "lead_time" in plain.dims:
        plain = plain.assign_coords(lead_time=minutes_of(plain["lead_time"])).rename(lead_time="lead_time_min")
    table = plain.to_dataframe().reset_index()
    table.insert(0, "event", event)
    return table
