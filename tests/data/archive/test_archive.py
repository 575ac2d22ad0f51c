"""Scans in, the same scans out: in any order, any number of times, with their gaps."""

import numpy as np
import pytest
import xarray as xr
import zarr
from hypothesis import given, settings
from hypothesis import strategies as st

from stormcell.data.archive import Archive, is_archive
from stormcell.data.archive.layout import RAIN
from stormcell.errors import FramesError, ReadError, WriteError
from stormcell.frames import check_frames, grid_of, make_frames, step_of
from stormcell.grid import Grid
from tests.conftest import frames_of, stamps

STEP = np.timedelta64(5, "m")
VALUES = np.array([[[0.0, 0.1], [np.nan, 4.0]], [[0.0, 0.0], [0.0, 0.0]], [[1.0, 2.0], [30.0, 5.0]], [[0.5, np.nan], [np.nan, 0.05]]])


@pytest.fixture
def frames():
    return frames_of(VALUES)


def created(path, frames, **options) -> Archive:
    return Archive.create(path, grid_of(frames), STEP, start=frames["time"].values[0], **options)


def test_what_goes_in_comes_out(frames, tmp_path):
    with created(tmp_path / "a.zarr", frames, attrs={"licence": "CC-BY-4.0", "source": "by hand"}) as archive:
        assert archive.append(frames) == 4
    archive = Archive(tmp_path / "a.zarr")
    assert len(archive) == 4 and archive.present.all() and archive.step == STEP and archive.grid.same_as(grid_of(frames))
    np.testing.assert_array_equal(archive.axis, frames["time"].values)
    np.testing.assert_allclose(archive.block(0, 4), VALUES, rtol=2**-11)
    np.testing.assert_allclose(archive.wet_share, [2 / 3, 0.0, 1.0, 0.5])
    np.testing.assert_allclose(archive.largest, [4.0, 0.0, 30.0, 0.5])
    np.testing.assert_allclose(archive.seen_share, [0.75, 1.0, 1.0, 0.5])
    latest = archive.latest(2)
    assert latest.attrs["licence"] == "CC-BY-4.0" and latest.attrs["source"] == "by hand" and latest.attrs["gaps"] == 0
    np.testing.assert_array_equal(check_frames(latest)["time"].values, stamps(10, 15))
    np.testing.assert_array_equal(archive.between(*stamps(5, 11))["time"].values, stamps(5, 10))
    np.testing.assert_array_equal(archive.block(2, 3, slice(1, 2), slice(0, 1)), [[[30.0]]])
    assert archive.latest(99).sizes["time"] == 4


def test_late_scans_fill_their_slot_and_the_same_scan_twice_changes_nothing(frames, tmp_path):
    with created(tmp_path / "a.zarr", frames) as archive:
        assert archive.append(frames[:1]) == 1 and archive.append(frames[3:]) == 1
        assert archive.present.tolist() == [True, False, False, True]
        assert np.isnan(archive.block(1, 3)).all() and np.isnan(archive.wet_share[1:3]).all()
        assert archive.latest(3).attrs["gaps"] == 2
        assert archive.append(frames[1:3]) == 2
        fingerprint = archive.fingerprint
        assert archive.append(frames) == 0 and archive.append(frames * 2) == 0, "what is there stays as it is"
    with created(tmp_path / "b.zarr", frames) as other:
        other.append(frames)
        assert other.fingerprint == fingerprint == Archive(tmp_path / "a.zarr").fingerprint
    with created(tmp_path / "c.zarr", frames) as other:
        other.append(frames[:3])
        assert other.fingerprint != fingerprint


def test_a_frame_of_nan_is_no_scan(frames, tmp_path):
    with created(tmp_path / "a.zarr", frames) as archive:
        assert archive.append(frames.where(frames["time"] != frames["time"][1]).transpose("time", "y", "x")) == 3
        assert archive.present.tolist() == [True, False, True, True]
        assert archive.append(frames) == 1


def test_a_gap_of_months_costs_nothing(frames, tmp_path):
    later = frames.assign_coords(time=frames["time"] + np.timedelta64(365, "D"))
    with created(tmp_path / "a.zarr", frames) as archive:
        archive.append(frames)
        archive.append(later)
    archive = Archive(tmp_path / "a.zarr")
    assert len(archive) == 365 * 288 + 4 and archive.present.sum() == 8
    assert len(list((tmp_path / "a.zarr" / RAIN).glob("c.*"))) == 2
    assert sum(file.stat().st_size for file in (tmp_path / "a.zarr").rglob("*") if file.is_file()) < 300_000
    np.testing.assert_array_equal(archive.latest(4).values, archive.block(0, 4))


RATES = st.floats(0, 1000, width=32) | st.just(np.nan) | st.sampled_from([np.float32(0.1), np.nextafter(np.float32(0.1), np.float32(1))])


@given(values=st.lists(RATES, min_size=12, max_size=12))
@settings(max_examples=60)
def test_the_error_that_is_stated_holds(values, tmp_path_factory):
    from stormcell.data.archive.half_precision import to_half

    rain = np.array(values, np.float32)
    kept = to_half(rain).astype(np.float32)
    np.testing.assert_array_equal(np.isnan(kept), np.isnan(rain))
    known = np.isfinite(rain)
    assert np.all(np.abs(kept - rain)[known] <= np.maximum(2.0**-11 * rain[known], 3e-8))
    assert np.all(kept[rain == 0] == 0)
    np.testing.assert_array_equal(kept >= np.float32(0.1), rain >= np.float32(0.1))


def test_rain_that_no_half_can_hold_is_refused(frames, tmp_path):
    with created(tmp_path / "a.zarr", frames) as archive, pytest.raises(FramesError, match="at most 65,504"):
        archive.append(frames + np.float32(1e5))


@given(order=st.lists(st.integers(0, 39), min_size=1, max_size=15))
@settings(max_examples=15)
def test_any_order_gives_the_same_archive(order, tmp_path_factory):
    rng = np.random.default_rng(7)
    frames = frames_of(rng.gamma(0.3, 3.0, (40, 3, 5)))
    folder = tmp_path_factory.mktemp("order")
    with created(folder / "a.zarr", frames) as one, created(folder / "b.zarr", frames) as other:
        for slot in order:
            one.append(frames[slot : slot + 1])
        for slot in sorted(set(order)):
            assert other.append(frames[slot : slot + 1]) == 1
    one, other = Archive(folder / "a.zarr"), Archive(folder / "b.zarr")
    assert one.fingerprint == other.fingerprint and np.flatnonzero(one.present).tolist() == sorted(set(order))
    np.testing.assert_array_equal(one.block(0, len(one)), other.block(0, len(other)))


@pytest.mark.parametrize("shape", [(3, 5), (600, 530)])
def test_the_general_library_reads_the_same(shape, tmp_path):
    """Twins: our reader of shards, zarr and xarray; whole frames and tiles."""
    rng = np.random.default_rng(1)
    values = rng.gamma(0.3, 3.0, (6, *shape)).astype(np.float32)
    values[:, 0, 1] = np.nan
    frames = frames_of(values)
    with created(tmp_path / "a.zarr", frames) as archive:
        archive.append(frames[:2])
        archive.append(frames[4:])
    plain = zarr.open_group(tmp_path / "a.zarr", mode="r")[RAIN]
    assert plain.chunks == ((1, *shape) if shape == (3, 5) else (1, 256, 256))
    archive = Archive(tmp_path / "a.zarr")
    np.testing.assert_array_equal(archive.block(0, 6), plain[:].astype(np.float32))
    for rows, columns in (
        (slice(0, 2), slice(1, 4)),
        (slice(None), slice(3, None)),
        (slice(-2, None), slice(0, 0)),
        (slice(250, 520), slice(1)),
    ):
        np.testing.assert_array_equal(archive.block(1, 6, rows, columns), plain[1:6, rows, columns].astype(np.float32))
    with xr.open_zarr(tmp_path / "a.zarr", chunks=None) as dataset:
        np.testing.assert_array_equal(dataset["time"].values, archive.axis)
        np.testing.assert_array_equal(dataset[RAIN].values, archive.block(0, 6))
        attrs = dataset[RAIN].attrs
        assert attrs["standard_name"] == "rainfall_rate" and attrs["units"] == "mm h-1" and "2^-11" in attrs["precision"]
        mapping = dataset["spatial_ref"].attrs
        assert mapping["crs_wkt"] == mapping["spatial_ref"] and list(mapping["bbox"]) == list(archive.grid.edges)
        east, north = dataset["longitude"].values[0, 0], dataset["latitude"].values[0, 0]
        west, _, _, top = archive.grid.lonlat_box
        assert abs(east - west) < 0.02 and abs(north - top) < 0.02
        assert {"present", "wet_share", "largest", "seen_share"} <= set(dataset[RAIN].coords)


def test_other_frames_are_refused_and_change_nothing(frames, tmp_path):
    with created(tmp_path / "a.zarr", frames, attrs={"zr_rule": "marshall-palmer: Z = 200 R^1.6"}) as archive:
        archive.append(frames)
        fingerprint = archive.fingerprint
        elsewhere = Grid.from_edges("EPSG:21781", west=0.0, north=200_000.0, pixel=(1000.0, 1000.0), shape=(2, 2))
        for other, says in (
            (make_frames(VALUES, frames["time"].values, elsewhere), "2 x 2 or lie elsewhere"),
            (frames.assign_coords(time=frames["time"] - np.timedelta64(1, "h")), "begins at 2024-07-01T12:00:00, and 2024-07-01T11:00:00"),
            (frames.assign_coords(time=frames["time"] + np.timedelta64(2, "m")), "lies 120 s off the slots"),
            (frames.assign_attrs(zr_rule="fmi: Z = 223 R^1.53"), "by the rule marshall-palmer"),
            (frames[0:1].assign_coords(time=np.array(["2199-07-01T12:00"], "datetime64[ns]")), "2199.* is misdated"),
        ):
            with pytest.raises(FramesError, match=says):
                archive.append(other)
        jitter = frames[:1].assign_coords(time=stamps(20) + np.timedelta64(29, "s"))
        assert archive.append(frames) == 0 and archive.fingerprint == fingerprint
        assert archive.append(jitter) == 1 and archive.axis[-1] == stamps(20)[0]


def test_misuse_is_said(frames, tmp_path):
    with created(tmp_path / "a.zarr", frames) as archive:
        with pytest.raises(FramesError, match="holds no scan yet"):
            archive.latest(1)
        archive.append(frames)
        with pytest.raises(WriteError, match="exists already"):
            layout_again = tmp_path / "b.zarr"
            layout_again.mkdir()
            created(layout_again, frames)
        with pytest.raises(WriteError, match="belongs to the format"):
            archive.describe(time_origin="never")
        for call, says in (
            (lambda: archive.block(0, 5), "between 0 and 4"),
            (lambda: archive.block(0, 4, slice(0, 2, 2)), "without a step"),
            (lambda: archive.latest(0), "at least 1"),
            (lambda: archive.between(*stamps(60, 70)), "no slot between"),
        ):
            with pytest.raises(FramesError, match=says):
                call()
    with pytest.raises(WriteError, match="open for reading only"):
        Archive(tmp_path / "a.zarr").append(frames)
    with pytest.raises(ReadError, match="is no archive"):
        Archive(tmp_path)
    with pytest.raises(FramesError, match="whole seconds"):
        Archive.create(tmp_path / "c.zarr", grid_of(frames), np.timedelta64(1500, "ms"), start=stamps(0)[0])
    with pytest.raises(FramesError, match="expected a profile of default, mlcast, got 'x'"):
        created(tmp_path / "c.zarr", frames, profile="x")
    assert not is_archive(tmp_path) and is_archive(tmp_path / "a.zarr") and step_of(frames) == STEP


def test_damage_is_said(frames, tmp_path):
    with created(tmp_path / "a.zarr", frames) as archive:
        archive.append(frames)
    shard = tmp_path / "a.zarr" / RAIN / "c.0.0.0"
    whole = bytearray(shard.read_bytes())
    for place in (-10, 10):
        broken = bytearray(whole)
        broken[place] ^= 0xFF
        shard.write_bytes(bytes(broken))
        with pytest.raises(ReadError, match="is damaged"):
            Archive(tmp_path / "a.zarr").block(0, 4)
    shard.write_bytes(bytes(whole[:20]))
    with pytest.raises(ReadError, match="is damaged"):
        Archive(tmp_path / "a.zarr").block(0, 4)
    shard.unlink()
    with pytest.raises(ReadError, match=r"c\.0\.0\.0: the file is lost"):
        Archive(tmp_path / "a.zarr").block(1, 2, slice(1), slice(1))
    document = tmp_path / "a.zarr" / "zarr.json"
    document.write_text(document.read_text().replace('"stormcell_archive": 1', '"stormcell_archive": 2'))
    with pytest.raises(ReadError, match="format 2; this version knows 1"):
        Archive(tmp_path / "a.zarr")


def test_provenance(frames, tmp_path):
    with created(tmp_path / "a.zarr", frames) as archive:
        archive.append(frames)
        archive.record("one thing")
        archive.record("another")
        archive.describe(licence="ODbL-1.0")
    attrs = Archive(tmp_path / "a.zarr").attrs
    assert [line.split(": ")[1] for line in attrs["history"].splitlines()] == ["one thing", "another"] and attrs["licence"] == "ODbL-1.0"
    assert zarr.open_group(tmp_path / "a.zarr", mode="r").attrs["license"] == "ODbL-1.0"
