"""What goes wrong around an archive and a service: full disks, closed folders, wrong clocks, slow and silent machines. All of it real."""

import os
import random
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import xarray as xr

from stormcell.data.archive import Archive
from stormcell.errors import WriteError
from stormcell.frames import grid_of
from tests.conftest import frames_of

NOBODY = 65534
STEP = np.timedelta64(5, "m")


@dataclass
class Tally:
    """What came of a fault.

    Args:
        runs: how often it struck.
        refused: in how many of them something was refused, with an error that says what is wrong.
        kept: scans that were stored before and were bit by bit the same afterwards, over all runs.
        added: scans that were stored once the fault was gone.
    """

    runs: int = 0
    refused: int = 0
    kept: int = 0
    added: int = 0


@contextmanager
def small_disk(megabytes: int) -> Iterator[Path]:
    """A disk of its own, in memory, that everybody may read.

    Raises:
        PermissionError: nothing may be mounted here.
    """
    folder = Path(tempfile.mkdtemp(prefix="stormcell-disk-"))
    mount = ["mount", "-t", "tmpfs", "-o", f"size={megabytes}m,mode=0755", "stormcell-test", str(folder)]
    mounted = False
    try:
        mounted = os.geteuid() == 0 and shutil.which("mount") is not None and subprocess.run(mount, capture_output=True).returncode == 0
        if not mounted:
            raise PermissionError("no disk may be mounted here")
        yield folder
    finally:
        if mounted:
            subprocess.run(["umount", "-l", folder], check=True)
        folder.rmdir()


@contextmanager
def full(folder: Path, left: int = 0) -> Iterator[None]:
    """The disk of a folder is full, but for so many bytes."""
    ballast = folder / "ballast"
    with ballast.open("wb", buffering=0) as file:
        try:
            while True:
                file.write(bytes(1 << 14))
        except OSError:
            pass
        file.truncate(max(0, file.tell() - left))
    try:
        yield
    finally:
        ballast.unlink()


@contextmanager
def read_only(folder: Path) -> Iterator[None]:
    """The disk of a folder takes no writes, as after an error of the disk."""
    subprocess.run(["mount", "-o", "remount,ro", folder], check=True)
    try:
        yield
    finally:
        subprocess.run(["mount", "-o", "remount,rw", folder], check=True)


@contextmanager
def as_nobody() -> Iterator[None]:
    """This process is another user, who may read and not write."""
    os.seteuid(NOBODY)
    try:
        yield
    finally:
        os.seteuid(0)


@contextmanager
def slow_disk(seconds: float) -> Iterator[None]:
    """Every file takes so long to get its name: between any two steps of a writer there is time for something to happen."""
    replace = os.replace

    def slowly(*words: Any, **options: Any) -> None:
        time.sleep(seconds)
        replace(*words, **options)

    os.replace = slowly
    try:
        yield
    finally:
        os.replace = replace


def scan(number: int) -> xr.DataArray:
    """Every pixel random, so that it takes room on a disk; the same number is the same scan."""
    values = np.random.default_rng(number).integers(1, 1000, (1, 64, 64)).astype(float) / 16
    first = frames_of(values)
    return first.assign_coords(time=[first["time"].values[0] + STEP * number])


def new_archive(path: Path) -> None:
    first = scan(0)
    Archive.create(path, grid_of(first), STEP, start=first["time"].values[0]).close()


def stored(path: Path) -> dict[int, bytes]:
    """Slot -> its pixels as they are, of every scan."""
    archive = Archive(path)
    return {int(slot): archive.block(int(slot), int(slot) + 1).tobytes() for slot in np.flatnonzero(archive.present)}


def strike(path: Path, fault: Callable[[int], Any], runs: int, *, scans: int = 4) -> Tally:
    """Write to an archive while a fault lasts, again and again. What was stored stays as it is, and the next writer goes on by itself.

    Args:
        path: of an archive.
        fault: number of the run -> a context in which it lasts.
        runs: how often.
        scans: that are offered in each run, before and after.
    """
    tally, order = Tally(), random.Random(runs)
    for run in range(runs):
        before = stored(path)
        offered = [run * scans + slot for slot in range(scans)]
        order.shuffle(offered)  # some fill a gap, some make the axis longer
        with fault(run):
            try:
                with Archive(path, writable=True) as archive:
                    for number in offered:
                        archive.append(scan(number))
            except WriteError as error:
                assert "cannot be written" in str(error), error
                tally.refused += 1
            during = stored(path)
        assert {slot: during.get(slot) for slot in before} == before, "what was stored is as it was"
        with Archive(path, writable=True) as archive:
            for number in offered:
                archive.append(scan(number))
        after = stored(path)
        assert after == during | {number: _half(number) for number in offered}, "what was refused is taken, as it came"
        assert not [*path.rglob("*.partial"), *path.rglob(".*")], "nothing is left lying about"
        tally.runs += 1
        tally.kept += len(before)
        tally.added += len(after) - len(during)
    return tally


def _half(number: int) -> bytes:
    return scan(number).values[0].astype(np.float16).astype(np.float32)[None].tobytes()


WRITER = """
import sys, contextlib
from stormcell.data.archive import Archive
from stormcell.errors import WriteError
from tests.trust.faults import scan, slow_disk
path, first, count, seconds = sys.argv[1], int(sys.argv[2]), int(sys.argv[3]), float(sys.argv[4])
refused = 0
print("begun", flush=True)
with slow_disk(seconds):
    for number in range(first, first + count):
        while True:
            try:
                with Archive(path, writable=True) as archive:
                    archive.append(scan(number))
                break
            except WriteError as error:
                assert "is being written by another process" in str(error), error
                refused += 1
print(refused, flush=True)
"""


def writer(path: Path, first: int, count: int, seconds: float = 0.0) -> "subprocess.Popen[str]":
    """A process that writes scans one by one, and opens the archive anew for each."""
    command = [sys.executable, "-c", WRITER, str(path), str(first), str(count), str(seconds)]
    return subprocess.Popen(command, cwd=Path(__file__).parents[2], stdout=subprocess.PIPE, text=True)


def race(path: Path, scans: int) -> Tally:
    """Two processes that write the same scans and others: each scan is there once, and whole."""
    writers = [writer(path, first, scans) for first in (0, scans // 2)]
    said = [one.communicate(timeout=300)[0].split() for one in writers]
    assert all(one.returncode == 0 for one in writers), said
    after = stored(path)
    assert after == {number: _half(number) for number in range(scans + scans // 2)}
    return Tally(runs=2 * scans, refused=sum(int(words[-1]) for words in said), added=len(after))


def kill_slowly(path: Path, runs: int, seconds: float = 0.01) -> Tally:
    """kill -9 while a slow disk holds a writer up between two steps."""
    tally, moments = Tally(), random.Random(runs)
    for _ in range(runs):
        before = stored(path)
        process = writer(path, len(before), 40, seconds)
        assert process.stdout is not None and process.stdout.readline() == "begun\n"
        time.sleep(moments.uniform(0.0, 1.0))
        process.send_signal(signal.SIGKILL)
        process.communicate()
        after = stored(path)
        assert {slot: after.get(slot) for slot in before} == before and after == {number: _half(number) for number in after}
        with Archive(path, writable=True) as archive:
            archive.append(scan(len(after)))
        assert not [*path.rglob("*.partial"), *path.rglob(".*")]
        tally.runs += 1
        tally.kept += len(before)
        tally.added += len(stored(path)) - len(before)
    return tally


class Silent:
    """A server that takes connections and says nothing."""

    def __init__(self) -> None:
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.url = f"http://127.0.0.1:{self._listener.getsockname()[1]}/"
        self.taken: list[socket.socket] = []
        threading.Thread(target=self._take, daemon=True).start()

    def _take(self) -> None:
        while True:
            try:
                self.taken.append(self._listener.accept()[0])
            except OSError:
                return

    def close(self) -> int:
        """It is gone, and its port, which is returned, is free."""
        port: int = self._listener.getsockname()[1]
        self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        for one in self.taken:
            one.close()
        return port
