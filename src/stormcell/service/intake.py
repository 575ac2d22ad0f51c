"""From files to the archive: which files are new and whole, what is in them, and where it goes."""

import logging
import os
import time
import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import xarray as xr

from stormcell.data.archive import Archive, is_archive
from stormcell.errors import FramesError, ReadError
from stormcell.frames import grid_of
from stormcell.service.database import Database
from stormcell.service.decode import Limits, decode
from stormcell.timeline import join_frames, regular_times, slots_begin

__all__ = ["Arrivals", "take_in"]

_log = logging.getLogger("stormcell.service")
_AHEAD = np.timedelta64(15, "m")  # by which a scan may lie in the future, as clocks differ
_BEFORE = np.timedelta64(1, "D")  # that late scans may be older than the first
_AT_ONCE = 24  # files in memory, however many have come


@dataclass
class Arrivals:
    """Files in a folder that have not been taken in, once they have stopped changing.

    Hidden files, by which tools write beside and rename, are never looked at. A file that may not be read waits until it may.

    Args:
        folder: that is watched; it need not exist yet.
        settle_seconds: a file counts when its size and time have been the same for so long.
    """

    folder: Path
    settle_seconds: float

    def __post_init__(self) -> None:
        self._since: dict[str, tuple[str, float]] = {}
        self._closed: set[str] = set()

    def look(self, database: Database) -> dict[Path, str]:
        """Files that are new or have changed since they were taken in -> their state, in order of their names."""
        known, found, now = database.known_files(), {}, time.monotonic()
        there = {path.name: path for path in self.folder.iterdir() if not path.name.startswith(".")} if self.folder.is_dir() else {}
        for name, path in sorted(there.items()):
            try:
                facts = path.stat()
            except FileNotFoundError:
                continue
            state = f"{facts.st_size}-{facts.st_mtime_ns}"
            if known.get(name) == state:
                continue
            before, since = self._since.get(name, ("", now))
            if before != state:
                since = now if before or time.time() - facts.st_mtime < self.settle_seconds else now - self.settle_seconds
                self._since[name] = (state, since)
            if now - since >= self.settle_seconds and self._may_be_read(path):
                found[path] = state
        self._since = {name: one for name, one in self._since.items() if name in there}
        if gone := known.keys() - there.keys():
            database.forget_files(gone)
        return found

    def _may_be_read(self, path: Path) -> bool:
        """If not, that is said once: its permissions may change without its state."""
        if os.access(path, os.R_OK):
            self._closed.discard(path.name)
            return True
        if path.name not in self._closed and path.exists():
            self._closed.add(path.name)
            _log.warning("%s: may not be read (permission denied); it waits until it may", path)
        return False


def take_in(files: dict[Path, str], archive: Path, database: Database, limits: Limits, *, bbox: str | None = None) -> int:
    """Decode files and add what they hold to the archive, which is made when two scans tell the time step.

    A file is noted as taken in when its scans are in the archive, or when it cannot be read; so a stop at any moment loses nothing, and
    what came twice changes nothing. The first scan of all waits for the second, and one from the future until its time has come: either its
    clock is wrong or that of this machine, and everything else goes by the newest scan.

    Args:
        files: paths and states, as `Arrivals` gives them.
        archive: its folder.
        database: where files are noted.
        limits: of the process that decodes.
        bbox: only this box of each scan, "west,south,east,north" in degrees.

    Returns:
        how many scans were new.

    Raises:
        WriteError: the archive cannot be written.
        FramesError: scans from the future wait; everything else was taken in.
    """
    paths, new = list(files), 0
    early: list[str] = []
    for first in range(0, len(paths), _AT_ONCE):
        some = {path: files[path] for path in paths[first : first + _AT_ONCE]}
        new += _take_some(some, archive, database, limits, bbox, early)
    if early:
        raise FramesError(f"{', '.join(early[:5])}: dated in the future, now {_now()} UTC; they wait (is a clock wrong?)")
    return new


def _now() -> np.datetime64:
    return np.datetime64(int(time.time()), "s")


def _take_some(files: dict[Path, str], archive: Path, database: Database, limits: Limits, bbox: str | None, early: list[str]) -> int:
    """A few of them: no more are decoded before these are in the archive. Names of those from the future go to `early`."""
    read: dict[Path, xr.DataArray] = {}
    for path, result in decode(list(files), limits, bbox=bbox):
        if isinstance(result, ReadError):
            _refuse(path, files[path], str(result), database)
        elif result["time"].values[-1] > _now() + _AHEAD:
            early.append(path.name)
        else:
            read[path] = result
    if not read or not (is_archive(archive) or _create(archive, list(read.values()))):
        return 0
    new = 0
    with Archive(archive, writable=True) as writable:
        for path, frames in read.items():
            try:
                new += writable.append(frames)
            except FramesError as error:
                _refuse(path, files[path], str(error), database)
            else:
                database.note_file(path.name, files[path])
    return new


def _refuse(path: Path, state: str, problem: str, database: Database) -> None:
    warnings.warn(problem, UserWarning, stacklevel=4)
    database.note_file(path.name, state, problem)


def _create(path: Path, parts: Sequence[xr.DataArray]) -> bool:
    """Make the archive for the grid of the newest of these scans, if they tell the step of time."""
    newest = max(parts, key=lambda part: part["time"].values[-1])
    fitting = [part for part in parts if grid_of(part).same_as(grid_of(newest))]
    times = np.unique(np.concatenate([part["time"].values for part in fitting]))
    if times.size < 2:
        return False
    axis = regular_times(times)
    about = join_frames(fitting, times=axis).attrs
    kept = {
        name: value for name, value in about.items() if name in ("source", "licence", "institution", "references", "zr_rule", "quantity")
    }
    start = slots_begin(axis) - _BEFORE // (axis[1] - axis[0]) * (axis[1] - axis[0])
    Archive.create(path, grid_of(newest), axis[1] - axis[0], start=start, attrs=kept).close()
    return True
