"""MRMS PrecipRate of NOAA (United States): GRIB2 on a longitude-latitude grid; negative values are places without data.

GDAL (through rasterio) decodes the message.
"""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from stormcell.data.content import Content, check_size
from stormcell.data.timestamp import utc
from stormcell.errors import ReadError
from stormcell.frames import make_frames
from stormcell.grid import Grid
from stormcell.units import ZRRule

__all__ = ["read_mrms", "recognises", "times"]


def recognises(content: Content) -> bool:
    """A GRIB message, edition 2."""
    return content.head.startswith(b"GRIB") and content.head[7] == 2


def times(content: Content) -> NDArray[np.datetime64]:
    """The reference time, from section 1 of the message."""
    head = content.head
    month, day, hour, minute, second = head[30:35]
    return np.array([utc(int.from_bytes(head[28:30], "big"), month, day, hour, minute, second)])


def read_mrms(path: str | Path, *, zr: ZRRule | None = None, window: Callable[[Grid], tuple[slice, slice]] | None = None) -> xr.DataArray:
    """Read a PrecipRate file of one observation.

    Args:
        path: the file; may be packed, as the service sends it.
        zr: not needed, as the file holds rain and not reflectivity.
        window: tells from the grid which rows and columns are wanted; all if None.

    Returns:
        (time=1, y, x) rain rate [mm h-1] on a grid in degrees.

    Raises:
        ReadError: the file is cut off, holds several messages, a forecast, or something else than a rain rate in mm/hr.
    """
    import rasterio
    from rasterio.io import MemoryFile

    content = Content(path)
    declared = int.from_bytes(content.head[8:16], "big")
    data = content.bytes()
    if len(data) < declared:
        raise ReadError(
            f"{content.path}: the GRIB message should have {declared} bytes, got {len(data)}; the file is cut off: fetch it again"
        )
    with MemoryFile(data, ext=".grib2") as memory, rasterio.open(memory.name, driver="GRIB") as source:
        check_size(content.path, source.height, source.width)
        tags = source.tags(1)
        if tags.get("GRIB_UNIT") != "[mm/hr]":
            raise ReadError(f"{content.path}: holds {tags.get('GRIB_COMMENT', 'something unnamed')}; expected a rain rate in [mm/hr]")
        if source.count != 1 or int(tags.get("GRIB_FORECAST_SECONDS", "0").split()[0]) != 0:
            raise ReadError(f"{content.path}: holds {source.count} messages or a forecast; expected a single observation")
        west, dx, north, dy = source.transform.c, source.transform.a, source.transform.f, -source.transform.e
        grid = Grid.from_edges(source.crs.to_wkt(), west=west, north=north, pixel=(dx, dy), shape=(source.height, source.width))
        rows, columns = (slice(0, source.height), slice(0, source.width)) if window is None else window(grid)
        rain_rate = source.read(1, window=(rows, columns), out_dtype="float32")
    rain_rate[rain_rate < 0] = np.nan
    grid = grid.crop(rows, columns)
    return make_frames(rain_rate, times(content), grid, source="NOAA MRMS PrecipRate", quantity="precipitation_rate")
