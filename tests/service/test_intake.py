"""Files are taken in once, when they are whole, and the archive has what they held."""

import os
import shutil

import numpy as np
import pytest

from stormcell.data.archive import Archive, is_archive
from stormcell.data.readers.odim import write_odim
from stormcell.data.synthetic import synthetic_storm
from stormcell.service import intake
from stormcell.service.database import Database
from stormcell.service.decode import Limits
from stormcell.service.intake import Arrivals, take_in
from tests.service.conftest import arrive


@pytest.fixture
def database(tmp_path):
    opened = Database(f"sqlite:///{tmp_path}/service.sqlite")
    yield opened
    opened.close()


def taken(inbox, tmp_path, database, settle=0.0) -> int:
    return take_in(Arrivals(inbox, settle).look(database), tmp_path / "archive.zarr", database, Limits())


def test_the_first_scan_waits_for_the_second(scans, inbox, tmp_path, database):
    arrive(scans[0], inbox)
    assert taken(inbox, tmp_path, database) == 0 and not is_archive(tmp_path / "archive.zarr") and database.known_files() == {}
    arrive(scans[1], inbox)
    assert taken(inbox, tmp_path, database) == 2
    archive = Archive(tmp_path / "archive.zarr")
    assert archive.step == np.timedelta64(5, "m") and archive.present.sum() == 2 and len(database.known_files()) == 2


def test_clocks_that_jitter_fill_regular_slots(inbox, tmp_path, database):
    storm = synthetic_storm(8, shape=(32, 40))
    late = np.array([3, 1, -20, 24, -18, 0, 29, -28]) * np.timedelta64(1, "s")
    for number, scan in enumerate(write_odim(storm.assign_coords(time=storm["time"].values + late), tmp_path / "scans")):
        arrive(scan, inbox)
        if number in (1, 4, 7):
            taken(inbox, tmp_path, database)
    archive = Archive(tmp_path / "archive.zarr")
    assert database.problems() == [] and archive.step == np.timedelta64(5, "m") and archive.present.sum() == 8
    np.testing.assert_array_equal(archive.axis[archive.present], storm["time"].values)


def test_late_double_and_out_of_order(scans, inbox, tmp_path, database):
    for number in (3, 2, 5):
        arrive(scans[number], inbox)
    assert taken(inbox, tmp_path, database) == 3
    for number in (4, 1, 0):
        arrive(scans[number], inbox)
    shutil.copy(scans[2], inbox / "twice.h5")
    assert taken(inbox, tmp_path, database) == 3 and taken(inbox, tmp_path, database) == 0
    archive = Archive(tmp_path / "archive.zarr")
    assert archive.present.sum() == 6 and np.isfinite(archive.latest(6).values).any(axis=(1, 2)).all()


def test_a_file_is_left_alone_while_it_changes(scans, inbox, database, monkeypatch):
    clock = [100.0]
    monkeypatch.setattr("stormcell.service.intake.time.monotonic", lambda: clock[0])
    arrivals = Arrivals(inbox, 2.0)
    path = inbox / "slow.h5"
    path.write_bytes(b"half")
    assert arrivals.look(database) == {}
    clock[0] += 1.5
    path.write_bytes(b"half and more")
    assert arrivals.look(database) == {}
    clock[0] += 1.5
    assert arrivals.look(database) == {}
    clock[0] += 0.6
    assert list(arrivals.look(database)) == [path]


def test_an_old_file_need_not_settle(scans, inbox, database):
    path = arrive(scans[0], inbox)
    os.utime(path, (1_700_000_000, 1_700_000_000))
    assert list(Arrivals(inbox, 5.0).look(database)) == [path]


def test_hidden_files_are_not_looked_at(inbox, database):
    (inbox / ".half").write_bytes(b"x")
    assert Arrivals(inbox, 0).look(database) == {} and Arrivals(inbox / "absent", 0).look(database) == {}


def test_a_broken_file_is_noted_once_and_read_again_when_it_changes(scans, inbox, tmp_path, database):
    for scan in scans[:2]:
        arrive(scan, inbox)
    path = inbox / scans[2].name
    path.write_bytes(scans[2].read_bytes()[:1000])
    with pytest.warns(UserWarning, match=path.name):
        assert taken(inbox, tmp_path, database) == 2
    assert [name for name, _ in database.problems()] == [path.name]
    assert Arrivals(inbox, 0).look(database) == {}
    shutil.copy(scans[2], path)
    assert taken(inbox, tmp_path, database) == 1 and database.problems() == []


def test_another_grid_is_refused_and_the_rest_is_kept(scans, inbox, tmp_path, database):
    for scan in scans[:2]:
        arrive(scan, inbox)
    assert taken(inbox, tmp_path, database) == 2
    write_odim(synthetic_storm(14, shape=(30, 30))[13:], tmp_path / "other")
    other = arrive(next((tmp_path / "other").iterdir()), inbox)
    other = other.rename(inbox / "other.h5")
    arrive(scans[2], inbox)
    with pytest.warns(UserWarning, match="30"):
        assert taken(inbox, tmp_path, database) == 1
    assert database.problems()[0][0] == "other.h5"


def test_files_that_left_the_folder_are_forgotten(scans, inbox, tmp_path, database):
    for scan in scans[:2]:
        arrive(scan, inbox)
    taken(inbox, tmp_path, database)
    (inbox / scans[0].name).unlink()
    Arrivals(inbox, 0).look(database)
    assert list(database.known_files()) == [scans[1].name]


def test_a_backlog_is_taken_in_a_few_at_a_time(scans, inbox, tmp_path, database, monkeypatch):
    monkeypatch.setattr("stormcell.service.intake._AT_ONCE", 3)
    asked = []
    decode = intake.decode
    monkeypatch.setattr(
        "stormcell.service.intake.decode", lambda files, limits, **more: asked.append(len(files)) or decode(files, limits, **more)
    )
    for scan in scans[:8]:
        arrive(scan, inbox)
    assert taken(inbox, tmp_path, database) == 8 and asked == [3, 3, 2]
    assert Archive(tmp_path / "archive.zarr").present.sum() == 8
