"""What a network is told before it has a say: the motion, the past along it, and S-PROG's forecast, all where the rain is now."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import chain

import numpy as np
from numpy.typing import NDArray

from stormcell.methods.cascade.decibels import THRESHOLD
from stormcell.methods.cascade.moving_rain import MovingRain
from stormcell.methods.cascade.settings import Settings
from stormcell.methods.cascade.start import Start, UnsuitedError, start_from
from stormcell.methods.guided.series import WHOLE, fill
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
        past: (time, y, x) [mm h-1] at the ages asked for, the newest last; NaN where nothing is known.
        rain: (time, y, x) [mm h-1] without NaN at the times asked for: S-PROG's fields, or the last scan where there is nothing to learn a
            cascade from.
        cascade: what S-PROG started from; None where it is the last scan.
        said: why it is the last scan, or what else could not be done as asked for.
    """

    motion: Floats
    past: Floats
    rain: Floats
    cascade: Start | None
    said: str | None


def first_guess(frames: Floats, *, back: Sequence[float], ahead: Sequence[float], km: float, step_minutes: float) -> FirstGuess:
    """Look back along the motion, and ahead by a cascade.

    In coordinates that move with the rain a field between two scans is the mean of both, weighted by time: nothing is seen twice.

    Args:
        frames: (time, y, x) [mm h-1] up to the last scan that was seen; NaN = not seen, whole scans included; two or more were seen.
        back: ages of the fields of the past that are wanted [steps], rising from 0.
        ahead: times of those of the future [steps], rising, above 0.
        km: side of a pixel.
        step_minutes: from frame to frame.
    """
    motion = lucas_kanade(frames)
    last, steps = frames[-1], math.ceil(ahead[-1] - WHOLE)
    carried = (advect(frames[-1 - age], motion, [age])[0] if age else last for age in range(len(frames)))
    past = np.empty((len(back), *last.shape), np.float32)
    fill(past[::-1], carried, back)
    rain = np.empty((len(ahead), *last.shape), np.float32)
    try:
        start = start_from(frames, motion, order=_SPROG.ar_order, levels=_SPROG.cascade_levels, boundary=_SPROG.boundary)
    except UnsuitedError as reason:
        dry = np.nan_to_num(last, nan=0.0)
        dry[dry < np.float32(THRESHOLD)] = 0.0
        rain[:] = dry
        return FirstGuess(motion, past, rain, None, f"advection: {reason}")
    moving = MovingRain.of(start, _SPROG, last, steps, km=km, step_minutes=step_minutes)
    fill(rain, chain([np.nan_to_num(last, nan=0.0)], moving.steps(steps, np.random.default_rng(0))), ahead)
    return FirstGuess(motion, past, rain, start, start.said)
