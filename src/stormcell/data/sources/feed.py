"""The one driver of all sources: what a feed has and this machine has not comes here, whole, once, whatever goes wrong between.

A file first goes to the hidden folder `.arriving`, is checked there, and is renamed into the download folder: what is in the download
folder is whole. Then the cursor notes it. A process that dies between the two finds the file there and does not fetch it again if the
listing proves that it is the one, and otherwise fetches it and leaves what is there alone if it is the same. So nothing is lost and
nothing comes twice. The listing is read from some hours back and not from the newest file on, so scans that come late come too.
"""

import os
import random
import shutil
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from filecmp import cmp
from itertools import islice
from pathlib import Path
from typing import NamedTuple

import numpy as np
from filelock import FileLock, Timeout

from stormcell.data.sources.cursor import Cursor, Taken
from stormcell.data.sources.failure import SourceError
from stormcell.data.sources.folder import pause_until_change
from stormcell.data.sources.limits import Limits
from stormcell.data.sources.patience import Patience
from stormcell.data.sources.source import Remote, Source, safe_name
from stormcell.data.sources.web import Web
from stormcell.data.sources.whole import check_whole, matches
from stormcell.errors import ConfigError, StormcellError, WriteError

__all__ = ["Feed", "Poll"]

_REMEMBER_SECONDS = 14 * 86_400.0


class Poll(NamedTuple):
    """What one look at a feed brought.

    Attributes:
        arrived: files that are new or changed, in order of time; they are in the download folder.
        here: all wanted files of the listing that are in the download folder, in order of time.
        refused: name -> why it was not taken. It is looked at again next time.
    """

    arrived: tuple[Path, ...]
    here: tuple[Path, ...]
    refused: dict[str, str]


@dataclass
class Feed:
    """A source, driven.

    Args:
        source: what to ask.
        folder: for the files; made if it is not there. One feed a folder.
        hours: how far back listings are read; scans that come later than this are lost.
        keep_hours: files that this feed took longer ago are removed from the folder; None to keep them all.
        limits: of time, rate and size.
        now, monotonic, sleep, chance: clocks, pause and random numbers in [0, 1), replaced in tests.
    """

    source: Source
    folder: Path
    hours: float = 3.0
    keep_hours: float | None = None
    limits: Limits = field(default_factory=Limits)
    now: Callable[[], float] = time.time
    monotonic: Callable[[], float] = time.monotonic
    sleep: Callable[[float], object] = time.sleep
    chance: Callable[[], float] = random.random

    def __post_init__(self) -> None:
        self.folder = Path(self.folder)
        self._web = Web(self.source.about.origins, self.limits, monotonic=self.monotonic, sleep=self.sleep, now=self.now)
        self._patience = Patience(self.limits, self.monotonic, self.sleep, self.chance)
        if not self.hours > 0 or (self.keep_hours is not None and self.keep_hours < self.hours):
            raise ConfigError(f"feed: expected hours above 0 and keep_hours not below it, got {self.hours} and {self.keep_hours}")
        watched = self.source.about.watch
        if watched is not None and watched.resolve() == self.folder.resolve():
            raise ConfigError(f"{self.folder}: is both the watched folder and the download folder; give the feed a folder of its own")

    @property
    def label(self) -> str:
        """What messages call it."""
        about = self.source.about
        return ", ".join(sorted(about.origins)) or str(about.watch or type(self.source).__name__)

    def poll(self, *, newest: int | None = None, refill: bool = False) -> Poll:
        """Look once, and bring what is new.

        Args:
            newest: only so many of the latest scans; all if None.
            refill: bring again what was taken once and is no longer in the folder.

        Raises:
            SourceError: the feed cannot be listed; a single file that cannot be had is in `Poll.refused` instead.
            WriteError: the download folder cannot be written, or another process works on it.
        """
        self._patience.check_turn(self.label)
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
            with FileLock(self.folder / ".feed.lock", timeout=self.limits.patience_seconds):
                return self._poll(newest, refill)
        except Timeout:
            raise WriteError(f"{self.folder}: another process brings files into this folder; give each feed a folder of its own") from None
        except StormcellError:
            raise
        except OSError as error:
            raise WriteError(f"{self.folder}: cannot be written ({error.strerror or error}); check permissions and free space") from error

    def run(self, *, every: float = 30.0, stop: threading.Event, tell: Callable[[Poll | StormcellError], object]) -> None:
        """Look again and again until `stop` is set; a folder is looked at as soon as it changes.

        Args:
            every: seconds between two looks; after a look that failed the pause doubles, up to sixteen times as long.
            stop: ends the loop.
            tell: is given what each look brought, or why it failed.
        """
        watched, failures = self.source.about.watch, 0
        while not stop.is_set():
            try:
                tell(self.poll())
                failures = 0
            except StormcellError as error:
                failures = min(failures + 1, 4)
                tell(error)
            pause = every * 2**failures
            if watched is not None:
                pause_until_change(watched, pause, stop)
            else:
                stop.wait(pause)

    def _poll(self, newest: int | None, refill: bool) -> Poll:
        cursor, refused = Cursor.load(self.folder / ".cursor.json"), dict[str, str]()
        until = _time(self.now())
        since = until - np.timedelta64(int(self.hours * 3600), "s")
        remembers = cursor.memory_since != "" and np.datetime64(cursor.memory_since) <= since and not refill
        offered, memory = self._patience.again(lambda: self._look(since, until, dict(cursor.memory) if remembers else {}))
        wanted = self._wanted(offered, until, refused)
        complete = newest is None and not refused
        wanted = wanted if newest is None else _newest(wanted, newest)
        arrived, here = [], []
        with self._arriving() as beside:
            for remote in wanted:
                target = self.folder / remote.name
                try:
                    if self._bring(remote, target, beside / "file", cursor, refill):
                        arrived.append(target)
                except SourceError as error:
                    refused[remote.name], complete = str(error), False
                if target.exists():
                    here.append(target)
        if offered:
            cursor.forget(before=self.now() - _REMEMBER_SECONDS, listed={remote.name for remote in offered})
        if complete:
            cursor.memory, cursor.memory_since = memory, str(since)
        self._tidy(cursor)
        cursor.save()
        return Poll(tuple(arrived), tuple(here), refused)

    def _look(self, since: np.datetime64, until: np.datetime64, memory: dict[str, str]) -> tuple[list[Remote], dict[str, str]]:
        """The listing, each name once (the last word on it counts), and what it is remembered by if it is looked at to its end."""
        with self._asking():
            listing = self.source.new(self._web, since=since, until=until, memory=memory)
            found = list(islice(listing, self.limits.listing_entries + 1))
        if len(found) > self.limits.listing_entries:
            raise SourceError(f"{self.label}: the listing has more than {self.limits.listing_entries:,} files; narrow the pattern")
        return list({remote.name: remote for remote in found}.values()), memory

    def _wanted(self, offered: list[Remote], until: np.datetime64, refused: dict[str, str]) -> list[Remote]:
        """What may be taken, in order of time."""
        latest, wanted = until + np.timedelta64(int(self.limits.ahead_seconds), "s"), []
        for remote in offered:
            if remote.problem is None and remote.time is not None and remote.time > latest:
                skew = self._web.skew
                hint = "" if skew is None or abs(skew) < 60 else f"; the server's clock is {skew / 60:+.0f} min from this machine's"
                refused[remote.name] = (
                    f"{remote.address}: is dated {str(remote.time)[:16]} UTC, in the future (now {str(until)[:16]}){hint}"
                )
            elif remote.problem is not None:
                refused[remote.name] = remote.problem
            else:
                wanted.append(remote)
        return sorted(wanted, key=_order)

    def _bring(self, remote: Remote, target: Path, beside: Path, cursor: Cursor, refill: bool) -> bool:
        """Bring one file; whether the download folder changed."""
        safe_name(remote.name)
        known, there = cursor.taken.get(remote.name), target.exists()
        if known is not None and known.version == remote.version and (there or not refill):
            return False
        if there and known is None and matches(target, remote):
            changed = True  # left by a process that died before it could note it: news, but no download
        else:
            self._patience.bring(remote, lambda: self._fetch(remote, beside))
            same = there and cmp(beside, target, shallow=False)
            changed = not same or known is None
            if same:
                beside.unlink()
            else:
                _flush(beside)
                os.replace(beside, target)
        cursor.taken[remote.name] = Taken(remote.version, self.now())
        cursor.save()
        return changed

    def _fetch(self, remote: Remote, beside: Path) -> None:
        with self._asking():
            self.source.fetch(self._web, remote, beside)
        check_whole(beside, remote, most=self.limits.file_bytes)

    @contextmanager
    def _asking(self) -> Iterator[None]:
        """Whatever a source trips over is an error of that source: others may have written it, and the loop must go on."""
        try:
            yield
        except (StormcellError, OSError):
            raise
        except Exception as error:
            raise SourceError(f"{self.label}: the source failed ({type(error).__name__}: {error})") from error

    @contextmanager
    def _arriving(self) -> Iterator[Path]:
        """The folder in which files are checked, without what a process that died left there."""
        beside = self.folder / ".arriving"
        shutil.rmtree(beside, ignore_errors=True)
        beside.mkdir()
        try:
            yield beside
        finally:
            shutil.rmtree(beside, ignore_errors=True)

    def _tidy(self, cursor: Cursor) -> None:
        if self.keep_hours is not None:
            for name, one in cursor.taken.items():
                if one.at < self.now() - self.keep_hours * 3600:
                    (self.folder / name).unlink(missing_ok=True)


def _order(remote: Remote) -> tuple[bool, np.datetime64, str]:
    """By time; files of unknown time first, by name."""
    return remote.time is not None, remote.time if remote.time is not None else np.datetime64(0, "ns"), remote.name


def _newest(ordered: list[Remote], count: int) -> list[Remote]:
    """The last so many scans: two files of one time are one scan, and the later name stands for it."""
    scans = {(remote.time, "" if remote.time is not None else remote.name): remote for remote in ordered}
    return list(scans.values())[-count:]


def _time(seconds: float) -> np.datetime64:
    return np.datetime64(datetime.fromtimestamp(seconds, UTC).replace(tzinfo=None), "ns")


def _flush(path: Path) -> None:
    """To the disk, so that not even a power cut leaves a file whose name is there and whose content is not."""
    with path.open("rb+") as file:
        os.fsync(file.fileno())
