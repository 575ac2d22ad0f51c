"""Fields between the steps of a model: both neighbours are carried along the motion to the time in between, and faded into each other.

    field(k + w) = (1 - w) A_w(field k) + w A_(w - 1)(field k + 1),   0 < w < 1

with A_t the advection of `stormcell.motion.advect` over t steps. A mean of the two fields where they are would show fast rain twice.
"""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from stormcell.motion import advect, lucas_kanade

__all__ = ["at_times"]

Floats = NDArray[np.float32]

_WHOLE = 1e-3  # steps; what a clock may be off


def at_times(fields: Floats, past: Floats, places: Sequence[float]) -> tuple[Floats, bool]:
    """Fields at any time from the last scan to the last step of the model.

    Args:
        fields: (step, y, x) [mm h-1] without NaN: the last scan, then each step of the forecast.
        past: (time, y, x), the scans in the same steps, from which the motion is seen if it is needed.
        places: the times wanted, in steps after the last scan.

    Returns:
        (place, y, x); and whether any lies between two steps.
    """
    result = np.empty((len(places), *fields.shape[1:]), np.float32)
    motion: Floats | None = None
    for row, place in enumerate(places):
        step = round(place)
        if abs(place - step) < _WHOLE:
            result[row] = fields[step]
            continue
        motion = lucas_kanade(past) if motion is None else motion
        step = int(place)
        result[row] = _between(fields[step], fields[step + 1], motion, place - step)
    return result, motion is not None


def _between(before: Floats, after: Floats, motion: Floats, share: float) -> Floats:
    ahead, back = advect(before, motion, [share])[0], advect(after, -motion, [1 - share])[0]
    ahead = np.where(np.isnan(ahead), np.where(np.isnan(back), before, back), ahead)  # what comes in from outside, the other knows
    back = np.where(np.isnan(back), ahead, back)
    return np.asarray((1 - share) * ahead + share * back, np.float32)
