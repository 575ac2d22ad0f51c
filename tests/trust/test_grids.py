"""Grids: from corners to centres and back, cuts of cuts, blocks of blocks, and labels that lose nothing."""

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from pyproj import Transformer

from stormcell.frames import grid_of, make_frames
from stormcell.grid import Grid

METRES = ("EPSG:21781", "EPSG:3035", "+proj=laea +lat_0=55 +lon_0=10 +units=m", "+proj=stere +lat_0=90 +lat_ts=60 +lon_0=10 +units=m")
GRIDS = st.builds(
    lambda west, north, pixel, shape: Grid.from_edges("EPSG:3035", west=west, north=north, pixel=pixel, shape=shape),
    st.floats(2e6, 6e6),
    st.floats(2e6, 5e6),
    st.tuples(*2 * [st.floats(100, 8000)]),
    st.tuples(*2 * [st.integers(1, 60)]),
)
LARGER = GRIDS.filter(lambda grid: min(grid.shape) > 1)


@given(st.floats(2e6, 6e6), st.floats(2e6, 5e6), st.tuples(*2 * [st.floats(100, 8000)]), st.tuples(*2 * [st.integers(2, 60)]))
def test_edges_and_pixels_there_and_back(west, north, pixel, shape):
    grid = Grid.from_edges("EPSG:3035", west=west, north=north, pixel=pixel, shape=shape)
    assert grid.shape == shape and grid.pixel == pytest.approx(pixel, rel=1e-6)
    (rows, columns), (dx, dy) = shape, pixel
    assert grid.edges == pytest.approx((west, north - rows * dy, west + columns * dx, north), abs=1e-6 * max(dx, dy))


@given(LARGER, st.data())
def test_a_cut_of_a_cut_is_a_cut(grid, data):
    def cut(size: int) -> tuple[int, int]:
        first = data.draw(st.integers(0, size - 1))
        return first, data.draw(st.integers(first + 1, size))

    (top, bottom), (left, right) = cut(grid.shape[0]), cut(grid.shape[1])
    (up, down), (west, east) = cut(bottom - top), cut(right - left)
    twice = grid.crop(slice(top, bottom), slice(left, right)).crop(slice(up, down), slice(west, east))
    assert twice.same_as(grid.crop(slice(top + up, top + down), slice(left + west, left + east)))


@given(GRIDS, st.integers(1, 5), st.integers(1, 5))
def test_blocks_of_blocks_are_larger_blocks(grid, first, second):
    assume(min(grid.shape) >= first * second)
    rows, columns = (size // (first * second) * first * second for size in grid.shape)
    whole = grid.crop(slice(0, rows), slice(0, columns))  # on the rest, what is dropped depends on the way
    assert whole.coarsen(first).coarsen(second).same_as(whole.coarsen(first * second))


@given(LARGER, st.integers(1, 6))
def test_blocks_cover_what_they_are_made_of(grid, factor):
    assume(min(grid.shape) >= 2 * factor)
    rows, columns = (size // factor * factor for size in grid.shape)
    whole = grid.crop(slice(0, rows), slice(0, columns))
    assert whole.coarsen(factor).edges == pytest.approx(whole.edges, abs=1e-3)


@given(LARGER, st.floats(-3, 3), st.floats(-3, 3))
def test_same_as_is_mutual_and_sees_a_hundredth_of_a_pixel(grid, east, south):
    dx, dy = grid.pixel
    moved = Grid(grid.crs, grid.x + east * dx, grid.y - south * dy)
    off = max(abs(east), abs(south))
    assume(not 0.0099 < off < 0.0101)
    assert grid.same_as(moved) == moved.same_as(grid) == (off < 0.01)


@pytest.mark.parametrize("crs", METRES)
@pytest.mark.parametrize(("rows", "columns"), [(1, 1), (1, 40), (37, 2), (40, 40)])
def test_the_box_in_degrees_holds_every_pixel(crs, rows, columns):
    x, y = Transformer.from_crs("OGC:CRS84", crs, always_xy=True).transform(8.5, 48.0)
    grid = Grid.from_edges(crs, west=x, north=y, pixel=(4000, 4000), shape=(rows, columns))
    west, south, east, north = grid.lonlat_box
    lon, lat = Transformer.from_crs(grid.crs, "OGC:CRS84", always_xy=True).transform(*np.meshgrid(grid.x, grid.y))
    assert west <= lon.min() and lon.max() <= east and south <= lat.min() and lat.max() <= north


@settings(max_examples=20)
@given(GRIDS, st.sampled_from(METRES))
def test_labels_keep_the_grid(grid, crs):
    other = Grid(Grid.from_edges(crs, west=0, north=0, pixel=(1, 1), shape=(1, 1)).crs, grid.x, grid.y)
    kept = grid_of(make_frames(np.zeros(other.shape), np.datetime64("2024-07-01"), other))
    assert kept.same_as(other) and (kept.x == other.x).all() and (kept.y == other.y).all()
