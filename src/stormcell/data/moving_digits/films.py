"""What the kinds of films share: which film is which, which digits are whose, and what is refused."""

import hashlib
import json
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from stormcell.data.digits import SIDE
from stormcell.data.samples import Batch
from stormcell.errors import FramesError

__all__ = ["FRAME", "PARTS", "Films", "Part", "chance_of", "check_film", "direction", "fingerprint_of", "picked", "share_of"]

Part = Literal["train", "validation", "test"]
Digits = NDArray[np.uint8]
Draw = Callable[[NDArray[np.float32], np.random.Generator], None]

FRAME = 64  # pixels, the side of a film
PARTS: tuple[Part, ...] = ("train", "validation", "test")

_SHARES = (10 / 15, 12 / 15)  # where a set of digits is cut in three, if the parts are to share none
_MOST = 100  # digits in a film; more is a mistake


@dataclass(frozen=True)
class Films:
    """The films of one part, each told by the random numbers that it is drawn from.

    Attributes:
        part: "train", "validation" or "test".
        count: how many films a sweep shows.
        length: frames in a film.
        collection: number of the set of films.
        seed: number of the order of training, or of the series of films where it is endless.
        endless: `batch` shows film after film and none twice; if not, all `count` films in an order that is new in every round.
    """

    part: Part
    count: int
    length: int
    collection: int
    seed: int
    endless: bool

    def batch(self, number: int, size: int, draw: Draw) -> Batch:
        """Films number x size and on of the series of training; `draw` puts one into (time, y, x) of zeros."""
        if number < 0 or size < 1:
            raise FramesError(f"moving digits: expected a batch number of 0 or more and a size of 1 or more, got {number} and {size}")
        series = range(number * size, (number + 1) * size)
        return self._drawn(series if self.endless else [self._shuffled(place) for place in series], draw)

    def sweep(self, size: int, draw: Draw) -> Iterator[Batch]:
        """Films 0 to `count`, in order; the last batch may be smaller."""
        if size < 1:
            raise FramesError(f"moving digits: expected batches of 1 film or more, got {size}")
        return (self._drawn(range(first, min(first + size, self.count)), draw) for first in range(0, self.count, size))

    def _drawn(self, films: Sequence[int], draw: Draw) -> Batch:
        values = np.zeros((len(films), self.length, FRAME, FRAME), np.float32)
        origin, part = (self.seed if self.endless else self.collection), 1 + PARTS.index(self.part)
        for frames, film in zip(values, films, strict=True):
            draw(frames, chance_of(origin, part, film))
        return Batch(values, np.full(len(films), 1.0 / self.count))

    def _shuffled(self, place: int) -> int:
        turn, within = divmod(place, self.count)
        return int(_order(self.seed, turn, self.count)[within])


@lru_cache(maxsize=8)
def _order(seed: int, turn: int, count: int) -> NDArray[np.int64]:
    """All films once, in the order of one round."""
    return np.argsort(chance_of(seed, 0, turn).random(count), kind="stable")


def chance_of(*words: int) -> np.random.Generator:
    """Random numbers that belong to these words.

    The generator is named, and nothing but `random()` is asked of it: so films stay what they are when numpy changes the rest.
    """
    return np.random.Generator(np.random.PCG64(words))


def share_of(images: Digits, part: Part, *, shared: bool) -> Digits:
    """The digits of a part: all, or a third of its own.

    Raises:
        FramesError: a part would have none.
    """
    own = images if shared else np.split(images, [round(share * len(images)) for share in _SHARES])[PARTS.index(part)]
    if not len(own):
        raise FramesError(f"moving digits: {len(images)} digits are too few for three parts that share none; give 8 or more")
    return own


def picked(images: Digits, chance: NDArray[np.float64]) -> Digits:
    """One image for every number from 0 to 1, all equally likely."""
    return images[(chance * len(images)).astype(np.int64)]


def direction(chance: NDArray[np.float64]) -> NDArray[np.float64]:
    """(..., 2) unit vectors, all directions equally likely for numbers from 0 to 1."""
    return np.stack([np.cos(2.0 * np.pi * chance), np.sin(2.0 * np.pi * chance)], axis=-1)


def check_film(images: Digits, part: str, *, digits: int, length: int, subset: int, collection: int, seed: int) -> None:
    """Refuse what makes no film.

    Raises:
        FramesError: see `MovingMNIST`.
    """
    if part not in PARTS:
        raise FramesError(f"moving digits: expected one of the parts {', '.join(PARTS)}, got {part!r}")
    if images.dtype != np.uint8 or images.ndim != 3 or images.shape[1:] != (SIDE, SIDE) or not len(images):
        raise FramesError(f"moving digits: expected bytes (digit, {SIDE}, {SIDE}) as of load_digits, got {images.dtype} {images.shape}")
    if not images.any(axis=(1, 2)).all():
        raise FramesError(f"moving digits: image {int(np.argmin(images.any(axis=(1, 2))))} is empty; leave out images without ink")
    if not (1 <= digits <= _MOST and length >= 1 and subset >= 1 and collection >= 0 and seed >= 0):
        raise FramesError(
            f"moving digits: expected 1 to {_MOST} digits, a length and a subset of 1 or more, a collection and a seed of 0 or more; "
            f"got {digits}, {length}, {subset}, {collection} and {seed}"
        )


def fingerprint_of(kind: str, images: Digits, *settings: str | int) -> str:
    """16 hexadecimal digits of all that decides over what a film looks like, and which comes when."""
    digest = hashlib.sha256(json.dumps([kind, *settings]).encode())
    digest.update(images.tobytes())
    return digest.hexdigest()[:16]
