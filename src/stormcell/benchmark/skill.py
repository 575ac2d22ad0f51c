"""Skill on real events: every method on every issue time, scored on the pixels that all of them know."""

from collections.abc import Iterator, Mapping
from pathlib import Path

import numpy as np
import xarray as xr

from stormcell.data.read import read
from stormcell.frames import Spans, step_of
from stormcell.methods import Method
from stormcell.progress import track
from stormcell.verification.contingency import Contingency
from stormcell.verification.score import Score, common_mask

__all__ = ["event_counts", "event_sums", "issue_windows"]


def issue_windows(frames: xr.DataArray, *, past: int, ahead: int, every: int) -> Iterator[tuple[xr.DataArray, xr.DataArray]]:
    """Cut an event into (past, future) pairs: `past` frames up to the issue time, `ahead` frames after it, a new one `every` frames."""
    for start in range(0, frames.sizes["time"] - past - ahead + 1, every):
        yield frames.isel(time=slice(start, start + past)), frames.isel(time=slice(start + past, start + past + ahead))


def event_counts(
    folder: Path,
    methods: Mapping[str, Method],
    *,
    lead_minutes: tuple[int, ...],
    thresholds: tuple[float, ...],
    past: int,
    every: int,
    last: int | None = None,
    crop: tuple[slice, slice] = (slice(None), slice(None)),
) -> dict[str, xr.DataArray]:
    """Contingency counts of each method, (lead_time, threshold, statistic): `event_sums` of one score."""
    counts = Contingency(thresholds)
    found = event_sums(folder, methods, {"counts": counts}, lead_minutes=lead_minutes, past=past, every=every, last=last, crop=crop)
    return {name: sums["counts"] for name, sums in found.items()}


def event_sums(
    folder: Path,
    methods: Mapping[str, Method],
    scores: Mapping[str, Score],
    *,
    lead_minutes: tuple[int, ...],
    past: int,
    every: int,
    last: int | None = None,
    crop: tuple[slice, slice] = (slice(None), slice(None)),
) -> dict[str, dict[str, xr.DataArray]]:
    """What scores of each method are worked out from, summed over an event.

    Args:
        folder: radar files of one event.
        methods: what to compare.
        scores: by which.
        lead_minutes: lead times to score; rounded to whole radar steps.
        past: frames given to every method.
        every: frames between issue times.
        last: only the last so many frames of the event.
        crop: rows and columns to look at.

    Returns:
        Name of a method -> name of a score -> its sums. A pixel counts only where the observation and all methods know it.
    """
    frames = read(folder, last=last).isel(y=crop[0], x=crop[1])
    step = step_of(frames)
    leads: Spans = np.unique([max(1, round(minutes / (step / np.timedelta64(1, "m")))) for minutes in lead_minutes]) * step
    totals: dict[str, dict[str, xr.DataArray]] = {name: {} for name in methods}
    windows = list(issue_windows(frames, past=past, ahead=int(leads[-1] / step), every=every))
    for before, after in track(windows, folder.name):
        truth = after.isel(time=[int(lead / step) - 1 for lead in leads]).rename(time="lead_time").assign_coords(lead_time=leads)
        forecasts = {name: method(before, leads) for name, method in methods.items()}
        valid = common_mask(truth, forecasts.values())
        for name, forecast in forecasts.items():
            for label, score in scores.items():
                sums = score.sums(forecast, truth, valid)
                totals[name][label] = totals[name][label] + sums if label in totals[name] else sums
    return totals
