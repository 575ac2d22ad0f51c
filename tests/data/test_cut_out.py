"""A box of degrees cut out of fields in several projections."""

import numpy as np
import pytest
import xarray as xr

from stormcell.data.cut_out import cut_out, parse_bbox, window_in, window_of
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


def test_a_box_on_edges_takes_no_pixel_beyond_them_and_one_within_a_pixel_takes_that():
    grid = Grid.from_edges("OGC:CRS84", west=0.0, north=50.0, pixel=(0.1, 0.1), shape=(100, 200))
    assert window_of(grid, (2.0, 45.0, 5.0, 48.0)) == (slice(20, 50), slice(20, 50))
    assert window_of(grid, (2.01, 45.01, 2.02, 45.02)) == (slice(49, 50), slice(20, 21))
    assert window_of(grid, (2.05, 45.05, 2.05, 45.05)) == (slice(49, 50), slice(20, 21)), "a place is a box without width"
    for beside in ((20.0, 45.0, 25.0, 48.0), (-5.0, 45.0, 0.0, 48.0), (2.0, 50.0, 5.0, 52.0)):
        assert window_of(grid, beside) is None, "a common edge is no common pixel"
    assert window_in(grid, (-180.0, -90.0, 180.0, 90.0)) == (slice(0, 100), slice(0, 200))


@pytest.mark.parametrize(("west", "wide", "box", "columns"), [
    (230.0, 700, (-100.0, 34.0, -95.0, 39.0), slice(300, 350)),
    (-130.0, 700, (-100.0, 34.0, -95.0, 39.0), slice(300, 350)),
    (0.0, 3600, (-10.0, 34.0, 10.0, 39.0), slice(0, 3600)),
    (175.0, 700, (-180.0, 34.0, -179.0, 39.0), slice(50, 60)),
    (175.0, 700, (-180.0, 34.0, 180.0, 39.0), slice(0, 700)),
], ids=["from 0", "from -180", "both ends of the grid", "beyond the date line", "around the earth"])  # fmt: skip
def test_longitudes_are_counted_as_the_grid_counts_them(west, wide, box, columns):
    grid = Grid.from_edges("EPSG:4326", west=west, north=55.0, pixel=(0.1, 0.1), shape=(350, wide))
    assert window_of(grid, box) == (slice(160, 210), columns)


def test_a_projection_across_the_date_line():
    grid = Grid.from_edges("+proj=laea +lat_0=-41 +lon_0=174 +units=m", west=-800e3, north=800e3, pixel=(1e4, 1e4), shape=(160, 160))
    for box in ((170.0, -42.0, 172.0, -40.0), (-179.0, -42.0, -178.0, -40.0)):
        rows, columns = window_of(grid, box)
        assert rows.stop - rows.start < 30 and columns.stop - columns.start < 25
        assert columns.start > 120 if box[0] < 0 else columns.stop < 70
    assert window_of(grid, (-180.0, -90.0, 180.0, 90.0)) == (slice(0, 160), slice(0, 160))


def test_what_is_cut_out_does_not_keep_the_rest():
    frames = field_on(Grid.from_edges("OGC:CRS84", west=0.0, north=50.0, pixel=(0.1, 0.1), shape=(100, 200)))
    part = cut_out(frames, (2.0, 45.0, 5.0, 48.0))
    assert part.values.base is None or part.values.base.nbytes == part.nbytes


def test_a_point_is_in_one_pixel_or_nowhere():
    grid = Grid.from_edges("OGC:CRS84", west=0.0, north=50.0, pixel=(0.1, 0.1), shape=(100, 200))
    assert window_of(grid, (2.01, 45.01, 2.01, 45.01)) == (slice(49, 50), slice(20, 21))
    assert window_of(grid, (-30.0, 45.01, -30.0, 45.01)) is window_of(grid, (2.01, 60.0, 2.01, 60.0)) is None
