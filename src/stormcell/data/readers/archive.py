"""Archives of stormcell itself: their scans, without the gaps."""

from collections.abc import Callable

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from stormcell.data.content import Content
from stormcell.errors import ReadError
from stormcell.frames import label_frames
from stormcell.grid import Grid
from stormcell.units import ZRRule

__all__ = ["read_archive", "recognises", "times"]

_MAX_BYTES = 8 * 2**30


def recognises(content: Content) -> bool:
    """A folder that `Archive` made."""
    if content.head != b"ZARR":
        return False
    from stormcell.data.archive import is_archive  # slow to import

    return is_archive(content.path)


def times(content: Content) -> NDArray[np.datetime64]:
    """The times of the scans that are there."""
    from stormcell.data.archive import Archive

    archive = Archive(content.path)
    return archive.axis[archive.present]


def read_archive(
    path: str,
    *,
    zr: ZRRule | None = None,
    since: np.datetime64 | None = None,
    until: np.datetime64 | None = None,
    window: Callable[[Grid], tuple[slice, slice]] | None = None,
) -> xr.DataArray:
    """Read scans from an archive.

    Args:
        path: its folder.
        zr: has no effect; an archive holds rain rates.
        since: leave out frames before this time.
        until: leave out frames after this time.
        window: tells from the grid which rows and columns are wanted; all if None.

    Returns:
        (time, y, x) rain rate [mm h-1] of the scans that are there (`join_frames` makes gaps explicit).

    Raises:
        ReadError: more frames than fit in memory, or the archive is damaged.
    """
    from stormcell.data.archive import Archive

    archive = Archive(path)
    wanted = archive.present.copy()
    wanted &= True if since is None else archive.axis >= since
    wanted &= True if until is None else archive.axis <= until
    slots = np.flatnonzero(wanted)
    rows, columns = (slice(0, size) for size in archive.grid.shape) if window is None else window(archive.grid)
    grid = archive.grid.crop(rows, columns)
    if 4 * slots.size * grid.shape[0] * grid.shape[1] > _MAX_BYTES:
        raise ReadError(
            f"{path}: {slots.size} frames of {grid.shape[0]} x {grid.shape[1]} pixels do not fit in memory at once; "
            "ask for the last few (last= in Python) or for a part of them with stormcell.data.archive.Archive"
        )
    runs = np.split(slots, np.flatnonzero(np.diff(slots) > 1) + 1) if slots.size else []
    blocks = [archive.block(int(run[0]), int(run[-1]) + 1, rows, columns) for run in runs]
    values = np.concatenate(blocks) if blocks else np.empty((0, *grid.shape), np.float32)
    about = {"source": archive.path.name, "quantity": "rain rate", **archive.about}
    return label_frames(values, archive.axis[slots], grid, **about)
