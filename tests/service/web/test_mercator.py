"""The pixel under a pixel, beside what pyproj says of each place."""

import numpy as np
import pytest
from pyproj import Transformer

from stormcell.data.cut_out import window_of
from stormcell.frames import grid_of
from stormcell.grid import Grid
from stormcell.service.mercator import frame_around, frame_of_tile, native_zoom, pixels_under
from stormcell.service.places import pixel_at, positions_at
from tests.service.web.published import CENTRE, STORM

GRID = grid_of(STORM)


@pytest.mark.parametrize(("z", "x", "y", "size"), [(5, 16, 9, 256), (7, 67, 40, 256), (7, 67, 40, 512), (10, 539, 323, 256)])
def test_each_pixel_is_the_one_that_its_middle_lies_in(z, x, y, size):
    places = pixels_under(GRID, frame_of_tile(z, x, y, size))
    world = 2 * np.pi * 6378137.0
    side = world / 2**z / size
    east = -world / 2 + (x * size + np.arange(size) + 0.5) * side
    north = world / 2 - (y * size + np.arange(size) + 0.5) * side
    to_degrees = Transformer.from_crs("EPSG:3857", "OGC:CRS84", always_xy=True)
    for row, column in np.random.default_rng(0).integers(0, size, (200, 2)):
        lon, lat = to_degrees.transform(east[column], north[row])
        down, right = positions_at(GRID, lon, lat)
        if 0.002 < down % 1 < 0.998 and 0.002 < right % 1 < 0.998:  # within a five-hundredth of an edge it may be either
            pixel = pixel_at(GRID, lat=lat, lon=lon)
            assert places[row, column] == (-1 if pixel is None else pixel[0] * GRID.shape[1] + pixel[1])


@pytest.mark.parametrize("z", range(11))
def test_straight_lines_are_taken_only_where_they_are_true(z, monkeypatch):
    frame = frame_around(z, CENTRE["lat"], CENTRE["lon"], 256)
    quick = pixels_under(GRID, frame)
    monkeypatch.setattr("stormcell.service.mercator._TOLERANCE", 0.0)
    assert (quick != pixels_under(GRID, frame)).mean() < 0.005


def test_a_tile_of_another_continent_has_no_pixel():
    assert (pixels_under(GRID, frame_of_tile(4, 2, 12, 256)) == -1).all()


def test_a_place_in_the_middle():
    frame = frame_around(8, CENTRE["lat"], CENTRE["lon"], 256)
    places = pixels_under(GRID, frame)
    row, column = divmod(int(places[128, 128]), GRID.shape[1])
    assert abs(row - GRID.shape[0] / 2) <= 1 and abs(column - GRID.shape[1] / 2) <= 1


def test_across_the_date_line():
    grid = Grid.from_edges("OGC:CRS84", west=175.0, north=5.0, pixel=(0.1, 0.1), shape=(100, 100))
    places = pixels_under(grid, frame_around(5, 0.0, 180.0, 256))
    columns = np.unique(places[128][places[128] >= 0] % 100)
    assert columns[0] == 0 and columns[-1] == 99
    assert pixel_at(grid, lat=-0.05, lon=-179.95) == (50, 50)
    assert window_of(grid, (-180.0, -1.0, -179.0, 1.0)) is not None


def test_native_zoom_of_kilometres_in_the_north():
    assert native_zoom(GRID) == 7  # at 55 degrees a pixel of zoom 7 is 0.70 km


def test_places_beyond_the_grid_are_none():
    assert pixel_at(GRID, lat=-40.0, lon=9.8) is None and pixel_at(GRID, lat=55.2, lon=-170.0) is None
    assert window_of(GRID, (-60.0, -30.0, -50.0, -20.0)) is None
    rows, columns = window_of(GRID, (9.7, 55.1, 9.9, 55.3))
    assert 10 < rows.stop - rows.start < 40 and 6 < columns.stop - columns.start < 30
