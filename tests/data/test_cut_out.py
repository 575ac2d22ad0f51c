"""A box of degrees cut out of fields in several projections."""

import numpy as np
import pytest
import xarray as xr

from stormcell.data.cut_out import cut_out, parse_bbox
from stormcell.errors import FramesError
from stormcell.frames import check_frames, grid_of, make_frames
from stormcell.grid import Grid

TIME = np.datetime64("2026-07-01T12:00")


def field_on(grid: Grid) -> xr.DataArray:
    return make_frames(np.arange(np.prod(grid.shape), dtype=np.float32).reshape(1, *grid.shape), TIME, grid)


def test_degrees_by_hand():
    frames = field_on(Grid.from_edges("OGC:CRS84", west=0.0, north=50.0, pixel=(0.1, 0.1), shape=(100, 200)))
    part = check_frames(cut_out(frames, (2.0, 45.0, 5.0, 48.0)))
    assert part.shape == (1, 30, 30)
    assert grid_of(part).edges == pytest.approx((2.0, 45.0, 5.0, 48.0))
    assert float(part[0, 0, 0]) == 20 * 200 + 20


@pytest.mark.parametrize("crs", ["EPSG:3035", "+proj=stere +lat_0=90 +lat_ts=60 +lon_0=10 +R=6370040 +units=m"])
def test_every_pixel_in_the_box_is_kept(crs):
    corner = (4_000_000.0, 3_200_000.0) if crs == "EPSG:3035" else (-523_462.2, -3_758_645.0 + 900_000.0)
    frames = field_on(Grid.from_edges(crs, west=corner[0], north=corner[1], pixel=(10_000.0, 10_000.0), shape=(90, 90)))
    west, south, east, north = grid_of(frames).lonlat_box
    box = (west + (east - west) / 3, south + (north - south) / 3, east - (east - west) / 3, north - (north - south) / 3)
    part = cut_out(frames, box)
    from pyproj import Transformer

    grid = grid_of(frames)
    lon, lat = Transformer.from_crs(grid.crs, "OGC:CRS84", always_xy=True).transform(*np.meshgrid(grid.x, grid.y))
    wanted = frames.values[0][(lon >= box[0]) & (lon <= box[2]) & (lat >= box[1]) & (lat <= box[3])]
    assert wanted.size and set(wanted) <= set(part.values.ravel()) and part.size < frames.size
    assert cut_out(frames, (-180.0, -90.0, 180.0, 90.0)).equals(frames)
    assert np.array_equal(part.values, frames.sel(x=part["x"], y=part["y"]).values)


def test_a_box_elsewhere_or_too_small_says_where_the_field_is():
    frames = field_on(Grid.from_edges("OGC:CRS84", west=0.0, north=50.0, pixel=(0.1, 0.1), shape=(100, 200)))
    for box in ((30.0, 45.0, 35.0, 48.0), (2.0, 45.0, 2.2, 48.0)):
        with pytest.raises(FramesError, match=r"W,S,E,N = 0.00, 40.00, 20.00, 50.00"):
            cut_out(frames, box)


@pytest.mark.parametrize("text", ["", "1,2,3", "1,2,3,x", "5,2,3,4", "1,4,3,2", "nan,1,2,3", "1,2,3,91", "-181,2,3,4", "1,2,3,4,5"])
def test_boxes_that_are_none(text):
    with pytest.raises(FramesError, match="expected"):
        parse_bbox(text)
