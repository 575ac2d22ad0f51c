"""Windows for guided networks: each with its motion, its first guess, and what came."""

import hashlib
from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from stormcell.data.samples import Batch, Samples
from stormcell.methods.guided.first_guess import first_guess

__all__ = ["GuidedSamples", "Layout"]

Floats = NDArray[np.float32]


class Layout(NamedTuple):
    """Where the parts of a guided window lie on its time axis.

    Attributes:
        past: scans that are given.
        future: lead times.
    """

    past: int
    future: int

    @property
    def scans(self) -> slice:
        """The past along the motion [mm h-1], NaN where nothing is known."""
        return slice(0, self.past)

    @property
    def guess(self) -> slice:
        """The first guess of each lead time [mm h-1]."""
        return slice(self.past, self.past + self.future)

    @property
    def motion(self) -> slice:
        """Its two components [pixels per step]."""
        return slice(self.past + self.future, self.past + self.future + 2)

    @property
    def truth(self) -> slice:
        """What came [mm h-1], where it came; NaN where it was not seen."""
        return slice(self.past + self.future + 2, self.length)

    @property
    def length(self) -> int:
        """Of the axis."""
        return self.past + 2 * self.future + 2


class GuidedSamples:
    """`Samples` whose windows are laid out as `Layout` says; the first guess is made from what was drawn, after all augmentation.

    Args:
        samples: windows of `past` + `future` scans.
        past: scans that are given.
        km: side of a pixel.
        step_minutes: from scan to scan.
    """

    def __init__(self, samples: Samples, past: int, *, km: float, step_minutes: float) -> None:
        self.layout, self.shape = Layout(past, samples.length - past), samples.shape
        self.length = self.layout.length
        self.fingerprint = hashlib.sha256(f"guided, truth in its place {past} {samples.fingerprint}".encode()).hexdigest()[:16]
        self._samples, self._km, self._minutes = samples, km, step_minutes

    def batch(self, number: int, size: int) -> Batch:
        """See `Samples`."""
        return self._guided(self._samples.batch(number, size))

    def sweep(self, size: int) -> Iterator[Batch]:
        """See `Samples`."""
        return map(self._guided, self._samples.sweep(size))

    def _guided(self, batch: Batch) -> Batch:
        values = np.empty((len(batch.values), self.length, *self.shape), np.float32)
        for window, room in zip(batch.values, values, strict=True):
            self._fill(np.ascontiguousarray(window), room)
        return Batch(values, batch.probability)

    def _fill(self, window: Floats, room: Floats) -> None:
        layout = self.layout
        times = range(1, layout.future + 1)
        guess = first_guess(window[: layout.past], back=range(layout.past), ahead=times, km=self._km, step_minutes=self._minutes)
        room[layout.scans], room[layout.guess], room[layout.motion] = guess.past, guess.rain, guess.motion
        room[layout.truth] = window[layout.past :]
