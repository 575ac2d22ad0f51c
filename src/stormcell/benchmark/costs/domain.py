"""Scans for a domain of any size, of a storm of our own making, as wet in a large domain as in a small one."""

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from stormcell.data.synthetic import synthetic_storm
from stormcell.frames import grid_of, make_frames
from stormcell.grid import Grid

__all__ = ["scans_for"]

_SIDE = 512  # of the storm, of which the radar sees a circle
_SEEN = slice(80, 432)  # rows and columns of a square in it


def scans_for(shape: tuple[int, int], steps: int) -> xr.DataArray:
    """The square that the radar sees, mirrored at its edges again and again until the domain is full.

    Args:
        shape: (rows, columns), pixels of 1 km.
        steps: how many scans, five minutes apart.

    Returns:
        (time, y, x) rain rate [mm h-1], without NaN.
    """
    storm = synthetic_storm(steps, shape=(_SIDE, _SIDE))
    seen = storm.values[:, _SEEN, _SEEN]
    rows, columns = (_there_and_back(seen.shape[1], size) for size in shape)
    grid = Grid.from_edges(grid_of(storm).crs, west=-500.0 * shape[1], north=500.0 * shape[0], pixel=(1000.0, 1000.0), shape=shape)
    return make_frames(
        seen[:, rows[:, None], columns], storm["time"].values, grid, source="stormcell synthetic storm", quantity="rain rate"
    )


def _there_and_back(length: int, wanted: int) -> NDArray[np.int64]:
    """0, 1, ..., length - 1, length - 1, ..., 1, 0, 0, 1, ..."""
    place = np.arange(wanted) % (2 * length)
    return np.minimum(place, 2 * length - 1 - place)
