"""An archive of radar scans: slots on an even time axis, some of them empty, in one Zarr v3 store."""

import datetime
import hashlib
import json
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

from stormcell.data.archive.growth import commit, grow, lengths, mend, read_root
from stormcell.data.archive.half_precision import to_half
from stormcell.data.archive.index import Index, statistics
from stormcell.data.archive.layout import MISSING, RAIN, write_empty
from stormcell.data.archive.profile import PROFILES
from stormcell.data.archive.shards import Shards
from stormcell.data.archive.writer_lock import WriterLock
from stormcell.errors import FramesError, ReadError, WriteError
from stormcell.frames import Times, check_frames, grid_of, make_frames
from stormcell.grid import Grid

__all__ = ["Archive", "is_archive"]

_FORMAT = 1
_SECOND = np.timedelta64(1, "s")
_WITH_FRAMES = ("source", "licence", "institution", "references", "zr_rule", "quantity")
_OWN = ("Conventions", "stormcell_archive", "stormcell_profile", "time_origin", "time_step_seconds")


def is_archive(path: str | Path) -> bool:
    """Is this folder an archive as `Archive` makes them?"""
    try:
        return "stormcell_archive" in json.loads((Path(path) / "zarr.json").read_text())["attributes"]
    except (OSError, ValueError, KeyError, TypeError):
        return False


@final
class Archive:
    """Scans on an even time axis. A slot of the axis holds a scan or is a gap; a gap costs no space, however long it is.

    Open for reading, it is the archive as it was at that moment: what a writer adds is there when it is opened again. Only one may
    write at a time; readers need not care. A scan is there in full or not at all, whatever happens to the writer (see `growth`).

    Args:
        path: the archive's folder; `Archive.create` makes a new one.
        writable: also for `append`; then close it, or use it in a `with` block.

    Attributes:
        path: its folder.
        grid: of every frame.
        step: time from one slot to the next.
        attrs: what is known about the data: `source`, `licence`, `zr_rule`, `history`, ...
        profile: name of its layout, in `PROFILES`.

    Raises:
        ReadError: there is no archive, or it is damaged.
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
        try:
            if writable:
                mend(self.path)
            self._open()
        except BaseException:
            self.close()
            raise
        self._clean = True

    @classmethod
    def create(
        cls,
        path: str | Path,
        grid: Grid,
        step: np.timedelta64,
        *,
        start: np.datetime64,
        profile: str = "default",
        attrs: Mapping[str, Any] | None = None,
    ) -> Self:
        """Make an archive without scans, and open it for writing.

        Args:
            path: a folder that does not exist yet.
            grid: of all frames to come.
            step: time from one slot to the next, whole seconds.
            start: time of the first slot, UTC; scans before it cannot be added.
            profile: layout, one of `PROFILES`.
            attrs: what is worth knowing about the data: `source`, `licence` (an SPDX identifier), `zr_rule`, `institution`, ...

        Raises:
            WriteError: the path exists, is being written, or cannot be written.
            FramesError: the step is not a positive number of whole seconds, or there is no such profile.
        """
        if profile not in PROFILES:
            raise FramesError(f"archive: expected a profile of {', '.join(PROFILES)}, got {profile!r}")
        every = np.timedelta64(step).astype("timedelta64[ns]")
        if every < _SECOND or every % _SECOND:
            raise FramesError(f"archive: expected a time step of whole seconds, got {step}")
        own = {
            "Conventions": "CF-1.11",
            "title": "Rain rate from weather radar",
            "stormcell_archive": _FORMAT,
            "stormcell_profile": profile,
            "time_origin": f"{np.datetime64(start).astype('datetime64[s]')}Z",
            "time_step_seconds": int(every / _SECOND),
        }
        lock = WriterLock(Path(path))
        try:
            write_empty(Path(path), grid, PROFILES[profile], {**own, **_on_disk(attrs or {})})
        finally:
            lock.release()
        return cls(path, writable=True)

    def _open(self) -> None:
        try:
            attrs = read_root(self.path)["attributes"]
            if attrs["stormcell_archive"] != _FORMAT:
                raise ReadError(f"{self.path}: is an archive of format {attrs['stormcell_archive']}; this version knows {_FORMAT}")
            group = zarr.open_group(self.path, mode="r")
            self.step = np.timedelta64(attrs["time_step_seconds"], "s").astype("timedelta64[ns]")
            start = np.datetime64(attrs["time_origin"].rstrip("Z"), "ns")
            crs = CRS.from_wkt(str(group["spatial_ref"].attrs["crs_wkt"]))
            self.grid = Grid(crs, np.asarray(group["x"]), np.asarray(group["y"]))
            self._index = Index.read(group, start, self.step)
            rain = group[RAIN]
            assert isinstance(rain, zarr.Array) and rain.shards is not None
            self._shards = Shards(self.path / RAIN, rain.shards[0], self.grid.shape, (rain.chunks[1], rain.chunks[2]))
        except ReadError:
            raise
        except Exception as error:  # whatever a broken document does to the decoders
            raise ReadError(f"{self.path}: the archive is damaged ({' '.join(str(error).split())[:200]})") from error
        self.profile = str(attrs.get("stormcell_profile", "default"))
        self.attrs = {"licence" if name == "license" else name: value for name, value in attrs.items() if name not in _OWN}

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
        return int(self._index.row.size)

    def __repr__(self) -> str:
        rows, columns = self.grid.shape
        span = f"{self.axis[0].astype('datetime64[m]')} to {self.axis[-1].astype('datetime64[m]')}" if len(self) else "empty"
        return f"<Archive {self.path}: {int(self.present.sum())} scans in {len(self)} slots, {span}, {rows} x {columns}>"

    @property
    def about(self) -> dict[str, Any]:
        """Those attributes that go with every frame: source, licence, Z-R rule and the like."""
        return {name: self.attrs[name] for name in _WITH_FRAMES if name in self.attrs}

    @property
    def axis(self) -> Times:
        """(slot,) time of every slot, gaps included, UTC."""
        return self.times_of(0, len(self))

    def times_of(self, first: int, last: int) -> Times:
        """Times of the slots from `first` to before `last`, which need not be there yet."""
        return self._index.times(first, last)

    def slots_of(self, times: Times) -> NDArray[np.int64]:
        """The slot of each time, which need not be there yet. A time may be less than a minute off, and than a quarter of a step.

        Raises:
            FramesError: a time is before the first slot, or between two slots.
        """
        return self._index.slots_of(times)

    @property
    def shard_slots(self) -> int:
        """How many slots share a file; what comes in together for one of them is written at once."""
        return self._shards.frames

    @property
    def present(self) -> NDArray[np.bool_]:
        """(slot,) does it hold a scan?"""
        return self._index.present

    @property
    def wet_share(self) -> NDArray[np.float32]:
        """(slot,) share of the seen pixels with at least 0.1 mm/h; NaN where there is no scan."""
        return self._index.statistics["wet_share"].copy()

    @property
    def largest(self) -> NDArray[np.float32]:
        """(slot,) largest rain rate [mm h-1]; NaN where there is no scan."""
        return self._index.statistics["largest"].copy()

    @property
    def seen_share(self) -> NDArray[np.float32]:
        """(slot,) share of the pixels that the radar saw; NaN where there is no scan."""
        return self._index.statistics["seen_share"].copy()

    @property
    def fingerprint(self) -> str:
        """16 hexadecimal digits of the scans' times, their statistics and the grid: the same content, the same digits."""
        here = self.present
        digest = hashlib.sha256(self.grid.crs.to_wkt().encode())
        for part in (self.grid.x, self.grid.y, self.axis[here].astype(np.int64), *(one[here] for one in self._index.statistics.values())):
            digest.update(np.ascontiguousarray(part).tobytes())
        return digest.hexdigest()[:16]

    def block(self, first: int, last: int, rows: slice = slice(None), columns: slice = slice(None)) -> NDArray[np.float32]:
        """Rain rates of the slots from `first` to before `last`.

        Args:
            first: a slot.
            last: the slot after the last that is wanted.
            rows: which rows, a slice without a step; all if not given.
            columns: which columns.

        Returns:
            (slot, y, x) [mm h-1]; a slot without a scan is NaN.

        Raises:
            FramesError: there are no such slots.
            ReadError: a file of the archive is damaged.
        """
        if not 0 <= first <= last <= len(self):
            raise FramesError(f"archive: expected slots between 0 and {len(self)}, got {first} to {last}")
        if rows.step not in (None, 1) or columns.step not in (None, 1):
            raise FramesError(f"archive: expected rows and columns without a step, got {rows} and {columns}")
        where = self._index.row[first:last]
        here = where >= 0
        lowest, highest = (int(where[here].min()), int(where[here].max()) + 1) if here.any() else (0, 0)
        there = np.zeros(highest - lowest, bool)
        there[where[here] - lowest] = True
        part = self._shards.read(lowest, highest, rows, columns, there=there).astype(np.float32)
        if here.all():
            return part
        values = np.full((last - first, *part.shape[1:]), np.nan, np.float32)
        values[here] = part[where[here] - lowest]
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
            raise FramesError(f"archive: no slot between {first} and {last} in {self!r}")
        return self._frames(int(inside[0]), int(inside[-1]) + 1)

    def _frames(self, first: int, last: int) -> xr.DataArray:
        if first == last:
            raise FramesError(f"archive: {self.path} holds no scan yet")
        gaps = int((~self.present[first:last]).sum())
        return make_frames(self.block(first, last), self.times_of(first, last), self.grid, **self.about, gaps=gaps)

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
        self._must_be_writable()
        if not self._clean:  # an earlier call was interrupted, perhaps behind its last step
            mend(self.path)
            self._open()
            self._clean = True
        self._must_fit(check_frames(frames))
        slots = self.slots_of(frames["time"].values)
        there = np.zeros(slots.size, bool)
        there[slots < len(self)] = self.present[slots[slots < len(self)]]
        new = np.flatnonzero(np.isfinite(frames.values).any(axis=(1, 2)) & ~there)
        for shard in np.unique(slots[new] // self.shard_slots):
            chosen = new[slots[new] // self.shard_slots == shard]
            self._put(slots[chosen], to_half(frames.values[chosen]))
        return int(new.size)

    def _must_be_writable(self) -> None:
        if self._lock is None:
            raise WriteError(f"{self.path}: is open for reading only; open it with Archive(path, writable=True)")

    def _must_fit(self, frames: xr.DataArray) -> None:
        grid = grid_of(frames)
        if not self.grid.same_as(grid):
            raise FramesError(
                f"archive: {self.path} has {self.grid.shape[0]} x {self.grid.shape[1]} pixels, the frames have "
                f"{grid.shape[0]} x {grid.shape[1]} or lie elsewhere; give scans of one product only"
            )
        here, there = self.attrs.get("zr_rule"), frames.attrs.get("zr_rule")
        if here and there and here != there:
            raise FramesError(f"archive: {self.path} holds rain by the rule {here}, the frames were made by {there}; give the same --zr")

    def _put(self, slots: NDArray[np.int64], half: NDArray[np.float16]) -> None:
        """Write a few frames, in the order that `growth` tells."""
        after = self._index.with_scans(slots, statistics(half))
        self._clean = False
        columns, before = after.columns(), lengths(read_root(self.path))
        to = {RAIN: after.rows, **{name: column.size for name, column in columns.items()}}
        try:
            if to != before:
                grow(self.path, to)
            rows = after.row[slots]
            self._write_frames(rows, half)
            for name, column in columns.items():
                since = before[name] if name == MISSING else min(int(rows[0]), before[name])
                if since < column.size:
                    zarr.open_array(self.path / name, mode="r+")[since:] = column[since:]
            if to != before:
                commit(self.path, to)
        except OSError as error:
            raise WriteError(f"{self.path}: cannot be written ({error.strerror or error}); check the free space") from error
        self._index = after
        self._clean = True

    def _write_frames(self, rows: NDArray[np.int64], half: NDArray[np.float16]) -> None:
        """One write a shard; what lies between the rows is written back as it was."""
        first, last = int(rows[0]), int(rows[-1]) + 1
        block = half
        if last - first > rows.size:
            block = self._shards.read(first, last)
            block[rows - first] = half
        zarr.open_array(self.path / RAIN, mode="r+")[first:last] = block

    def describe(self, **attrs: Any) -> None:
        """Set attributes of the archive, such as `source` or `licence`.

        Raises:
            WriteError: the archive is not open for writing, or the name is one that the format needs.
        """
        self._must_be_writable()
        commit(self.path, {}, _on_disk(attrs))
        self.attrs |= attrs

    def record(self, what: str) -> None:
        """Add a line to the attribute `history`: when, by which version, what."""
        now = datetime.datetime.now(datetime.UTC)
        line = f"{now:%Y-%m-%dT%H:%M:%SZ} stormcell {version('stormcell')}: {what}"
        self.describe(history="\n".join(filter(None, [self.attrs.get("history"), line])))


def _on_disk(attrs: Mapping[str, Any]) -> dict[str, Any]:
    """Attributes by their names in a file: the licence by the name that ACDD, CF users and catalogues expect."""
    if own := [name for name in attrs if name in _OWN]:
        raise WriteError(f"archive: the attribute {own[0]!r} belongs to the format; choose another name")
    return {"license" if name == "licence" else name: value for name, value in attrs.items() if value is not None}
