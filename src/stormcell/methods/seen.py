"""Which frames of the past hold data: where a forecast starts, and what goes into the motion."""

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from stormcell.errors import MethodError

__all__ = ["frames_for_motion", "latest_seen", "need_two_seen"]


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
