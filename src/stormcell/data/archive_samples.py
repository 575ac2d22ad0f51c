"""Training windows from an archive of radar: wet ones on purpose, cropped, coarse-grained, flipped and turned."""

import hashlib
import json
from collections.abc import Iterator, Mapping, Sequence
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from stormcell.data.samples import Batch
from stormcell.data.window_frames import Box, Frames, WindowFrames
from stormcell.data.windows import Windows
from stormcell.errors import FramesError

__all__ = ["ArchiveSamples"]

WET = np.float32(0.1)  # mm h-1


class WholeArchive(Frames, Protocol):
    """What is asked of an archive here: the frames, which slots hold one, and a fingerprint of all."""

    @property
    def present(self) -> NDArray[np.bool_]: ...

    @property
    def fingerprint(self) -> str: ...


class ArchiveSamples:
    """Windows of an archive as `Samples`.

    Rain is rare, so a window is drawn with a chance that grows with its mean cover c,

        p = w(c) / sum of w over all windows,   w(c) = min(c, cover_cap) + cover_floor.

    Then come a scale and a place for the crop. Of `candidates` places, all equally likely, one is taken with a chance in proportion to
    w of the cover of its middle frame, and p is multiplied by this w over the mean w of the candidates: 1 / (N p) stays the
    weight with which a mean over what is drawn is, on average, the mean over all windows and places. Flips and turns come last.

    Window k of the endless series of training windows depends on (seed, k) alone, and batch `number` of `size` holds those from
    number x size on: two batches of 4 are one of 8, so that any number of processes can share the work.

    Args:
        archive: an `Archive`.
        windows: from `find_windows` or `split_windows`, of this archive as it is now: they are slot numbers.
        size: side of the square that is handed out [blocks of scale x scale pixels]; the whole grid if None.
        scales: sides of the blocks of pixels that are averaged, see `coarse_grain`; all equally likely. `sweep` uses the first.
        flips: north-south and west-east, each in half of the windows.
        quarter_turns: by 0 to 3 right angles.
        time_reversal: in half of the windows. Showers grow faster than they fade, so this is not quite true to nature.
        cover_cap: cover (share of pixels of 0.1 mm/h or more) above which windows are equally likely; 0 draws all alike.
        cover_floor: what is added to the cover, above 0, so that dry windows come too.
        candidates: places that are looked at for a crop; 1 takes any. Each costs a read of one frame of it.
        seed: another number, another series.
        cache_megabytes: if the frames of all windows need no more, they are held in memory (as float16: 3 digits); else crops are read when
            they are asked for, with the same rounding. No part of the fingerprint.

    Raises:
        FramesError: no windows, not windows of this archive, a crop that is larger than the grid, or settings that make no sense.
    """

    def __init__(
        self,
        archive: WholeArchive,
        windows: Windows,
        *,
        size: int | None = None,
        scales: Sequence[int] = (1,),
        flips: bool = True,
        quarter_turns: bool = True,
        time_reversal: bool = False,
        cover_cap: float = 0.25,
        cover_floor: float = 0.01,
        candidates: int = 4,
        seed: int = 0,
        cache_megabytes: float = 2048.0,
    ) -> None:
        self.windows, self.length = windows, windows.length
        self.shape = _shape(archive.grid.shape, size, scales)
        _check_windows(archive, windows)
        if not (cover_cap >= 0 and cover_floor > 0 and candidates >= 1 and seed >= 0):
            raise FramesError(
                "samples: expected a cover_cap and a seed of 0 or more, a cover_floor above 0 and 1 or more candidates, "
                f"got {cover_cap}, {seed}, {cover_floor} and {candidates}"
            )
        if quarter_turns and self.shape[0] != self.shape[1]:
            raise FramesError(f"samples: frames of {self.shape} pixels cannot be turned; give a size, or quarter_turns=False")
        settings: dict[str, object] = {
            "size": size,
            "scales": list(scales),
            "flips": flips,
            "quarter_turns": quarter_turns,
            "time_reversal": time_reversal,
        }
        settings |= {"cover_cap": cover_cap, "cover_floor": cover_floor, "candidates": candidates, "seed": seed}
        self.fingerprint = _fingerprint(archive.fingerprint, windows, settings)
        self._grid, self._scales, self._seed, self._candidates = archive.grid.shape, tuple(scales), seed, candidates
        self._flips, self._quarter_turns, self._time_reversal = flips, quarter_turns, time_reversal
        self._cap, self._floor = cover_cap, cover_floor
        weight = np.minimum(windows.cover, cover_cap) + cover_floor
        self._probability = weight / weight.sum()
        self._cumulative = np.cumsum(self._probability)
        self._frames = WindowFrames(archive, windows, scales, cache_megabytes)

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
            box, lift = self._wet_box(window, self._scales[rng.integers(len(self._scales))], rng)
            values[place] = self._augmented(self._frames.read(window, box), rng)
            probability[place] = self._probability[window] * lift
        return Batch(values, probability)

    def sweep(self, size: int) -> Iterator[Batch]:
        """Every window once, in order, at the first scale; a crop lies anywhere, but at the same place in every sweep."""
        for first in range(0, len(self), size):
            chosen = range(first, min(first + size, len(self)))
            boxes = [self._box(self._scales[0], np.random.default_rng((self._seed, window))) for window in chosen]
            values = np.stack([self._frames.read(window, box) for window, box in zip(chosen, boxes, strict=True)])
            yield Batch(values, np.full(len(chosen), 1.0 / len(self)))

    def _box(self, scale: int, rng: np.random.Generator) -> Box:
        top, left = (int(rng.integers(whole // scale - side + 1)) for whole, side in zip(self._grid, self.shape, strict=True))
        return Box(scale, top, left, *self.shape)

    def _wet_box(self, window: int, scale: int, rng: np.random.Generator) -> tuple[Box, float]:
        """One of the candidates, and how much likelier it was than one of their number drawn blindly."""
        boxes = [self._box(scale, rng) for _ in range(self._candidates)]
        if self._candidates == 1 or len(set(boxes)) == 1:
            return boxes[0], 1.0
        middle = slice(self.length // 2, self.length // 2 + 1)
        frames = np.stack([self._frames.read(window, box, frames=middle) for box in boxes])
        seen = np.maximum((~np.isnan(frames)).sum(axis=(1, 2, 3)), 1)
        weight = np.minimum((frames >= WET).sum(axis=(1, 2, 3)) / seen, self._cap) + self._floor
        chosen = int(rng.choice(len(boxes), p=weight / weight.sum()))
        return boxes[chosen], float(weight[chosen] / weight.mean())

    def _augmented(self, values: NDArray[np.float32], rng: np.random.Generator) -> NDArray[np.float32]:
        """A view of (time, y, x), perhaps mirrored, turned and run backwards."""
        mirrored, flopped, turns, backwards = (int(chance) for chance in rng.integers((2, 2, 4, 2)))
        if self._flips:
            values = values[:, :: 1 - 2 * mirrored, :: 1 - 2 * flopped]
        if self._quarter_turns:
            values = np.rot90(values, turns, axes=(1, 2))
        return values[::-1] if self._time_reversal and backwards else values


def _shape(grid: tuple[int, int], size: int | None, scales: Sequence[int]) -> tuple[int, int]:
    if not scales or min(scales) < 1 or len(set(scales)) != len(scales):
        raise FramesError(f"samples: expected different scales of 1 or more, got {tuple(scales)}")
    if size is None and len(scales) > 1:
        raise FramesError(f"samples: the whole grid has another shape at each of the scales {tuple(scales)}; give a size, or one scale")
    shape = (size, size) if size is not None else (grid[0] // scales[0], grid[1] // scales[0])
    if min(shape) < 1 or any(side * max(scales) > whole for side, whole in zip(shape, grid, strict=True)):
        raise FramesError(f"samples: {shape} blocks of {max(scales)} pixels do not fit in a grid of {grid}; give a smaller size or scale")
    return shape


def _check_windows(archive: WholeArchive, windows: Windows) -> None:
    if not len(windows):
        raise FramesError("samples: expected at least one window, got none; see find_windows")
    slots = windows.starts[:, np.newaxis] + np.arange(windows.length)
    if slots.min() < 0 or slots.max() >= archive.present.size or not archive.present[slots].all():
        raise FramesError("samples: windows over slots without a scan: they are of another archive, or this one has grown; find them anew")


def _fingerprint(data: str, windows: Windows, settings: Mapping[str, object]) -> str:
    digest = hashlib.sha256(json.dumps([data, windows.length, settings]).encode())
    digest.update(windows.starts.astype("<i8").tobytes())
    return digest.hexdigest()[:16]
