"""From which probability on an event is said: by what served best in training, and by what the day itself tells."""

from dataclasses import dataclass
from typing import Self

import numpy as np
from numpy.typing import NDArray

__all__ = ["SHARES", "Counts", "least_logits"]

Floats = NDArray[np.float32]
Mask = NDArray[np.bool_]
Whole = NDArray[np.int64]

SHARES = (0.4, 0.3, 0.3)
"""Of training, of the area of the first guess, and of what the probabilities themselves expect."""

_FACTOR = 1.1  # how much larger than in the first guess an area may be
_LOWEST, _WIDTH, _BINS = -7.0, 0.05, 280  # of logits that are counted
_EDGES = (_LOWEST + _WIDTH * np.arange(_BINS)).astype(np.float32)
_CHANCE = 1 / (1 + np.exp(-(_EDGES + _WIDTH / 2)))


def least_logits(logits: Floats, guess: Floats, known: Mask, levels: Floats, decisions: Floats) -> Floats:
    """Of each level, the logit from which on an event is said.

        q = 0.4 q_0 + 0.3 a + 0.3 e

    q_0 is what had the highest critical success index on the days of training. a lets 1.1 times as large an area have the event as the
    first guess has (of one pixel, where it has none): it follows the radar's gain and climate. e would have the highest index if the
    probabilities are right,

        E CSI(t) = H / (N + E - H),   N places reach t and have the sum of probabilities H; all together have the sum E,

    over places whose probability is 0.001 or more.

    The first alone fails where rain is of another kind than in training, the second where the first guess is bad, the third where rare
    rain is taken for likely.

    Args:
        logits: (level, y, x), not rising from level to level.
        guess: x of the first guess (y, x).
        known: where the last scan saw something, (y, x).
        levels: x of each level.
        decisions: q_0, (level,).

    Returns:
        (level,): q_0 where no place is likely to have the event.
    """
    return Counts.of(logits, guess, known, levels).least(decisions)


@dataclass(frozen=True)
class Counts:
    """What `least_logits` goes by. Counts of parts of a field add up to those of the whole.

    Attributes:
        places: how many have which logit, (level, bin).
        reaching: how many of the first guess reach each level, (level,).
    """

    places: Whole
    reaching: Whole

    @classmethod
    def of(cls, logits: Floats, guess: Floats, known: Mask, levels: Floats) -> Self:
        """Count; see `least_logits` for what."""
        reaching = [np.count_nonzero(known & (guess >= level - np.float32(1e-4))) for level in levels]
        places = np.zeros((len(levels), _BINS), np.int64)
        likely = np.flatnonzero(known & (logits[0] > _LOWEST))
        for field, room in zip(logits.reshape(len(levels), -1), places, strict=True):
            seen = field[likely]
            above = seen > _LOWEST  # what is not likely is less so for heavier rain
            likely, seen = likely[above], seen[above]
            bins = ((seen - np.float32(_LOWEST)) * np.float32(1 / _WIDTH)).astype(np.int64)
            room[:] = np.bincount(np.minimum(bins, _BINS - 1), minlength=_BINS)
        return cls(places, np.array(reaching))

    def __add__(self, other: "Counts") -> "Counts":
        """Of both."""
        return Counts(self.places + other.places, self.reaching + other.reaching)

    def least(self, decisions: Floats) -> Floats:
        """See `least_logits`."""
        least = decisions.astype(np.float32)
        for index, (places, reaching) in enumerate(zip(self.places, self.reaching, strict=True)):
            if not places.any():
                continue
            reached, hits = (np.cumsum(sums[::-1])[::-1] for sums in (places, places * _CHANCE))
            area = _EDGES[np.flatnonzero(reached >= min(max(round(_FACTOR * int(reaching)), 1), reached[0]))[-1]]
            index_of_success = hits / (reached + hits[0] - hits)
            expected = _EDGES[np.flatnonzero(index_of_success == index_of_success.max())[-1]]
            least[index] = np.dot(SHARES, (least[index], area, expected))
        return least
