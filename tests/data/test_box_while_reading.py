"""With a box, files are cut down one by one while they are read: the same values as cut out afterwards, and never two whole scans."""

import tracemalloc

import numpy as np
import pytest
import xarray as xr

import stormcell as sc
from stormcell.data.archive import Archive
from stormcell.data.cut_out import cut_out
from stormcell.data.ingest import ingest
from stormcell.data.read import ScreenedPixelsWarning, find_scans, read, read_scan
from stormcell.data.readers.odim import write_odim
from stormcell.data.synthetic import synthetic_storm
from stormcell.errors import FramesError, ReadError
from stormcell.frames import grid_of

SHAPE = (400, 500)


@pytest.fixture(scope="module")
def storm():
    return synthetic_storm(6, shape=SHAPE)


@pytest.fixture(scope="module")
def folder(storm, tmp_path_factory):
    folder = tmp_path_factory.mktemp("radar")
    write_odim(storm, folder)
    return folder


@pytest.fixture(scope="module")
def box(storm):
    west, south, east, north = grid_of(storm).lonlat_box
    return west + 0.4 * (east - west), south + 0.4 * (north - south), west + 0.55 * (east - west), south + 0.55 * (north - south)


def peak_of(inputs, box) -> int:
    read(inputs, bbox=box)  # what is kept from the first time on, such as projections
    tracemalloc.start()
    try:
        read(inputs, bbox=box)
        return tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()


def test_a_cropped_series_never_holds_two_whole_scans(folder, box):
    files = sorted(folder.iterdir())
    whole, crops = SHAPE[0] * SHAPE[1] * 4, 6 * 2 * read(files[0], bbox=box).nbytes
    one, six = peak_of(files[:1], box), peak_of(files, box)
    assert six < one + crops + whole / 4, f"one scan needs {one:,} bytes, six {six:,}"


@pytest.mark.parametrize("kind", ["files", "archive", "netcdf"])
def test_the_values_are_those_that_are_cut_out_afterwards(folder, storm, box, kind, tmp_path):
    inputs = folder
    if kind == "archive":
        ingest(folder, inputs := tmp_path / "a.zarr")
    elif kind == "netcdf":
        sc.write_netcdf(storm, inputs := tmp_path / "a.nc")
    xr.testing.assert_identical(read(inputs, bbox=box), cut_out(read(inputs), box))
    assert read(inputs, last=2, bbox=box).sizes["time"] == 2


def test_a_part_of_an_archive_is_all_that_is_decoded(folder, box, tmp_path, monkeypatch):
    ingest(folder, tmp_path / "a.zarr")
    asked, block = [], Archive.block
    monkeypatch.setattr(Archive, "block", lambda self, first, last, *window: asked.append(window) or block(self, first, last, *window))
    part = read(tmp_path / "a.zarr", bbox=box)
    [(rows, columns)] = asked
    assert (rows.stop - rows.start, columns.stop - columns.start) == part.shape[1:] != SHAPE


def test_a_box_elsewhere_is_said(folder, tmp_path):
    with pytest.raises(FramesError, match="box 100,10,101,11: holds 0 x 0 pixels of the field"):
        read(folder, bbox=(100.0, 10.0, 101.0, 11.0))
    ingest(folder, tmp_path / "a.zarr")
    with pytest.raises(ReadError, match=r"a\.zarr: box 100,10,101,11: holds 0 x 0 pixels of the field"):
        read(tmp_path / "a.zarr", bbox=(100.0, 10.0, 101.0, 11.0))


def test_a_spike_in_a_box_is_judged_by_the_whole_scan(storm, box, tmp_path):
    """One pixel of 4,500 would be more than one in ten thousand; of the scan it is less."""
    spiky = storm[:2].copy()
    spiky[:, 200, 240] = 5000.0
    sc.write_netcdf(spiky, tmp_path / "a.nc")
    with pytest.warns(ScreenedPixelsWarning, match="2 pixels above"):
        assert int(np.isnan(read(tmp_path / "a.nc", bbox=box).values).sum()) == 2


def test_mrms_is_decoded_in_the_box_alone(radar_data):
    [first, *_] = find_scans(sorted((radar_data / "events" / "mrms_2019-06-10").glob("*"))[:1])
    box = (-100.0, 34.0, -95.0, 39.0)
    tracemalloc.start()
    try:
        part = read_scan(first, bbox=box)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert part.shape == (1, 500, 500) and peak < 3500 * 7000 * 4 / 5
    assert grid_of(part).edges == pytest.approx(box, abs=1e-5)
    xr.testing.assert_identical(part, cut_out(read_scan(first), box))
