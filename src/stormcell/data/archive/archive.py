"""An archive of radar scans: slots on an even time axis, some of them empty, in one Zarr v3 store."""

import datetime
import hashlib
from collections.abc import Mapping
from importlib.metadata import version
from pathlib import Path
from types import TracebackType
from typing import Any, Self, final

import numpy as np
import xarray as xr
import zarr
from numpy.typing import NDArray
from pyproj import CRS

from stormcell.data.archive import layout
from stormcell.data.archive.half_precision import WET, to_half
from stormcell.data.archive.writer_lock import WriterLock
from stormcell.errors import FramesError, ReadError, WriteError
from stormcell.frames import Times, check_frames, grid_of, make_frames
from stormcell.grid import Grid

__all__ = ["Archive", "is_archive"]

_SECOND = np.timedelta64(1, "s")
_TOLERANCE = np.timedelta64(30, "s")
_KEPT = ("source", "licence", "institution", "references", "zr_rule", "quantity")
_OWN = ("Conventions", "stormcell_archive", "time_origin", "time_step_seconds")


def is_archive(path: str | Path) -> bool:
    """Is this folder an archive as `Archive` makes them?"""
    document = Path(path) / "zarr.json"
    return document.is_file() and "stormcell_archive" in document.read_text()


@final
class Archive:
    """Scans on an even time axis. A slot of the axis holds a scan or is a gap; a gap costs no space, however long it is.

    Open for reading, it is the archive as it was at that moment: what a writer adds is there when it is opened again. Only one may
    write at a time; readers need not care. A scan is there in full or not at all, whatever happens to the writer (see `layout`).

    Args:
        path: the archive's folder; `Archive.create` makes a new one.
        writable: also for `append`; then close it, or use it in a `with` block.

    Attributes:
        path: its folder.
        grid: of every frame.
        step: time from one slot to the next.

    Raises:
        ReadError: there is no archive.
        WriteError: it is to be written, and somebody else writes it.

    Example:
        >>> archive = Archive("radar.zarr")  # doctest: +SKIP
        >>> past = archive.latest(4)  # doctest: +SKIP
    """

    def __init__(self, path: str | Path, *, writable: bool = False) -> None:
        self.path = Path(path)
        if not is_archive(self.path):
            raise ReadError(f"{path}: is no archive of stormcell; make one with stormcell ingest INPUT... {path}")
        self._lock = WriterLock(self.path) if writable else None
        self._clean = not writable  # whether what a killed writer may have left is cleared away
        self._open()

    @classmethod
    def create(cls, path: str | Path, grid: Grid, step: np.timedelta64, *, start: np.datetime64, attrs: Mapping[str, Any] = {}) -> Self:
        """Make an archive without scans, and open it for writing.

        Args:
            path: a folder that does not exist yet.
            grid: of all frames to come.
            step: time from one slot to the next, whole seconds.
            start: time of the first slot, UTC; scans before it cannot be added.
            attrs: what is worth knowing about the data: `source`, `licence` (an SPDX identifier), `zr_rule`, `institution`, ...

        Raises:
            WriteError: the path exists, is being written, or cannot be written.
            FramesError: the step is not a positive number of whole seconds.
        """
        every = np.timedelta64(step).astype("timedelta64[ns]")
        if every < _SECOND or every % _SECOND:
            raise FramesError(f"archive: expected a time step of whole seconds, got {step}")
        origin = np.datetime64(start).astype("datetime64[s]")
        own = {
            "Conventions": "CF-1.11",
            "title": "Rain rate from weather radar",
            "stormcell_archive": layout.FORMAT,
            "time_origin": f"{origin}Z",
            "time_step_seconds": int(every / _SECOND),
        }
        lock = WriterLock(Path(path))
        try:
            layout.write_empty(Path(path), grid, {**own, **_on_disk(attrs)})
        finally:
            lock.release()
        return cls(path, writable=True)

    def _open(self) -> None:
        try:
            document = layout.root(self.path)
            if self._lock is not None and not self._clean:
                layout.mend(self.path)
                self._clean = True
            group = zarr.open_group(self.path, mode="r")
            attrs = document["attributes"]
            if attrs["stormcell_archive"] != layout.FORMAT:
                raise ReadError(f"{self.path}: is an archive of format {attrs['stormcell_archive']}, this version knows {layout.FORMAT}")
            self.step = np.timedelta64(attrs["time_step_seconds"], "s").astype("timedelta64[ns]")
            self._start = np.datetime64(attrs["time_origin"].rstrip("Z"), "ns")
            crs = CRS.from_wkt(str(group["spatial_ref"].attrs["crs_wkt"]))
            self.grid = Grid(crs, np.asarray(group["x"]), np.asarray(group["y"]))
            self._rain = _array(group, layout.RAIN)
            self._slots = {name: np.asarray(_array(group, name)[:]) for name in ("present", *layout.STATISTICS)}
        except ReadError:
            raise
        except Exception as error:  # whatever a broken document does to the decoders
            raise ReadError(f"{self.path}: the archive is damaged ({' '.join(str(error).split())[:200]})") from error
        self._shard = layout.frames_per_shard_of(self.path)
        self.attrs = _for_people(attrs)

    def close(self) -> None:
        """Let others write. An archive that was opened for reading only needs no closing."""
        if self._lock is not None:
            self._lock.release()
            self._lock = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.close()

    def __len__(self) -> int:
        """How many slots there are, gaps included."""
        return int(self._slots["present"].size)

    def __repr__(self) -> str:
        rows, columns = self.grid.shape
        span = f"{self.axis[0]} to {self.axis[-1]}" if len(self) else "empty"
        return f"<Archive {self.path}: {int(self.present.sum())} scans in {len(self)} slots, {span}, {rows} x {columns}>"

    @property
    def about(self) -> dict[str, Any]:
        """Those attributes that go with every frame: source, licence, Z-R rule and the like."""
        return {name: value for name, value in self.attrs.items() if name in _KEPT}

    @property
    def axis(self) -> Times:
        """(slot,) time of every slot, gaps included, UTC."""
        return self.times_of(0, len(self))

    def times_of(self, first: int, last: int) -> Times:
        """Times of the slots from `first` to before `last`, which need not be there yet."""
        times: Times = self._start + np.arange(first, last) * self.step
        return times

    @property
    def shard_slots(self) -> int:
        """How many slots share a file; what comes in together for one of them is written at once."""
        return self._shard

    @property
    def present(self) -> NDArray[np.bool_]:
        """(slot,) does it hold a scan?"""
        here: NDArray[np.bool_] = self._slots["present"] == 1
        return here

    @property
    def wet_share(self) -> NDArray[np.float32]:
        """(slot,) share of the seen pixels with at least 0.1 mm/h; NaN where there is no scan."""
        return self._statistic("wet_share")

    @property
    def largest(self) -> NDArray[np.float32]:
        """(slot,) largest rain rate [mm h-1]; NaN where there is no scan."""
        return self._statistic("largest")

    @property
    def seen_share(self) -> NDArray[np.float32]:
        """(slot,) share of the pixels that the radar saw; NaN where there is no scan."""
        return self._statistic("seen_share")

    def _statistic(self, name: str) -> NDArray[np.float32]:
        return np.where(self.present, self._slots[name], np.float32(np.nan))

    @property
    def fingerprint(self) -> str:
        """16 hexadecimal digits of the scans' times, their statistics and the grid: the same content, the same digits."""
        digest = hashlib.sha256(self.grid.crs.to_wkt().encode())
        for part in (self.grid.x, self.grid.y, self.axis[self.present].astype(np.int64)):
            digest.update(np.ascontiguousarray(part).tobytes())
        for name in layout.STATISTICS:
            digest.update(self._slots[name][self.present].tobytes())
        return digest.hexdigest()[:16]

    def block(self, first: int, last: int, rows: slice = slice(None), columns: slice = slice(None)) -> NDArray[np.float32]:
        """Rain rates of the slots from `first` to before `last`.

        Args:
            first: a slot.
            last: the slot after the last that is wanted.
            rows: which rows; all if not given.
            columns: which columns.

        Returns:
            (slot, y, x) [mm h-1]; a slot without a scan is NaN.

        Raises:
            FramesError: there are no such slots.
        """
        if not 0 <= first <= last <= len(self):
            raise FramesError(f"archive: expected slots between 0 and {len(self)}, got {first} to {last}")
        here = self.present[first:last]
        values = np.asarray(self._rain[first:last, rows, columns]).astype(np.float32)
        values[~here] = np.nan
        return values

    def latest(self, count: int) -> xr.DataArray:
        """The last `count` slots, or all if there are fewer.

        Returns:
            (time, y, x), as `check_frames` wants it; missing scans are frames of NaN.

        Raises:
            FramesError: there is no scan, or the count is below 1.
        """
        if count < 1:
            raise FramesError(f"archive: expected a count of at least 1, got {count}")
        return self._frames(max(0, len(self) - count), len(self))

    def between(self, first: np.datetime64, last: np.datetime64) -> xr.DataArray:
        """The slots from the time `first` to the time `last`, both included.

        Returns:
            (time, y, x), as `check_frames` wants it; missing scans are frames of NaN.

        Raises:
            FramesError: there is no slot between them.
        """
        inside = np.flatnonzero((self.axis >= np.datetime64(first)) & (self.axis <= np.datetime64(last)))
        if inside.size == 0:
            raise FramesError(f"archive: no slot between {first} and {last}; {self!r}")
        return self._frames(int(inside[0]), int(inside[-1]) + 1)

    def _frames(self, first: int, last: int) -> xr.DataArray:
        if first == last:
            raise FramesError(f"archive: {self.path} holds no scan yet")
        gaps = int((~self.present[first:last]).sum())
        return make_frames(self.block(first, last), self.axis[first:last], self.grid, **self.about, gaps=gaps)

    def slots_of(self, times: Times) -> NDArray[np.int64]:
        """The slot of each time, which need not be there yet. A time may be off by 30 seconds or a tenth of a step, whichever is less.

        Raises:
            FramesError: a time is before the first slot, or between two slots.
        """
        slots: NDArray[np.int64] = np.round((times - self._start) / self.step).astype(np.int64)
        off = np.abs(times - (self._start + slots * self.step))
        if slots.size and slots.min() < 0:
            raise FramesError(
                f"archive: {self.path} begins at {self._start}, and {times[np.argmin(slots)]} is before; it can only grow at its end: "
                f"ingest the older scans and this archive into a new one"
            )
        if np.any(off > min(_TOLERANCE, self.step // 10)):
            raise FramesError(
                f"archive: {times[np.argmax(off)]} lies {off.max() / _SECOND:g} s off the slots of {self.path}, "
                f"which are {self.step / _SECOND:g} s apart from {self._start} on; give scans of one product only"
            )
        return slots

    def append(self, frames: xr.DataArray) -> int:
        """Add scans: new ones, late ones that fill a gap, in any order. Those that are there already change nothing.

        Args:
            frames: (time, y, x) under the contract of `stormcell.frames`; frames of NaN count as no scan.

        Returns:
            How many scans were new.

        Raises:
            FramesError: the frames lie on another grid, off the time axis, before its start, or were made by another Z-R rule.
            WriteError: the archive is not open for writing, or the disk is full.
        """
        if self._lock is None:
            raise WriteError(f"{self.path}: is open for reading only; open it with Archive(path, writable=True)")
        check_frames(frames)
        self._must_fit(frames)
        slots = self.slots_of(frames["time"].values)
        seen = np.isfinite(frames.values).any(axis=(1, 2))
        there = np.zeros(slots.size, bool)
        there[slots < len(self)] = self.present[slots[slots < len(self)]]
        new = np.flatnonzero(seen & ~there)
        for shard in np.unique(slots[new] // self._shard):
            chosen = new[slots[new] // self._shard == shard]
            self._put(slots[chosen], to_half(frames.values[chosen]))
        return int(new.size)

    def _must_fit(self, frames: xr.DataArray) -> None:
        grid = grid_of(frames)
        if not self.grid.same_as(grid):
            raise FramesError(
                f"archive: {self.path} has {self.grid.shape[0]} x {self.grid.shape[1]} pixels, the frames have "
                f"{grid.shape[0]} x {grid.shape[1]} or lie elsewhere; give scans of one product only"
            )
        here, there = self.attrs.get("zr_rule"), frames.attrs.get("zr_rule")
        if here and there and here != there:
            raise FramesError(f"archive: {self.path} holds rain by the rule {here}, the frames were made by {there}; give one --zr to both")

    def _put(self, slots: NDArray[np.int64], half: NDArray[np.float16]) -> None:
        """Write the frames of one shard, in the order that `layout` tells."""
        if not self._clean:
            layout.mend(self.path)
        self._clean = False
        first, last, before = int(slots.min()), int(slots.max()) + 1, len(self)
        after = max(before, last)
        try:
            if after > before:
                layout.grow(self.path, after)
                self._rain = zarr.open_array(self.path / layout.RAIN, mode="r")
            columns = {name: np.concatenate([held, np.zeros(after - before, held.dtype)]) for name, held in self._slots.items()}
            for name, values in _statistics(half).items():
                columns[name][before:] = np.nan
                columns[name][slots] = values
            columns["present"][slots] = 1
            rain = zarr.open_array(self.path / layout.RAIN, mode="r+")
            block = half
            if last - first > slots.size:
                block = np.asarray(rain[first:last])
                block[slots - first] = half
            rain[first:last] = block
            start = min(first, before)
            timed = {**{name: columns[name] for name in layout.STATISTICS}, "time": self._seconds(after), "present": columns["present"]}
            for name, column in timed.items():
                zarr.open_array(self.path / name, mode="r+")[start:after] = column[start:]
            if after > before:
                layout.commit(self.path, after)
        except OSError as error:
            raise WriteError(f"{self.path}: cannot be written ({error.strerror or error}); check the free space") from error
        self._slots = columns
        self._clean = True

    def _seconds(self, slots: int) -> NDArray[np.int64]:
        seconds: NDArray[np.int64] = self.times_of(0, slots).astype("datetime64[s]").astype(np.int64)
        return seconds

    def describe(self, **attrs: Any) -> None:
        """Set attributes of the archive, such as `source` or `licence`.

        Raises:
            WriteError: the archive is not open for writing, or the name is one that the format needs.
        """
        if self._lock is None:
            raise WriteError(f"{self.path}: is open for reading only; open it with Archive(path, writable=True)")
        layout.commit(self.path, len(self), _on_disk(attrs))
        self.attrs |= attrs

    def record(self, what: str) -> None:
        """Add a line to the attribute `history`: when, by which version, what."""
        now = datetime.datetime.now(datetime.UTC)
        line = f"{now:%Y-%m-%dT%H:%M:%SZ} stormcell {version('stormcell')}: {what}"
        self.describe(history="\n".join(filter(None, [self.attrs.get("history"), line])))


def _statistics(half: NDArray[np.float16]) -> dict[str, NDArray[np.float32]]:
    """(frame,) of each statistic, from the values as they are kept."""
    values = half.astype(np.float32)
    seen = np.isfinite(values).sum(axis=(1, 2))
    return {
        "wet_share": ((values >= np.float32(WET)).sum(axis=(1, 2)) / seen).astype(np.float32),
        "largest": np.fmax.reduce(values, axis=(1, 2)),
        "seen_share": (seen / np.prod(half.shape[1:])).astype(np.float32),
    }


def _on_disk(attrs: Mapping[str, Any]) -> dict[str, Any]:
    """Attributes by their names in a file: the licence by the name that ACDD, CF users and catalogues expect."""
    if own := [name for name in attrs if name in _OWN]:
        raise WriteError(f"archive: the attribute {own[0]!r} belongs to the format; choose another name")
    return {"license" if name == "licence" else name: value for name, value in attrs.items() if value is not None}


def _for_people(attrs: Mapping[str, Any]) -> dict[str, Any]:
    return {"licence" if name == "license" else name: value for name, value in attrs.items() if name not in _OWN}


def _array(group: zarr.Group, name: str) -> "zarr.Array[Any]":
    array = group[name]
    assert isinstance(array, zarr.Array)
    return array
