"""From scans that have come in to what a guided network learns from, on its own pixels and clock."""

import math

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from stormcell.errors import FramesError
from stormcell.frames import step_of
from stormcell.methods.guided.series import WHOLE
from stormcell.methods.guided.start import Start, start_of
from stormcell.motion import advect
from stormcell.networks.checkpoint import ModelConfig
from stormcell.training.guided_samples import Layout

__all__ = ["lesson_of", "scans_needed"]

Floats = NDArray[np.float32]


def scans_needed(config: ModelConfig, step_minutes: float) -> tuple[int, int]:
    """How many scans before (the one at the issue time among them) and after an issue time make a lesson."""
    step = config.step_minutes / step_minutes
    return math.ceil((config.past_steps - 1) * step - WHOLE) + 1, math.ceil(config.future_steps * step - WHOLE)


def lesson_of(scans: xr.DataArray, config: ModelConfig, *, multiple: int) -> Floats:
    """The window that training would have made of these scans.

    Args:
        scans: (time, y, x) [mm h-1], as many as `scans_needed` says, the last ones as truth.
        config: of the model.
        multiple: of which both sides are to be; what is beyond the grid is not seen.

    Returns:
        (time, y, x) with the time axis of `Layout`.

    Raises:
        FramesError: another number of scans, or the last of the past saw nothing.
        MethodError: fewer than two of the past hold data, or pixels too far from the model's.
    """
    minutes = float(step_of(scans) / np.timedelta64(1, "m"))
    before, after = scans_needed(config, minutes)
    if scans.sizes["time"] != before + after:
        raise FramesError(f"online: expected {before} scans of the past and {after} that came after, got {scans.sizes['time']} in all")
    past, future = scans[:before], scans[before:]
    start = start_of(
        past, after, scans=config.past_steps, step_minutes=config.step_minutes, pixel_km=config.pixel_km, name="online learning"
    )
    if start.late:
        raise FramesError("online: the last scan of the past is missing, and a lesson begins with one; leave this window out")
    truth = [_at(step * start.step, start, future.values) for step in range(1, config.future_steps + 1)]
    fields = [*start.on_model_grid(start.past), *start.on_model_grid(start.rain[: config.future_steps]), *start.motion]
    fields += [*start.on_model_grid(np.stack(truth))]
    return _padded(np.stack(fields), multiple, Layout(config.past_steps, config.future_steps))


def _at(time: float, start: Start, future: Floats) -> Floats:
    """What came at a time [radar steps]: a scan, or the mean of the one before, carried on, and the one after, carried back."""
    before = math.floor(time + WHOLE)
    share = time - before
    scans: list[Floats] = [start.last, *future]
    if share <= WHOLE:
        return scans[before]
    earlier = advect(scans[before], start.guess.motion, [share])[0]
    later = advect(scans[before + 1], -start.guess.motion, [1 - share])[0]
    mixed: Floats = np.float32(1 - share) * earlier + np.float32(share) * later
    return mixed


def _padded(fields: Floats, multiple: int, layout: Layout) -> Floats:
    """What is beyond the grid was not seen, before or after; guess and motion are dry and still there, as they are known everywhere."""
    below, right = (-size % multiple for size in fields.shape[1:])
    padded = np.pad(fields, ((0, 0), (0, below), (0, right)), constant_values=np.nan)
    for part in (layout.guess, layout.motion):
        padded[part] = np.nan_to_num(padded[part], nan=0.0)
    return padded
