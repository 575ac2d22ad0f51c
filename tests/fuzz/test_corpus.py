"""What fuzzing found once is refused by name, at once; and the fuzzer itself sees what it is there to see."""

import sys
import time

import numpy as np
import pytest

from stormcell.data.read import read
from stormcell.errors import FramesError, ReadError
from stormcell.grid import Grid
from tests.data import radar_files as make
from tests.fuzz.corpus import CORPUS
from tests.fuzz.mutants import write_mutant
from tests.fuzz.reading import look
from tests.fuzz.seeds import FORMATS, write_seeds
from tests.fuzz.watched import Watched


@pytest.mark.parametrize("what", CORPUS)
def test_what_was_found_is_refused(what, tmp_path):
    build, says = CORPUS[what]
    path = build(tmp_path / "a")
    began = time.process_time()
    with pytest.raises(ReadError, match=says) as refused:
        read(path)
    assert str(refused.value).startswith(str(path)) and len(str(refused.value)) <= 1000
    assert time.process_time() - began < 5


def test_words_of_a_file_cannot_command_a_terminal(tmp_path):
    path = make.fmi(tmp_path / "a", packed=False)
    path.write_bytes(path.read_bytes().replace(b"LOWEST", b"\x1b]0;hi\x07"))
    assert read(path).attrs["source"] == "FMI FIN ?]0;hi?"


def test_a_projection_that_leads_nowhere():
    grid = Grid.from_edges("+proj=stere +lat_0=90 +lat_ts=60 +R=6e6", west=1e300, north=1e300, pixel=(1e298, 1e298), shape=(3, 3))
    try:
        assert not np.isfinite(grid.lonlat_box).all()
    except FramesError as error:
        assert "does not lead to longitude" in str(error)


def test_a_mutant_is_the_same_every_time(tmp_path):
    for name in ("odim", "fmi", "mrms"):
        for number in range(4):
            content = []
            for time_ in ("first", "second"):
                (tmp_path / f"{name}{number}{time_}").mkdir()
                content.append(write_mutant(name, number, tmp_path / f"{name}{number}{time_}").read_bytes())
            assert content[0] == content[1]


def test_a_message_that_is_too_long_or_odd_is_a_finding(monkeypatch, tmp_path):
    def refuse(path):
        raise ReadError(f"{path}: \x07")

    monkeypatch.setattr("stormcell.data.read.read", refuse)
    assert look(tmp_path)[0] == "finding"


@pytest.mark.slow
@pytest.mark.skipif(sys.platform != "linux", reason="limits and /proc as Linux has them")
@pytest.mark.parametrize("name", FORMATS)
def test_mutants_of_every_format(name, tmp_path):
    with Watched(tmp_path, write_seeds(name, tmp_path / "warm")) as watched:
        for number in range(100):
            path = write_mutant(name, number, tmp_path / "mutants")
            reading = watched.read(path)
            assert reading.outcome in ("read", "refused"), (number, reading)
