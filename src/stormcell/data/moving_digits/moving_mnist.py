"""Moving MNIST: digits that fly and bounce."""

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from stormcell.data.digits import SIDE
from stormcell.data.moving_digits.films import (
    FRAME,
    Digits,
    Films,
    Part,
    chance_of,
    check_film,
    direction,
    fingerprint_of,
    picked,
    share_of,
)
from stormcell.data.moving_digits.flight import mirrored_path
from stormcell.data.samples import Batch

__all__ = ["MovingMNIST"]


class MovingMNIST:
    """Two digits (or another number) that fly straight on and bounce from the edges of 64x64 pixels.

    As Shi et al. made it: the centre of each digit starts anywhere from 14 to 50 in both directions, flies in any direction at 3 to
    5 pixels per frame, and is mirrored at the ends of that range, so that the digit stays in the picture. It is drawn at whole
    pixels; where digits overlap, the brighter one is seen. There are 10,000 films to train with, 2,000 to validate, 3,000 to test.

    Films are not stored: film i of a part is drawn from random numbers that depend on (collection, part, i) alone, so the films are
    the same everywhere and for every `seed`. `batch` goes through all films of the part in an order that is new in every round and
    depends on (seed, round); two batches of 4 are one of 8.

    Args:
        images: digits from `load_digits`, (digit, 28, 28), bytes.
        part: "train", "validation" or "test".
        digits: in a film; the paper tests with 3 what was trained with 2.
        length: frames in a film.
        subset: how many of the images are used, chosen by chance; all if there are fewer.
        shared_digits: whether the parts have the digits of the subset in common, as in the paper. If not, 10/15 of them are for
            training, 2/15 for validation, 3/15 for testing.
        collection: another number, another 15,000 films.
        seed: another number, another order of training.

    Raises:
        FramesError: images that are no digits, or numbers that make no film.

    Source:
        Shi et al. (2015), arXiv:1506.04214, section 4.1; placement and mirroring as in the code of Shi et al. (2017),
        arXiv:1706.03458.
    """

    def __init__(
        self,
        images: Digits,
        part: Part = "train",
        *,
        digits: int = 2,
        length: int = 20,
        subset: int = 500,
        shared_digits: bool = True,
        collection: int = 0,
        seed: int = 0,
    ) -> None:
        count = {"train": 10_000, "validation": 2_000, "test": 3_000}
        check_film(images, part, digits=digits, length=length, subset=subset, collection=collection, seed=seed)
        self.length, self.shape = length, (FRAME, FRAME)
        chosen = np.argsort(chance_of(collection).random(len(images)), kind="stable")[:subset]
        self._images, self._digits = share_of(images[chosen], part, shared=shared_digits), digits
        self._films = Films(part, count[part], length, collection, seed, endless=False)
        self.fingerprint = fingerprint_of("Moving MNIST", self._images, part, digits, length, collection, seed)

    def __len__(self) -> int:
        """How many films there are in this part."""
        return self._films.count

    def batch(self, number: int, size: int) -> Batch:
        """Training batch `number`, `size` films: see the class."""
        return self._films.batch(number, size, self._draw)

    def sweep(self, size: int) -> Iterator[Batch]:
        """Every film of the part once, in order."""
        return self._films.sweep(size, self._draw)

    def _draw(self, film: NDArray[np.float32], chance: np.random.Generator) -> None:
        """Into (time, y, x) of zeros; places and speeds are (digit, [y, x]), the place that of a digit's upper left corner."""
        which, angle, speed, *start = chance.random((5, self._digits))
        velocity = (3.0 + 2.0 * speed[:, np.newaxis]) * direction(angle)
        room = float(FRAME - SIDE)
        path = mirrored_path(room * np.stack(start, axis=-1), velocity, self.length, low=0.0, high=room)
        corners = path.astype(np.int64).transpose(1, 2, 0).tolist()  # (digit, [y, x], time)
        for image, (tops, lefts) in zip(picked(self._images, which), corners, strict=True):
            ink = image.astype(np.float32) / np.float32(255.0)
            for frame, top, left in zip(film, tops, lefts, strict=True):
                place = frame[top : top + SIDE, left : left + SIDE]
                np.maximum(place, ink, out=place)
