"""Rainfields NetCDF of the Australian Bureau of Meteorology: rain accumulated over the minutes between two scans.

The file's `x` and `y` name the north-west corner of each cell: read so, the 256 km domain has the radar at its centre.
"""

import json
from functools import lru_cache
from pathlib import Path

import h5py
import numpy as np
import xarray as xr
from numpy.typing import NDArray
from pyproj import CRS

from stormcell.data.content import Content
from stormcell.data.hdf5 import at_root, attribute, is_hdf5, opened, pixels, plain
from stormcell.frames import make_frames
from stormcell.grid import Grid
from stormcell.units import ZRRule, rain_rate_from_accumulation

__all__ = ["read_bom", "recognises", "times"]


def recognises(content: Content) -> bool:
    """NetCDF-4 with Rainfields' variables, from the Bureau."""
    if not is_hdf5(content):
        return False
    with at_root(content.file(), content.path) as file:
        ours = {"precipitation", "start_time", "valid_time", "proj"} <= set(file)
        return ours and "Bureau of Meteorology" in str(plain(file.attrs.get("institution", "")))


def times(content: Content) -> NDArray[np.datetime64]:
    """The end of the accumulation."""
    with opened(content.file(), content.path) as file:
        return np.array([_time(file, "valid_time")])


def read_bom(path: str | Path, *, zr: ZRRule | None = None) -> xr.DataArray:
    """Read the accumulation of a Rainfields file as a rain rate.

    Args:
        path: the file; may be packed.
        zr: not needed, as the file holds rain and not reflectivity.

    Returns:
        (time=1, y, x) rain rate [mm h-1]; NaN where the file has its fill value.
    """
    content = Content(path)
    with opened(content.file(), content.path) as file:
        variable = file["precipitation"]
        code = pixels(variable, content.path)
        scale, offset, fill = (attribute(variable, name) for name in ("scale_factor", "add_offset", "_FillValue"))
        amount = code.astype(np.float32) * np.float32(scale) + np.float32(offset)
        amount[code == fill] = np.nan
        minutes = (_time(file, "valid_time") - _time(file, "start_time")) / np.timedelta64(1, "m")
        x, y = file["x"][()].astype(float), file["y"][()].astype(float)
        metres = 1000.0 if attribute(file["x"], "units") == "km" else 1.0
        mapping = {key: value.tolist() if np.size(value) > 1 else plain(value) for key, value in file["proj"].attrs.items()}
        grid = Grid.from_edges(
            _crs(json.dumps(mapping, sort_keys=True)),
            west=x.min() * metres,
            north=y.max() * metres,
            pixel=(float(np.ptp(x)) / (x.size - 1) * metres, float(np.ptp(y)) / (y.size - 1) * metres),
            shape=(y.size, x.size),
        )
        name = plain(file.attrs.get("station_name", ""))
        attrs = {"source": f"Bureau of Meteorology rainfields {name}".strip(), "quantity": "precipitation_amount"}
        north_first = y[0] > y[-1]
        return make_frames(
            rain_rate_from_accumulation(amount if north_first else amount[::-1], minutes), _time(file, "valid_time"), grid, **attrs
        )


@lru_cache(maxsize=16)
def _crs(mapping: str) -> CRS:
    """From a CF grid mapping in JSON. PROJ looks for a datum by its name for half a second; every file has the same."""
    return CRS.from_cf(json.loads(mapping))


def _time(file: h5py.File, name: str) -> np.datetime64:
    return np.datetime64(int(file[name][()]) * 1_000_000_000, "ns")
