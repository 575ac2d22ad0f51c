from pathlib import Path

import numpy as np
import pytest
import rasterio
from pyproj import CRS

from stormcell.errors import WriteError
from stormcell.grid import Grid
from stormcell.products.cog import write_geotiffs

from .conftest import make_fields


def test_one_file_per_lead_time_in_the_right_place(grid: Grid, tmp_path: Path) -> None:
    _, forecast = make_fields(grid, members=2)
    paths = write_geotiffs(forecast, tmp_path / "tifs")
    assert [path.name for path in paths] == [f"rain_20150515T1625Z_+{minutes:03d}min.tif" for minutes in (5, 10, 15)]
    assert sorted((tmp_path / "tifs").iterdir()) == paths, "nothing else is left in the folder"
    with rasterio.open(paths[1]) as file:
        assert tuple(file.bounds) == pytest.approx(grid.edges)
        assert CRS.from_wkt(file.crs.to_wkt()).equals(grid.crs, ignore_axis_order=True)
        np.testing.assert_array_equal(file.read(), forecast.values[:, 1])
        assert file.transform.e < 0, "north is up"


def test_what_the_file_says_of_itself(swiss: Grid, tmp_path: Path) -> None:
    _, forecast = make_fields(swiss, members=2)
    with rasterio.open(write_geotiffs(forecast, tmp_path)[1]) as file:
        assert file.dtypes == ("float32", "float32") and np.isnan(file.nodata)
        assert file.units == ("mm h-1", "mm h-1")
        assert file.descriptions[1] == "rainfall_rate mm h-1, valid 2015-05-15T16:35:00Z, member 1"
        tags = file.tags()
    assert tags["units"] == "mm h-1" and tags["method"] == "advection" and tags["lead_time_minutes"] == "10"
    assert tags["forecast_reference_time"] == "2015-05-15T16:25:00Z" and tags["valid_time"] == "2015-05-15T16:35:00Z"


def test_the_layout_is_cloud_optimized(tmp_path: Path) -> None:
    grid = Grid.from_edges(3035, west=0, north=0, pixel=(1000, 1000), shape=(1100, 1300))
    _, forecast = make_fields(grid, leads=1)
    with rasterio.open(write_geotiffs(forecast, tmp_path)[0]) as file:
        structure = file.tags(ns="IMAGE_STRUCTURE")
        assert structure["LAYOUT"] == "COG" and structure["COMPRESSION"] == "DEFLATE"
        assert file.block_shapes == [(512, 512)] and file.overviews(1) == [2, 4]
    with rasterio.open(tmp_path / "rain_20150515T1625Z_+005min.tif", overview_level=1) as smaller:
        values = smaller.read(1)
    assert np.isnan(values[:60, 1:70]).all() and not np.isnan(values[80:]).any(), "missing stays missing in the overviews"
    assert values[137, 162] == 12.5


def test_a_folder_that_cannot_be_made(swiss: Grid, tmp_path: Path) -> None:
    _, forecast = make_fields(swiss)
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(WriteError):
        write_geotiffs(forecast, tmp_path / "file")


def test_nothing_is_left_half_written(swiss: Grid, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def write_half(path: Path, *_: object) -> None:
        path.write_bytes(b"half")
        raise OSError(28, "No space left on device")

    _, forecast = make_fields(swiss)
    monkeypatch.setattr("stormcell.products.cog.write_geotiff", write_half)
    with pytest.raises(WriteError, match="No space left"):
        write_geotiffs(forecast, tmp_path)
    assert not list(tmp_path.iterdir())
