"""Which of several forecasts to trust now: a rolling score of each, and a change of mind only where it is worth it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

__all__ = ["Guard"]

Numbers = NDArray[np.float64]

_FEWEST = 500.0  # hits and misses in memory for a threshold to have a say


@dataclass
class Guard:
    """Counts of hits, misses and false alarms that fade with time.

    Before each new lesson what is in memory is multiplied by 2^(-t / half_life), t the time since the last one. A variant's score is the
    critical success index, of all lead times together, averaged over the thresholds for which events enough are in memory.

    Attributes:
        half_life: [h].
        margin: by how much another variant has to be better before it is taken.
        counts: variant -> (threshold, 3).
        chosen: the variant in use.
    """

    half_life: float = 12.0
    margin: float = 0.005
    counts: dict[str, Numbers] = field(default_factory=dict)
    chosen: str = ""

    def see(self, outcomes: Mapping[str, Numbers], hours: float) -> None:
        """Add the outcomes of a lesson, (threshold, 3) for each variant, so many hours after the one before; then choose.

        A variant that is seen for the first time begins with what the chosen one has in memory: neither better nor worse.
        """
        begin = self.counts.get(self.chosen)
        for name, counts in outcomes.items():
            before = self.counts.get(name, begin)
            self.counts[name] = counts if before is None else counts + self.faded(before, hours)
        scores = self.scores
        best = max(scores, key=lambda name: scores[name])
        if self.chosen not in scores or scores[best] > scores[self.chosen] + self.margin:
            self.chosen = best

    def faded(self, counts: Numbers, hours: float) -> Numbers:
        """What is left of counts after so many hours."""
        left: Numbers = counts * 2.0 ** (-max(hours, 0.0) / self.half_life)
        return left

    def forget(self, name: str, like: str) -> None:
        """Take a variant for as good as another, from now on."""
        self.counts[name] = self.counts[like].copy()

    @property
    def scores(self) -> dict[str, float]:
        """Of each variant; 0 where there was too little rain to tell."""
        return {name: mean_csi(counts) for name, counts in self.counts.items()}


def mean_csi(counts: Numbers, fewest: float = _FEWEST) -> float:
    """Mean over thresholds of the critical success index of counts (threshold, [hits, misses, false alarms])."""
    told: Sequence[float] = [
        float(hits / (hits + misses + false_alarms)) for hits, misses, false_alarms in counts if hits + misses >= fewest
    ]
    return float(np.mean(told)) if told else 0.0
