"""The frames of windows, at several scales: from memory where they fit, from the archive where not."""

from collections.abc import Iterator, Sequence
from typing import NamedTuple, Protocol

import numpy as np
from numpy.typing import NDArray

from stormcell.data.coarse_graining import coarse_grain
from stormcell.data.windows import Windows
from stormcell.grid import Grid
from stormcell.progress import track

__all__ = ["Box", "Frames", "WindowFrames"]

_LARGEST = np.float32(np.finfo(np.float16).max)
_READ_PIXELS = 2**24  # are read at once
_RAIN_RATE = np.arange(2**16, dtype=np.uint16).view(np.float16).astype(np.float32)
"""Of each of the float16 numbers by its bits: looking it up is five times faster than NumPy's own conversion."""


class Frames(Protocol):
    """What is asked of an archive here: its grid, and frames of the slots [first, last), (time, y, x) [mm h-1]."""

    @property
    def grid(self) -> Grid: ...

    def block(self, first: int, last: int, rows: slice = ..., columns: slice = ...) -> NDArray[np.float32]: ...


class Box(NamedTuple):
    """A part of the grid, counted in blocks of scale x scale pixels."""

    scale: int
    top: int
    left: int
    rows: int
    columns: int


class WindowFrames:
    """Reads parts of windows at any of some scales.

    Rain rates are rounded to float16, 3 digits, whether they are held in memory or not, so that memory changes nothing but time.

    Args:
        archive: an `Archive`.
        windows: of this archive. Slots of none of them are not read.
        scales: sides of the blocks of pixels that are averaged.
        megabytes: most memory; if all slots of the windows at all scales do not fit, nothing is held.
    """

    def __init__(self, archive: Frames, windows: Windows, scales: Sequence[int], megabytes: float) -> None:
        self._archive, self._starts, self._length = archive, windows.starts, windows.length
        self._held: dict[int, NDArray[np.uint16]] = {}
        slots = np.unique(windows.starts[:, np.newaxis] + np.arange(windows.length))
        shapes = {scale: (slots.size, *(side // scale for side in archive.grid.shape)) for scale in scales}
        if sum(2 * int(np.prod(shape)) for shape in shapes.values()) <= megabytes * 2**20:
            self._places = np.searchsorted(slots, windows.starts)  # slots of one window are consecutive there too
            self._held = {scale: np.empty(shape, np.uint16) for scale, shape in shapes.items()}
            place = 0
            for first, last in track(list(_pieces(slots, int(np.prod(archive.grid.shape)))), "reading"):
                values = archive.block(first, last)
                for scale, held in self._held.items():
                    held[place : place + last - first] = _bits(coarse_grain(values, scale))
                place += last - first

    def read(self, window: int, box: Box, *, frames: slice = slice(None)) -> NDArray[np.float32]:
        """Part of a window: (time, y, x) [mm h-1], a copy; `frames` selects some in a row."""
        first, last, _ = frames.indices(self._length)
        below, right = box.top + box.rows, box.left + box.columns
        if self._held:
            start = int(self._places[window])
            bits = self._held[box.scale][start + first : start + last, box.top : below, box.left : right]
        else:
            start = int(self._starts[window])
            rows, columns = slice(box.top * box.scale, below * box.scale), slice(box.left * box.scale, right * box.scale)
            bits = _bits(coarse_grain(self._archive.block(start + first, start + last, rows, columns), box.scale))
        return np.take(_RAIN_RATE, bits)


def _pieces(slots: NDArray[np.int64], pixels: int) -> Iterator[tuple[int, int]]:
    """The runs of slots as (first, after the last), cut where one is too long to be read at once."""
    most = max(1, _READ_PIXELS // pixels)
    for run in np.split(slots, np.flatnonzero(np.diff(slots) > 1) + 1):
        for first in range(int(run[0]), int(run[-1]) + 1, most):
            yield first, min(first + most, int(run[-1]) + 1)


def _bits(values: NDArray[np.float32]) -> NDArray[np.uint16]:
    return np.minimum(values, _LARGEST).astype(np.float16).view(np.uint16)
