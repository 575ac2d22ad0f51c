"""Forecasts of single cases, made again so that they can be looked at beside what came."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from stormcell.benchmark.cases import Case, Event
from stormcell.benchmark.results import Results
from stormcell.benchmark.scoring import Task, score_case
from stormcell.benchmark.series import forget
from stormcell.grid import Grid
from stormcell.products.pictures.scenes import block_mean
from stormcell.progress import track
from stormcell.verification.score import point_forecast

__all__ = ["CaseMaps", "case_maps"]

_MOST_EVENTS = 4
_LONGEST_SIDE = 360  # pixels of a map; more is not seen where several stand side by side
_FIELDS = "fields"

Field = NDArray[np.float32]


@dataclass(frozen=True)
class CaseMaps:
    """The fields of one case.

    Attributes:
        event: name of the event.
        issue_time: time of the last scan that the forecasts know.
        lead_times: of the fields.
        grid: of the fields.
        observed: (lead_time, y, x) rain rate [mm h-1]; NaN where the radar saw nothing.
        forecasts: method -> (lead_time, y, x); of an ensemble the mean.
        members: method -> size of its ensemble.
    """

    event: str
    issue_time: np.datetime64
    lead_times: NDArray[np.timedelta64]
    grid: Grid
    observed: Field
    forecasts: dict[str, Field]
    members: dict[str, int]


def case_maps(results: Results, events: Sequence[Event], task: Task) -> list[CaseMaps]:
    """The wettest case of each event, of at most four: those with most rain.

    Forecasts are made again as `score_case` makes them, with the same random numbers: they are those that were scored.

    Args:
        results: of the run.
        events: of the run, whose frames are read again.
        task: what the run did with each case.
    """
    table = results.cases.assign(number=results.cases.groupby("event", sort=False).cumcount())
    wettest = table[table["common"]].sort_values("observed_mean", ascending=False, kind="stable").drop_duplicates("event")
    by_name = {event.name: event for event in events}
    cases = [
        next(by_name[event].cases([number]))
        for event, number in zip(wettest["event"].tolist()[:_MOST_EVENTS], wettest["number"].tolist(), strict=False)
    ]
    cases.sort(key=lambda case: results.events.index(case.event))
    maps = [_maps(task, case) for case in track(cases, "maps")]
    forget()
    return maps


def _maps(task: Task, case: Case) -> CaseMaps:
    leads = sorted({(case.lead_times.size - 1) // 2, case.lead_times.size - 1})
    factor = max(1, -(-max(case.grid.shape) // _LONGEST_SIDE))
    done = score_case(replace(task, scores={_FIELDS: _Fields(tuple(leads), factor)}), case)
    fields = {name: sums.values.astype(np.float32) for name, sums in done.sums.get(_FIELDS, {}).items()}
    observed = next((both[..., 1] for both in fields.values()), np.zeros((0, 1, 1), np.float32))
    forecasts = {name: both[..., 0] for name, both in fields.items()}
    return CaseMaps(case.event, case.issue_time, case.lead_times[leads], case.grid.coarsen(factor), observed, forecasts, dict(done.members))


@dataclass(frozen=True)
class _Fields:
    """No score at all: keeps the fields themselves, at some lead times, averaged over blocks; satisfies `Score`."""

    leads: tuple[int, ...]
    factor: int

    def sums(self, forecast: xr.DataArray, observed: xr.DataArray, valid: xr.DataArray) -> xr.DataArray:
        both = [
            np.stack([block_mean(field.values[lead], self.factor) for lead in self.leads]) for field in (point_forecast(forecast), observed)
        ]
        return xr.DataArray(np.stack(both, axis=-1), dims=("lead_time", "y", "x", "statistic"))

    def value(self, sums: xr.DataArray) -> xr.Dataset:
        return xr.Dataset({"fields": sums})
