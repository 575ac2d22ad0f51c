"""The tiles of web maps: which pixel of a radar grid lies under each pixel of a tile."""

import math
from dataclasses import dataclass
from functools import cache

import numpy as np
from numpy.typing import NDArray

from stormcell.grid import Grid
from stormcell.service.places import pixels_of, positions_at

__all__ = ["MAX_ZOOM", "Frame", "frame_around", "frame_of_tile", "native_zoom", "pixels_under"]

MAX_ZOOM = 14
"""Zoom levels go from 0, the world in one tile, to this."""

_STRIDE = 4
_TOLERANCE = 0.002  # pixels of the radar

_HALF = math.pi * 6378137.0  # of the side of the Web Mercator square [m]


@dataclass(frozen=True)
class Frame:
    """A square of the Web Mercator plane (EPSG:3857).

    Args:
        west, north: its north-west corner [m].
        side: of the square [m].
        size: pixels along a side.
    """

    west: float
    north: float
    side: float
    size: int


def frame_of_tile(z: int, x: int, y: int, size: int) -> Frame:
    """The square of a tile; row 0 is north, as web maps count."""
    side = 2 * _HALF / 2**z
    return Frame(-_HALF + x * side, _HALF - y * side, side, size)


def frame_around(z: int, lat: float, lon: float, size: int) -> Frame:
    """The square of a tile's side that has a place in its middle; the poles are out of reach, 85.05 degrees is the end of the plane."""
    side = 2 * _HALF / 2**z
    middle = _HALF * lon / 180.0
    latitude = math.radians(min(max(lat, -85.051128), 85.051128))
    northing = math.log(math.tan(math.pi / 4 + latitude / 2)) / math.pi * _HALF
    return Frame(middle - side / 2, northing + side / 2, side, size)


def pixels_under(grid: Grid, frame: Frame) -> NDArray[np.int32]:
    """Place in the flat grid of the radar pixel that lies under the middle of each pixel of a frame.

    Every fourth pixel is projected, and the others lie on straight lines between, if these are nowhere further than a five-hundredth of a
    radar pixel from the truth; where they are, on maps of continents, every pixel is projected.

    Returns:
        (size, size), row * columns + column, -1 beyond the grid.
    """
    nodes = np.linspace(0.5, frame.size - 0.5, frame.size // _STRIDE + 1)
    down, right = _positions(grid, frame, nodes)
    between = (nodes[:-1] + nodes[1:]) / 2
    if np.isfinite(down).all() and np.isfinite(right).all():
        true_down, true_right = _positions(grid, frame, between)
        with np.errstate(invalid="ignore"):
            error = max(float(np.abs(_middle(down) - true_down).max()), float(np.abs(_middle(right) - true_right).max()))
        weights = _weights(frame.size)
        exact = not error < _TOLERANCE
        down, right = (down, right) if exact else (weights @ down @ weights.T, weights @ right @ weights.T)
    else:
        exact = True
    if exact:
        down, right = _positions(grid, frame, np.arange(frame.size) + 0.5)
    rows, columns = pixels_of(grid, down, right)
    return np.where(rows < 0, -1, rows * grid.shape[1] + columns).astype(np.int32)


def _positions(grid: Grid, frame: Frame, steps: NDArray[np.floating]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """On the grid, of the crossings of rows and columns that are so many pixels from the corner of a frame."""
    distance = steps * (frame.side / frame.size)
    east = (frame.west + distance + _HALF) % (2 * _HALF) - _HALF
    return positions_at(grid, *np.meshgrid(east, frame.north - distance), crs="EPSG:3857")


def _middle(values: NDArray[np.float64]) -> NDArray[np.float64]:
    mean: NDArray[np.float64] = (values[:-1, :-1] + values[1:, :-1] + values[:-1, 1:] + values[1:, 1:]) / 4
    return mean


@cache
def _weights(size: int) -> NDArray[np.float64]:
    """(pixel, node): each pixel lies on a straight line between two nodes."""
    nodes = size // _STRIDE
    place = np.arange(size) * (nodes / (size - 1))
    weights: NDArray[np.float64] = np.maximum(0.0, 1.0 - np.abs(place[:, None] - np.arange(nodes + 1)))
    return weights


def native_zoom(grid: Grid) -> int:
    """The zoom at which a pixel of a 256-pixel tile is no larger than one of the grid."""
    _, south, _, north = grid.lonlat_box
    scale = math.cos(math.radians(min(85.0, abs(south + north) / 2)))
    return min(MAX_ZOOM, max(0, math.ceil(math.log2(2 * _HALF / 256 * scale / (1000 * grid.pixel_km)))))
