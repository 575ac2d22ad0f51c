"""A folder into which somebody else puts radar files: each is taken once nobody writes to it any more.

A file is whole when it was renamed in (its inode was seen before under another name, as tools do that write beside and rename), or when
its size and time have stood still for a moment. One that changes later is taken again. Hidden files are never taken.
"""

import shutil
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from pathlib import Path
from stat import S_ISREG
from typing import NamedTuple

import numpy as np

from stormcell.data.sources.failure import BusyError, SourceError
from stormcell.data.sources.source import About, Remote, safe_name
from stormcell.data.sources.web import Web
from stormcell.errors import ConfigError

__all__ = ["Folder", "pause_until_change"]


class _Seen(NamedTuple):
    """How a file was when it was first seen in its present state."""

    name: str
    state: str
    at: float
    renamed: bool


@dataclass
class Folder:
    """A watched folder.

    Args:
        path: the folder; it need not exist yet.
        pattern: glob that names must match.
        settle_seconds: a file must not have changed for so long.
        licence, attribution, step_minutes: see `About`.
        monotonic, now: clocks, replaced in tests.
    """

    path: str
    pattern: str = "*"
    settle_seconds: float = 1.0
    licence: str | None = None
    attribution: str | None = None
    step_minutes: float | None = None
    monotonic: Callable[[], float] = time.monotonic
    now: Callable[[], float] = time.time
    _seen: dict[int, _Seen] = field(default_factory=dict, init=False, repr=False)

    def __post_init__(self) -> None:
        if not self.settle_seconds >= 0:
            raise ConfigError(f"folder: settle_seconds: expected 0 or more, got {self.settle_seconds!r}")

    @property
    def about(self) -> About:
        """No address, but a folder that tells when to look."""
        return About(frozenset(), self.licence, self.attribution, self.step_minutes, Path(self.path))

    def new(self, web: Web, *, since: np.datetime64, until: np.datetime64, memory: dict[str, str]) -> Iterator[Remote]:
        """The files that are whole, whatever their time: only their content tells it."""
        folder, moment = Path(self.path), self.monotonic()
        try:
            entries = sorted(folder.iterdir()) if folder.exists() else []
        except OSError as error:
            raise SourceError(f"{folder}: cannot be opened ({error.strerror}); expected a folder with radar files") from error
        before, self._seen = self._seen, {}
        for entry in entries:
            try:
                facts = entry.stat()
            except OSError:  # gone again, or a link to nowhere
                continue
            if not S_ISREG(facts.st_mode):
                continue
            state = f"{facts.st_size}-{facts.st_mtime_ns}"
            seen = self._seen[facts.st_ino] = self._now_seen(before.get(facts.st_ino), entry.name, state, moment)
            if entry.name.startswith(".") or not fnmatchcase(entry.name, self.pattern):
                continue
            quiet = moment - seen.at >= self.settle_seconds or self.now() - facts.st_mtime >= self.settle_seconds
            if seen.renamed or quiet:
                yield self._remote(entry, state, facts.st_size)

    def fetch(self, web: Web, remote: Remote, into: Path) -> None:
        """Copy it, and refuse the copy if the file changed meanwhile."""
        try:
            shutil.copyfile(remote.address, into)
            facts = Path(remote.address).stat()
        except FileNotFoundError as error:
            raise SourceError(f"{remote.address}: has gone before it could be copied") from error
        except OSError as error:
            raise BusyError(f"{remote.address}: cannot be copied ({error.strerror})") from error
        if remote.version != f"{facts.st_size}-{facts.st_mtime_ns}":
            raise SourceError(f"{remote.address}: is still being written; it is taken when it stands still")

    @staticmethod
    def _now_seen(before: _Seen | None, name: str, state: str, moment: float) -> _Seen:
        if before is None or before.state != state:
            return _Seen(name, state, moment, False)
        return before if before.name == name else _Seen(name, state, before.at, True)

    @staticmethod
    def _remote(entry: Path, state: str, size: int) -> Remote:
        try:
            return Remote(safe_name(entry.name), str(entry), None, state, size)
        except SourceError as error:
            return Remote(entry.name, str(entry), problem=f"{entry.parent}: {error}")


def pause_until_change(folder: Path, seconds: float, stop: threading.Event) -> None:
    """Wait so long, or until something in the folder changes if the package watchfiles is there to tell, or until `stop` is set."""
    try:
        from watchfiles import watch
    except ImportError:
        stop.wait(seconds)
        return
    if not folder.is_dir():
        stop.wait(seconds)
        return
    timeout = max(int(seconds * 1000), 1)
    next(watch(folder, stop_event=stop, rust_timeout=timeout, yield_on_timeout=True, recursive=False, debounce=200, step=50), None)
