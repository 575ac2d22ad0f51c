"""Coastlines and country borders for a map of any grid.

Source: Natural Earth 1:10m Admin 0 countries, public domain (https://www.naturalearthdata.com), by way of world-atlas 2.0.2;
`tools/make_coastlines.py` packs them. Borders are de facto, as Natural Earth draws them. Points lie within 200 m of the original.
"""

from dataclasses import dataclass
from functools import cache
from importlib.resources import files

import numpy as np
from numpy.typing import NDArray
from pyproj import Transformer

from stormcell.grid import Grid

__all__ = ["MapLines", "map_lines"]

Line = NDArray[np.float64]
_MARGIN_DEGREES = 0.5  # longer than any stride in the file, so that lines run on past the edge of the picture
_TEAR_DEGREES = 5.0  # ten times the longest stride: a projected step above it is a tear in the map, not a line
_METRES_PER_DEGREE = 111_200.0


@dataclass(frozen=True)
class MapLines:
    """Lines in the coordinates of a grid, each (points, 2) as x, y.

    Args:
        coast: where land meets sea.
        borders: where two countries meet.
    """

    coast: list[Line]
    borders: list[Line]


def map_lines(grid: Grid) -> MapLines:
    """The coastlines and borders near a grid, in its projection.

    Lines that leave the projection's domain are cut there, and so are those that cross the meridian at which the map is torn.
    """
    lonlat, line_number, is_border = _world()
    points = np.flatnonzero(_inside(lonlat, grid.lonlat_box))
    if points.size == 0:
        return MapLines([], [])
    x, y = Transformer.from_crs("OGC:CRS84", grid.crs, always_xy=True).transform(lonlat[points, 0], lonlat[points, 1])
    if grid.crs.is_geographic:  # longitudes may run past 180, or from 0 to 360
        middle = float(grid.x.mean())
        x = (x - middle + 180.0) % 360.0 - 180.0 + middle
    tear = _TEAR_DEGREES * (1.0 if grid.crs.is_geographic else _METRES_PER_DEGREE / grid.crs.axis_info[0].unit_conversion_factor)
    xy = np.stack([x, y], axis=1)
    with np.errstate(invalid="ignore"):  # inf - inf
        near = (np.abs(np.diff(xy, axis=0)) < tear).all(axis=1)
    joined = near & (np.diff(points) == 1) & (np.diff(line_number[points]) == 0)
    runs = np.split(np.arange(points.size), np.flatnonzero(~joined) + 1)
    lines: tuple[list[Line], list[Line]] = ([], [])
    for run in runs:
        if run.size > 1:
            lines[int(is_border[line_number[points[run[0]]]])].append(xy[run])
    return MapLines(*lines)


def _inside(lonlat: Line, box: tuple[float, float, float, float]) -> NDArray[np.bool_]:
    """Which points lie in a box of degrees, with a margin; a box whose west is above its east crosses the 180th meridian."""
    west, south, east, north = box if np.isfinite(box).all() else (-180.0, -90.0, 180.0, 90.0)  # a view past the limb of the earth
    width = (east - west) % 360.0 or 360.0
    eastward = (lonlat[:, 0] - west + _MARGIN_DEGREES) % 360.0
    inside: NDArray[np.bool_] = (
        (eastward <= width + 2 * _MARGIN_DEGREES) & (lonlat[:, 1] >= south - _MARGIN_DEGREES) & (lonlat[:, 1] <= north + _MARGIN_DEGREES)
    )
    return inside


@cache
def _world() -> tuple[Line, NDArray[np.intp], NDArray[np.bool_]]:
    """All points as (lon, lat) in degrees, the number of the line each belongs to, and which lines are borders."""
    with files(__package__).joinpath("coastlines.npz").open("rb") as file, np.load(file, allow_pickle=False) as packed:
        counts = packed["counts"]
        first = np.concatenate([[0], np.cumsum(counts + 1)[:-1]])
        steps = np.zeros((int(counts.sum()) + counts.size, 2), dtype=np.int64)
        walked = np.ones(len(steps), dtype=bool)
        walked[first] = False
        steps[walked] = np.stack([packed["strides_lon"], packed["strides_lat"]], axis=1)
        steps[first] = packed["starts"]
        ends = np.cumsum(steps, axis=0)
        before = np.zeros_like(packed["starts"], dtype=np.int64)
        before[1:] = ends[first[1:] - 1]
        line_number = np.repeat(np.arange(counts.size), counts + 1)
        lattice = ends - before[line_number]
        return lattice * packed["quantum"] + packed["origin"], line_number, packed["is_border"]
