"""Each reader on a tiny file whose every value is known."""

import bz2
import gzip
import tarfile

import numpy as np
import pytest
import xarray as xr

from stormcell.data.readers import READERS, reader_for
from stormcell.data.readers.bom import read_bom
from stormcell.data.readers.cf import read_cf
from stormcell.data.readers.fmi import read_fmi
from stormcell.data.readers.knmi import read_knmi
from stormcell.data.readers.meteoswiss import read_meteoswiss
from stormcell.data.readers.odim import read_odim, write_odim
from stormcell.data.readers.radolan import read_radolan, read_radolan_forecast
from stormcell.errors import ReadError, UnknownFormatError
from stormcell.frames import check_forecast, check_frames, grid_of
from stormcell.units import ZRRule
from tests.data import radar_files as make

NAN = np.nan


def rate(dbz: float, a: float = 200.0, b: float = 1.6) -> float:
    return float((10 ** (dbz / 10) / a) ** (1 / b))


def test_odim_reflectivity(tmp_path):
    frames = check_frames(read_odim(make.odim(tmp_path / "a.h5")))
    expected = [[0, NAN, rate(0), rate(23)], [0, 0, 0, 0], [NAN, rate(10), rate(15), rate(20)]]
    np.testing.assert_allclose(frames.values[0], expected, rtol=1e-6)
    assert frames["time"].values[0] == np.datetime64("2024-07-01T12:00")
    assert grid_of(frames).edges == pytest.approx((0.0, -3000.0, 4000.0, 0.0), abs=1e-6)
    assert frames.attrs["zr_rule"] == "marshall-palmer: Z = 200 R^1.6"


def test_odim_with_a_rule_of_ones_own(tmp_path):
    frames = read_odim(make.odim(tmp_path / "a.h5"), zr=ZRRule(300.0, 1.4))
    assert frames.values[0, 0, 3] == pytest.approx(rate(23, 300.0, 1.4), rel=1e-6)


def test_odim_rate_and_accumulation(tmp_path):
    plain = {"gain": 0.1, "offset": 0.0}
    frames = read_odim(make.odim(tmp_path / "rate.h5", quantity="RATE", what=plain))
    np.testing.assert_allclose(frames.values[0, 0], [0, NAN, 6.4, 11.0], rtol=1e-6)
    frames = read_odim(make.odim(tmp_path / "acrr.h5", quantity="ACRR", what=plain, span=("110000", "120000")))
    np.testing.assert_allclose(frames.values[0, 0], [0, NAN, 6.4, 11.0], rtol=1e-6)  # mm in one hour
    frames = read_odim(make.odim(tmp_path / "acrr5.h5", quantity="ACRR", what=plain, span=("115500", "120000")))
    np.testing.assert_allclose(frames.values[0, 0], [0, NAN, 6.4 * 12, 11.0 * 12], rtol=1e-6)


def test_odim_corner_from_the_south_west(tmp_path):
    lower_left = make.odim(tmp_path / "ll.h5", where={"LL_lon": 10.0, "LL_lat": 55.0})
    import h5py

    with h5py.File(lower_left, "a") as file:
        del file["where"].attrs["UL_lon"]
    assert grid_of(read_odim(lower_left)).edges == pytest.approx((0.0, 0.0, 4000.0, 3000.0), abs=1e-6)


def test_odim_refuses_what_it_cannot_read(tmp_path):
    with pytest.raises(ReadError, match="PVOL.*composite"):
        read_odim(make.odim(tmp_path / "volume.h5", kind="PVOL"))
    with pytest.raises(ReadError, match="VRADH.*expected one of RATE"):
        read_odim(make.odim(tmp_path / "wind.h5", quantity="VRADH"))
    with pytest.raises(ReadError, match="inconsistent"):
        read_odim(make.odim(tmp_path / "size.h5", where={"xsize": 5}))


def test_odim_written_then_read_gives_the_numbers(tmp_path, storm):
    paths = write_odim(storm, tmp_path / "radar")
    back = xr.concat([read_odim(path) for path in paths], "time", join="override", coords="minimal", compat="override")
    assert (back["time"].values == storm["time"].values).all()
    assert (np.isnan(back.values) == np.isnan(storm.values)).all() and ((back.values == 0) == (storm.values == 0)).all()
    np.testing.assert_allclose(back.values, storm.values, rtol=1e-3)  # half of 0.01 dBZ
    assert grid_of(back).same_as(grid_of(storm))


def test_knmi(tmp_path):
    frames = check_frames(read_knmi(make.knmi(tmp_path / "a.h5")))
    np.testing.assert_allclose(frames.values[0], [[0.0, 6.0], [12.0, NAN]], rtol=1e-6)
    assert frames["time"].values[0] == np.datetime64("2010-08-26T00:05")
    assert grid_of(frames).edges == pytest.approx((0.0, -3652_000.0, 2000.0, -3650_000.0))


def test_knmi_reflectivity(tmp_path):
    path = make.knmi(
        tmp_path / "a.h5", np.array([[0, 110], [63, 255]], np.uint8), formula="GEO=0.5*PV-32.0", parameter="REFLECTIVITY_[DBZ]"
    )
    with pytest.raises(ReadError, match="calibration"):
        read_knmi(make.knmi(tmp_path / "b.h5", formula="GEO=PV^2"))
    with pytest.raises(ReadError, match="ECHOTOP"):
        read_knmi(make.knmi(tmp_path / "c.h5", parameter="ECHOTOP_[KM]"))
    assert reader_for(path)[0] == "knmi"
    path = make.knmi(
        tmp_path / "d.h5", np.array([[0, 110], [63, 65535]], np.uint16), formula="GEO=0.5*PV-32.0", parameter="REFLECTIVITY_[DBZ]"
    )
    np.testing.assert_allclose(read_knmi(path).values[0], [[0.0, rate(23)], [rate(-0.5), NAN]], rtol=1e-6)


def test_fmi(tmp_path):
    frames = check_frames(read_fmi(make.fmi(tmp_path / "a.pgm.gz")))
    expected = [[0, rate(0, 223, 1.53), rate(20, 223, 1.53)], [NAN, rate(23, 223, 1.53), 0]]
    np.testing.assert_allclose(frames.values[0], expected, rtol=1e-5)
    assert frames["time"].values[0] == np.datetime64("2016-09-28T14:45")
    west, south, east, north = grid_of(frames).edges
    assert (east - west, north - south) == pytest.approx(
        (759_752.28, 1_225_544.66), abs=0.1
    )  # metres per pixel x pixels, as the service states


def test_fmi_refuses(tmp_path):
    with pytest.raises(ReadError, match="Rain"):
        read_fmi(make.fmi(tmp_path / "a.pgm", parameter="RainRate"))
    cut = make.fmi(tmp_path / "b.pgm", packed=False)
    cut.write_bytes(cut.read_bytes()[:-2])
    with pytest.raises(ReadError, match="expected 6 pixels, got 4"):
        read_fmi(cut)


def test_meteoswiss(tmp_path):
    code = np.zeros((640, 710), np.uint8)
    code[0, :5] = (1, 2, 100, 250, 255)
    frames = check_frames(read_meteoswiss(make.meteoswiss(tmp_path / "a.gif", code)))
    millimetres = [0.0, *((10 ** ((index - 71.5) / 20) / 316) ** (1 / 1.5) for index in (2, 100, 250)), NAN]
    np.testing.assert_allclose(frames.values[0, 0, :5], np.array(millimetres) * 12, rtol=1e-6)
    assert frames["time"].values[0] == np.datetime64("2015-05-15T15:45")  # day 135 of 2015
    assert grid_of(frames).edges == (255_000.0, -160_000.0, 965_000.0, 480_000.0)
    with pytest.raises(ReadError, match="710 x 640"):
        read_meteoswiss(make.meteoswiss(tmp_path / "b.gif", np.zeros((10, 10), np.uint8)))


def test_bom(tmp_path):
    frames = check_frames(read_bom(make.bom(tmp_path / "a.nc")))
    np.testing.assert_allclose(frames.values[0], [[0.0, 5.0], [10.0, NAN]], rtol=1e-6)  # 0.05 mm in 6 min is 0.5 mm/h
    assert frames["time"].values[0] == np.datetime64("2018-06-16T10:06")
    assert grid_of(frames).edges == pytest.approx((-500.0, -500.0, 500.0, 500.0))  # the radar at the centre


def test_radolan_flags_and_orientation(tmp_path):
    code = np.zeros((900, 900), "<u2")
    code[0, 0], code[0, 1], code[0, 2], code[0, 3] = 150, 0x29C4, 150 | 0x8000, 150 | 0x1000
    frames = check_frames(read_radolan(make.radolan(tmp_path / "ry.gz", code)))
    np.testing.assert_allclose(frames.values[0, -1, :5], [18.0, NAN, NAN, 18.0, 0.0], rtol=1e-6)  # the file's first row is the southernmost
    assert frames["time"].values[0] == np.datetime64("2014-08-10T20:50")
    west, south, _, _ = grid_of(frames).lonlat_box
    assert (west, south) == pytest.approx((2.07, 46.95), abs=0.01)  # as DWD publishes for the corners


def test_radolan_products(tmp_path):
    hourly = np.full((900, 900), 25, "<u2")
    assert read_radolan(make.radolan(tmp_path / "rw", hourly, product="RW", precision="E-01", minutes=60)).values[0, 0, 0] == pytest.approx(
        2.5
    )
    assert read_radolan(make.radolan(tmp_path / "sf", hourly, product="SF", precision="E-01", minutes=1440)).values[
        0, 0, 0
    ] == pytest.approx(2.5 / 24)
    echoes = np.zeros((1100, 900), np.uint8)
    echoes[0, :4] = (0, 111, 249, 250)
    frames = read_radolan(make.radolan(tmp_path / "wx", echoes, product="WX", precision="E+00", shape=(1100, 900)))
    np.testing.assert_allclose(frames.values[0, -1, :4], [0.0, rate(23), NAN, NAN], rtol=1e-6)
    for broken, says in (
        ({"product": "QQ"}, "product QQ"),
        ({"shape": (10, 10)}, "expected one of DWD's grids"),
        ({"lead": 5}, "forecast for 5 min"),
    ):
        with pytest.raises(ReadError, match=says):
            read_radolan(make.radolan(tmp_path / "bad", **broken))
    with pytest.raises(ReadError, match="cut off"):
        read_radolan(make.radolan(tmp_path / "short", hourly[:10], shape=(900, 900)))


def test_radolan_archive_keeps_observation_and_forecast_apart(tmp_path):
    archive = tmp_path / "rv.tar.bz2"
    with tarfile.open(archive, "w:bz2") as tar:
        for lead in (10, 0, 5):  # in any order
            member = make.radolan(
                tmp_path / f"rv_{lead:03d}",
                np.full((1200, 1100), lead + 1, "<u2"),
                product="RV",
                shape=(1200, 1100),
                lead=lead,
                packed=False,
            )
            tar.add(member, arcname=member.name)
    frames = read_radolan(archive)
    assert frames.sizes["time"] == 1 and frames.values[0, 0, 0] == pytest.approx(0.12)
    forecast = check_forecast(read_radolan_forecast(archive))
    np.testing.assert_allclose(forecast.values[0, :, 0, 0], [0.72, 1.32], rtol=1e-6)
    assert (forecast["lead_time"].values == np.array([5, 10], "timedelta64[m]")).all()
    with pytest.raises(ReadError, match="RV archive"):
        read_radolan_forecast(make.radolan(tmp_path / "single"))


CF = {
    "time": ("time", np.array(["2024-07-01T12:00", "2024-07-01T12:05"], "M8[ns]"), {"standard_name": "time"}),
    "y": ("y", [0.0, 1.0, 2.0], {"units": "km", "standard_name": "projection_y_coordinate"}),
    "x": ("x", [5.0, 4.0], {"units": "km", "standard_name": "projection_x_coordinate"}),
    "crs": (
        (),
        0,
        {
            "grid_mapping_name": "lambert_azimuthal_equal_area",
            "latitude_of_projection_origin": 55.0,
            "longitude_of_projection_origin": 10.0,
            "false_easting": 0.0,
            "false_northing": 0.0,
        },
    ),
}


def cf_dataset(values, **attrs) -> xr.Dataset:
    return xr.Dataset({"field": (("time", "y", "x"), np.asarray(values, np.float32), {"grid_mapping": "crs", **attrs})}, coords=CF)


@pytest.mark.parametrize(
    ("standard_name", "units", "given", "expected"),
    [
        ("rainfall_rate", "mm h-1", 2.0, 2.0),
        ("lwe_precipitation_rate", "m s-1", 1e-6, 3.6),
        ("precipitation_flux", "kg m-2 s-1", 0.001, 3.6),
        ("precipitation_amount", "kg m-2", 1.0, 12.0),
        ("equivalent_reflectivity_factor", "dBZ", 23.0, rate(23)),
        ("equivalent_reflectivity_factor", "dBZ", 0.0, 0.0),
    ],
)
def test_cf_quantities_units_and_orientation(tmp_path, standard_name, units, given, expected):
    values = np.full((2, 3, 2), given)
    values[0, 0, 0] = np.nan  # the south-east corner, as y rises and x falls
    cf_dataset(values, standard_name=standard_name, units=units).to_netcdf(tmp_path / "a.nc", engine="h5netcdf")
    assert reader_for(tmp_path / "a.nc")[0] == "cf"
    frames = check_frames(read_cf(tmp_path / "a.nc"))
    assert np.isnan(frames.values[0, -1, -1]) and np.isfinite(frames.values).sum() == 11
    assert frames.values[1] == pytest.approx(np.full((3, 2), expected), rel=1e-5)
    assert grid_of(frames).edges == pytest.approx((3500.0, -500.0, 5500.0, 2500.0))


def test_cf_amounts_over_times_of_their_own(tmp_path):
    dataset = cf_dataset(np.ones((2, 3, 2)), standard_name="precipitation_amount", units="mm")
    dataset["time"].attrs["bounds"], dataset["time"].encoding["units"] = "time_bounds", "minutes since 2024-07-01"
    bounds = np.array([["2024-07-01T11:50", "2024-07-01T12:00"], ["2024-07-01T12:00", "2024-07-01T12:05"]], "M8[ns]")
    dataset["time_bounds"] = (("time", "edge"), bounds)
    dataset.to_netcdf(tmp_path / "a.nc", engine="h5netcdf")
    frames = read_cf(tmp_path / "a.nc")
    np.testing.assert_allclose(frames.values[:, 0, 0], [6.0, 12.0], rtol=1e-6)
    assert (frames["time"].values == bounds[:, 1]).all()
    np.testing.assert_allclose(read_cf(tmp_path / "a.nc", since=bounds[1, 1]).values, np.full((1, 3, 2), 12.0), rtol=1e-6)


def test_cf_zarr_and_netcdf3_and_packed(tmp_path):
    dataset = cf_dataset(np.ones((2, 3, 2)), standard_name="rainfall_rate", units="mm h-1")
    dataset.to_zarr(tmp_path / "a.zarr", zarr_format=3, consolidated=False)
    dataset.to_netcdf(tmp_path / "a3.nc", engine="scipy")
    dataset.to_netcdf(tmp_path / "a4.nc", engine="h5netcdf")
    (tmp_path / "a4.nc.gz").write_bytes(gzip.compress((tmp_path / "a4.nc").read_bytes()))
    (tmp_path / "a4.nc.bz2").write_bytes(bz2.compress((tmp_path / "a4.nc").read_bytes()))
    for name in ("a.zarr", "a3.nc", "a4.nc.gz", "a4.nc.bz2"):
        assert reader_for(tmp_path / name)[0] == "cf"
        assert (read_cf(tmp_path / name).values == 1).all()


def test_cf_since_reads_only_what_is_wanted(tmp_path):
    cf_dataset(np.ones((2, 3, 2)), standard_name="rainfall_rate", units="mm h-1").to_netcdf(tmp_path / "a.nc", engine="h5netcdf")
    assert read_cf(tmp_path / "a.nc", since=np.datetime64("2024-07-01T12:03")).sizes["time"] == 1


def test_cf_names_stand_in_for_standard_names(tmp_path):
    dataset = cf_dataset(np.ones((2, 3, 2)), units="mm/h").rename(field="mmh")
    dataset.to_netcdf(tmp_path / "a.nc", engine="h5netcdf")
    assert (read_cf(tmp_path / "a.nc").values == 1).all()


def test_cf_refuses(tmp_path):
    good = cf_dataset(np.ones((2, 3, 2)), standard_name="rainfall_rate", units="mm h-1")
    bad = {
        "no rain rate": good.assign(field=good.field.assign_attrs(units="K")),
        "grid_mapping": good.assign(field=good.field.drop_attrs().assign_attrs(standard_name="rainfall_rate", units="mm h-1")),
        "'time'": good.isel(time=0, drop=True),
        "forecast": good.expand_dims(member=2),
        "extra dimensions": good.expand_dims(height=2),
    }
    for says, dataset in bad.items():
        dataset.to_netcdf(tmp_path / "bad.nc", engine="h5netcdf", mode="w")
        with pytest.raises((ReadError, ValueError), match=says.replace("no rain rate", "not a unit of rain rate")):
            read_cf(tmp_path / "bad.nc")


@pytest.mark.parametrize("name", READERS)
def test_no_reader_takes_another_formats_file(name, tmp_path):
    makers = {
        "odim": make.odim,
        "knmi": make.knmi,
        "fmi": make.fmi,
        "meteoswiss": make.meteoswiss,
        "bom": make.bom,
        "radolan": make.radolan,
        "odim-tar": lambda path: make.rv_tar(path, {0: make.rv_composite(np.ones((2, 2)), "2026-07-01T12:00", 0)}),
    }
    for other, maker in makers.items():
        path = maker(tmp_path / f"{other}.bin")  # the name tells nothing
        assert reader_for(path)[0] == other
        packed = tmp_path / f"{other}.bz2.bin"
        packed.write_bytes(bz2.compress(path.read_bytes()))
        if not path.read_bytes().startswith(b"\x1f\x8b"):
            assert reader_for(packed)[0] == other


def test_unknown_content(tmp_path):
    (tmp_path / "notes.h5").write_text("not radar data")
    with pytest.raises(UnknownFormatError, match=r"notes\.h5: no reader recognises its content; expected one of odim"):
        reader_for(tmp_path / "notes.h5")
