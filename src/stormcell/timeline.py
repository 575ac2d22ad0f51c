"""Even time axes: scans put in order with their gaps made explicit, and lead times."""

import re
from collections.abc import Sequence

import numpy as np
import pandas as pd
import xarray as xr
from numpy.typing import ArrayLike, NDArray

from stormcell.errors import FramesError, UnitsError
from stormcell.frames import Spans, Times, grid_of, make_frames

__all__ = ["UnevenTimesError", "gaps_of", "join_frames", "minutes", "parse_lead_times", "regular_times", "slack_of", "slots_begin"]

_MAX_FILLED_BYTES = 2 * 2**30
_SECOND = np.timedelta64(1, "s")
_STEP_GRAIN = 15.0  # seconds; a radar's step is a multiple of it, its clock's jitter is not
_TOLERANCE_SECONDS = 30.0
_DURATION = re.compile(r"(?:(\d+(?:\.\d+)?)\s*(?:h|hours?))?\s*(?:(\d+(?:\.\d+)?)\s*(?:min|minutes?|m)?)?", re.IGNORECASE)
_LONGEST_LEAD = 24 * 60.0  # minutes


def gaps_of(frames: xr.DataArray) -> int:
    """How many frames are missing scans, that is, wholly NaN."""
    return int(frames.isnull().all(dim=("y", "x")).sum())


class UnevenTimesError(FramesError):
    """Scans whose times fit no even step; `at` is the first that does not."""

    def __init__(self, message: str, at: np.datetime64) -> None:
        super().__init__(message)
        self.at = at

    def __reduce__(self) -> "tuple[object, ...]":
        """So that it can be handed from a worker process to the one that waits for it."""
        return type(self), (str(self), self.at)


def regular_times(times: ArrayLike) -> Times:
    """The even time axis on which these scans lie, gaps filled in.

    The step is the most frequent difference between neighbouring scans (the shorter one of equals), to a minute where that is near, else to
    a quarter of one; where the scans drift away from it, it is made more exact by a straight line through all of them. Each difference is
    a whole number of steps, to a minute or a quarter of a step, whichever is less. Scans may be off the axis by 30 seconds or a tenth of
    a step, whichever is less. It ends at the last scan if the others fit so; if they do not, as the last one itself came early or late, it
    ends in the middle between the earliest and the latest.

    Args:
        times: the scans' times, in any order, duplicates allowed.

    Returns:
        Rising, evenly spaced times from the first scan to the last, one for each scan and each gap.

    Raises:
        UnevenTimesError: the times fit no even step; the message names the first that does not.
    """
    stamps = np.unique(np.asarray(times, dtype="datetime64[ns]"))
    if stamps.size < 2:
        return stamps
    seconds = (stamps - stamps[-1]) / _SECOND
    differences = np.diff(seconds)
    coarse = np.where(differences > 2 * _STEP_GRAIN, np.round(differences / _STEP_GRAIN) * _STEP_GRAIN, differences)
    steps, counts = np.unique(coarse, return_counts=True)
    step = float(steps[np.argmax(counts)])
    middle = step
    for _ in range(3):  # of clocks that jitter the most frequent difference may be one at the side
        middle = float(np.median(differences[np.abs(differences - middle) <= _slack(middle)]))
    rounded = np.round(middle / _STEP_GRAIN) * _STEP_GRAIN if step > 2 * _STEP_GRAIN else step
    whole = np.round(middle / 60.0) * 60.0
    near = [whole] if abs(whole - middle) <= min(0.05 * middle, _STEP_GRAIN) else []
    guesses = (*near, rounded, step, middle)  # the last for odd steps, such as 302 s
    step = next((guess for guess in guesses if not _unclear(differences, guess).any()), step)
    unclear = np.concatenate([[False], _unclear(differences, step)])
    slots = np.concatenate([[0], np.cumsum(np.round(differences / step))])
    off, end = _deviations(seconds, slots, step)
    if slots[-1] > slots[0] and (step % _STEP_GRAIN or end or off.max() > _tolerance(step)):
        slope, start = np.polyfit(slots, seconds, 1)
        if step % _STEP_GRAIN or abs(slope - step) * slots[-1] > 2 * np.abs(seconds - start - slope * slots).max():  # a drift, no jitter
            step = round(float(slope)) if step > _STEP_GRAIN else float(slope)
            off, end = _deviations(seconds, slots, step)
    repeated = np.concatenate([[False], np.diff(slots) == 0])
    wrong = (off > _tolerance(step)) | repeated | unclear
    if wrong.any():
        odd = int(np.argmax(wrong))
        before, after = (differences[index] / 60 if 0 <= index < differences.size else np.nan for index in (odd - 1, odd))
        raise UnevenTimesError(
            f"uneven steps: the scan at {pd.Timestamp(stamps[odd]):%Y-%m-%d %H:%M:%S} comes {before:.3g} min after the one before and "
            f"{after:.3g} min before the next, where the step is {step / 60:.3g} min; leave it out, or give scans of one product only",
            stamps[odd],
        )
    last = stamps[-1] + np.timedelta64(round(end), "s")
    axis: Times = last - (np.arange(int(slots[-1]), -1, -1) * np.timedelta64(round(step * 1e9), "ns"))
    return axis


def slots_begin(axis: Times) -> np.datetime64:
    """Where slots begin that are to hold these scans and those to come: at the axis' first time, or at the full minute beside it.

    The axis has the clock of one scan, which may be seconds early or late. Steps of whole minutes are taken to be meant from full minutes
    on, if one is no farther than a clock's jitter: a quarter of a minute or a twentieth of the step.
    """
    first: np.datetime64 = axis[0]
    step = float((axis[1] - axis[0]) / _SECOND) if axis.size > 1 else 0.0
    full = (first + np.timedelta64(30, "s")).astype("datetime64[m]").astype("datetime64[ns]")
    near = step > 0 and step % 60 == 0 and abs(full - first) <= np.timedelta64(round(min(_STEP_GRAIN, 0.05 * step)), "s")
    return full if near else first


def slack_of(step: np.timedelta64) -> np.timedelta64:
    """A scan must be less than this off slots that another scan's clock has put where they are: a minute or a quarter of a step."""
    return np.timedelta64(round(_slack(float(step / _SECOND)) * 1e9), "ns")


def _deviations(seconds: NDArray[np.float64], slots: NDArray[np.float64], step: float) -> tuple[NDArray[np.float64], float]:
    """How far each scan is off an axis of this step, and where that ends, counted from the last scan [s].

    It is moved away from the last scan only if all are less than the tolerance off then: clocks a minute apart are not one that jitters.
    """
    rest = seconds - (slots - slots[-1]) * step
    middle = float(np.round((rest.min() + rest.max()) / 2))
    fits = np.abs(rest).max() > _tolerance(step) > np.abs(rest - middle).max()
    end = middle if fits else 0.0
    return np.abs(rest - end), end


def _tolerance(step: float) -> float:
    return min(0.1 * step, _TOLERANCE_SECONDS)


def _unclear(differences: NDArray[np.float64], step: float) -> NDArray[np.bool_]:
    """Which of these times between scans [s] are no whole number of steps, not even by the clock of a radar."""
    unclear: NDArray[np.bool_] = np.abs(differences - np.round(differences / step) * step) > _slack(step)
    return unclear


def _slack(step: float) -> float:
    """How far a time between two scans may be from what it should be [s]: each of them may be off, and the step is not quite known."""
    return min(0.25 * step, 2 * _TOLERANCE_SECONDS)


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
    gaps = int(np.isnan(values).all(axis=(1, 2)).sum())
    return make_frames(values, axis, first, **{**attrs, "gaps": gaps})


def _origin(part: xr.DataArray) -> str:
    return str(part.attrs.get("file", part["time"].values[0]))


def minutes(first: float, last: float, *, step: float) -> Spans:
    """Evenly spaced lead times, both ends included; none is after the last, where that is no whole number of steps away.

    Example:
        >>> minutes(5, 15, step=5) / np.timedelta64(1, "m")
        array([ 5., 10., 15.])
    """
    values = first + step * np.arange(np.floor((last - first) / step + 1e-9) + 1)
    return (values * 60e9).round().astype("timedelta64[ns]")


def parse_lead_times(text: str, step: np.timedelta64) -> Spans:
    """Lead times up to "120min", "2h", "1h30min" or "90" (minutes), one per time step of the radar.

    Raises:
        UnitsError: the text is no duration, shorter than one step, or longer than a day.
    """
    match = _DURATION.fullmatch(text.strip())
    if match is None or not any(match.groups()):
        raise UnitsError(f"lead time {text!r} is not understood: expected something like 60min, 2h or 1h30min")
    last = 60.0 * float(match[1] or 0) + float(match[2] or 0)
    every = float(step / np.timedelta64(1, "m"))
    if not every <= last <= _LONGEST_LEAD:
        raise UnitsError(f"lead time {text!r}: expected at least the radar's step of {every:g} min, and at most 24 h")
    return (np.arange(1, int(last / every + 1e-9) + 1) * np.timedelta64(step)).astype("timedelta64[ns]")
