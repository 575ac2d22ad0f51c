from importlib.resources import files

import numpy as np
import pytest

from stormcell.grid import Grid
from stormcell.products.coastlines import map_lines


def test_the_coast_of_the_netherlands_is_where_it_is() -> None:
    grid = Grid.from_edges(4326, west=3, north=54, pixel=(0.01, 0.01), shape=(400, 500))
    lines = map_lines(grid)
    hook_of_holland = np.array([4.11, 51.98])
    assert min(np.linalg.norm(line - hook_of_holland, axis=1).min() for line in lines.coast) < 0.05
    aachen = np.array([6.02, 50.755])  # Belgium, Germany and the Netherlands meet
    assert min(np.linalg.norm(line - aachen, axis=1).min() for line in lines.borders) < 0.03


@pytest.mark.parametrize(
    "grid",
    [
        Grid.from_edges("+proj=aeqd +lat_0=-17 +lon_0=179", west=-3e5, north=3e5, pixel=(1000, 1000), shape=(600, 600)),
        Grid.from_edges(4326, west=170, north=-10, pixel=(0.1, 0.1), shape=(100, 200)),
        Grid.from_edges("+proj=stere +lat_0=90", west=-3e6, north=3e6, pixel=(1e4, 1e4), shape=(600, 600)),
        Grid.from_edges("+proj=geos +h=35785831", west=-5.5e6, north=5.5e6, pixel=(1.1e4, 1.1e4), shape=(1000, 1000)),
        Grid.from_edges(4326, west=-180, north=90, pixel=(1, 1), shape=(180, 360)),
    ],
    ids=["across 180 degrees", "past 180 degrees", "pole", "limb of the earth", "whole world"],
)
def test_no_line_is_torn_across_the_map(grid: Grid) -> None:
    lines = map_lines(grid)
    assert len(lines.coast) > 10
    widest = 5.0 if grid.crs.is_geographic else 560_000.0
    for line in lines.coast + lines.borders:
        assert np.isfinite(line).all() and len(line) > 1
        assert np.abs(np.diff(line, axis=0)).max() < widest


def test_open_ocean_has_no_lines() -> None:
    grid = Grid.from_edges(4326, west=-40, north=30, pixel=(0.01, 0.01), shape=(100, 100))
    lines = map_lines(grid)
    assert lines.coast == [] and lines.borders == []


def test_the_data_is_small_and_says_whose_it_is() -> None:
    path = files("stormcell.products") / "coastlines.npz"
    with path.open("rb") as file, np.load(file, allow_pickle=False) as packed:
        assert "Natural Earth" in str(packed["licence"]) and "public domain" in str(packed["licence"])
    assert len(path.read_bytes()) < 1_200_000
