"""Windows of several sources in one series, each with its share."""

import hashlib
from collections.abc import Iterator, Sequence

import numpy as np

from stormcell.data.samples import Batch, Samples
from stormcell.errors import FramesError

__all__ = ["MixedSamples"]

_STREAM = 1  # of the random numbers that a window's source is drawn with


class MixedSamples:
    """`Samples` of which each window comes from one of several, drawn by chance.

    Window k of the series is window k of the source that it comes from, so the series of a source is the same whatever it is mixed with.
    A window's probability is the one within its source: the mean over windows is taken with the shares that are asked for.

    Args:
        sources: of one shape and length; what `sweep` gives is the first one's.
        shares: of the windows, one for each source, above 0, with a sum of 1.
        seed: another number, another order.

    Raises:
        FramesError: shares that are none, or windows of different shapes.
    """

    def __init__(self, sources: Sequence[Samples], shares: Sequence[float], *, seed: int = 0) -> None:
        if len(sources) != len(shares) or not sources or min(shares) <= 0 or not np.isclose(sum(shares), 1.0):
            raise FramesError(f"samples: expected a share above 0 for each of {len(sources)} sources, with a sum of 1, got {list(shares)}")
        kinds = {(source.length, *source.shape) for source in sources}
        if len(kinds) > 1:
            raise FramesError(f"samples: expected windows of one length and shape (time, y, x) from all sources, got {sorted(kinds)}")
        self.length, self.shape = sources[0].length, sources[0].shape
        said = [f"{share:.6g} {source.fingerprint}" for source, share in zip(sources, shares, strict=True)]
        self.fingerprint = hashlib.sha256(f"mixed {seed} {said}".encode()).hexdigest()[:16]
        self._sources, self._limits, self._seed = list(sources), np.cumsum(shares)[:-1], seed

    def batch(self, number: int, size: int) -> Batch:
        """See `Samples`."""
        windows = [self._source(place).batch(place, 1) for place in range(number * size, (number + 1) * size)]
        return Batch(np.concatenate([one.values for one in windows]), np.concatenate([one.probability for one in windows]))

    def sweep(self, size: int) -> Iterator[Batch]:
        """See `Samples`; the first source's."""
        return self._sources[0].sweep(size)

    def _source(self, window: int) -> Samples:
        chance = np.random.default_rng((self._seed, _STREAM, window)).random()
        return self._sources[int(np.searchsorted(self._limits, chance, side="right"))]
