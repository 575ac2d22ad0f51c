"""Files into an archive: in any order, as often as one likes, in one process or many; bad ones left out or named."""

import numpy as np
import pytest

import stormcell as sc
from stormcell.benchmark.series import open_series
from stormcell.data.archive import Archive, layout
from stormcell.data.ingest import Ingested, _Decoded, _in_order, ingest
from stormcell.data.read import ScreenedPixelsWarning, SkippedFileWarning
from stormcell.data.readers.odim import write_odim
from stormcell.data.summary import summarise
from stormcell.data.synthetic import synthetic_storm
from stormcell.errors import FramesError, ReadError, StormcellError, WriteError
from tests.data import radar_files as make


@pytest.fixture
def folder(tmp_path):
    write_odim(synthetic_storm(9, shape=(32, 40)), tmp_path / "radar")
    return tmp_path / "radar"


def test_an_archive_reads_as_its_files_do(folder, tmp_path):
    path = tmp_path / "a.zarr"
    files = sorted(folder.iterdir())
    assert ingest(files[:3] + files[5:], path, attrs={"licence": "CC0-1.0"}) == Ingested(new=7, known=0, skipped=0)
    assert ingest(folder, path) == Ingested(new=2, known=7, skipped=0), "late scans fill their gaps"
    assert ingest(folder, path) == Ingested(new=0, known=9, skipped=0)
    direct, kept = sc.read(folder), sc.read(path)
    np.testing.assert_allclose(kept.values, direct.values, rtol=2**-11, atol=3e-8)
    np.testing.assert_array_equal(kept["time"].values, direct["time"].values)
    assert kept.attrs["zr_rule"] == direct.attrs["zr_rule"] and kept.attrs["licence"] == "CC0-1.0"
    history = Archive(path).attrs["history"].splitlines()
    assert len(history) == 2 and "added 7 scans from 7 files" in history[0] and "added 2 scans" in history[1]
    copy = tmp_path / "copy.zarr"
    assert ingest(path, copy).new == 9 and Archive(copy).fingerprint == Archive(path).fingerprint, "an archive is an input like any other"
    assert Archive(copy).attrs["licence"] == "CC0-1.0"


def test_gaps_are_gaps_to_whoever_reads(folder, tmp_path):
    path = tmp_path / "a.zarr"
    files = sorted(folder.iterdir())
    ingest(files[:3] + files[4:6] + files[8:], path, attrs={"licence": "CC0-1.0"})
    assert sc.read(path).attrs["gaps"] == 3 and sc.read(path, last=4).attrs["gaps"] == 2
    summary, of_files = summarise(path), summarise(files[:3] + files[4:6] + files[8:])
    assert (summary.scans, summary.missing_count, summary.gap_count, summary.longest_gap_minutes) == (6, 3, 2, 10.0)
    assert summary.licence == "CC0-1.0" and summary.formats == {"archive": 1}
    for name in ("missing_scans", "first", "last", "rows", "columns", "zr_rule"):
        assert getattr(summary, name) == getattr(of_files, name)
    assert summary.wet_share == pytest.approx(of_files.wet_share, abs=1e-6)
    assert summary.missing_share == pytest.approx(of_files.missing_share, abs=1e-6)
    [series] = open_series(path)
    assert series.present.tolist() == [True, True, True, False, True, True, False, False, True]


def test_many_frames_in_one_file(tmp_path):
    storm = synthetic_storm(6, shape=(20, 20))
    sc.write_netcdf(storm, tmp_path / "all.nc")
    assert ingest(tmp_path / "all.nc", tmp_path / "a.zarr").new == 6
    np.testing.assert_allclose(Archive(tmp_path / "a.zarr").block(0, 6), storm.values, rtol=2**-11)


def test_a_scan_that_comes_alone_may_be_off_its_slot(folder, tmp_path):
    storm = synthetic_storm(10, shape=(32, 40))
    ingest(folder, tmp_path / "a.zarr")
    write_odim(storm[9:].assign_coords(time=storm["time"][9:] + np.timedelta64(7, "s")), tmp_path / "late")
    assert ingest(tmp_path / "late", tmp_path / "a.zarr") == Ingested(new=1, known=0, skipped=0)
    assert Archive(tmp_path / "a.zarr").axis[-1] == storm["time"].values[9]


@pytest.mark.parametrize("goes", [[slice(0, 2), slice(2, 10)], [slice(0, 10)]], ids=["two scans first", "all at once"])
def test_clocks_that_jitter_fill_regular_slots(goes, tmp_path):
    storm, late = synthetic_storm(10, shape=(32, 40)), np.array([3, 1, -2, 24, -18, 0, 13, -25, 20, -28])
    jittered = storm.assign_coords(time=storm["time"].values + late * np.timedelta64(1, "s"))
    path = tmp_path / "a.zarr"
    assert sum(ingest(write_odim(jittered[go], tmp_path / "radar"), path).new for go in goes) == 10
    np.testing.assert_array_equal(Archive(path).axis, storm["time"].values)
    np.testing.assert_allclose(Archive(path).block(0, 10), sc.read(tmp_path / "radar").values, rtol=2**-11, atol=3e-8)
    assert sc.read(tmp_path / "radar").attrs["gaps"] == sc.read(path).attrs["gaps"] == 0


def test_a_series_with_a_gap_is_taken_again(tmp_path):
    storm = synthetic_storm(6, shape=(20, 20)).copy()
    storm[3] = np.nan
    sc.write_netcdf(storm, tmp_path / "all.nc")
    assert ingest(tmp_path / "all.nc", tmp_path / "a.zarr").new == 5
    assert ingest(tmp_path / "all.nc", tmp_path / "a.zarr") == Ingested(new=0, known=5, skipped=0)


def test_of_two_files_for_one_time_the_good_one_is_kept(folder, tmp_path):
    nothing = synthetic_storm(1, shape=(32, 40)).copy()
    nothing[:] = np.nan
    [bad] = write_odim(nothing, tmp_path / "bad")
    with pytest.warns(SkippedFileWarning, match="no pixel holds data"):
        assert ingest([bad, folder], tmp_path / "a.zarr", skip_bad=True) == Ingested(new=9, known=1, skipped=1)
    assert ingest([folder, folder / bad.name, bad], tmp_path / "b.zarr", skip_bad=True) == Ingested(new=9, known=1, skipped=0)


def test_bad_files(folder, tmp_path):
    path, files = tmp_path / "a.zarr", sorted(folder.iterdir())
    files[2].write_bytes(files[2].read_bytes()[:3000])
    with pytest.raises(ReadError, match=files[2].name):
        ingest(folder, path)
    with pytest.warns(SkippedFileWarning, match=files[2].name):
        assert ingest(folder, path, skip_bad=True) == Ingested(new=8, known=0, skipped=1)
    make.odim(folder / "other.h5", clock="121000")  # another grid
    files[2].unlink()
    with pytest.raises(FramesError, match=r"other\.h5: its 3 x 4 pixels are not those of the archive"):
        ingest(folder, path)
    with pytest.warns(SkippedFileWarning, match=r"other\.h5"):
        assert ingest(folder, path, skip_bad=True) == Ingested(new=0, known=8, skipped=1)
    make.odim(folder / "odd.h5", clock="120200")
    with pytest.raises(FramesError, match=r"odd\.h5: .* lies 120 s off the slots"):
        ingest(folder / "odd.h5", path)
    with pytest.warns(SkippedFileWarning, match=r"odd\.h5"):
        assert ingest([folder / "odd.h5", files[0]], path, skip_bad=True) == Ingested(new=0, known=1, skipped=1)


def test_a_first_scan_needs_a_step(folder, tmp_path):
    first, second = sorted(folder.iterdir())[:2]
    with pytest.raises(FramesError, match="give more scans, or --step"):
        ingest(first, tmp_path / "a.zarr")
    assert not (tmp_path / "a.zarr").exists()
    five, ten = np.timedelta64(5, "m"), np.timedelta64(10, "m")
    assert ingest(first, tmp_path / "a.zarr", step=five).new == 1 and ingest(second, tmp_path / "a.zarr").new == 1
    with pytest.raises(FramesError, match="a step of 300 s, not default and 600 s"):
        ingest(second, tmp_path / "a.zarr", step=ten)
    with pytest.raises(FramesError, match="is among the inputs"):
        ingest(tmp_path / "a.zarr", tmp_path / "a.zarr")
    with Archive(tmp_path / "a.zarr", writable=True), pytest.raises(WriteError, match="another process"):
        ingest(folder, tmp_path / "a.zarr")


def test_on_a_cluster(folder, tmp_path, monkeypatch):
    pytest.importorskip("distributed", reason="distributed is not installed")
    monkeypatch.setattr(layout, "_SHARD_FRAMES", 2)
    for name, workers in (("one", 1), ("two", 2)):
        assert ingest(folder, tmp_path / f"{name}.zarr", workers=workers).new == 9
    assert Archive(tmp_path / "one.zarr").fingerprint == Archive(tmp_path / "two.zarr").fingerprint
    with pytest.raises(StormcellError, match="no address of a Dask scheduler"):
        ingest(folder, tmp_path / "b.zarr", workers="nonsense")


def test_pieces_that_come_in_any_order_are_put_in_order():
    pieces = [_Decoded(number, None, [], []) for number in (2, 0, 1, 4, 3)]
    assert [piece.number for piece in _in_order(pieces)] == [0, 1, 2, 3, 4]


ATTRIBUTES = {
    "licence": "CC-BY-4.0",
    "mlcast_created_by": "Ann Other <ann@other.org>",
    "mlcast_created_with": "https://github.com/mlcast-community/mlcast-dataset-DPC-composite@v1.0",
    "mlcast_dataset_identifier": "IT-DPC-rainfall_rate",
}


@pytest.fixture
def three_years(tmp_path):
    storm = synthetic_storm(5, shape=(384, 390), start="2020-07-01T12:00")
    sc.write_netcdf(storm[:4], tmp_path / "first.nc")
    later = storm[[0, 1, 3, 4]].assign_coords(time=storm["time"].values[:4] + np.timedelta64(1097, "D"))
    sc.write_netcdf(later, tmp_path / "last.nc")
    return [tmp_path / "first.nc", tmp_path / "last.nc"]


def test_the_rules_of_mlcast(three_years, tmp_path):
    import xarray as xr

    path = tmp_path / "a.zarr"
    ingest(three_years, path, profile="mlcast", attrs=ATTRIBUTES)
    archive = Archive(path)
    assert archive.present.sum() == 8 and len(archive) == 1097 * 288 + 4 and np.isnan(archive.wet_share[4])
    ingest(three_years, tmp_path / "default.zarr")
    assert Archive(tmp_path / "default.zarr").fingerprint == archive.fingerprint, "another layout, the same content"
    np.testing.assert_array_equal(archive.latest(2).values, Archive(tmp_path / "default.zarr").latest(2).values)
    with xr.open_zarr(path) as dataset:
        rain = dataset["rainfall_rate"]
        assert list(dataset.data_vars) == ["rainfall_rate", "spatial_ref"] and rain.dims == ("time", "y", "x")
        assert rain.attrs["standard_name"] == "rainfall_flux" and rain.attrs["units"] == "kg m-2 h-1" and rain.dtype == np.float16
        assert rain.sizes["time"] == 8 and rain.data.chunksize == (1, 384, 390)
        assert dataset.sizes["missing_times"] == len(archive) - 8
        assert not np.intersect1d(dataset["missing_times"].values, dataset["time"].values).size
        assert dataset["latitude"].dims == ("y", "x") and {"spatial_ref", "crs_wkt", "bbox"} <= set(dataset["spatial_ref"].attrs)
        assert dataset.attrs["license"] == "CC-BY-4.0" and "mlcast_created_on" in dataset.attrs
    assert sc.read(path, last=2).attrs["gaps"] == 0
    late = synthetic_storm(6, shape=(384, 390), start="2020-07-01T12:00")[5:]
    with Archive(path, writable=True) as writer, pytest.raises(FramesError, match="takes scans in order only"):
        writer.append(late)
    sc.write_netcdf(late, tmp_path / "late.nc")
    with pytest.raises(FramesError, match=r"late\.nc: comes late"):
        ingest(tmp_path / "late.nc", path)
    assert Archive(path).fingerprint == archive.fingerprint


def test_what_breaks_a_rule_of_mlcast_is_all_said(folder, tmp_path):
    with pytest.raises(FramesError) as refused:
        ingest(folder, tmp_path / "a.zarr", profile="mlcast")
    said = str(refused.value)
    for reason in ("6 of the rules", "256 x 256", "0.0 years", "no licence", "mlcast_created_by", "mlcast_created_with", "identifier"):
        assert reason in said
    assert not (tmp_path / "a.zarr").exists()


def test_spurious_pixels_are_said(tmp_path):
    values = synthetic_storm(3, shape=(150, 150)).copy()
    values[1, 70, 70] = 5000.0
    sc.write_netcdf(values, tmp_path / "a.nc")
    with pytest.warns(ScreenedPixelsWarning, match="1 pixels above 1000"):
        ingest(tmp_path / "a.nc", tmp_path / "a.zarr")
    assert np.isnan(Archive(tmp_path / "a.zarr").block(1, 2)[0, 70, 70])
