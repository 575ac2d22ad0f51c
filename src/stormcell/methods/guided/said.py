"""What a guided network says for one time, in strips of rows: memory does not grow with the radar's grid, and all cores have work."""

import math
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import reduce
from operator import add
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from stormcell.methods.guided.chances import AtTime
from stormcell.methods.guided.decision import Counts
from stormcell.methods.guided.fields import monotone

__all__ = ["Said"]

Floats = NDArray[np.float32]
_Made = TypeVar("_Made")

_STRIP = 2**22  # logits that are worked on at once by a thread
_KEPT = 2**26  # that are kept from one look to the next; more are made again


class Said:
    """Logits of exceedance that never rise from level to level, at one time.

    Args:
        now: what they are made from.
        pool: threads that strips are shared out to.
        threads: how many these are; each has as much to do as the others.
    """

    def __init__(self, now: AtTime, pool: ThreadPoolExecutor, threads: int) -> None:
        self._now, self._pool = now, pool
        rows, columns = now.place[0].shape
        self._levels = now.chances.levels
        rounds = math.ceil(rows * columns * len(self._levels) / (_STRIP * threads))
        height = math.ceil(rows / (rounds * threads))
        self._shape = rows, columns
        self._strips = [slice(first, min(first + height, rows)) for first in range(0, rows, height)]
        few = len(self._levels) * rows * columns <= _KEPT
        self._kept = self._for_all(self._made) if few else []

    def whole(self, shift: Floats | None = None) -> Floats:
        """(level, y, x), after a shift (level,) if there is one."""
        logits = np.empty((len(self._levels), *self._shape), np.float32)

        def fill(strip: int) -> None:
            rows = logits[:, self._strips[strip]]
            rows[:] = self._look(strip)[1]
            if shift is not None:
                rows += shift[:, None, None]
                monotone(rows, in_place=True)

        self._for_all(fill)
        return logits

    def fields(self, make: Callable[[Floats, slice], Floats]) -> Floats:
        """A field (y, x) of what is made from the logits (level, y, x) of some rows, and those rows; it must not change them."""
        field = np.empty(self._shape, np.float32)

        def fill(strip: int) -> None:
            rows = self._strips[strip]
            field[rows] = make(self._look(strip)[1], rows)

        self._for_all(fill)
        return field

    def least(self) -> Floats:
        """(level,) logits from which on an event is said, see `stormcell.methods.guided.decision`."""

        def count(strip: int) -> Counts:
            guess, logits = self._look(strip)
            return Counts.of(logits, guess, np.isfinite(guess), self._levels)

        return reduce(add, self._for_all(count)).least(self._now.decisions)

    def _look(self, strip: int) -> tuple[Floats, Floats]:
        """x of the first guess (y, x), NaN where nothing is known, and logits (level, y, x)."""
        return self._kept[strip] if self._kept else self._made(strip)

    def _made(self, strip: int) -> tuple[Floats, Floats]:
        guess, logits = self._now.look(self._strips[strip])
        return guess, monotone(logits, in_place=True)

    def _for_all(self, work: Callable[[int], _Made]) -> list[_Made]:
        return list(self._pool.map(work, range(len(self._strips))))
