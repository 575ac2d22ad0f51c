"""The readers on files as the services sent them: facts about each event, and agreement with pysteps' importers."""

import contextlib
import io
import warnings
from pathlib import Path

import numpy as np
import pytest

from stormcell.data.read import ScreenedPixelsWarning, find_files, find_scans, read
from stormcell.frames import check_frames, grid_of, step_of
from stormcell.timeline import gaps_of
from stormcell.units import ZR_RULES, reflectivity_from_rain_rate

# folder: reader, first time, frames, step [min], rows and columns, pixel [km], lon/lat of the north-west corner (hand-checked on a map)
EVENTS = {
    "knmi_2010-08-26": ("knmi", "2010-08-26T00:00", 92, 5, (765, 700), 1.0),
    "fmi_2016-09-28": ("fmi", "2016-09-28T14:45", 40, 5, (1226, 760), 1.0),
    "meteoswiss_2015-05-15": ("meteoswiss", "2015-05-15T15:45", 40, 5, (640, 710), 1.0),
    "meteoswiss_2017-01-31": ("meteoswiss", "2017-01-31T09:45", 40, 5, (640, 710), 1.0),
    "bom_melbourne_2018-06-16": ("bom", "2018-06-16T10:00", 61, 6, (512, 512), 0.5),
    "opera_odyssey_2018-08-24": ("odim", "2018-08-24T18:00", 24, 15, (2200, 1900), 2.0),
    "opera_cirrus_2024-11-26": ("odim", "2024-11-26T01:00", 5, 5, (4400, 3800), 1.0),
    "mrms_2019-06-10": ("mrms", "2019-06-10T00:00", 21, 2, (3500, 7000), 0.99),
}


@pytest.mark.parametrize("name", EVENTS)
def test_each_event_reads_into_one_field(radar_data, name):
    reader, first, count, step, shape, pixel_km = EVENTS[name]
    scans = list(find_scans(radar_data / "events" / name))
    assert {scan.format for scan in scans} == {reader} and len(scans) == count
    assert min(scan.times[0] for scan in scans) == np.datetime64(first)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ScreenedPixelsWarning)
        frames = check_frames(read(radar_data / "events" / name, last=2))
    assert frames.shape == (2, *shape) and gaps_of(frames) == 0
    assert step_of(frames) == np.timedelta64(step, "m")
    assert grid_of(frames).pixel_km == pytest.approx(pixel_km, rel=0.02)
    wet = float((frames.values >= 0.5).sum() / np.isfinite(frames.values).sum())
    assert 0.005 < wet < 0.6 and float(np.nanmax(frames.values)) > 10


@pytest.mark.parametrize(
    ("name", "product", "minutes", "shape"),
    [
        ("rw", "RW", 60, (900, 900)),
        ("rx", "RX", 5, (900, 900)),
        ("ry", "RY", 5, (900, 900)),
        ("sf", "SF", 1440, (900, 900)),
        ("wx", "WX", 5, (1100, 900)),
    ],
)
def test_radolan_products(radar_data, name, product, minutes, shape):
    frames = read(radar_data / "formats" / "radolan" / f"raa01-{name}_10000-1408102050-dwd---bin.gz")
    assert frames.shape == (1, *shape) and frames["time"].values[0] == np.datetime64("2014-08-10T20:50")
    assert frames.attrs["quantity"] == product
    # All products are of one stormy evening over Germany, and saw nothing in the same far corner of the grid.
    assert np.isnan(frames.values[0, 0, 0]) and 0.1 < float((frames.values >= 0.1).mean()) < 0.7


def test_radolan_rain_products_see_the_same_rain(radar_data):
    """RY (radar alone, 5 minutes) and RX (reflectivity of the same scan) rain in the same places."""
    rain, echo = (
        read(radar_data / "formats" / "radolan" / f"raa01-{name}_10000-1408102050-dwd---bin.gz").values[0] for name in ("ry", "rx")
    )
    known = np.isfinite(rain) & np.isfinite(echo)
    assert np.corrcoef(np.log1p(rain[known]), np.log1p(echo[known]))[0, 1] > 0.9


def test_radolan_archive(radar_data):
    from stormcell.data.readers.radolan import read_radolan_forecast

    path = radar_data / "formats" / "radolan" / "DE1200_RV2210180700.tar.bz2"
    frames, forecast = read(path), read_radolan_forecast(path)
    assert frames.shape == (1, 1200, 1100) and frames["time"].values[0] == np.datetime64("2022-10-18T07:00")
    assert forecast.shape == (1, 24, 1200, 1100) and forecast["lead_time"].values[-1] == np.timedelta64(120, "m")


def test_taasrad_netcdf_with_its_gaps(radar_data):
    frames = read(radar_data / "taasrad19" / "train" / "taasrad19_2016-07.nc")
    assert frames.attrs["gaps"] == gaps_of(frames) > 0 and frames.shape[1:] == (64, 64)
    assert (frames.values == 0).sum() > 0.5 * np.isfinite(frames.values).sum()  # 0 dBZ is no echo
    assert np.isnan(frames.values[0, 0, 0])  # outside the radar's disk


def test_all_files_below_a_folder_are_found(radar_data):
    assert len(find_files(radar_data / "taasrad19")) == 27


def test_a_spike_of_8647_mm_per_hour_becomes_missing_and_is_said(radar_data):
    files = sorted((radar_data / "events" / "opera_odyssey_2018-08-24").glob("*221500*"))
    with pytest.warns(ScreenedPixelsWarning, match="1 pixels above 1000 mm/h"):
        frames = read(files)
    assert frames.attrs["pixels_screened"] == 1 and float(frames.max()) <= 1000


def _pysteps(importer: str, path: Path, **options):
    with contextlib.redirect_stdout(io.StringIO()), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        importers = pytest.importorskip("pysteps.io.importers", reason="pysteps is not installed")
        field, _, metadata = getattr(importers, importer)(str(path), **options)
    return field, metadata


@pytest.mark.parametrize(
    ("name", "importer", "options", "factor", "metres"),
    [
        ("knmi_2010-08-26", "import_knmi_hdf5", {}, 12.0, 1000.0),
        ("meteoswiss_2015-05-15", "import_mch_gif", {"product": "AQC", "unit": "mm", "accutime": 5}, 12.0, 1.0),
        ("bom_melbourne_2018-06-16", "import_bom_rf3", {}, 10.0, 1.0),
        ("opera_odyssey_2018-08-24", "import_odim_hdf5", {"qty": "RATE"}, 1.0, 1.0),
    ],
)
def test_rain_and_corners_agree_with_pysteps(radar_data, name, importer, options, factor, metres):
    path = sorted((radar_data / "events" / name).iterdir())[12]
    theirs, metadata = _pysteps(importer, path, **options)
    ours = read(path)
    assert (np.isnan(ours.values[0]) == np.isnan(theirs)).all()
    np.testing.assert_allclose(ours.values[0], theirs * factor, rtol=1e-5, atol=1e-5)
    west, _, _, north = grid_of(ours).edges
    assert (west, north) == pytest.approx((metadata["x1"] * metres, metadata["y2"] * metres), abs=1.0)
    assert grid_of(ours).pixel == pytest.approx((metadata["xpixelsize"] * metres, metadata["ypixelsize"] * metres))
    east_south = grid_of(ours).edges[2], grid_of(ours).edges[1]
    # Rainfields: pysteps takes the last column's corner for the edge of the image, one pixel short
    short = metadata["xpixelsize"] * metres if name.startswith("bom") else 0.0
    assert east_south == pytest.approx((metadata["x2"] * metres + short, metadata["y1"] * metres - short), abs=1.5)


@pytest.mark.parametrize(
    ("name", "importer", "options", "rule"),
    [
        ("fmi_2016-09-28", "import_fmi_pgm", {"gzipped": True}, "fmi"),
        ("opera_cirrus_2024-11-26", "import_odim_hdf5", {"qty": "DBZH"}, "marshall-palmer"),
    ],
)
def test_reflectivity_and_size_agree_with_pysteps(radar_data, name, importer, options, rule):
    path = sorted((radar_data / "events" / name).iterdir())[1]
    theirs, metadata = _pysteps(importer, path, **options)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ScreenedPixelsWarning)
        ours = read(path)
    assert (np.isnan(ours.values[0]) != np.isnan(theirs)).sum() == ours.attrs.get("pixels_screened", 0)
    wet = ours.values[0] > 0
    np.testing.assert_allclose(reflectivity_from_rain_rate(ours.values[0][wet], ZR_RULES[rule]), theirs[wet], atol=1e-3)
    west, south, east, north = grid_of(ours).edges
    assert (east - west, north - south) == pytest.approx((metadata["x2"] - metadata["x1"], metadata["y2"] - metadata["y1"]), abs=1.0)
