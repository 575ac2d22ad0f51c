"""The part of a field inside a box of longitudes and latitudes: a country's radar is large, a city is not."""

import numpy as np
import xarray as xr
from pyproj import Transformer

from stormcell.errors import FramesError
from stormcell.frames import grid_of

__all__ = ["cut_out", "parse_bbox"]

_LEAST = 16  # pixels along a side; motion cannot be seen in fewer


def parse_bbox(text: str) -> tuple[float, float, float, float]:
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


def cut_out(field: xr.DataArray, bbox: tuple[float, float, float, float]) -> xr.DataArray:
    """The rectangle of pixels that holds all pixels whose centres lie in the box, and little more.

    Args:
        field: (..., y, x) with a projection; not changed.
        bbox: (west, south, east, north) in degrees.

    Returns:
        the same field on fewer rows and columns.

    Raises:
        FramesError: the box holds fewer than 16 x 16 pixels of the field.
    """
    grid = grid_of(field)
    west, south, east, north = bbox
    held_west, held_south, held_east, held_north = grid.lonlat_box
    seen = max(west, held_west), max(south, held_south), min(east, held_east), min(north, held_north)
    rows = columns = np.array([], np.intp)
    if seen[0] < seen[2] and seen[1] < seen[3]:  # only there: far from the radar a projection has no values
        left, below, right, above = Transformer.from_crs("OGC:CRS84", grid.crs, always_xy=True).transform_bounds(*seen, densify_pts=101)
        rows, columns = np.flatnonzero((grid.y >= below) & (grid.y <= above)), np.flatnonzero((grid.x >= left) & (grid.x <= right))
    if min(rows.size, columns.size) < _LEAST:
        held = ", ".join(f"{edge:.2f}" for edge in grid.lonlat_box)
        raise FramesError(
            f"box {west:g},{south:g},{east:g},{north:g}: holds {rows.size} x {columns.size} pixels of the field; expected at least "
            f"{_LEAST} x {_LEAST}. The field reaches over W,S,E,N = {held}"
        )
    return field.isel(y=slice(rows[0], rows[-1] + 1), x=slice(columns[0], columns[-1] + 1))
