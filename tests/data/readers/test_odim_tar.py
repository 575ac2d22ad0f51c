"""Tar archives of composites, in the layout of DWD since 2025: the analysis is read and nothing else, and within limits."""

import bz2
import gzip
import io
import tarfile

import numpy as np
import pytest

import stormcell as sc
from stormcell.data import tarred
from stormcell.data.read import find_scans, read
from stormcell.data.readers.odim_tar import read_odim_tar_forecast
from stormcell.data.readers.radolan import read_radolan_forecast
from stormcell.errors import ReadError, UnknownFormatError
from stormcell.frames import check_forecast, check_frames, grid_of
from tests.data import radar_files as make

TIME = "2026-07-01T12:00"
RAIN = np.array([[0.0, 0.5, np.nan], [0.001, 2.0, 0.0]])  # mm in 5 minutes


def composites(*leads: int) -> dict[int, bytes]:
    return {lead: make.rv_composite(RAIN * (1 + lead), TIME, lead) for lead in leads}


def test_the_analysis_is_read_and_the_forecasts_are_not(tmp_path):
    path = make.rv_tar(tmp_path / "a.tar", composites(0, 5, 10))
    frames = check_frames(read(path))
    np.testing.assert_allclose(frames.values[0], RAIN * 12, rtol=1e-6)
    assert frames["time"].values == np.datetime64(TIME) and find_scans(path)[0].format == "odim-tar"
    forecast = check_forecast(read_odim_tar_forecast(path))
    assert (forecast["lead_time"].values / np.timedelta64(1, "m")).tolist() == [5, 10]
    np.testing.assert_allclose(forecast.values[0, 1], RAIN * 11 * 12, rtol=1e-6)


def test_any_order_of_members_and_strangers_among_them(tmp_path):
    path = make.rv_tar(tmp_path / "a.tar", composites(10, 0, 5))
    with tarfile.open(path, "a") as archive:
        for name, kind in (("notes.txt", tarfile.REGTYPE), ("folder", tarfile.DIRTYPE), ("link", tarfile.SYMTYPE)):
            member = tarfile.TarInfo(name)
            member.type, member.size, member.linkname = kind, 5 if kind == tarfile.REGTYPE else 0, "/etc/passwd"
            archive.addfile(member, io.BytesIO(b"hello") if kind == tarfile.REGTYPE else None)
    np.testing.assert_allclose(read(path).values[0], RAIN * 12, rtol=1e-6)


@pytest.mark.parametrize("pack", [bytes, gzip.compress, bz2.compress], ids=["tar", "tar.gz", "tar.bz2"])
def test_packed_or_not_and_with_long_headers(tmp_path, pack):
    """Files with fractions of a second in their times have a header of their own before the usual one."""
    for lead, content in composites(0, 5).items():
        (tmp_path / f"{lead}-hd5").write_bytes(content)
    with tarfile.open(tmp_path / "plain", "w", format=tarfile.PAX_FORMAT) as archive:
        archive.add(tmp_path / "0-hd5")
        archive.add(tmp_path / "5-hd5")
    (tmp_path / "a").write_bytes(pack((tmp_path / "plain").read_bytes()))
    np.testing.assert_allclose(read(tmp_path / "a").values[0], RAIN * 12, rtol=1e-6)


def test_an_archive_without_an_analysis(tmp_path):
    with pytest.raises(ReadError, match=r"a\.tar: holds 0 analyses"):
        read(make.rv_tar(tmp_path / "a.tar", composites(5, 10)))
    with pytest.raises(UnknownFormatError, match=r"a\.tar: no reader"):
        read(make.rv_tar(tmp_path / "a.tar", {}))


def test_two_analyses_are_one_too_many(tmp_path):
    path = make.rv_tar(tmp_path / "a.tar", {0: composites(0)[0], 1: make.rv_composite(RAIN, "2026-07-01T12:05", 0)})
    with pytest.raises(ReadError, match="holds 2 analyses"):
        read(path)


def test_a_forecast_that_does_not_say_so_is_told_by_its_times(tmp_path):
    silent = {lead: make.rv_composite(RAIN, TIME, lead, simulated=False) for lead in (0, 5, 10)}
    assert read(make.rv_tar(tmp_path / "a.tar", silent)).sizes["time"] == 1


def test_a_forecast_taken_out_of_its_archive_is_refused(tmp_path):
    for lead, simulated in ((5, True), (10, False), (120, True)):
        (tmp_path / "a.h5").write_bytes(make.rv_composite(RAIN, TIME, lead, simulated=simulated))
        with pytest.raises(ReadError, match=f"is a forecast for {lead} min ahead"):
            read(tmp_path / "a.h5")
    (tmp_path / "a.h5").write_bytes(make.rv_composite(RAIN, TIME, 0))
    assert read(tmp_path / "a.h5").sizes["time"] == 1


def test_limits(tmp_path, monkeypatch):
    path = make.rv_tar(tmp_path / "a.tar", composites(0, 5, 10))
    for name, value in (("MAX_MEMBERS", 2), ("MAX_MEMBER_BYTES", 100)):
        with monkeypatch.context() as patch, pytest.raises(ReadError, match=r"a\.tar: expected a tar archive of at most"):
            patch.setattr(tarred, name, value)
            read(path)


@pytest.mark.parametrize("share", [0.3, 0.5, 0.8])
def test_an_archive_that_is_cut_off_is_refused_even_if_the_analysis_is_whole(tmp_path, share):
    path = make.rv_tar(tmp_path / "a.tar", composites(0, 5, 10))
    with tarfile.open(path) as archive:
        end = archive.getmembers()[-1].offset_data + archive.getmembers()[-1].size
    path.write_bytes(path.read_bytes()[: int(share * end)])
    with pytest.raises(ReadError, match=r"a\.tar: looks like odim-tar but is broken or cut off"):
        read(path)


def test_real_rain_in_the_new_layout_is_the_same_rain(radar_data, tmp_path):
    """A real archive of 2022, its composites written anew as HDF5 with the attributes that DWD gives them since 2025."""
    old = radar_data / "formats" / "radolan" / "DE1200_RV2210180700.tar.bz2"
    seen, ahead = read(old), read_radolan_forecast(old)
    time = seen["time"].values[0]
    fields = {0: seen.values[0], **dict(zip((5, 10), ahead.values[0, :2], strict=True))}
    path = make.rv_tar(
        tmp_path / "new.tar", {lead: make.rv_composite(field / 12.0, time, lead) for lead, field in fields.items()}, time=time
    )
    new = read(path)
    assert grid_of(new).same_as(grid_of(seen)) and new["time"].values == time
    np.testing.assert_allclose(new.values, seen.values, atol=1e-5)
    np.testing.assert_allclose(read_odim_tar_forecast(path).values, ahead.values[:, :2], atol=1e-5)
    assert float(np.nanmax(new.values)) > 1 and sc.read(path).equals(new)
