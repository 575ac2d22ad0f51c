import numpy as np
import pytest

from stormcell.errors import FramesError
from stormcell.grid import Grid


def test_edges_and_centres(grid):
    assert grid.shape == (3, 4)
    assert grid.x.tolist() == [600_500.0, 601_500.0, 602_500.0, 603_500.0]
    assert grid.y.tolist() == [199_500.0, 198_500.0, 197_500.0]
    assert grid.edges == (600_000.0, 197_000.0, 604_000.0, 200_000.0)
    assert grid.pixel == (1000.0, 1000.0) and grid.pixel_km == pytest.approx(1.0)


def test_bern_lies_where_it_lies(grid):
    # 600 km east, 200 km north of the Swiss grid is the old observatory of Bern
    west, _, _, north = grid.lonlat_box
    assert west == pytest.approx(7.4386, abs=1e-3) and north == pytest.approx(46.951, abs=1e-3)


def test_degrees_become_kilometres():
    grid = Grid.from_edges("OGC:CRS84", west=-100.0, north=60.5, pixel=(0.01, 0.01), shape=(100, 100))
    assert grid.pixel_km == pytest.approx(1.112 * (0.5 + 1) / 2, rel=1e-2)


def test_coarsen_drops_what_fills_no_block(grid):
    coarse = grid.coarsen(2)
    assert coarse.shape == (1, 2) and coarse.x.tolist() == [601_000.0, 603_000.0] and coarse.y.tolist() == [199_000.0]
    for factor in (0, 4):
        with pytest.raises(FramesError):
            grid.coarsen(factor)


def test_crop(grid):
    assert grid.crop(slice(1, 3), slice(0, 2)).edges == (600_000.0, 197_000.0, 602_000.0, 199_000.0)


def test_same_as_tells_place_and_projection_apart(grid):
    moved = Grid(grid.crs, grid.x + 500.0, grid.y)
    other = Grid.from_edges("EPSG:2056", west=600_000.0, north=200_000.0, pixel=(1000.0, 1000.0), shape=(3, 4))
    assert grid.same_as(Grid(grid.crs, grid.x + 0.01, grid.y))
    assert not grid.same_as(moved) and not grid.same_as(other) and not grid.same_as(grid.crop(slice(0, 2), slice(None)))


@pytest.mark.parametrize(
    ("x", "y"),
    [([], [1.0]), ([1.0, 2.0], [1.0, 2.0]), ([2.0, 1.0], [1.0]), ([1.0, 2.0, 4.0], [1.0]), ([1.0, np.nan], [1.0])],
)
def test_bad_axes_are_refused(grid, x, y):
    with pytest.raises(FramesError, match="grid axis"):
        Grid(grid.crs, np.array(x), np.array(y))


def test_bad_sizes_and_projections_are_refused():
    with pytest.raises(FramesError, match="positive"):
        Grid.from_edges("EPSG:21781", west=0.0, north=0.0, pixel=(0.0, 1.0), shape=(3, 4))
    with pytest.raises(FramesError, match="projection"):
        Grid.from_edges("+proj=nonsense", west=0.0, north=0.0, pixel=(1.0, 1.0), shape=(3, 4))


def test_a_single_row_is_as_high_as_its_pixels_are_wide(grid):
    row, column = grid.crop(slice(0, 1), slice(None)), grid.crop(slice(None), slice(0, 1))
    assert row.pixel == column.pixel == (1000.0, 1000.0)
    assert row.edges == (600_000.0, 199_000.0, 604_000.0, 200_000.0)


def test_a_grid_of_one_pixel():
    assert Grid.from_edges("EPSG:21781", west=0.0, north=0.0, pixel=(1.0, 1.0), shape=(1, 1)).pixel == (1.0, 1.0)
