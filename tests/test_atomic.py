import os

import pytest

from stormcell.atomic import replacing
from stormcell.errors import ReadError, WriteError


def test_the_old_file_stands_until_the_new_one_is_whole(tmp_path):
    target = tmp_path / "out.nc"
    target.write_text("old")
    with replacing(target) as beside:
        beside.write_text("new")
        assert target.read_text() == "old" and beside.suffix == ".nc"
    assert target.read_text() == "new" and os.listdir(tmp_path) == ["out.nc"]


def test_a_failure_leaves_nothing_behind(tmp_path):
    target = tmp_path / "deep" / "out.nc"
    with pytest.raises(ZeroDivisionError), replacing(target) as beside:
        beside.write_text("half")
        raise ZeroDivisionError
    assert os.listdir(tmp_path / "deep") == []


def test_what_could_not_be_read_is_not_said_to_be_unwritable(tmp_path):
    with pytest.raises(ReadError, match="the source is broken"), replacing(tmp_path / "out.nc"):
        raise ReadError("the source is broken")


def test_an_error_of_the_system_says_what_to_do(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(WriteError, match=r"cannot be written.*check the folder"), replacing(tmp_path / "file" / "out.nc"):
        pass
    with pytest.raises(WriteError, match="is a folder"), replacing(tmp_path):
        pass
