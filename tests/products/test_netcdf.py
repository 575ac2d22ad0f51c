import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path
from typing import BinaryIO

import h5py
import numpy as np
import pytest
import xarray as xr

from stormcell.errors import FramesError, ReadError, WriteError
from stormcell.frames import check_forecast, grid_of, make_forecast
from stormcell.grid import Grid
from stormcell.products.netcdf import CONVENTIONS, read_forecast, write_netcdf

from .conftest import GRIDS, make_fields


def test_a_forecast_comes_back_identical(grid: Grid, tmp_path: Path) -> None:
    _, forecast = make_fields(grid, members=2)
    write_netcdf(forecast, tmp_path / "forecast.nc")
    again = read_forecast(tmp_path / "forecast.nc")
    xr.testing.assert_identical(again, forecast)
    assert check_forecast(again) is again
    assert grid_of(again).same_as(grid)


def test_missing_and_dry_stay_apart(swiss: Grid, tmp_path: Path) -> None:
    past, _ = make_fields(swiss)
    write_netcdf(past, tmp_path / "past.nc")
    with h5py.File(tmp_path / "past.nc") as file:  # as stored, before any decoding
        rain = file["rainfall_rate"]
        assert np.isnan(rain.attrs["_FillValue"]).all()
        np.testing.assert_array_equal(rain[:], past.values)
        assert rain.chunks == (1, 20, 30) and rain.shuffle and rain.compression_opts == 1


@pytest.mark.parametrize("seconds", [150, 20, 0.5])
def test_lead_times_that_are_no_whole_minutes(seconds: float, swiss: Grid, tmp_path: Path) -> None:
    past, _ = make_fields(swiss)
    lead_times = np.array([seconds * 1e9]).astype("timedelta64[ns]")
    forecast = make_forecast(past.values[np.newaxis, -1:], past, lead_times, method="persistence")
    write_netcdf(forecast, tmp_path / "forecast.nc")
    xr.testing.assert_identical(read_forecast(tmp_path / "forecast.nc"), forecast)


def test_attributes_that_netcdf_cannot_hold_are_written_as_what_is_nearest(swiss: Grid, tmp_path: Path) -> None:
    _, forecast = make_fields(swiss)
    odd = {
        "yes": True,
        "nothing": None,
        "path": Path("a/b"),
        "levels": (1, 2.5),
        "names": ["a", "b"],
        "nested": {"a": [1]},
        "scale_factor": 2.0,
        "empty": "",
        "umlaut": "Zürich",
        "ragged": [[1], [1, 2]],
    }
    forecast.attrs.update(odd)
    write_netcdf(forecast, tmp_path / "forecast.nc")
    again = read_forecast(tmp_path / "forecast.nc")
    np.testing.assert_array_equal(again.values, forecast.values)
    assert again.attrs["yes"] == 1
    assert again.attrs["path"] == "a/b"
    assert again.attrs["levels"].tolist() == [1.0, 2.5]
    assert again.attrs["names"] == '["a", "b"]'
    assert again.attrs["nested"] == '{"a": [1]}'
    assert again.attrs["umlaut"] == "Zürich"
    assert again.attrs["ragged"] == "[[1], [1, 2]]"
    assert not {"nothing", "scale_factor"} & set(again.attrs)
    assert forecast.attrs["nested"] == {"a": [1]}, "what is written is not changed"


@pytest.mark.skipif(find_spec("compliance_checker") is None, reason="compliance-checker is not installed")
def test_the_cf_checker_finds_nothing(tmp_path: Path) -> None:
    paths = []
    for name, grid in GRIDS.items():
        past, forecast = make_fields(grid, members=2)
        forecast.attrs.update(yes=True, nothing=None, nested={"a": 1})
        for kind, field in (("past", past), ("forecast", forecast)):
            paths.append(tmp_path / f"{name}_{kind}.nc")
            write_netcdf(field, paths[-1])
    command = [sys.executable, "-W", "ignore", str(Path(sys.executable).with_name("compliance-checker"))]
    test = f"--test=cf:{CONVENTIONS.removeprefix('CF-')}"
    report = subprocess.run([*command, test, *map(str, paths)], capture_output=True, text=True, check=False)
    assert report.stdout.count("All tests passed!") == len(paths), report.stdout + report.stderr


@pytest.mark.parametrize("failure", [OSError(28, "No space left on device"), KeyboardInterrupt()])
def test_nothing_is_left_half_written(failure: BaseException, swiss: Grid, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def write_half(self: xr.Dataset, file: BinaryIO, **_: object) -> None:
        file.write(b"half")
        raise failure

    _, forecast = make_fields(swiss)
    target = tmp_path / "forecast.nc"
    target.write_text("the old one")
    monkeypatch.setattr(xr.Dataset, "to_netcdf", write_half)
    with pytest.raises(WriteError if isinstance(failure, OSError) else KeyboardInterrupt):
        write_netcdf(forecast, target)
    assert [path.name for path in tmp_path.iterdir()] == ["forecast.nc"]
    assert target.read_text() == "the old one"


def test_a_field_that_breaks_the_contract_is_not_written(swiss: Grid, tmp_path: Path) -> None:
    _, forecast = make_fields(swiss)
    with pytest.raises(FramesError):
        write_netcdf(-forecast.assign_attrs(forecast.attrs), tmp_path / "forecast.nc")
    assert not list(tmp_path.iterdir())


def test_what_is_no_forecast_is_a_read_error(swiss: Grid, tmp_path: Path) -> None:
    past, _ = make_fields(swiss)
    write_netcdf(past, tmp_path / "past.nc")
    (tmp_path / "text.nc").write_text("not a NetCDF file")
    for name in ("past.nc", "text.nc", "absent.nc"):
        with pytest.raises(ReadError, match=name):
            read_forecast(tmp_path / name)


def test_a_large_grid_is_cut_into_chunks(tmp_path: Path) -> None:
    grid = Grid.from_edges(3035, west=0, north=0, pixel=(1000, 1000), shape=(1100, 10))
    past, _ = make_fields(grid)
    write_netcdf(past, tmp_path / "past.nc")
    with h5py.File(tmp_path / "past.nc") as file:
        assert file["rainfall_rate"].chunks == (1, 1024, 10)


@pytest.mark.skipif(sys.platform == "win32", reason="limits on the size of a file are a matter of POSIX")
def test_a_disk_that_fills_up_is_an_error_and_no_crash(tmp_path: Path) -> None:
    """HDF5 crashes the process at exit when its file could not be written, so this one is run apart."""
    code = f"""
import resource, signal
from stormcell.errors import WriteError
from stormcell.grid import Grid
from stormcell.products.cog import write_geotiffs
from stormcell.products.netcdf import write_netcdf
from tests.products.conftest import make_fields
import numpy as np

_, forecast = make_fields(Grid.from_edges(3035, west=0, north=0, pixel=(1000, 1000), shape=(300, 300)))
forecast.values[:] = np.random.default_rng(0).random(forecast.shape)
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
resource.setrlimit(resource.RLIMIT_FSIZE, (20_000, 20_000))
for write, path in ((write_netcdf, "forecast.nc"), (write_geotiffs, "tifs")):
    try:
        write(forecast, {str(tmp_path)!r} + "/" + path)
    except WriteError as error:
        print("refused")
"""
    root = Path(__file__).parents[2]
    result = subprocess.run([sys.executable, "-c", code], cwd=root, capture_output=True, text=True, check=False)
    assert (result.returncode, result.stdout) == (0, "refused\nrefused\n"), result.stderr
    assert not [path for path in tmp_path.rglob("*") if path.is_file()]
