"""Persistence: it goes on raining where it rains now. The least that any method has to beat."""

from dataclasses import dataclass

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from stormcell.errors import MethodError
from stormcell.frames import Spans, check_frames, make_forecast
from stormcell.methods.method import refuse_members

__all__ = ["Persistence", "frames_for_motion", "latest_seen", "need_two_seen"]


@dataclass(frozen=True)
class Persistence:
    """The last frame that holds data, at every lead time."""

    past_steps: int = 2

    def __call__(self, past: xr.DataArray, lead_times: Spans, *, members: int = 1, seed: int | None = None) -> xr.DataArray:
        """See `Method`. Works with a single frame."""
        refuse_members("persistence", members)
        check_frames(past)
        last = past.values[latest_seen(past)]
        rain_rate = np.broadcast_to(last, (1, len(lead_times), *last.shape)).copy()
        return make_forecast(rain_rate, past, lead_times, method="persistence")


def latest_seen(past: xr.DataArray) -> int:
    """Index of the last frame that is not a missing scan.

    Raises:
        MethodError: all of them are.
    """
    for index in range(past.sizes["time"] - 1, -1, -1):
        if not np.isnan(past.values[index]).all():
            return index
    raise MethodError(f"all {past.sizes['time']} past frames are missing scans: expected at least one with data; give more files")


def frames_for_motion(past: xr.DataArray, count: int) -> NDArray[np.float32]:
    """The last `count` frames up to the last that holds data; more of them where fewer than two of these do, for nothing moves in one.

    Raises:
        MethodError: fewer than two frames of all the past hold data; `need_two_seen` says so in better words.
    """
    last = latest_seen(past)
    before = latest_seen(past[:last])
    frames: NDArray[np.float32] = past.values[max(min(last + 1 - count, before), 0) : last + 1]
    return frames


def need_two_seen(name: str, past: xr.DataArray) -> None:
    """For methods that see motion: two scans with data are needed, and two time steps are not enough if one of them is missing.

    Raises:
        MethodError: there are fewer; names the times that were seen.
    """
    seen = [str(stamp)[:16] for stamp, frame in zip(past["time"].values, past.values, strict=True) if np.isfinite(frame).any()]
    if len(seen) < 2:
        of = f"{len(seen)} of {past.sizes['time']} time steps up to {str(past['time'].values[-1])[:16]} holds data"
        raise MethodError(
            f"{name} sees motion only between two scans or more, but {of}{': ' + seen[0] if seen else ', all are missing scans'}; "
            "give more files, or leave out one that lies far from the others"
        )
