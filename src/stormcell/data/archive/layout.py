"""How an archive lies on disk.

    ARCHIVE.zarr/zarr.json      attributes, and the shapes of all arrays in one document: what it says is what the archive holds
    ├── rainfall_rate           (time, y, x) float16 [mm h-1], some frames a shard; NaN where not seen
    ├── time                    (time) every slot, those without a scan too
    ├── present                 (time) 1 where there is a scan
    ├── wet_share, largest, seen_share   (time) of each frame
    └── y, x, spatial_ref, latitude, longitude

A shard that would hold nothing but gaps is not there. By the profile `mlcast` the time axis holds scans only, `present` is not needed,
and `missing_times` lists the gaps.
"""

import json
import math
import os
import secrets
import shutil
import warnings
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import zarr
from numpy.typing import NDArray
from pyproj import Transformer
from zarr.codecs import ZstdCodec

from stormcell.data.archive.half_precision import PRECISION
from stormcell.data.archive.profile import Profile
from stormcell.errors import WriteError
from stormcell.frames import STANDARD_NAME, UNITS, coordinates_of
from stormcell.grid import Grid

__all__ = ["MISSING", "RAIN", "STATISTICS", "write_empty"]

RAIN = STANDARD_NAME
STATISTICS = ("wet_share", "largest", "seen_share")
MISSING = "missing_times"

_SHARD_BYTES = 16 * 2**20
_SHARD_FRAMES = 288  # a day of 5-minute scans
_SLOTS_PER_CHUNK = 8192  # of the arrays along time
_FLAT: dict[str, Any] = {"name": "default", "separator": "."}  # a file a shard, not three folders
_COMPRESSOR = ZstdCodec(level=3, checksum=True)
_CLOCK = {"axis": "T", "units": "seconds since 1970-01-01 00:00:00", "calendar": "standard"}


def write_empty(path: Path, grid: Grid, profile: Profile, attrs: Mapping[str, Any]) -> None:
    """Make an archive without any slot; it appears whole or not at all.

    Args:
        path: a folder that does not exist yet.
        grid: of all frames.
        profile: how it is to be laid out.
        attrs: of the root; those that the format itself needs are in them already.

    Raises:
        WriteError: the path exists, or cannot be written.
    """
    if path.exists():
        raise WriteError(f"{path}: exists already; choose another name, or open it as it is")
    beside = path.with_name(f".{secrets.token_hex(4)}.zarr")
    try:
        group = zarr.create_group(beside, zarr_format=3, attributes=dict(attrs))
        _make_frames(group, grid, profile)
        _make_timed(group, profile)
        _make_places(group, grid)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", UserWarning)  # every reader of Zarr v3 knows consolidated metadata, its text does not yet
            zarr.consolidate_metadata(group.store)
        os.replace(beside, path)
    except OSError as error:
        raise WriteError(f"{path}: cannot be written ({error.strerror or error}); check the folder and the free space") from error
    finally:
        shutil.rmtree(beside, ignore_errors=True)


def _make_frames(group: zarr.Group, grid: Grid, profile: Profile) -> None:
    """The array of frames: as many of them a shard as make up 16 MiB, for a scan that comes in alone has its whole shard written anew."""
    tile = profile.tile(grid.shape)
    whole = tuple(math.ceil(size / side) * side for size, side in zip(grid.shape, tile, strict=True))
    frames = max(1, min(_SHARD_FRAMES, _SHARD_BYTES // (2 * whole[0] * whole[1])))
    timed = [*STATISTICS, *(["present"] if profile.keeps_gaps else [])]
    group.create_array(
        RAIN,
        shape=(0, *grid.shape),
        chunks=(1, *tile),
        shards=(frames, *whole),
        dtype="float16",
        fill_value=np.nan,
        compressors=_COMPRESSOR,
        dimension_names=("time", "y", "x"),
        chunk_key_encoding=_FLAT,
        attributes={
            "standard_name": profile.standard_name,
            "long_name": "rain rate",
            "units": profile.units,
            "grid_mapping": "spatial_ref",
            "coordinates": f"latitude longitude {' '.join(timed)}",
            "precision": PRECISION,
        },
    )


def _make_timed(group: zarr.Group, profile: Profile) -> None:
    """The arrays along time."""
    present = {"long_name": "is there a scan", "flag_values": [0, 1], "flag_meanings": "missing present"}
    arrays: list[tuple[str, str, str, Any, dict[str, Any]]] = [
        ("time", "time", "int64", 0, {"standard_name": "time", "long_name": "end of the scan", **_CLOCK}),
        ("wet_share", "time", "float32", np.nan, {"long_name": "share of the seen pixels with at least 0.1 mm h-1", "units": "1"}),
        ("largest", "time", "float32", np.nan, {"long_name": "largest rain rate", "units": UNITS}),
        ("seen_share", "time", "float32", np.nan, {"long_name": "share of the pixels that the radar saw", "units": "1"}),
        ("present", "time", "uint8", 0, present)
        if profile.keeps_gaps
        else (MISSING, MISSING, "int64", 0, {"standard_name": "time", "long_name": "times of missing scans", **_CLOCK}),
    ]
    for name, dim, dtype, fill, attrs in arrays:
        group.create_array(
            name,
            shape=(0,),
            chunks=(_SLOTS_PER_CHUNK,),
            dtype=dtype,
            fill_value=fill,
            compressors=_COMPRESSOR,
            dimension_names=(dim,),
            chunk_key_encoding=_FLAT,
            attributes=attrs,
        )


def _make_places(group: zarr.Group, grid: Grid) -> None:
    """Where the pixels are: the axes, the projection, and longitude and latitude of every pixel."""
    coords = coordinates_of(grid)
    mapping = {**coords["spatial_ref"].attrs, "bbox": list(grid.edges)}
    group.create_array("spatial_ref", shape=(), dtype="int32", fill_value=0, dimension_names=(), attributes=_plain(mapping))
    for name in ("y", "x"):
        _make_filled(group, name, coords[name].values, (name,), dict(coords[name].attrs))
    to_degrees = Transformer.from_crs(grid.crs, "OGC:CRS84", always_xy=True)
    longitude, latitude = to_degrees.transform(*np.meshgrid(grid.x, grid.y))
    for name, values, unit in (("latitude", latitude, "degrees_north"), ("longitude", longitude, "degrees_east")):
        about = {"standard_name": name, "long_name": f"{name}, cell centre", "units": unit}
        _make_filled(group, name, values.astype(np.float32), ("y", "x"), about)


def _make_filled(group: zarr.Group, name: str, values: NDArray[Any], dims: tuple[str, ...], attrs: dict[str, Any]) -> None:
    array = group.create_array(
        name,
        shape=values.shape,
        chunks=values.shape,
        dtype=values.dtype,
        fill_value=np.nan,
        compressors=_COMPRESSOR,
        dimension_names=dims,
        chunk_key_encoding=_FLAT,
        attributes=attrs,
    )
    array[...] = values


def _plain(attrs: Mapping[str, Any]) -> dict[str, Any]:
    """Attributes as JSON holds them."""
    plain: dict[str, Any] = json.loads(json.dumps(attrs, default=lambda value: np.asarray(value).tolist()))
    return plain
