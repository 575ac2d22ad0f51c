"""A writer that is killed at any moment, by the system and not by an exception: what it leaves can be read, and is whole."""

import json
import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import xarray as xr
import zarr

from stormcell.data.archive import Archive
from stormcell.data.archive import archive as module
from stormcell.data.archive.growth import grow, lengths, read_root
from stormcell.data.archive.layout import RAIN
from stormcell.errors import WriteError
from stormcell.frames import grid_of
from tests.conftest import frames_of

SCANS = 60
WRITER = f"""
import sys, numpy as np
from stormcell.data.archive import Archive
from tests.data.archive.test_crash import scan
order = np.random.default_rng(int(sys.argv[2])).permutation({SCANS})
with Archive(sys.argv[1], writable=True) as archive:
    print("writing", flush=True)
    for round in range(1000):
        for slot in order:
            archive.append(scan(int(slot), round))
            print("added", flush=True)
"""


def scan(slot: int, round: int = 0) -> xr.DataArray:
    """Two scans in each round, four days after those of the round before; the pixels of a scan all hold its number."""
    start = frames_of(np.zeros((1, 40, 50)))["time"].values[0]
    when = start + np.timedelta64(5, "m") * (slot + 1152 * round)
    return frames_of(np.full((1, 40, 50), number(slot, round))).assign_coords(time=[when])


def number(slot: int, round: int) -> float:
    return float(1 + slot + SCANS * (round % 8))


def written(path: Path) -> Archive:
    first = scan(0)
    return Archive.create(path, grid_of(first), np.timedelta64(5, "m"), start=first["time"].values[0])


def assert_whole(path: Path, *, quiet: bool = True) -> int:
    """Every scan that the archive says it holds is there with all its pixels; every other slot is empty. How many there are."""
    archive = Archive(path)
    values, present = archive.block(0, len(archive)), archive.present
    assert np.isnan(values[~present]).all()
    slots = np.flatnonzero(present)
    wanted = np.array([number(int(slot) % 1152, int(slot) // 1152) for slot in slots], np.float32)
    assert np.all(values[slots] == wanted[:, None, None])
    np.testing.assert_array_equal(archive.largest[slots], wanted)
    if not quiet:  # a writer may have gone on since
        return slots.size
    with xr.open_zarr(path, chunks=None) as dataset:
        assert dataset.sizes["time"] == len(archive)
        np.testing.assert_array_equal(dataset["time"].values, archive.axis)
        np.testing.assert_array_equal(dataset["present"].values == 1, present)
    return slots.size


@pytest.mark.skipif(not hasattr(signal, "SIGKILL"), reason="this system kills in another way")
@pytest.mark.parametrize("kills", [6, pytest.param(120, marks=[pytest.mark.slow, pytest.mark.timeout(1800)])])
def test_killed_at_any_moment(kills, tmp_path):
    path = tmp_path / "a.zarr"
    written(path).close()
    rng = np.random.default_rng(kills)
    held = 0
    for kill in range(kills):
        writer = subprocess.Popen(
            [sys.executable, "-c", WRITER, str(path), str(kill)], stdout=subprocess.PIPE, cwd=Path(__file__).parents[3]
        )
        assert writer.stdout is not None and writer.stdout.readline() == b"writing\n"
        for _ in range(rng.integers(0, 12)):
            writer.stdout.readline()
        time.sleep(rng.uniform(0.0, 0.1))
        os.kill(writer.pid, signal.SIGKILL)
        writer.wait()
        writer.stdout.close()
        now = assert_whole(path)
        assert now >= held, "what was there stays"
        held = now
    with Archive(path, writable=True) as archive:
        archive.append(scan(0, 40))
    assert assert_whole(path) >= held > 0
    assert not [*path.rglob("*.partial"), *path.rglob(".*")], "what the dead left is cleared away"


class Killed(BaseException):
    """As if the process ended here."""


@pytest.mark.parametrize("late", [2, 5])
@pytest.mark.parametrize("stop", ["grow", RAIN, "time", "present", "commit"])
def test_every_step_on_the_way(stop, late, tmp_path, monkeypatch):
    """The same without luck: the writer stops before each of its steps, for a scan in a gap and for one that makes the axis longer."""
    path = tmp_path / "a.zarr"
    with written(path) as archive:
        for slot in (0, 1, 3):
            archive.append(scan(slot))

    def die(where: Path, *rest: object, **options: object) -> "zarr.Array[Any]":
        if stop in ("grow", "commit", where.name):
            raise Killed
        return open_array(where, *rest, **options)

    open_array = zarr.open_array
    with Archive(path, writable=True) as writer:
        with monkeypatch.context() as patch:
            patch.setattr(*((module, stop) if stop in ("grow", "commit") else (zarr, "open_array")), die)
            if late == 2 and stop in ("grow", "commit"):
                assert writer.append(scan(late)) == 1, "a gap is filled without either"
                return
            with pytest.raises(Killed):
                writer.append(scan(late))
            assert assert_whole(path) == 3
        assert writer.append(scan(late)) == 1, "the same writer can go on, too"
    assert assert_whole(path) == 4


def test_stopped_right_after_the_last_step(tmp_path, monkeypatch):
    """The scan counts, whether its writer has noticed or not."""
    path = tmp_path / "a.zarr"

    def commit_and_die(*rest: object, **options: object) -> None:
        commit(*rest, **options)
        raise Killed

    commit = module.commit
    with written(path) as writer:
        writer.append(scan(0))
        with monkeypatch.context() as patch:
            patch.setattr(module, "commit", commit_and_die)
            with pytest.raises(Killed):
                writer.append(scan(5))
        assert writer.append(scan(4)) == 1 and writer.append(scan(5)) == 0
    assert assert_whole(path) == 3


def test_frames_beyond_what_counts_are_cleared(tmp_path):
    path = tmp_path / "a.zarr"
    with written(path) as archive:
        archive.append(scan(0))
        before = read_root(path)
        archive.append(scan(10))
    (path / "zarr.json").write_text(json.dumps(before))  # as if killed just before the last step
    assert assert_whole(path) == 1
    with Archive(path, writable=True) as archive:
        assert len(archive) == 1
        archive.append(scan(12))
        assert archive.present.tolist() == [True] + 11 * [False] + [True]
    assert assert_whole(path) == 2
    with xr.open_zarr(path, chunks=None) as dataset:
        assert np.isnan(dataset[RAIN].values[1:12]).all(), "no leftover shows, to whoever reads without our marks"
    assert lengths(read_root(path))[RAIN] == 13
    grow(path, {RAIN: 13})


def test_one_writer_at_a_time(tmp_path):
    path = tmp_path / "a.zarr"
    with written(path) as archive:
        archive.append(scan(0))
        with pytest.raises(WriteError, match="is being written by another process"):
            Archive(path, writable=True)
        code = f"from stormcell.data.archive import Archive\nArchive({str(path)!r}, writable=True)"
        other = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
        assert other.returncode == 1 and "WriteError" in other.stderr and "one writer at a time" in other.stderr
        assert Archive(path).present.tolist() == [True], "readers need not wait"
    Archive(path, writable=True).close()
    assert [entry.name for entry in tmp_path.iterdir() if not entry.name.startswith(".")] == ["a.zarr"]


def test_readers_beside_a_writer(tmp_path):
    path = tmp_path / "a.zarr"
    written(path).close()
    failures: list[BaseException] = []
    done = threading.Event()

    def read() -> None:
        try:
            while not done.is_set():
                assert_whole(path, quiet=False)
        except BaseException as error:
            failures.append(error)

    readers = [threading.Thread(target=read) for _ in range(2)]
    with Archive(path, writable=True) as archive:
        for reader in readers:
            reader.start()
        for slot in np.random.default_rng(0).permutation(SCANS)[:25]:
            archive.append(scan(int(slot)))
    done.set()
    for reader in readers:
        reader.join()
    assert not failures, failures[0]
    assert assert_whole(path) == 25
