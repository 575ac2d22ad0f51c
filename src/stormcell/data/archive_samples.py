"""Training windows from an archive of radar: wet ones on purpose, cropped, coarse-grained, flipped and turned."""

import hashlib
import json
from collections.abc import Iterator, Mapping, Sequence
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from stormcell.data.samples import Batch
from stormcell.data.windows import Windows
from stormcell.errors import FramesError
from stormcell.grid import Grid

__all__ = ["ArchiveSamples", "coarse_grain"]

_LARGEST = np.float32(np.finfo(np.float16).max)
_READ = 256  # slots read at once


class Frames(Protocol):
    """What is asked of an archive here."""

    @property
    def present(self) -> NDArray[np.bool_]: ...

    @property
    def grid(self) -> Grid: ...

    @property
    def fingerprint(self) -> str: ...

    def block(self, first: int, last: int, rows: slice = ..., columns: slice = ...) -> NDArray[np.float32]: ...


class ArchiveSamples:
    """Windows of an archive as `Samples`.

    Rain is rare, so a window is drawn with a probability that grows with its mean cover,

        p ~ min(cover, cover_cap) + cover_floor,

    and p is kept in the batch. Then a scale is drawn, a place for a crop of size x scale pixels, flips and quarter turns, each with
    equal chances. Window k of the endless series of training windows depends on (seed, k) alone, and batch `number` of `size` holds
    those from number x size on: two batches of 4 are one of 8, so that any number of processes can share the work.

    Frames are held in memory as float16, 3 digits, where all that the windows need fits in `cache_megabytes`; else crops are read
    from the archive when they are asked for, with the same rounding.

    Args:
        archive: an `Archive`.
        windows: from `find_windows` or `split_windows`, of this archive as it is now: they are slot numbers.
        size: side of the square that is handed out [pixels]; the whole grid, in blocks of the one scale, if None.
        scales: sides of the blocks of pixels that are averaged, see `coarse_grain`; all equally likely. `sweep` uses the first.
        flips: north-south and west-east, each in half of the windows.
        quarter_turns: by 0 to 3 right angles.
        time_reversal: in half of the windows. Rain grows faster than it dies, so this is not quite true to nature.
        cover_cap: cover above which windows are equally likely; 0 draws all alike.
        cover_floor: chance of a dry window, in units of cover, above 0.
        seed: another number, another series.
        cache_megabytes: most memory for frames; no part of the fingerprint.

    Raises:
        FramesError: no windows, not windows of this archive, a crop that is larger than the grid, or settings that make no sense.
    """

    def __init__(
        self,
        archive: Frames,
        windows: Windows,
        *,
        size: int | None = None,
        scales: Sequence[int] = (1,),
        flips: bool = True,
        quarter_turns: bool = True,
        time_reversal: bool = False,
        cover_cap: float = 0.25,
        cover_floor: float = 0.01,
        seed: int = 0,
        cache_megabytes: float = 2048.0,
    ) -> None:
        self.windows = windows
        self.length = windows.length
        self.shape = _shape(archive.grid.shape, size, scales)
        _check(archive, windows, cover_cap=cover_cap, cover_floor=cover_floor, seed=seed)
        if quarter_turns and self.shape[0] != self.shape[1]:
            raise FramesError(f"samples: frames of {self.shape} pixels cannot be turned; give a size, or quarter_turns=False")
        settings = {
            "size": size,
            "scales": list(scales),
            "flips": flips,
            "quarter_turns": quarter_turns,
            "time_reversal": time_reversal,
            "cover_cap": cover_cap,
            "cover_floor": cover_floor,
            "seed": seed,
        }
        self.fingerprint = _fingerprint(archive.fingerprint, windows, settings)
        self._grid, self._scales, self._seed = archive.grid.shape, tuple(scales), seed
        self._flips, self._quarter_turns, self._time_reversal = flips, quarter_turns, time_reversal
        weight = np.minimum(windows.cover, cover_cap) + cover_floor
        self._probability = weight / weight.sum()
        self._cumulative = np.cumsum(self._probability)
        self._frames = _WindowFrames(archive, windows, cache_megabytes)

    def __len__(self) -> int:
        """How many windows there are, before crops and augmentation."""
        return len(self.windows)

    def batch(self, number: int, size: int) -> Batch:
        """Training batch `number`, `size` windows: see the class."""
        values = np.empty((size, self.length, *self.shape), np.float32)
        probability = np.empty(size)
        for place in range(size):
            rng = np.random.default_rng((self._seed, number * size + place))
            window = min(int(np.searchsorted(self._cumulative, rng.random(), side="right")), len(self) - 1)
            scale = self._scales[rng.integers(len(self._scales))]
            values[place] = self._augmented(self._crop(window, scale, rng), rng)
            probability[place] = self._probability[window]
        return Batch(values, probability)

    def sweep(self, size: int) -> Iterator[Batch]:
        """Every window once, in order, at the first scale; crops at a place that is drawn once and for all."""
        for first in range(0, len(self), size):
            chosen = range(first, min(first + size, len(self)))
            values = np.stack([self._crop(window, self._scales[0], np.random.default_rng((self._seed, window))) for window in chosen])
            yield Batch(values.astype(np.float32, copy=False), np.full(len(chosen), 1.0 / len(self)))

    def _crop(self, window: int, scale: int, rng: np.random.Generator) -> NDArray[np.floating]:
        """(time, y, x) of a window somewhere on the grid, in blocks of scale x scale pixels."""
        sides = [side * scale for side in self.shape]
        top, left = (int(rng.integers(whole - side + 1)) for whole, side in zip(self._grid, sides, strict=True))
        values = self._frames.read(window, slice(top, top + sides[0]), slice(left, left + sides[1]))
        return values if scale == 1 else coarse_grain(values.astype(np.float32), scale)

    def _augmented(self, values: NDArray[np.floating], rng: np.random.Generator) -> NDArray[np.floating]:
        """A view of (time, y, x), perhaps mirrored and turned."""
        chances = rng.integers((2, 2, 4, 2))
        if self._flips:
            values = values[:, :: 1 - 2 * int(chances[0]), :: 1 - 2 * int(chances[1])]
        if self._quarter_turns:
            values = np.rot90(values, int(chances[2]), axes=(1, 2))
        return values[::-1] if self._time_reversal and chances[3] else values


class _WindowFrames:
    """The frames of windows: from memory where they fit, from the archive where not; float16 both ways, so nothing else differs."""

    def __init__(self, archive: Frames, windows: Windows, megabytes: float) -> None:
        self._archive, self._starts, self._length = archive, windows.starts, windows.length
        slots = np.unique(windows.starts[:, np.newaxis] + np.arange(windows.length))
        rows, columns = archive.grid.shape
        self._held: NDArray[np.float16] | None = None
        if 2 * slots.size * rows * columns <= megabytes * 2**20:
            self._rows = np.searchsorted(slots, windows.starts)  # the slots of a window are consecutive here as there
            self._held = np.empty((slots.size, rows, columns), np.float16)
            at = 0
            for run in np.split(slots, np.flatnonzero(np.diff(slots) > 1) + 1):
                for first in range(int(run[0]), int(run[-1]) + 1, _READ):
                    last = min(first + _READ, int(run[-1]) + 1)
                    self._held[at : at + last - first] = _half(archive.block(first, last))
                    at += last - first

    def read(self, window: int, rows: slice, columns: slice) -> NDArray[np.float16]:
        """(time, y, x) [mm h-1]."""
        if self._held is not None:
            first = int(self._rows[window])
            return self._held[first : first + self._length, rows, columns]
        first = int(self._starts[window])
        return _half(self._archive.block(first, first + self._length, rows, columns))


def coarse_grain(values: NDArray[np.float32], side: int) -> NDArray[np.float32]:
    """Average rain rate over blocks of side x side pixels, as a coarser radar would see it.

    The mean is over the pixels that were seen; a block of which less than half was seen is NaN. Rows and columns that fill no block
    are dropped at the south and east, as in `Grid.coarsen`.

    Args:
        values: (time, y, x) [mm h-1], NaN not seen.
        side: of a block [pixels].

    Returns:
        (time, y // side, x // side).

    Example:
        >>> coarse_grain(np.array([[[1.0, 3.0], [np.nan, 2.0]]], np.float32), 2)
        array([[[2.]]], dtype=float32)
    """
    steps, rows, columns = values.shape[0], values.shape[1] // side, values.shape[2] // side
    blocks = values[:, : rows * side, : columns * side].reshape(steps, rows, side, columns, side)
    seen = np.isfinite(blocks)
    count = seen.sum(axis=(2, 4))
    total = np.where(seen, blocks, np.float32(0)).sum(axis=(2, 4))
    return np.where(2 * count >= side * side, total / np.maximum(count, 1), np.nan).astype(np.float32)


def _half(values: NDArray[np.float32]) -> NDArray[np.float16]:
    return np.minimum(values, _LARGEST).astype(np.float16)


def _shape(grid: tuple[int, int], size: int | None, scales: Sequence[int]) -> tuple[int, int]:
    if not scales or min(scales) < 1 or len(set(scales)) != len(scales):
        raise FramesError(f"samples: expected different scales of 1 or more, got {tuple(scales)}")
    if size is None and len(scales) > 1:
        raise FramesError(f"samples: the whole grid has another shape at each of the scales {tuple(scales)}; give a size, or one scale")
    shape = (size, size) if size is not None else (grid[0] // scales[0], grid[1] // scales[0])
    if min(shape) < 1 or any(side * max(scales) > whole for side, whole in zip(shape, grid, strict=True)):
        raise FramesError(
            f"samples: crops of {shape} pixels in blocks of {max(scales)} do not fit a grid of {grid}; give a smaller size or scale"
        )
    return shape


def _check(archive: Frames, windows: Windows, *, cover_cap: float, cover_floor: float, seed: int) -> None:
    if not len(windows):
        raise FramesError("samples: expected at least one window, got none; see find_windows")
    slots = windows.starts[:, np.newaxis] + np.arange(windows.length)
    if slots.min() < 0 or slots.max() >= archive.present.size or not archive.present[slots].all():
        raise FramesError(
            "samples: the windows reach over slots without a scan: they are not of this archive, or it has grown; find them anew"
        )
    if not (cover_cap >= 0 and cover_floor > 0 and seed >= 0):
        raise FramesError(
            f"samples: expected a cover_cap of 0 or more, a cover_floor above 0 and a seed of 0 or more, "
            f"got {cover_cap}, {cover_floor} and {seed}"
        )


def _fingerprint(data: str, windows: Windows, settings: Mapping[str, object]) -> str:
    digest = hashlib.sha256(json.dumps([data, windows.length, settings]).encode())
    digest.update(windows.starts.astype("<i8").tobytes())
    return digest.hexdigest()[:16]
