"""What strangers' files do to the process that decodes them stays there, wherever files are read."""

import json

import numpy as np
import pytest

import stormcell as sc
from stormcell.data.archive import Archive
from stormcell.data.ingest import ingest
from stormcell.data.isolated import Decoder, Limits
from stormcell.data.read import ScreenedPixelsWarning, SkippedFileWarning
from stormcell.data.readers.odim import write_odim
from stormcell.data.summary import summarise
from stormcell.data.synthetic import synthetic_storm
from stormcell.errors import ReadError, UnknownFormatError
from stormcell.units import ZRRule


@pytest.fixture(scope="module")
def decoder():
    """One process for all tests that do not break it."""
    with Decoder() as decoder:
        yield decoder


@pytest.fixture(scope="module")
def storm(tmp_path_factory):
    """Four scans, with a spike in the first."""
    folder = tmp_path_factory.mktemp("storm")
    frames = synthetic_storm(4, shape=(200, 200))
    frames.values[0, 3, 3] = 5000
    return write_odim(frames, folder)


def test_it_reads_the_same(storm, decoder):
    rule = ZRRule(300.0, 1.4, "other")
    for more in ({}, {"last": 2}, {"bbox": (8.0, 54.0, 10.5, 56.0)}, {"zr": rule}):
        try:
            expected = sc.read(storm[1:], **more)
        except sc.StormcellError as error:
            with pytest.raises(type(error), match="reaches over"):
                sc.read(storm[1:], isolated=decoder, **more)
            continue
        assert sc.read(storm[1:], isolated=decoder, **more).identical(expected)


def test_warnings_and_errors_come_through(storm, decoder, tmp_path):
    with pytest.warns(ScreenedPixelsWarning, match="1 pixels above"):
        sc.read(storm[:1], isolated=decoder)
    (tmp_path / "page.h5").write_text("<html>404 not found</html>")
    with pytest.raises(UnknownFormatError, match="page.h5: no reader"):
        sc.read(tmp_path / "page.h5", isolated=decoder)
    with pytest.warns(SkippedFileWarning, match="page.h5"):
        assert sc.read([tmp_path / "page.h5", *storm[1:]], isolated=decoder, skip_bad=True).sizes["time"] == 3


def test_one_that_breaks_it_is_an_error_and_the_next_has_a_new_one(storm, tmp_path, monkeypatch):
    """The reader of the process ends it, as a crash in a library would."""
    (tmp_path / "sitecustomize.py").write_text(
        "import os, sys\nsys.addaudithook(lambda event, args: os.abort() if event == 'open' and 'crash.h5' in str(args[0]) else None)\n"
    )
    (tmp_path / "crash.h5").write_bytes(storm[1].read_bytes())
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    with Decoder() as decoder:
        with pytest.raises(ReadError, match=r"crash\.h5: the process that decodes it ended by signal 6"):
            sc.read(tmp_path / "crash.h5", isolated=decoder)
        assert sc.read(storm[1], isolated=decoder).sizes["time"] == 1


def test_no_more_memory_than_it_may_have(storm):
    with Decoder(Limits(megabytes=64)) as decoder, pytest.raises(ReadError, match="the process that decodes it ended"):
        sc.read(storm[1], isolated=decoder)


def test_an_archive_and_a_summary_of_strangers_files(storm, tmp_path):
    with pytest.warns(ScreenedPixelsWarning):
        assert ingest(storm, tmp_path / "a.zarr", isolated=True).new == 4
    with Archive(tmp_path / "a.zarr") as archive:
        assert archive.present.all()
    mine, theirs = summarise(storm).as_dict(), summarise(storm, isolated=True).as_dict()
    assert json.dumps(mine) == json.dumps(theirs) and np.isfinite(mine["largest_rain_rate"])
