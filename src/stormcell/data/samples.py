"""What a network learns from: batches of short films, by number."""

from collections.abc import Iterator
from typing import NamedTuple, Protocol

import numpy as np
from numpy.typing import NDArray

__all__ = ["Batch", "Samples"]


class Batch(NamedTuple):
    """Some windows of a series, stacked.

    Attributes:
        values: (batch, time, y, x) float32, rain rate [mm h-1], or grey 0 to 1 where the source is a film; NaN not seen.
        probability: (batch,) with which each window was drawn; 1/N where N windows are equally likely. A mean in which each window
            has the weight 1 / (N probability) is the mean over all windows, however they were drawn.
    """

    values: NDArray[np.float32]
    probability: NDArray[np.float64]


class Samples(Protocol):
    """A source of training windows that has no state: what it gives depends on the question alone."""

    @property
    def length(self) -> int:
        """Frames in a window, past and future together."""

    @property
    def shape(self) -> tuple[int, int]:
        """(rows, columns) of a frame."""

    @property
    def fingerprint(self) -> str:
        """16 hexadecimal digits of the data and of all settings that change what is drawn from it."""

    def batch(self, number: int, size: int) -> Batch:
        """Training batch `number`: a pure function of (seed, number, size), so that a run can go on anywhere, in any process."""

    def sweep(self, size: int) -> Iterator[Batch]:
        """Every window once, in order, not augmented, the last batch as small as need be: for validation."""
