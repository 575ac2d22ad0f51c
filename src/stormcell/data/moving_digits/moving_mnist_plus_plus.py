"""MovingMNIST++: digits that fly, bounce, turn, grow and shrink, in a light that goes down and up."""

from collections.abc import Iterator

import cv2
import numpy as np
from numpy.typing import NDArray

from stormcell.data.moving_digits.films import FRAME, Digits, Films, Part, check_film, direction, fingerprint_of, picked, share_of
from stormcell.data.moving_digits.flight import Floats, clamped_path
from stormcell.data.samples import Batch

__all__ = ["MovingMNISTPlusPlus", "swing"]

_PERIOD = 5  # frames until growth and fading turn around


class MovingMNISTPlusPlus:
    """Three digits that fly and bounce, and each turns, grows and shrinks, while the light goes down and up.

    As Shi et al. made it for TrajGRU: every digit is cropped to its ink and starts anywhere in the picture. It flies in any direction
    at 0 to 3.6 pixels per frame and turns by -30 to 30 degrees per frame about its centre, which is half its width and height from the
    middle of its first pixel. With s from 1/1.1 to 1.1 for each digit and m from 0.6 to 1 for the whole film, in frame t

        size = s^-e(t),   brightness = m^e(t),   e = `swing`: 0 1 2 3 4 3 2 1 0 -1 0 1 ...

    A centre that has left [10, 54] is put back on the border, and that component of its velocity turns around; a digit smaller than
    20 pixels may start outside, and is then put on the border in its first step. Where digits overlap, the brighter one is seen.
    Where e = -1, in frames 9 and 19, brightness is above 1, up to 1/0.6; so it was published, and nothing is cut off here.

    Training films are new for ever: film k depends on (seed, k) alone, two batches of 4 are one of 8, and `sweep` shows the first
    10,000. There are 2,000 films to validate with, and 10,000 to test, as in the paper; they depend on (collection, part, film), are the
    same for every seed, and `batch` goes through them as in `MovingMNIST`.

    Args:
        images: digits from `load_digits`, (digit, 28, 28), bytes.
        part: "train", "validation" or "test".
        digits: in a film.
        length: frames in a film.
        subset: the first so many images are used; all if there are fewer.
        shared_digits: whether the parts have the digits of the subset in common, as in the published code. If not, the first 10/15
            are for training, the next 2/15 for validation, the last 3/15 for testing.
        collection: another number, other films for validation and test.
        seed: another number, other films to train with.

    Raises:
        FramesError: images that are no digits, or numbers that make no film.

    Source:
        Shi et al. (2017), arXiv:1706.03458, section 5.1, and its code. Departure: the films of the paper's test set are not among them,
        for they need its random numbers.
    """

    def __init__(
        self,
        images: Digits,
        part: Part = "train",
        *,
        digits: int = 3,
        length: int = 20,
        subset: int = 40_000,
        shared_digits: bool = True,
        collection: int = 0,
        seed: int = 0,
    ) -> None:
        count = {"train": 10_000, "validation": 2_000, "test": 10_000}
        check_film(images, part, digits=digits, length=length, subset=subset, collection=collection, seed=seed)
        self.length, self.shape = length, (FRAME, FRAME)
        self._images, self._digits = share_of(images[:subset], part, shared=shared_digits), digits
        self._films = Films(part, count[part], length, collection, seed, endless=part == "train")
        self.fingerprint = fingerprint_of("MovingMNIST++", self._images, part, digits, length, collection, seed)

    def __len__(self) -> int:
        """How many films a sweep shows."""
        return self._films.count

    def batch(self, number: int, size: int) -> Batch:
        """Training batch `number`, `size` films: see the class."""
        return self._films.batch(number, size, self._draw)

    def sweep(self, size: int) -> Iterator[Batch]:
        """Every film of the part once, in order; of the endless training films the first 10,000."""
        return self._films.sweep(size, self._draw)

    def _draw(self, film: NDArray[np.float32], chance: np.random.Generator) -> None:
        """Into (time, y, x) of zeros; places and speeds are (digit, [x, y])."""
        which, angle, speed, turn, growth, *start = chance.random((7, self._digits))
        light = 0.6 + 0.4 * chance.random()
        inks = [_cropped(image) for image in picked(self._images, which)]
        sides = np.array([ink.shape[::-1] for ink in inks], np.float64)
        centre = np.stack(start, axis=-1) * (FRAME - sides) + sides / 2.0
        path = clamped_path(centre, 3.6 * speed[:, np.newaxis] * direction(angle), self.length, low=10.0, high=FRAME - 10.0)
        exponent = swing(self.length)
        size = (1.0 / 1.1 + (1.1 - 1.0 / 1.1) * growth) ** -exponent[:, np.newaxis]
        transforms = _transforms(path, sides / 2.0, np.radians(60.0 * turn - 30.0), size)
        warped = np.empty(self.shape, np.float32)
        for frame, maps in zip(film, transforms, strict=True):
            for ink, transform in zip(inks, maps, strict=True):
                cv2.warpAffine(ink, transform, self.shape, dst=warped)
                np.maximum(frame, warped, out=frame)
        film *= (light**exponent).astype(np.float32)[:, np.newaxis, np.newaxis]


def swing(steps: int) -> Floats:
    """(steps,) exponents that rise by 1 in frames 1 to 4, fall by 1 in frames 5 to 9, rise in 10 to 14, and so on; 0 at first.

    Example:
        >>> swing(12).astype(int).tolist()
        [0, 1, 2, 3, 4, 3, 2, 1, 0, -1, 0, 1]
    """
    change = np.where(np.arange(steps) // _PERIOD % 2 == 0, 1.0, -1.0)
    change[0] = 0.0
    return np.cumsum(change)


def _cropped(image: Digits) -> NDArray[np.float32]:
    """The smallest rectangle that holds all ink, grey 0 to 1."""
    rows, columns = np.flatnonzero(image.any(axis=1)), np.flatnonzero(image.any(axis=0))
    ink = image[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1]
    return ink.astype(np.float32) / np.float32(255.0)


def _transforms(path: Floats, middle: Floats, turn: Floats, size: Floats) -> Floats:
    """(time, digit, 2, 3) matrices [A | path - A middle]: turned by `turn` per frame, counter-clockwise as seen, and enlarged by `size`."""
    angle = turn * np.arange(len(path))[:, np.newaxis]
    cosine, sine = size * np.cos(angle), size * np.sin(angle)
    turned = np.stack([cosine, sine, -sine, cosine], axis=-1).reshape(*angle.shape, 2, 2)
    shift = path[..., np.newaxis] - turned @ middle[..., np.newaxis]
    return np.concatenate([turned, shift], axis=-1)
