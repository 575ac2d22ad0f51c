"""From which probability on an event is said, in a forecast of a certain day: neither of training alone, nor of that day alone."""

import numpy as np
from numpy.typing import NDArray

__all__ = ["NEVER", "area_logit", "least_logits"]

Floats = NDArray[np.float32]
Mask = NDArray[np.bool_]

NEVER = np.float32(50.0)
"""A logit that nothing reaches."""

_UNLIKELY = np.float32(-6.0)  # logit below which no place is looked at: what is so unlikely is not said in any case


def least_logits(logits: Floats, guess: Floats, known: Mask, levels: Floats, decisions: Floats) -> Floats:
    """Of each level, the logit from which on an event is said.

        q = (1 - w) q_0 + w a

    q_0 is what served best on the days of training. a lets as large an area have the event as the first guess has, times a factor f: it
    follows what the radar shows on the day, its gain and its climate. Where the first guess has no event at all, none is said if w > 0.

    Args:
        logits: (level, y, x).
        guess: x of the first guess (y, x).
        known: where the last scan saw something, (y, x).
        levels: x of each level.
        decisions: (level, [q_0, w, f]), see `stormcell.networks.guided.Guided`.

    Returns:
        (level,)
    """
    least = decisions[:, 0].astype(np.float32)
    extent = guess[known]
    for index in np.flatnonzero(decisions[:, 1]):
        weight, factor = decisions[index, 1:]
        count = int(factor * np.count_nonzero(extent >= levels[index] - np.float32(1e-4)) + 0.5)
        least[index] = (1 - weight) * least[index] + weight * area_logit(logits[index][known], count) if count else NEVER
    return least


def area_logit(logits: Floats, count: int) -> np.float32:
    """The logit that so many places reach, but not less than is worth a thought.

    Args:
        logits: of any places.
        count: 1 or more.
    """
    likely = logits[logits > _UNLIKELY]
    if count > likely.size:
        return _UNLIKELY
    place = likely.size - count
    return np.float32(np.partition(likely, place)[place])
