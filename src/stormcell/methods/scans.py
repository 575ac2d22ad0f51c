"""The scans that a method is to be given; and those that a network reads of them, one of its steps apart, with nothing missing."""

import math
from typing import NamedTuple

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from stormcell.errors import MethodError
from stormcell.methods.method import Method
from stormcell.methods.seen import latest_seen, need_two_seen

__all__ = ["Scans", "scans_for", "scans_to_read"]

Floats = NDArray[np.float32]


class Scans(NamedTuple):
    """What a network sees of a past.

    Attributes:
        frames: (time, y, x) rain rate [mm h-1] without NaN.
        seen: (y, x) whether any scan of that time saw the place.
        late: radar steps from the last of them to the last time of the past.
        filled: how many scans were missing.
    """

    frames: Floats
    seen: NDArray[np.bool_]
    late: int
    filled: int


def scans_for(method: Method, step: np.timedelta64) -> int:
    """How many of the last scans of a radar with this time step a method makes use of.

    These are its `past_steps`, or more of a fast radar where it looks back over `past_minutes`: a network that reads 20 minutes needs 11
    scans of one that has them every 2 minutes.
    """
    minutes = getattr(method, "past_minutes", 0.0)
    return max(method.past_steps, math.ceil(minutes / float(step / np.timedelta64(1, "m")) - 1e-6) + 1)


def scans_to_read(past: xr.DataArray, *, count: int, every: int, name: str) -> Scans:
    """The last scans up to the last one that is there.

    A place that a scan did not see has the value of the scan before, or else of the one after; one that none saw is dry.

    Args:
        past: (time, y, x) that passes `check_frames`; not changed.
        count: how many the network learnt to read; of a radar with its time step it takes fewer where there are no more.
        every: radar steps from one to the next.
        name: of the method, for the message.

    Raises:
        MethodError: fewer than two scans hold data, or not enough for a network that takes one in `every`.
    """
    need_two_seen(name, past)
    origin, wanted = latest_seen(past), every * (count - 1) + 1
    read = past[max(origin + 1 - wanted, 0) : origin + 1]
    if every > 1 and len(read) < wanted:
        raise MethodError(
            f"{name} reads one scan in {every} of this radar, over {wanted} scans, but got {len(read)}; "
            f"give --past {wanted}, or more files if there are no more"
        )
    need_two_seen(name, read)
    seen = np.isfinite(read.values)
    missing = int((~seen.any(axis=(1, 2))).sum())
    newest_first = _without_gaps(read.values)[::-1]
    return Scans(np.ascontiguousarray(newest_first[::every][::-1]), seen.any(axis=0), past.sizes["time"] - 1 - origin, missing)


def _without_gaps(scans: Floats) -> Floats:
    filled = scans.copy()
    for index in range(1, len(filled)):
        np.copyto(filled[index], filled[index - 1], where=np.isnan(filled[index]))
    for index in range(len(filled) - 2, -1, -1):
        np.copyto(filled[index], filled[index + 1], where=np.isnan(filled[index]))
    return np.nan_to_num(filled, copy=False, nan=0.0)
