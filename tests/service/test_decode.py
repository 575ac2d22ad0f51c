"""What a foreign file does to the process that decodes it stays there."""

import gzip

import numpy as np
import pytest

import stormcell as sc
from stormcell.data.cut_out import parse_bbox
from stormcell.errors import ReadError
from stormcell.service.decode import Limits, decode

BOX = "9.6,55.0,10.0,55.4"


def test_frames_come_back_as_they_are_read(scans):
    (path, frames), (_, later) = decode(scans[:2])
    assert path == scans[0] and frames.identical(sc.read(scans[0])) and later.identical(sc.read(scans[1]))


def test_only_a_box_of_them_comes_back(scans):
    ((_, part),) = decode(scans[:1], bbox=BOX)
    assert part.identical(sc.read(scans[0], bbox=parse_bbox(BOX))) and part.size < sc.read(scans[0]).size
    ((_, refused),) = decode(scans[:1], bbox="100,10,101,11")
    assert isinstance(refused, ReadError) and "The field reaches over" in str(refused)


def test_a_broken_file_does_not_stop_the_others(scans, tmp_path):
    broken = tmp_path / "broken.h5"
    broken.write_bytes(scans[0].read_bytes()[:1500])
    found = dict(decode([scans[0], broken, tmp_path / "absent", scans[1]]))
    assert [isinstance(one, ReadError) for one in found.values()] == [False, True, True, False]
    assert "broken.h5" in str(found[broken]) and "absent" in str(found[tmp_path / "absent"])


def test_what_outgrows_its_memory_is_left_out(scans, tmp_path):
    """The limit is below what Python and its libraries need."""
    found = dict(decode(scans[:2], Limits(megabytes=64)))
    assert all(isinstance(one, ReadError) and "process that decodes it ended" in str(one) for one in found.values())


def test_a_bomb_is_an_error_and_writes_nothing(tmp_path, scans):
    bomb = tmp_path / "bomb.gz"
    bomb.write_bytes(gzip.compress(bytes(400_000_000), 1))
    (_, first), (_, second) = decode([bomb, scans[0]], Limits(seconds=30))
    assert isinstance(first, ReadError) and not isinstance(second, ReadError)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["bomb.gz"]


def test_warnings_are_passed_on(tmp_path):
    from stormcell.data.readers.odim import write_odim
    from stormcell.data.synthetic import synthetic_storm

    storm = synthetic_storm(1, shape=(200, 200))
    storm.values[0, 3, 3] = 5000
    write_odim(storm, tmp_path)
    with pytest.warns(UserWarning, match="1 "):
        ((_, frames),) = decode(list(tmp_path.iterdir()))
    assert np.isnan(frames.values[0, 3, 3])
