"""From degrees to pixels of a grid."""

from functools import lru_cache

import numpy as np
from numpy.typing import ArrayLike, NDArray
from pyproj import CRS, Transformer

from stormcell.grid import Grid

__all__ = ["pixel_at", "pixels_at", "pixels_of", "positions_at", "to_grid"]


@lru_cache(maxsize=64)
def _transformer(source: str, grid: Grid) -> Transformer:
    return Transformer.from_crs(CRS.from_user_input(source), grid.crs, always_xy=True)


@lru_cache(maxsize=64)
def _corner(grid: Grid) -> tuple[float, float, float, float]:
    """West and north edge, width and height of a pixel."""
    west, _, _, north = grid.edges
    return west, north, *grid.pixel


def to_grid(grid: Grid, x: ArrayLike, y: ArrayLike, *, crs: str = "OGC:CRS84") -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Places in the projection of a grid; infinite where it has none.

    Args:
        grid: whose projection.
        x: longitudes, or eastings of `crs`.
        y: latitudes, or northings of `crs`.
        crs: of x and y.
    """
    east, north = _transformer(crs, grid).transform(np.asarray(x, float), np.asarray(y, float))
    if grid.crs.is_geographic:
        east = _corner(grid)[0] + (np.asarray(east) - _corner(grid)[0]) % 360.0
    return np.asarray(east), np.asarray(north)


def positions_at(grid: Grid, x: ArrayLike, y: ArrayLike, *, crs: str = "OGC:CRS84") -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Where places lie on a grid, in pixels from its north-west corner: 0.5, 0.5 is the middle of the first pixel.

    Args:
        grid: with the pixels.
        x: longitudes, or eastings of `crs`.
        y: latitudes, or northings of `crs`.
        crs: of x and y.

    Returns:
        (down, right), of the shape of x and y; infinite where the projection has no such place.
    """
    east, north = to_grid(grid, x, y, crs=crs)
    west, top, dx, dy = _corner(grid)
    return (top - north) / dy, (east - west) / dx


def pixels_of(grid: Grid, down: NDArray[np.float64], right: NDArray[np.float64]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Row and column of the pixels in which positions lie, both -1 beyond the grid."""
    with np.errstate(invalid="ignore"):
        inside = (down >= 0) & (down < grid.shape[0]) & (right >= 0) & (right < grid.shape[1])
        return np.where(inside, down, -1).astype(np.int64), np.where(inside, right, -1).astype(np.int64)


def pixels_at(grid: Grid, x: ArrayLike, y: ArrayLike, *, crs: str = "OGC:CRS84") -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Row and column of the pixel around each place, both -1 beyond the grid and where the projection has no such place.

    Args:
        grid: with the pixels.
        x: longitudes, or eastings of `crs`.
        y: latitudes, or northings of `crs`.
        crs: of x and y.

    Returns:
        rows and columns, of the shape of x and y.
    """
    return pixels_of(grid, *positions_at(grid, x, y, crs=crs))


@lru_cache(maxsize=4096)
def pixel_at(grid: Grid, *, lat: float, lon: float) -> tuple[int, int] | None:
    """Row and column of the pixel around a place; None beyond the grid."""
    rows, columns = pixels_at(grid, lon, lat)
    return None if rows < 0 else (int(rows), int(columns))
