"""What happens with files that are cut off, empty, renamed, absurd, late or of another kind."""

import bz2
import gzip
import os
import shutil

import h5py
import numpy as np
import pytest

from stormcell.data import content
from stormcell.data.read import CLOCK_TOLERANCE, ScreenedPixelsWarning, SkippedFileWarning, find_files, read
from stormcell.errors import FramesError, ReadError
from stormcell.timeline import gaps_of
from tests.data import radar_files as make


@pytest.fixture
def series(tmp_path):
    """Four good ODIM files, five minutes apart."""
    folder = tmp_path / "radar"
    folder.mkdir()
    for minute in (0, 5, 10, 15):
        make.odim(folder / f"{minute:02d}.h5", clock=f"12{minute:02d}00")
    return folder


def cut(path):
    path.write_bytes(path.read_bytes()[:-700])


def absurd(path):
    make.odim(path, np.full((3, 4), 250, np.uint8), what={"gain": 1.0}, quantity="RATE", clock="121500")


BROKEN = {
    "empty": (lambda path: path.write_bytes(b""), "the file is empty"),
    "cut off": (cut, "no reader recognises|broken or cut off"),
    "another kind": (lambda path: path.write_text("<html>404 not found</html>"), "no reader recognises"),
    "all missing": (lambda path: make.odim(path, np.full((3, 4), 255, np.uint8), clock="121500"), "no pixel holds data"),
    "negative": (lambda path: make.odim(path, quantity="RATE", what={"gain": 1.0, "offset": -80.0}, clock="121500"), "0 or more, got"),
    "absurd": (
        lambda path: make.odim(path, np.full((3, 4), 250, np.uint8), quantity="RATE", what={"gain": 34.6}, clock="121500"),
        "above 1000 mm/h",
    ),
    "from the future": (lambda path: _future(path), "in the future"),
    "huge": (lambda path: _huge(path), "claims an image"),
    "not gzip inside": (lambda path: path.write_bytes(gzip.compress(b"GIF89a nothing")), "no reader recognises"),
    "broken gzip": (lambda path: path.write_bytes(gzip.compress(os.urandom(9000))[:3000]), "broken or cut off"),
    "odd date": (lambda path: make.odim(path, clock="999900"), "broken or cut off"),
}


def _future(path):
    make.odim(path)
    with h5py.File(path, "a") as file:
        file["what"].attrs["date"] = np.bytes_("20991231")


def _huge(path):
    make.odim(path, clock="121500")
    with h5py.File(path, "a") as file:
        del file["dataset1/data1/data"]
        file["dataset1/data1"].create_dataset("data", shape=(10**6, 10**6), dtype="u1", chunks=(100, 100))


@pytest.mark.parametrize("kind", BROKEN)
def test_a_bad_file_is_named_and_the_reason_said(series, kind):
    spoil, says = BROKEN[kind]
    spoil(series / "15.h5")
    with pytest.raises(ReadError, match=rf"15\.h5.*({says})"):
        read(series)


@pytest.mark.parametrize("kind", BROKEN)
def test_skip_bad_leaves_it_out_and_says_so(series, kind):
    BROKEN[kind][0](series / "15.h5")
    with pytest.warns(SkippedFileWarning, match=r"left out .*15\.h5"):
        frames = read(series, skip_bad=True)
    assert np.isfinite(frames.values[0]).any() and float(frames.max()) < 1000
    assert frames.sizes["time"] - gaps_of(frames) == 3


def test_a_bad_file_in_between_becomes_a_gap(series):
    cut(series / "05.h5")
    with pytest.warns(SkippedFileWarning):
        frames = read(series, skip_bad=True)
    assert frames.sizes["time"] == 4 and frames.attrs["gaps"] == 1 and np.isnan(frames.values[1]).all()


def test_a_renamed_file_is_read_by_its_content(series):
    shutil.move(series / "15.h5", series / "15.gif")
    assert read(series).sizes["time"] == 4


def test_when_nothing_is_left(series):
    for path in series.iterdir():
        path.write_text("nothing")
    with pytest.warns(SkippedFileWarning), pytest.raises(ReadError, match="no file is left"):
        read(series, skip_bad=True)


def test_mixed_grids_are_said_plainly(series):
    make.odim(series / "20.h5", np.zeros((2, 4), np.uint8), where={"ysize": 2}, clock="122000")
    with pytest.raises(FramesError, match=r"mixed grids.*20\.h5"):
        read(series)


def test_uneven_steps_are_said_plainly(series):
    make.odim(series / "odd.h5", clock="121200")
    with pytest.raises(FramesError, match="uneven steps.*12:12:00"):
        read(series)


def test_a_duplicate_is_dropped_a_late_file_sorted_in(series):
    shutil.copy(series / "15.h5", series / "00_copy_of_15.h5")
    frames = read([series / "15.h5", series / "00.h5", series / "10.h5", series / "05.h5", series / "00_copy_of_15.h5"])
    assert frames.sizes["time"] == 4 and gaps_of(frames) == 0


def test_only_the_last_frames_are_read(series):
    (series / "00.h5").chmod(0o644)
    frames = read(series, last=2)
    assert frames.sizes["time"] == 2 and str(frames["time"].values[0])[11:16] == "12:10"
    (series / "10.h5").unlink()
    frames = read(series, last=2)
    assert np.isnan(frames.values[0]).all(), "a scan missing among the last ones stays a gap"
    with pytest.raises(FramesError, match="at least 1, got last=0"):
        read(series, last=0)


def test_a_single_spike_becomes_missing(tmp_path):
    code = np.zeros((200, 200), np.uint8)
    code[7, 9] = 250
    make.odim(tmp_path / "a.h5", code, quantity="RATE", what={"gain": 34.6}, where={"xsize": 200, "ysize": 200})
    with pytest.warns(ScreenedPixelsWarning, match="1 pixels above 1000 mm/h are set to missing"):
        frames = read(tmp_path)
    assert np.isnan(frames.values[0, 7, 9]) and np.isnan(frames.values).sum() == 1 and frames.attrs["pixels_screened"] == 1


def test_the_clock_may_be_a_little_off(tmp_path):
    soon = np.datetime64("now", "s") + CLOCK_TOLERANCE - np.timedelta64(5, "m")
    path = make.odim(tmp_path / "a.h5", clock=str(soon)[11:].replace(":", ""))
    with h5py.File(path, "a") as file:
        file["what"].attrs["date"] = np.bytes_(str(soon)[:10].replace("-", ""))
    assert read(path).sizes["time"] == 1


@pytest.mark.parametrize("pack", [gzip.compress, bz2.compress])
def test_a_bomb_is_refused_before_it_fills_the_memory(tmp_path, monkeypatch, pack):
    monkeypatch.setattr(content, "MAX_UNPACKED_BYTES", 2**20)
    header = make.fmi(tmp_path / "a", packed=False).read_bytes()
    (tmp_path / "bomb.pgm.gz").write_bytes(pack(header + bytes(3 * 2**20)))
    with pytest.raises(ReadError, match="bomb.*unpacks to more than 1 MiB"):
        read(tmp_path / "bomb.pgm.gz")


def test_inputs_that_name_nothing(tmp_path):
    for nothing in (tmp_path / "absent.h5", tmp_path, str(tmp_path / "*.h5")):
        with pytest.raises(ReadError, match="no such file, or nothing in the folder"):
            find_files(nothing)


def test_hidden_files_are_no_radar_files(series):
    (series / ".partial.h5").write_bytes(b"half")
    assert len(find_files(series)) == 4
    assert len(find_files([str(series / "*.h5"), series])) == 4, "a file named twice counts once"


def test_skip_bad_leaves_out_a_file_on_another_grid(series):
    make.odim(series / "20.h5", np.zeros((2, 4), np.uint8), where={"ysize": 2}, clock="122000")
    with pytest.warns(SkippedFileWarning, match=r"20\.h5: its grid is not that of the other files"):
        frames = read(series, skip_bad=True)
    assert frames.shape == (5, 3, 4) and np.isnan(frames.values[4]).all()


def test_skip_bad_leaves_out_a_scan_between_the_steps(series):
    make.odim(series / "odd.h5", clock="121200")
    with pytest.warns(SkippedFileWarning, match=r"odd\.h5: uneven steps"):
        assert read(series, skip_bad=True).sizes["time"] == 4


def test_uneven_steps_name_the_file(series):
    make.odim(series / "odd.h5", clock="121200")
    with pytest.raises(FramesError, match=r"odd\.h5: uneven steps: the scan at 2024-07-01 12:12:00 comes 2 min after the one before"):
        read(series)


def test_what_is_no_file_is_refused_and_not_waited_for(tmp_path):
    os.mkfifo(tmp_path / "pipe.h5")
    with pytest.raises(ReadError, match="pipe.h5: is neither a file nor"):
        read(tmp_path / "pipe.h5")


def test_links_that_lead_round_are_walked_once(series, tmp_path):
    (series.parent / "round").mkdir()
    for name in ("a", "b"):
        (series.parent / "round" / name).symlink_to(series.parent / "round")
    (series.parent / "round" / "c").symlink_to(series)
    assert len(find_files(series.parent / "round")) == 4


@pytest.mark.parametrize("year", ["99991231", "16000101", "25340701"])
def test_years_that_would_wrap_around_are_refused(tmp_path, year):
    path = make.odim(tmp_path / "a.h5")
    with h5py.File(path, "a") as file:
        file["what"].attrs["date"] = np.bytes_(year)
    with pytest.raises(ReadError, match=f"the year {year[:4]} is not one of a radar image"):
        read(path)


def test_corners_that_contradict_the_pixel_size(tmp_path):
    path = make.odim(tmp_path / "a.h5", where={"LR_lon": 10.5, "LR_lat": 54.9})
    with pytest.raises(ReadError, match="corner LR lies off"):
        read(path)


def test_odim_attributes_as_arrays_of_one_and_missing_ones(tmp_path):
    path = make.odim(tmp_path / "a.h5", what={"gain": np.array([0.5]), "nodata": np.array([255.0])})
    with h5py.File(path, "a") as file:
        file["what"].attrs["date"] = np.array([b"20240701"])
    assert np.isnan(read(path).values[0, 0, 1])
    with h5py.File(path, "a") as file:
        del file["where"].attrs["projdef"]
    with pytest.raises(ReadError, match="expected the attribute projdef in /where"):
        read(path)


def _series_file(path, times, values=None):
    import xarray as xr

    from tests.data.readers.test_by_hand import CF

    values = np.ones((len(times), 3, 2), np.float32) if values is None else values
    field = (("time", "y", "x"), values, {"grid_mapping": "crs", "standard_name": "rainfall_rate", "units": "mm h-1"})
    xr.Dataset({"field": field}, coords={**CF, "time": ("time", np.array(times, "M8[ns]"))}).to_netcdf(path, engine="h5netcdf")
    return path


def test_times_that_are_missing(tmp_path):
    with pytest.raises(ReadError, match="2 times, 1 of them missing"):
        read(_series_file(tmp_path / "a.nc", ["2024-07-01T12:00", "NaT"]))
    with pytest.raises(ReadError, match="got 0 times"):
        read(_series_file(tmp_path / "b.nc", []))


def test_a_series_too_large_for_memory_says_so(tmp_path, monkeypatch):
    from stormcell.data.readers import cf

    monkeypatch.setattr(cf, "_MAX_BYTES", 100)
    path = _series_file(tmp_path / "a.nc", [f"2024-07-01T12:{minute:02d}" for minute in range(0, 60, 5)])
    with pytest.raises(ReadError, match="12 frames of 3 x 2 pixels do not fit"):
        read(path)
    assert read(path, last=4).sizes["time"] == 4


def test_a_series_may_hold_missing_scans(tmp_path):
    from stormcell.data.summary import summarise

    values = np.ones((3, 3, 2), np.float32)
    values[1] = np.nan
    path = _series_file(tmp_path / "a.nc", ["2024-07-01T12:00", "2024-07-01T12:05", "2024-07-01T12:10"], values)
    assert read(path).attrs["gaps"] == gaps_of(read(path)) == 1
    assert summarise(path).missing_scans == ["2024-07-01T12:05:00Z"] and summarise(path).missing_count == 1


def test_a_summary_takes_a_long_series_in_blocks(tmp_path, monkeypatch):
    from stormcell.data import summary

    monkeypatch.setattr(summary, "BLOCK", 2)
    path = _series_file(tmp_path / "a.nc", [f"2024-07-01T12:{minute:02d}" for minute in range(0, 25, 5)])
    assert (summary.summarise(path).scans, summary.summarise(path).wet_share) == (5, 1.0)
    values = np.ones((5, 3, 2), np.float32)
    values[4] = np.nan  # a block of its own
    path = _series_file(tmp_path / "b.nc", [f"2024-07-01T12:{minute:02d}" for minute in range(0, 25, 5)], values)
    assert summary.summarise(path).missing_scans == ["2024-07-01T12:20:00Z"]


def test_a_tar_bomb_is_refused_before_it_is_parsed(tmp_path, monkeypatch):
    import tarfile

    monkeypatch.setattr(content, "MAX_UNPACKED_BYTES", 2**20)
    first, header = tarfile.TarInfo("rv"), tarfile.TarInfo("rv")
    first.size, header.type, header.size = 512, b"x", 3 * 2**20
    start = make.radolan(tmp_path / "a", np.zeros((900, 900), "<u2"), packed=False).read_bytes()[:512]
    bomb = first.tobuf(tarfile.USTAR_FORMAT) + start + header.tobuf(tarfile.USTAR_FORMAT) + bytes(4 * 2**20)
    (tmp_path / "bomb.tar.gz").write_bytes(gzip.compress(bomb))
    with pytest.raises(ReadError, match="bomb.*unpacks to more than 1 MiB"):
        read(tmp_path / "bomb.tar.gz")
