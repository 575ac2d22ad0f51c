"""Which forecasts a hindcast makes: issue times along each event, and the frames that each of them starts from and is held against."""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from stormcell.benchmark.series import Series, Window
from stormcell.errors import FramesError, UnitsError
from stormcell.frames import Spans, Times, grid_of
from stormcell.grid import Grid
from stormcell.timeline import parse_lead_times

__all__ = ["Case", "Event", "plan_event"]


@dataclass(frozen=True)
class Case:
    """One issue time of one event: small, can be sent to another machine, and reads its frames only there.

    Attributes:
        event: name of the event.
        number: place among the event's cases.
        issue_time: time of the last past frame.
        lead_times: of the frames that verify the forecast.
        grid: what the frames are expected to lie on.
        window: reads them.
    """

    event: str
    number: int
    issue_time: np.datetime64
    lead_times: Spans
    grid: Grid
    window: Window

    def read(self) -> tuple[xr.DataArray, xr.DataArray]:
        """The past (time, y, x), and what was observed later (lead_time, y, x), with its valid `time` [mm h-1].

        Raises:
            ReadError: a file cannot be read.
            FramesError: the frames do not lie on the event's grid.
        """
        past, future = self.window()
        if not grid_of(past).same_as(self.grid):
            raise FramesError(
                f"event {self.event}, {self.issue_time}: the frames have {past.shape[1]} x {past.shape[2]} pixels, the event's first scan "
                f"{self.grid.shape[0]} x {self.grid.shape[1]}, or they lie elsewhere; give scans of one product only"
            )
        chosen = future.sel(time=self.issue_time + self.lead_times)
        labels = {"lead_time": self.lead_times, "time": ("lead_time", chosen["time"].values)}
        return past, chosen.drop_vars("time").rename(time="lead_time").assign_coords(labels)


@dataclass(frozen=True)
class Event:
    """The cases of one event; see `plan_event`.

    Attributes:
        series: where the frames come from.
        step: time between two frames.
        past: frames that each forecast starts from.
        leads: lead times that are verified [steps].
        issues: places of the issue times on the series' axis.
        incomplete: how many issue times were left out because a scan of theirs is missing.
    """

    series: Series
    step: np.timedelta64
    past: int
    leads: NDArray[np.int64]
    issues: NDArray[np.int64]
    incomplete: int

    @property
    def name(self) -> str:
        """The series' name."""
        return self.series.name

    @property
    def lead_times(self) -> Spans:
        """From the last past frame to each verifying one."""
        spans: Spans = (self.leads * self.step).astype("timedelta64[ns]")
        return spans

    @property
    def issue_times(self) -> Times:
        """Of every case, rising."""
        return self.series.times[self.issues]

    def cases(self, numbers: Iterable[int]) -> Iterator[Case]:
        """The cases at these places, made one by one."""
        lead_times = self.lead_times
        stride = int(np.gcd.reduce(self.leads))
        for number in numbers:
            now = int(self.issues[number])
            past = self.series.times[now - self.past + 1 : now + 1]
            future = self.series.times[now + stride : now + int(self.leads[-1]) + 1 : stride]
            yield Case(self.name, number, self.series.times[now], lead_times, self.series.grid, self.series.window(past, future))


def plan_event(series: Series, *, past: int | Callable[[np.timedelta64], int], lead: str, lead_every: str | None, every: str) -> Event:
    """Find the issue times of an event.

    The first is the earliest with enough past; further ones follow at even distances. All of its past scans and of the scans that
    verify it have to be there: an issue time with a missing one is left out and counted. A frame that is there but saw nothing, as a
    longer file may hold, is kept, and adds no pixel to the sums.

    Args:
        series: the event.
        past: frames that each forecast starts from, 2 or more; or what tells that from the time step.
        lead: how far ahead: "60min", "2h".
        lead_every: distance of the lead times, rounded to whole steps; every step if None.
        every: distance of the issue times, rounded to whole steps.

    Raises:
        FramesError: no issue time has its past and its future.
        UnitsError: a duration is not understood, or shorter than half a step.
    """
    if series.times.size < 2:
        raise FramesError(f"event {series.name}: expected two scans or more to tell the time step, got {series.times.size}")
    step = np.timedelta64(series.times[1] - series.times[0])
    scans = past(step) if callable(past) else past
    all_leads = (parse_lead_times(lead, step) / step).round().astype(np.int64)
    leads = all_leads
    if lead_every is not None:
        between = _span("--lead-every", lead_every) / step
        chosen = np.unique(np.round(between * np.arange(1, int(all_leads[-1] / between + 0.5) + 1)).astype(np.int64))
        leads = chosen[(chosen >= 1) & (chosen <= all_leads[-1])]
        if leads.size == 0:
            raise UnitsError(f"--lead-every {lead_every}: expected at most the lead time of {lead}, and at least half a radar step")
    stride = max(1, round(float(_span("--every", every) / step)))
    issues = np.arange(scans - 1, series.times.size - int(leads[-1]), stride)
    complete = np.ones(issues.size, bool)
    for offset in [*range(1 - scans, 1), *leads]:
        complete &= series.present[issues + offset]
    if not complete.any():
        raise FramesError(
            f"event {series.name}: none of its {issues.size} issue times has all of {scans} scans before it and those that verify "
            f"{leads[-1]} steps ahead; give more files, or ask for a shorter --lead"
        )
    return Event(series, step, scans, leads, issues[complete], int((~complete).sum()))


def _span(option: str, text: str) -> np.timedelta64:
    try:
        return np.timedelta64(parse_lead_times(text, np.timedelta64(1, "s"))[-1])
    except UnitsError:
        raise UnitsError(f"{option} {text!r} is not understood: expected something like 30min, 2h or 1h30min, at most 24 h") from None
