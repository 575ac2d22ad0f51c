"""Windows as other radars might have seen them: stronger or weaker, noisier, coarser in number, in part blind, with scans missing."""

import hashlib
from collections.abc import Iterator
from dataclasses import astuple, dataclass

import numpy as np
from numpy.typing import NDArray

from stormcell.data.samples import Batch, Samples
from stormcell.errors import FramesError

__all__ = ["DisturbedSamples", "Disturbances"]

Floats = NDArray[np.float32]

_STREAM = 2  # of the random numbers that this is drawn with
_FIRST_KEPT = 2  # the last two scans are always there: without them there is no motion


@dataclass(frozen=True)
class Disturbances:
    """How much, of what.

    Attributes:
        gain: standard deviation of the log of a factor on the rain of a whole window: radars are calibrated differently.
        noise: largest standard deviation of the log of a factor on each pixel of each scan of the past; how large is drawn for each window.
        coarseness: largest distance of the steps in which rain is told [dB], in a whole window; drawn for each window.
        blind: share of windows in which a sector of the area is not seen at all.
        gaps: share of windows in which a scan of the past is missing, not one of the last two.
    """

    gain: float = 0.0
    noise: float = 0.0
    coarseness: float = 0.0
    blind: float = 0.0
    gaps: float = 0.0

    def __post_init__(self) -> None:
        if min(astuple(self)) < 0 or max(self.blind, self.gaps) > 1:
            raise FramesError(f"samples: expected disturbances of 0 or more, and shares of windows of at most 1, got {self}")


class DisturbedSamples:
    """`Samples` with `Disturbances`; what is done to window k depends on (seed, k) alone. `sweep` leaves windows as they are.

    Args:
        samples: windows [mm h-1].
        past: how many of the frames are given to a network; those are noisy, what is to be forecast is not.
        how: how much.
        seed: another number, other chances.
    """

    def __init__(self, samples: Samples, past: int, how: Disturbances, *, seed: int = 0) -> None:
        self.length, self.shape = samples.length, samples.shape
        self.fingerprint = hashlib.sha256(f"disturbed {past} {how} {seed} {samples.fingerprint}".encode()).hexdigest()[:16]
        self._samples, self._past, self._how, self._seed = samples, past, how, seed

    def batch(self, number: int, size: int) -> Batch:
        """See `Samples`."""
        batch = self._samples.batch(number, size)
        for place, window in enumerate(batch.values):
            self._disturb(window, np.random.default_rng((self._seed, _STREAM, number * size + place)))
        return batch

    def sweep(self, size: int) -> Iterator[Batch]:
        """See `Samples`."""
        return self._samples.sweep(size)

    def _disturb(self, window: Floats, rng: np.random.Generator) -> None:
        """Change (time, y, x) in place."""
        how, past = self._how, window[: self._past]
        window *= np.float32(np.exp(how.gain * rng.standard_normal()))
        past *= np.exp(np.float32(how.noise * rng.random()) * rng.standard_normal(past.shape, np.float32))
        step = np.float32(how.coarseness * rng.random())
        if step > 0:
            wet = window > 0
            window[wet] = 10 ** (np.rint(10 * np.log10(window[wet]) / step) * (step / 10))
        if rng.random() < how.blind:
            window[:, _sector(self.shape, rng)] = np.nan
        if rng.random() < how.gaps and self._past > _FIRST_KEPT:
            past[rng.integers(self._past - _FIRST_KEPT)] = np.nan


def _sector(shape: tuple[int, int], rng: np.random.Generator) -> NDArray[np.bool_]:
    """(y, x), true in an eighth to three eighths of the circle around a place in the middle third of the area."""
    y, x = np.indices(shape, sparse=True)
    middle = [side * (1 + rng.random()) / 3 for side in shape]
    away = np.arctan2(y - middle[0], x - middle[1]) - rng.uniform(-np.pi, np.pi)
    inside: NDArray[np.bool_] = np.abs(np.angle(np.exp(1j * away))) < np.pi * rng.uniform(1, 3) / 8
    return inside
