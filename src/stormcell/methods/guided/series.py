"""Fields at any time between those of a series, in coordinates that move with the rain: there the mean of both shows nothing twice."""

import math
from collections.abc import Iterable, Iterator, Sequence

import numpy as np
from numpy.typing import NDArray

__all__ = ["WHOLE", "fill"]

Floats = NDArray[np.float32]

WHOLE = 1e-3
"""What a clock may be off [steps]."""


def fill(rooms: Iterable[Floats], series: Iterator[Floats], times: Sequence[float]) -> None:
    """Put what a series holds at some times into one room after the other; NaN beyond its end.

    No more than two fields of the series are kept, however many there are.

    Args:
        rooms: (y, x) for each time.
        series: fields (y, x), one a step from 0 on.
        times: rising [steps].
    """
    held: list[Floats] = []
    reached = -1
    for room, time in zip(rooms, times, strict=True):
        whole = math.floor(time + WHOLE)
        share = np.float32(time - whole if time - whole > WHOLE else 0.0)
        wanted = whole + (share > 0)
        while reached < wanted and (field := next(series, None)) is not None:
            reached, held = reached + 1, [*held[-1:], field]
        if reached < wanted:
            room[:] = np.nan
        else:
            room[:] = (1 - share) * held[-2] + share * held[-1] if share else held[-1]
