"""Faults around an archive: nothing that was stored is lost or altered, and when they are over it goes on by itself."""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from stormcell.data.archive import Archive
from stormcell.errors import WriteError
from tests.trust.faults import as_nobody, full, kill_slowly, new_archive, race, read_only, slow_disk, small_disk, stored, strike

slowly = [pytest.mark.slow, pytest.mark.timeout(900)]


@pytest.fixture
def disk() -> Iterator[Path]:
    try:
        with small_disk(8) as folder:
            yield folder
    except PermissionError as error:
        pytest.skip(str(error))


@pytest.mark.parametrize("runs", [5, pytest.param(200, marks=slowly)])
def test_a_full_disk(runs, disk):
    """Full to the last byte, and with a little room, so that the writer gets a different number of steps far."""
    new_archive(disk / "a.zarr")
    tally = strike(disk / "a.zarr", lambda run: full(disk, left=(run % 20) * 8192), runs)
    assert tally.runs == runs and 0 < tally.refused and tally.added > 0


@pytest.mark.parametrize("runs", [3, pytest.param(50, marks=slowly)])
def test_a_disk_that_takes_no_writes(runs, disk):
    new_archive(disk / "a.zarr")
    tally = strike(disk / "a.zarr", lambda run: read_only(disk), runs)
    assert tally.refused == runs


@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() != 0, reason="only root can become somebody else")
@pytest.mark.parametrize("runs", [3, pytest.param(50, marks=slowly)])
def test_permission_denied(runs, disk):
    new_archive(disk / "a.zarr")
    tally = strike(disk / "a.zarr", lambda run: as_nobody(), runs)
    assert tally.refused == runs


@pytest.mark.parametrize("runs", [2, pytest.param(20, marks=slowly)])
def test_a_slow_disk(runs, tmp_path):
    new_archive(tmp_path / "a.zarr")
    tally = strike(tmp_path / "a.zarr", lambda run: slow_disk(0.01), runs)
    assert tally.refused == 0 and tally.added == 0, "slow is not broken"


@pytest.mark.parametrize("scans", [pytest.param(40, marks=slowly)])
def test_two_writers(scans, tmp_path):
    new_archive(tmp_path / "a.zarr")
    assert race(tmp_path / "a.zarr", scans).refused > 0, "they met"


@pytest.mark.parametrize("runs", [pytest.param(30, marks=slowly)])
def test_killed_on_a_slow_disk(runs, tmp_path):
    new_archive(tmp_path / "a.zarr")
    assert kill_slowly(tmp_path / "a.zarr", runs).added > 0


def test_an_archive_is_not_begun_on_a_full_disk(disk):
    with full(disk), pytest.raises(WriteError, match="cannot be written"):
        new_archive(disk / "a.zarr")
    assert not [path for path in disk.iterdir() if path.suffix == ".zarr"]
    new_archive(disk / "a.zarr")
    assert len(Archive(disk / "a.zarr")) == 0 and stored(disk / "a.zarr") == {}
