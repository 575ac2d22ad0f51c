"""Even time axes: scans put in order with their gaps made explicit, and lead times."""

from collections.abc import Sequence

import numpy as np
import pandas as pd
import xarray as xr
from numpy.typing import ArrayLike

from stormcell.errors import FramesError, UnitsError
from stormcell.frames import Spans, Times, grid_of, make_frames

__all__ = ["gaps_of", "join_frames", "minutes", "parse_lead_times", "regular_times"]

_MAX_FILLED_BYTES = 8 * 2**30


def gaps_of(frames: xr.DataArray) -> int:
    """How many frames are missing scans, that is, wholly NaN."""
    return int(frames.isnull().all(dim=("y", "x")).sum())


def regular_times(times: ArrayLike) -> Times:
    """The even time axis on which these scans lie, gaps filled in.

    The step is the most frequent difference between neighbouring scans (the shorter one of equals). Scans may be off the even
    axis by a tenth of a step.

    Args:
        times: the scans' times, in any order, duplicates allowed.

    Returns:
        Rising, evenly spaced times from the first scan to the last.

    Raises:
        FramesError: the times fit no even step; the message names the first that does not.
    """
    stamps = np.unique(np.asarray(times, dtype="datetime64[ns]"))
    if stamps.size < 2:
        return stamps
    steps, counts = np.unique(np.diff(stamps), return_counts=True)
    step = steps[np.argmax(counts)]
    slots = (stamps - stamps[0]) / step
    off = np.abs(slots - np.round(slots))
    if off.max() > 0.1:
        odd = pd.Timestamp(stamps[int(np.argmax(off > 0.1))])
        raise FramesError(
            f"frames: uneven steps: most scans are {pd.Timedelta(step).total_seconds() / 60:g} min apart, "
            f"but the one at {odd:%Y-%m-%d %H:%M:%S} lies between; leave it out or give scans of one product only"
        )
    axis: Times = stamps[0] + step * np.arange(int(round(slots[-1])) + 1)
    return axis


def join_frames(parts: Sequence[xr.DataArray], *, times: Times | None = None) -> xr.DataArray:
    """Put frames from several files on one even time axis.

    Late frames are sorted in, of two frames for the same time the later in `parts` is dropped, a missing scan becomes a frame of
    NaN and is counted in the attribute `gaps`.

    Args:
        parts: frames, each (time, y, x), in any order, all on the same grid.
        times: the even axis to fill; found by `regular_times` if not given. Frames off it are left out.

    Returns:
        (time, y, x).

    Raises:
        FramesError: no frames, different grids, uneven steps, or gaps so long that the filled field would not fit in memory.
    """
    if not parts:
        raise FramesError("frames: expected at least one frame, got none")
    first = grid_of(parts[0])
    for part in parts[1:]:
        if not first.same_as(grid_of(part)):
            raise FramesError(
                f"frames: mixed grids: {_origin(parts[0])} has {first.shape[0]} x {first.shape[1]} pixels, "
                f"{_origin(part)} has {part.shape[1]} x {part.shape[2]} or lies elsewhere; give scans of one product only"
            )
    axis = regular_times(np.concatenate([part["time"].values for part in parts])) if times is None else times
    step = axis[1] - axis[0] if axis.size > 1 else np.timedelta64(1, "ns")
    frame_bytes = 4 * first.shape[0] * first.shape[1]
    given = sum(part.sizes["time"] for part in parts)
    if axis.size > 2 * given and axis.size * frame_bytes > _MAX_FILLED_BYTES:
        raise FramesError(
            f"frames: {given} scans lie over {axis.size} time steps, from {axis[0]} to {axis[-1]}; "
            "filling the gaps would not fit in memory; give one event at a time"
        )
    values = np.full((axis.size, *first.shape), np.nan, dtype=np.float32)
    filled = np.zeros(axis.size, dtype=bool)
    for part in parts:
        slots = np.round((part["time"].values - axis[0]) / step).astype(int)
        for row, slot in enumerate(slots):
            if 0 <= slot < axis.size and not filled[slot]:
                values[slot], filled[slot] = part.values[row], True
    attrs = {key: value for key, value in parts[0].attrs.items() if key not in ("gaps", "source", "file", "pixels_screened")}
    sources = dict.fromkeys(part.attrs["source"] for part in parts if "source" in part.attrs)
    attrs |= {"source": "; ".join(sources)} if sources else {}
    screened = sum(int(part.attrs.get("pixels_screened", 0)) for part in parts)
    attrs |= {"pixels_screened": screened} if screened else {}
    return make_frames(values, axis, first, **{**attrs, "gaps": int((~filled).sum())})


def _origin(part: xr.DataArray) -> str:
    return str(part.attrs.get("file", part["time"].values[0]))


def minutes(first: float, last: float, *, step: float) -> Spans:
    """Evenly spaced lead times, both ends included.

    Example:
        >>> minutes(5, 15, step=5) / np.timedelta64(1, "m")
        array([ 5., 10., 15.])
    """
    values = np.arange(first, last + step / 2, step)
    return (values * 60e9).round().astype("timedelta64[ns]")


def parse_lead_times(text: str, step: np.timedelta64) -> Spans:
    """Lead times up to "120min", "2h" or "90" (minutes), one per time step of the radar.

    Raises:
        UnitsError: the text is no duration, or shorter than one step.
    """
    try:
        last = pd.Timedelta(float(text), "min") if text.replace(".", "", 1).isdigit() else pd.Timedelta(text)
    except ValueError:
        raise UnitsError(f"lead time {text!r} is not understood: expected something like 60min, 2h or 1h30min") from None
    count = int(last / pd.Timedelta(step) + 1e-9) if last > pd.Timedelta(0) else 0
    if count < 1:
        raise UnitsError(f"lead time {text!r} is shorter than the radar's step of {pd.Timedelta(step).total_seconds() / 60:g} min")
    return (np.arange(1, count + 1) * np.timedelta64(step)).astype("timedelta64[ns]")
