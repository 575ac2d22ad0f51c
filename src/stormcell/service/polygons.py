"""Which pixels lie in a polygon, within limits on how large and how detailed it may be."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from stormcell.data.cut_out import window_of
from stormcell.errors import FramesError
from stormcell.grid import Grid
from stormcell.service.places import pixels_at, to_grid

__all__ = ["MAX_VERTICES", "Ring", "mask_of"]

MAX_VERTICES = 1000
"""Of all rings of a polygon together."""

_STEP = 0.05  # degrees; an edge that is longer is split, because straight lines of the globe bend on the grid
_MOST_POINTS = 20_000

Ring = Sequence[tuple[float, float]]


def mask_of(grid: Grid, rings: Sequence[Ring]) -> tuple[slice, slice, NDArray[np.bool_]] | None:
    """The pixels whose middle lies in a polygon; if it is so small that there is none, the pixel under its first corner.

    Args:
        grid: with the pixels.
        rings: closed rings of (longitude, latitude), as in GeoJSON: the outer one, then holes.

    Returns:
        rows and columns of a window, and (y, x) which of its pixels; None if the polygon has no pixel of the grid.

    Raises:
        FramesError: a ring is not closed, has too few corners, or there are too many in all.
    """
    if sum(len(ring) for ring in rings) > MAX_VERTICES:
        raise FramesError(f"polygon: expected at most {MAX_VERTICES} positions, got {sum(len(ring) for ring in rings)}")
    for ring in rings:
        if len(ring) < 4 or ring[0] != ring[-1]:
            raise FramesError(f"polygon: expected closed rings of 4 positions or more, got one of {len(ring)}")
    outer = np.array(rings[0])
    (west, south), (east, north) = outer.min(axis=0), outer.max(axis=0)
    window = window_of(grid, (float(west), float(south), float(east), float(north)))
    if window is not None:
        rows, columns = window
        mask = _burn(grid.crop(rows, columns), rings)
        if mask is not None and mask.any():
            return rows, columns, mask
    row, column = pixels_at(grid, outer[0, 0], outer[0, 1])
    if row < 0:
        return None
    return slice(int(row), int(row) + 1), slice(int(column), int(column) + 1), np.ones((1, 1), bool)


def _burn(grid: Grid, rings: Sequence[Ring]) -> NDArray[np.bool_] | None:
    from rasterio import Affine
    from rasterio.features import geometry_mask

    corners = []
    for ring in rings:
        x, y = to_grid(grid, *_split(np.array(ring)))
        if not (np.isfinite(x).all() and np.isfinite(y).all()):
            return None
        corners.append(np.column_stack([x, y]).tolist())
    (west, _, _, north), (dx, dy) = grid.edges, grid.pixel
    transform = Affine(dx, 0.0, west, 0.0, -dy, north)
    mask: NDArray[np.bool_] = geometry_mask([{"type": "Polygon", "coordinates": corners}], grid.shape, transform, invert=True)
    return mask


def _split(ring: NDArray[np.float64]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Corners with more points on long edges."""
    lengths = np.abs(np.diff(ring, axis=0)).max(axis=1)
    step = max(_STEP, float(lengths.sum()) / _MOST_POINTS)
    parts = [
        start + (stop - start) * np.linspace(0, 1, max(1, int(np.ceil(length / step))), endpoint=False)[:, None]
        for start, stop, length in zip(ring[:-1], ring[1:], lengths, strict=True)
    ]
    points = np.concatenate([*parts, ring[-1:]])
    return points[:, 0], points[:, 1]
