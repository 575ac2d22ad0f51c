"""What an archive knows of every slot without looking at a frame: its time, whether and where it holds a scan, and its statistics."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Self

import numpy as np
import zarr
from numpy.typing import NDArray

from stormcell.data.archive.half_precision import WET
from stormcell.data.archive.layout import MISSING, STATISTICS
from stormcell.errors import FramesError
from stormcell.frames import Times
from stormcell.timeline import slack_of

__all__ = ["Index", "statistics"]

_SECOND = np.timedelta64(1, "s")
_NOWHERE = -1
_MOST_SLOTS = 2**24  # 5 minutes each for 160 years


@dataclass(frozen=True, eq=False)
class Index:
    """The slots of an archive.

    Attributes:
        start: time of the first slot.
        step: from one slot to the next.
        keeps_gaps: row and slot are the same; otherwise rows are the scans in order, without the gaps.
        row: (slot,) where its frame lies along the first axis of the stored array, -1 if there is none.
        statistics: (slot,) each; NaN where there is no scan.
    """

    start: np.datetime64
    step: np.timedelta64
    keeps_gaps: bool
    row: NDArray[np.int64]
    statistics: Mapping[str, NDArray[np.float32]]

    @classmethod
    def read(cls, group: zarr.Group, start: np.datetime64, step: np.timedelta64) -> Self:
        """The index as it is on disk."""
        keeps_gaps = "present" in group
        marks = _column(group, "present" if keeps_gaps else "time")  # before the statistics, which are written before
        if keeps_gaps:
            slots = np.flatnonzero(marks == 1)
            size = marks.size
        else:
            slots = np.round((marks.astype("datetime64[s]") - start) / step).astype(np.int64)
            size = int(slots[-1]) + 1 if slots.size else 0
        rows = slots if keeps_gaps else np.arange(slots.size)
        row = np.full(size, _NOWHERE)
        row[slots] = rows
        return cls(start, step, keeps_gaps, row, {name: _spread(_column(group, name)[rows], slots, size) for name in STATISTICS})

    @property
    def present(self) -> NDArray[np.bool_]:
        """(slot,) does it hold a scan?"""
        here: NDArray[np.bool_] = self.row != _NOWHERE
        return here

    @property
    def rows(self) -> int:
        """How long the stored array is."""
        return self.row.size if self.keeps_gaps else int(self.present.sum())

    def times(self, first: int, last: int) -> Times:
        """Times of the slots from `first` to before `last`, which need not be there yet."""
        times: Times = self.start + np.arange(first, last) * self.step
        return times

    def slots_of(self, times: Times) -> NDArray[np.int64]:
        """The slot of each time, which need not be there yet. A time may be less than a minute off, and than a quarter of a step.

        Raises:
            FramesError: a time is before the first slot, between two slots, or centuries ahead.
        """
        slots: NDArray[np.int64] = np.round((times - self.start) / self.step).astype(np.int64)
        off = np.abs(times - (self.start + slots * self.step))
        if slots.size and slots.min() < 0:
            raise FramesError(
                f"the archive begins at {self.start.astype('datetime64[s]')}, and {times[np.argmin(slots)].astype('datetime64[s]')} is "
                "before; it can only grow at its end: ingest the older scans and this archive into a new one"
            )
        if slots.size and slots.max() >= _MOST_SLOTS:
            raise FramesError(
                f"the scan of {times.max().astype('datetime64[s]')} is misdated: the archive would need {slots.max():,} slots"
            )
        if np.any(off >= slack_of(self.step)):
            raise FramesError(
                f"{times[np.argmax(off)].astype('datetime64[s]')} lies {off.max() / _SECOND:g} s off the slots of the archive, which are "
                f"{self.step / _SECOND:g} s apart from {self.start.astype('datetime64[s]')} on; give scans of one product only"
            )
        return slots

    def with_scans(self, slots: NDArray[np.int64], figures: Mapping[str, NDArray[np.float32]]) -> Self:
        """The index after these scans have been added; the slots rise.

        Raises:
            FramesError: there is no place for a late scan.
        """
        if not self.keeps_gaps and slots[0] < self.row.size:
            raise FramesError(
                f"the scan of {self.times(slots[0], slots[0] + 1)[0].astype('datetime64[s]')} comes late, and an archive that leaves gaps "
                "out of its time axis (profile mlcast) takes scans in order only; ingest all of them into a new archive"
            )
        more = max(int(slots[-1]) + 1 - self.row.size, 0)
        row = np.concatenate([self.row, np.full(more, _NOWHERE)])
        row[slots] = slots if self.keeps_gaps else self.rows + np.arange(slots.size)
        grown = {name: np.concatenate([values, np.full(more, np.nan, np.float32)]) for name, values in self.statistics.items()}
        for name, values in figures.items():
            grown[name][slots] = values
        return type(self)(self.start, self.step, self.keeps_gaps, row, grown)

    def columns(self) -> dict[str, NDArray[Any]]:
        """The arrays along time as they are to be stored, the mark of what is there last."""
        seconds = self.times(0, self.row.size).astype("datetime64[s]").astype(np.int64)
        if self.keeps_gaps:
            return {**self.statistics, "time": seconds, "present": self.present.astype(np.uint8)}
        here = self.present
        return {**{name: values[here] for name, values in self.statistics.items()}, MISSING: seconds[~here], "time": seconds[here]}


def statistics(half: NDArray[np.float16]) -> dict[str, NDArray[np.float32]]:
    """(frame,) of each statistic, from the values as they are kept; each frame has a pixel that was seen."""
    values = half.astype(np.float32)
    seen = np.isfinite(values).sum(axis=(1, 2))
    return {
        "wet_share": ((values >= np.float32(WET)).sum(axis=(1, 2)) / seen).astype(np.float32),
        "largest": np.fmax.reduce(values, axis=(1, 2)),
        "seen_share": (seen / np.prod(half.shape[1:])).astype(np.float32),
    }


def _column(group: zarr.Group, name: str) -> NDArray[Any]:
    array = group[name]
    assert isinstance(array, zarr.Array)
    return np.asarray(array[:])


def _spread(values: NDArray[np.float32], slots: NDArray[np.int64], size: int) -> NDArray[np.float32]:
    over = np.full(size, np.nan, np.float32)
    over[slots] = values
    return over
