"""What a network is told before it has a say: the motion, the past along it, and S-PROG's forecast, all where the rain is now."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from stormcell.methods.cascade.decibels import THRESHOLD
from stormcell.methods.cascade.moving_rain import MovingRain
from stormcell.methods.cascade.settings import Settings
from stormcell.methods.cascade.start import Start, UnsuitedError, start_from
from stormcell.motion import advect, lucas_kanade

__all__ = ["FEWEST", "FirstGuess", "first_guess"]

Floats = NDArray[np.float32]

_SPROG = Settings()
FEWEST = _SPROG.ar_order + 1
"""Scans from which S-PROG's cascade is told in full; a slow radar has fewer in the time that a network looks back."""


@dataclass(frozen=True)
class FirstGuess:
    """A forecast to begin from, in Lagrangian coordinates.

    Attributes:
        motion: (2, y, x) [pixels per step].
        past: (time, y, x) [mm h-1], the newest last; NaN where nothing is known.
        rain: (step, y, x) [mm h-1] without NaN: S-PROG's fields, or the last scan where there is nothing to learn a cascade from.
        cascade: what S-PROG started from; None where it is the last scan.
        said: why it is the last scan, or what else could not be done as asked for.
    """

    motion: Floats
    past: Floats
    rain: Floats
    cascade: Start | None
    said: str | None


def first_guess(frames: Floats, steps: int, *, km: float, step_minutes: float) -> FirstGuess:
    """Look back along the motion, and ahead by a cascade.

    Args:
        frames: (time, y, x) [mm h-1] up to the last scan that was seen; NaN = not seen, whole scans included; two or more were seen.
        steps: how many steps ahead.
        km: side of a pixel.
        step_minutes: from frame to frame.
    """
    motion = lucas_kanade(frames)
    last, count = frames[-1], len(frames)
    past = np.stack([advect(frames[index], motion, [count - 1 - index])[0] for index in range(count - 1)] + [last])
    try:
        start = start_from(frames, motion, order=_SPROG.ar_order, levels=_SPROG.cascade_levels, boundary=_SPROG.boundary)
    except UnsuitedError as reason:
        dry = np.nan_to_num(last, nan=0.0)
        dry[dry < np.float32(THRESHOLD)] = 0.0
        return FirstGuess(motion, past, np.repeat(dry[None], steps, axis=0), None, f"advection: {reason}")
    moving = MovingRain.of(start, _SPROG, last, steps, km=km, step_minutes=step_minutes)
    rain = np.stack(list(moving.steps(steps, np.random.default_rng(0))))
    return FirstGuess(motion, past, rain, start, start.said)
