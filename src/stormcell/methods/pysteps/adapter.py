"""The way that every method of pysteps shares: past frames, motion, a model, and a forecast with labels.

Units: rain rate [mm h-1] in and out. Models that work on a logarithmic scale get 10 log10(rain rate) with 0.1 mm h-1 as the threshold and
-15 below it, as pysteps' documentation does it. What a model gives below the threshold is 0.

NaN: motion is seen between neighbouring frames, in which the unseen counts as dry; without two of them next to each other it is refused.
Models are given the NaN, fill it themselves where they need full fields, and know nothing where one of the frames that they use does not;
that mask is carried along by the motion, and what flows in from outside is NaN too. ANVIL and LINDA follow the rain back through their
frames, and also lose what came into view while these were taken.

Fallback: a model cannot work where it hardly rains, where the last two scans are the same, or where one of its scans is missing. There
pysteps' extrapolation stands in, the same for every member, and the forecast's attribute `fallback` says why.
"""

from collections.abc import Callable

import cv2
import numpy as np
import xarray as xr
from numpy.typing import NDArray

from stormcell.errors import MethodError
from stormcell.frames import Spans, check_frames, grid_of, make_forecast, step_of
from stormcell.methods.pysteps.session import pysteps_at_work
from stormcell.methods.pysteps.start import Start, UnsuitedError, dbr_from_rain_rate
from stormcell.methods.seen import latest_seen, need_two_seen

__all__ = ["Model", "forecast_by"]

Model = Callable[[Start], NDArray[np.floating]]
"""From a start to (member, lead_time, y, x) [mm h-1]; raises `UnsuitedError` where the extrapolation has to stand in."""


def forecast_by(
    method: str,
    model: Model,
    past: xr.DataArray,
    lead_times: Spans,
    *,
    frames: int,
    past_steps: int,
    members: int = 1,
    seed: int | None = None,
) -> xr.DataArray:
    """Make a forecast by a model of pysteps, or by its extrapolation where the model cannot work.

    Args:
        method: its name.
        model: makes the fields.
        past: see `Method`.
        lead_times: see `Method`; whole steps.
        frames: how many past frames the model needs.
        past_steps: how many go into the motion.
        members: how many the model is to make.
        seed: see `Method`.

    Returns:
        (member, lead_time, y, x) [mm h-1]; the attribute `fallback` is there if the extrapolation stood in, and says why.

    Raises:
        MethodError: too few frames, lead times between the steps, too small a grid, a last scan so riddled with holes that nothing is left
            of it, or pysteps raised an exception.
        MissingExtraError: pysteps is not installed.
    """
    check_frames(past)
    if members < 1:
        raise MethodError(f"{method}: expected 1 member or more, got {members}")
    need_two_seen(method, past)
    if past.sizes["time"] < frames:
        raise MethodError(f"{method} learns from {frames} frames, but got {past.sizes['time']}; give more files")
    origin = latest_seen(past)
    late = past.sizes["time"] - 1 - origin
    steps = _whole_steps(method, lead_times, past, late)
    rain_rate = past.values[: origin + 1][-max(past_steps, frames) :].astype(np.float64)
    _need_neighbours(method, rain_rate[-past_steps:])
    said = {}
    with pysteps_at_work(method) as pysteps:
        motion = pysteps.motion.get_method("LK")(dbr_from_rain_rate(np.nan_to_num(rain_rate[-past_steps:])))
        start = Start(
            method=method,
            pysteps=pysteps,
            rain_rate=rain_rate,
            motion=motion,
            steps=steps,
            minutes=float(step_of(past) / np.timedelta64(1, "m")),
            km=grid_of(past).pixel_km,
            members=members,
            seed=seed,
            threads=cv2.getNumThreads(),  # what a process may use; a hindcast sets it to 1
        )
        try:
            forecast = model(start)
        except UnsuitedError as reason:
            said["fallback"] = f"pysteps-extrapolation: {reason}"
            forecast = np.broadcast_to(start.extrapolated(steps), (members, len(steps), *rain_rate.shape[1:]))
    if np.isnan(forecast).all():
        _need_whole_patches(method, rain_rate[-1])
    return make_forecast(forecast, past, lead_times, method=method, steps_since_last_scan=late, **said)


def _need_neighbours(method: str, frames: NDArray[np.float64]) -> None:
    """pysteps tracks from each frame to the next, and finds that nothing moves between a scan and a missing one."""
    seen = np.array([np.isfinite(frame).any() for frame in frames])
    if not (seen[1:] & seen[:-1]).any():
        raise MethodError(
            f"{method} sees motion only between two scans a step apart, but of the last {len(frames)} time steps that it looks at only "
            f"{seen.sum()} hold data, none next to another; give more files, or choose advection, which steps over missing scans"
        )


def _need_whole_patches(method: str, last: NDArray[np.float64]) -> None:
    """pysteps' interpolation loses what lies beside a pixel that was not seen; a scan riddled with these is then lost altogether."""
    if not cv2.erode(np.isfinite(last).astype(np.uint8), np.ones((2, 2), np.uint8), borderType=cv2.BORDER_CONSTANT, borderValue=0).any():
        raise MethodError(
            f"{method} interpolates between four pixels that were all seen, but the last scan, seen at {np.isfinite(last).mean():.0%} of "
            "its pixels, has no four side by side; fill small holes first, or choose advection, which takes those that were seen"
        )


def _whole_steps(method: str, lead_times: Spans, past: xr.DataArray, late: int) -> list[int]:
    steps = np.asarray(lead_times) / step_of(past) + late
    if not np.allclose(steps, np.round(steps)):
        raise MethodError(f"{method} forecasts whole radar steps only; choose lead times that are multiples of the step")
    return [int(step) for step in np.round(steps)]
