"""Windows of an archive that hold no gap, and their division into parts that know nothing of each other.

Radar frames a few minutes apart are nearly the same picture. So a network is tested on other blocks of time than it learnt from, and
between two blocks of different parts a guard interval belongs to neither.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Protocol

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view
from numpy.typing import NDArray

from stormcell.errors import FramesError, UnitsError
from stormcell.frames import Times

__all__ = ["Windows", "find_windows", "split_windows"]

DAY = np.timedelta64(1, "D")
GUARD = np.timedelta64(3, "h")

_GOLDEN = (np.sqrt(5.0) - 1.0) / 2.0


class Slots(Protocol):
    """What is asked of an archive here: (time,) is there a scan, and the share of its seen pixels that are wet."""

    @property
    def present(self) -> NDArray[np.bool_]: ...

    @property
    def wet_share(self) -> NDArray[np.float32]: ...


@dataclass(frozen=True, eq=False)
class Windows:
    """Short stretches of an archive's time axis, each of `length` slots that all hold a scan.

    Attributes:
        starts: slot of each window's first frame, rising.
        length: frames in a window.
        cover: share of pixels that are wet, mean over the window's frames; a frame in which nothing was seen counts as dry.
    """

    starts: NDArray[np.int64] = field(repr=False)
    length: int
    cover: NDArray[np.float64] = field(repr=False)

    def __len__(self) -> int:
        return int(self.starts.size)

    def select(self, keep: NDArray[np.bool_]) -> "Windows":
        """Those for which `keep` is true."""
        return Windows(self.starts[keep], self.length, self.cover[keep])

    def wetter_than(self, cover: float) -> "Windows":
        """Those with more mean cover than this share, 0 to 1."""
        return self.select(self.cover > cover)

    def apart(self, slots: int) -> "Windows":
        """The first, and each next one that starts at least so many slots after the one kept before; `length` lets none overlap."""
        if slots <= 1:
            return self
        keep = np.zeros(len(self), bool)
        place = 0
        while place < len(self):
            keep[place] = True
            place = int(np.searchsorted(self.starts, self.starts[place] + slots))
        return self.select(keep)


def find_windows(archive: Slots, length: int, *, stride: int = 1, cover_above: float | None = None) -> Windows:
    """All windows of an archive in which no scan is missing.

    Args:
        archive: an `Archive`.
        length: frames in a window, past and future together.
        stride: least distance between two starts [slots]; 1 gives all, `length` gives windows that share no frame. It is applied
            after `cover_above`.
        cover_above: leave out windows whose mean cover is not above this share, 0 to 1; none if None.

    Raises:
        FramesError: no window is left.
    """
    if length < 1 or stride < 1:
        raise FramesError(f"windows: expected a length and a stride of 1 or more, got {length} and {stride}")
    present = np.asarray(archive.present, bool)
    starts = np.empty(0, np.int64)
    cover = np.empty(0)
    if present.size >= length:
        starts = np.flatnonzero(sliding_window_view(present, length).all(axis=1))
        wet = np.nan_to_num(np.asarray(archive.wet_share, np.float64), nan=0.0)
        cover = sliding_window_view(wet, length)[starts].mean(axis=1)
    found = Windows(starts, length, cover)
    wanted = found if cover_above is None else found.wetter_than(cover_above)
    if not len(wanted):
        rule = "" if cover_above is None else f" {len(found)} of them whole, and none with a mean cover above {cover_above:g};"
        raise FramesError(f"windows: no {length} scans in a row among {present.sum()} in {present.size} slots;{rule} ask for shorter ones")
    return wanted.apart(stride)


def split_windows(
    windows: Windows,
    axis: Times,
    *,
    shares: Mapping[str, float],
    block: np.timedelta64 = DAY,
    guard: np.timedelta64 = GUARD,
    seed: int = 0,
) -> dict[str, Windows]:
    """Divide windows by time, so that no frame of one part lies within the guard interval of a frame of another.

    Time is cut in blocks that start at multiples of `block` since 1970 (days: at midnight UTC). Block number n goes to the part in
    whose share the fraction of (n g + offset) falls, g the golden section: the parts' blocks are spread evenly over the seasons, their
    numbers are within a few of the shares, and a block keeps its part when the archive grows. On either side of a border between
    parts half the guard is left out, be there scans on the other side or not; a window belongs to a part if all of its frames do.

    Args:
        windows: from `find_windows`.
        axis: time of every slot of the archive.
        shares: of time for each part, such as ``{"train": 0.8, "validation": 0.1, "test": 0.1}``; their sum is 1.
        block: what goes to one part as a whole; longer than weather lasts.
        guard: shorter than a block; as long as a forecast or longer.
        seed: another number, other blocks.

    Returns:
        The windows of each part, in the order of `shares`.

    Raises:
        FramesError: the shares are not positive with a sum of 1, or a part is left without a window.
        UnitsError: block and guard do not fit.
    """
    if not shares or min(shares.values()) <= 0 or not np.isclose(sum(shares.values()), 1.0):
        raise FramesError(f"split: expected positive shares with a sum of 1, got {dict(shares)}")
    if not np.timedelta64(0, "s") <= guard < block:
        raise UnitsError(f"split: expected a guard of 0 or more, and shorter than a block of {block}, got {guard}")
    parts = _part_of_slots(axis, list(shares.values()), block, guard, seed)
    inside = sliding_window_view(parts, windows.length)[windows.starts] if len(windows) else np.empty((0, 1), parts.dtype)
    lowest, highest = inside.min(axis=1), inside.max(axis=1)
    split = {name: windows.select((lowest == part) & (highest == part)) for part, name in enumerate(shares)}
    for name, own in split.items():
        if not len(own):
            raise FramesError(
                f"split: {name} gets none of {len(windows)} windows of {windows.length} frames with blocks of {block} "
                f"and a guard of {guard}; give more data, other blocks, or a larger share"
            )
    return split


def _part_of_slots(axis: Times, shares: list[float], block: np.timedelta64, guard: np.timedelta64, seed: int) -> NDArray[np.int64]:
    """(time,) number of the part of every slot; -1 in the guard."""
    nanoseconds = axis.astype("datetime64[ns]").astype(np.int64)
    whole, half = _nanoseconds(block), (_nanoseconds(guard) + 1) // 2
    blocks, since = np.divmod(nanoseconds, whole)
    offset = np.random.default_rng(seed).random()
    bounds = np.cumsum(shares)[:-1]

    def part(number: NDArray[np.int64]) -> NDArray[np.int64]:
        parts: NDArray[np.int64] = np.searchsorted(bounds, (number * _GOLDEN + offset) % 1.0, side="right").astype(np.int64)
        return parts

    parts = part(blocks)
    guarded = (since < half) & (part(blocks - 1) != parts) | (whole - since <= half) & (part(blocks + 1) != parts)
    parts[guarded] = -1
    return parts


def _nanoseconds(span: np.timedelta64) -> int:
    return int(span.astype("timedelta64[ns]").astype(np.int64))
