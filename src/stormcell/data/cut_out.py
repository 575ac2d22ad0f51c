"""The part of a field inside a box of longitudes and latitudes: a country's radar is large, a city is not."""

from functools import lru_cache

import numpy as np
import xarray as xr
from pyproj import Transformer
from pyproj.exceptions import ProjError

from stormcell.errors import FramesError
from stormcell.frames import grid_of
from stormcell.grid import Grid

__all__ = ["LEAST", "Box", "cut_out", "parse_bbox", "window_in", "window_of"]

Box = tuple[float, float, float, float]  # west, south, east, north [degrees]

LEAST = 16  # pixels along a side of a field to forecast from; motion cannot be seen in fewer
_TOUCH = 1e-3  # of a pixel; a box that ends on the edge of a pixel does not take it


def parse_bbox(text: str) -> Box:
    """A box from "west,south,east,north" in degrees.

    Raises:
        FramesError: it is no such box.

    Example:
        >>> parse_bbox("5.5,47,15.5,55.1")
        (5.5, 47.0, 15.5, 55.1)
    """
    try:
        west, south, east, north = (float(word) for word in text.split(","))
    except ValueError:
        raise FramesError(f"box {text!r}: expected W,S,E,N in degrees, such as 5.5,47,15.5,55.1") from None
    if not (-180 <= west < east <= 180 and -90 <= south < north <= 90):
        raise FramesError(f"box {text!r}: expected west below east and south below north, in degrees within -180..180 and -90..90")
    return west, south, east, north


def window_of(grid: Grid, box: Box) -> tuple[slice, slice] | None:
    """The rows and columns that hold every pixel a box touches, and little more; None if it touches none.

    The box is first cut down to where the grid is, as far from there a projection may have no values; and it is tried a turn to the east
    and to the west, as grids count longitudes from -180 or from 0 and may lie across the date line.

    Args:
        grid: with the pixels.
        box: west, south, east, north [degrees].
    """
    (west, south, east, north), (held_west, held_south, held_east, held_north) = box, grid.lonlat_box
    held_east += 360.0 if held_east < held_west else 0.0
    found = []
    for turn in (0.0, 360.0, -360.0):
        seen = max(west + turn, held_west), max(south, held_south), min(east + turn, held_east), min(north, held_north)
        thin = seen[0] == seen[2] and west == east, seen[1] == seen[3] and south == north  # a line or a point that the grid holds
        if (seen[0] < seen[2] or thin[0]) and (seen[1] < seen[3] or thin[1]) and (window := _window(grid, seen)):
            found.append(window)
    if not found:
        return None
    rows, columns = ([window[axis] for window in found] for axis in (0, 1))
    return _around(rows), _around(columns)


def window_in(grid: Grid, box: Box, *, least: int = 1) -> tuple[slice, slice]:
    """The rows and columns of `window_of`.

    Raises:
        FramesError: there are fewer than `least` of either; says where the grid is.
    """
    rows, columns = window_of(grid, box) or (slice(0, 0), slice(0, 0))
    held = rows.stop - rows.start, columns.stop - columns.start
    if min(held) < least:
        asked, reach = ",".join(f"{edge:g}" for edge in box), ", ".join(f"{edge:.2f}" for edge in grid.lonlat_box)
        raise FramesError(
            f"box {asked}: holds {held[0]} x {held[1]} pixels of the field; expected at least {least} x {least}. "
            f"The field reaches over W,S,E,N = {reach}"
        )
    return rows, columns


def cut_out(field: xr.DataArray, bbox: Box) -> xr.DataArray:
    """The rectangle of pixels that holds all pixels the box touches, and little more.

    Args:
        field: (..., y, x) with a projection; not changed.
        bbox: (west, south, east, north) in degrees.

    Returns:
        the same field on fewer rows and columns, in memory of its own: the whole field need not be kept for it.

    Raises:
        FramesError: the box holds fewer than 16 x 16 pixels of the field.
    """
    rows, columns = window_in(grid_of(field), bbox, least=LEAST)
    return field.isel(y=rows, x=columns).copy()


def _window(grid: Grid, seen: Box) -> tuple[slice, slice] | None:
    try:
        left, below, right, above = _to_grid(grid).transform_bounds(*seen, densify_pts=21)
    except ProjError:  # no part of the box can be projected
        return None
    if not np.isfinite([left, below, right, above]).all():
        return None
    if grid.crs.is_geographic:  # the projection may have turned longitudes back
        left, right = (edge + 360.0 * round((asked - edge) / 360.0) for edge, asked in ((left, seen[0]), (right, seen[2])))
    west, _, _, top = grid.edges
    dx, dy = grid.pixel
    rows = _touched((top - above) / dy, (top - below) / dy, grid.shape[0])
    columns = _touched((left - west) / dx, (right - west) / dx, grid.shape[1])
    return None if rows is None or columns is None else (rows, columns)


def _touched(first: float, last: float, size: int) -> slice | None:
    """The pixels between two places, in pixels from the grid's edge."""
    least = min(_TOUCH, (last - first) / 2)
    start = int(np.floor(first + least))
    stop = max(int(np.ceil(last - least)), start + 1)
    start, stop = max(0, start), min(size, stop)
    return slice(start, stop) if start < stop else None


def _around(slices: list[slice]) -> slice:
    return slice(min(one.start for one in slices), max(one.stop for one in slices))


@lru_cache(maxsize=64)
def _to_grid(grid: Grid) -> Transformer:
    return Transformer.from_crs("OGC:CRS84", grid.crs, always_xy=True)
