"""How an archive lies on disk, and how it grows without ever being broken.

    ARCHIVE.zarr/zarr.json      attributes, and the shapes of all arrays in one document: what it says is what the archive holds
    ├── rainfall_rate           (time, y, x) float16 [mm h-1], a frame a chunk, some frames a shard; NaN where not seen
    ├── time                    (time) every slot, those without a scan too
    ├── present                 (time) 1 where there is a scan: the mark that is written last
    ├── wet_share, largest, seen_share   (time) of each frame
    ├── y, x, spatial_ref, latitude, longitude
    └── (shards that would hold nothing but gaps are not there)

Zarr replaces a file as a whole or not at all, but an archive is many files. So a scan is written in this order: its shard, its statistics,
its mark, and where the time axis grows, at last the shapes in the root document. A reader takes the shapes from there alone; whoever is
killed before leaves nothing that counts, and the next writer clears it away.
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

from stormcell.atomic import replacing
from stormcell.data.archive.half_precision import PRECISION
from stormcell.errors import FramesError, WriteError
from stormcell.frames import STANDARD_NAME, UNITS, coordinates_of
from stormcell.grid import Grid

__all__ = ["FORMAT", "RAIN", "STATISTICS", "frames_per_shard", "grow", "mend", "write_empty"]

FORMAT = 1
RAIN = STANDARD_NAME
STATISTICS = ("wet_share", "largest", "seen_share")
TIMED = (RAIN, "time", "present", *STATISTICS)

_SHARD_BYTES = 16 * 2**20
_SHARD_FRAMES = 288  # a day of 5-minute scans
_SLOTS_PER_CHUNK = 8192  # of the arrays along time
_MAX_SLOTS = 2**25  # a minute each for 60 years
_FLAT: dict[str, Any] = {"name": "default", "separator": "."}  # a file a shard, not three folders
_COMPRESSOR = ZstdCodec(level=3)


def frames_per_shard(shape: tuple[int, int]) -> int:
    """As many frames as make up 16 MiB, at most 288: a scan that comes in alone has its whole shard written anew."""
    return max(1, min(_SHARD_FRAMES, _SHARD_BYTES // (2 * shape[0] * shape[1])))


def write_empty(path: Path, grid: Grid, attrs: Mapping[str, Any]) -> None:
    """Make an archive without any slot; it appears whole or not at all.

    Args:
        path: a folder that does not exist yet.
        grid: of all frames.
        attrs: of the root; those that the format itself needs are in them already.

    Raises:
        WriteError: the path exists, or cannot be written.
    """
    if path.exists():
        raise WriteError(f"{path}: exists already and is no archive that can be added to; choose another name")
    beside = path.with_name(f".{secrets.token_hex(4)}.zarr")
    try:
        group = zarr.create_group(beside, zarr_format=3, attributes=dict(attrs))
        _make_frames(group, grid)
        _make_timed(group)
        _make_places(group, grid)
        with warnings.catch_warnings():
            warnings.simplefilter(
                "ignore", UserWarning
            )  # shapes in the root document: every reader of Zarr v3 knows them, the text does not
            zarr.consolidate_metadata(group.store)
        os.replace(beside, path)
    except OSError as error:
        raise WriteError(f"{path}: cannot be written ({error.strerror or error}); check the folder and the free space") from error
    finally:
        shutil.rmtree(beside, ignore_errors=True)


def _make_frames(group: zarr.Group, grid: Grid) -> None:
    group.create_array(
        RAIN,
        shape=(0, *grid.shape),
        chunks=(1, *grid.shape),
        shards=(frames_per_shard(grid.shape), *grid.shape),
        dtype="float16",
        fill_value=np.nan,
        compressors=_COMPRESSOR,
        dimension_names=("time", "y", "x"),
        chunk_key_encoding=_FLAT,
        attributes={
            "standard_name": STANDARD_NAME,
            "long_name": "rain rate",
            "units": UNITS,
            "grid_mapping": "spatial_ref",
            "coordinates": "latitude longitude",
            "precision": PRECISION,
        },
    )


def _make_timed(group: zarr.Group) -> None:
    """The arrays along time."""
    arrays: dict[str, tuple[str, Any, dict[str, Any]]] = {
        "time": (
            "int64",
            0,
            {
                "standard_name": "time",
                "long_name": "end of the scan",
                "axis": "T",
                "units": "seconds since 1970-01-01 00:00:00",
                "calendar": "standard",
            },
        ),
        "present": ("uint8", 0, {"long_name": "is there a scan", "flag_values": [0, 1], "flag_meanings": "missing present"}),
        "wet_share": ("float32", np.nan, {"long_name": "share of the seen pixels with at least 0.1 mm h-1", "units": "1"}),
        "largest": ("float32", np.nan, {"long_name": "largest rain rate", "units": UNITS}),
        "seen_share": ("float32", np.nan, {"long_name": "share of the pixels that the radar saw", "units": "1"}),
    }
    for name, (dtype, fill, attrs) in arrays.items():
        group.create_array(
            name,
            shape=(0,),
            chunks=(_SLOTS_PER_CHUNK,),
            dtype=dtype,
            fill_value=fill,
            compressors=_COMPRESSOR,
            dimension_names=("time",),
            chunk_key_encoding=_FLAT,
            attributes=attrs,
        )


def _make_places(group: zarr.Group, grid: Grid) -> None:
    """Where the pixels are: the axes, the projection, and longitude and latitude of every pixel."""
    coords = coordinates_of(grid)
    west, south, east, north = grid.edges
    mapping = {**coords["spatial_ref"].attrs, "bbox": [west, south, east, north]}
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


def root(path: Path) -> dict[str, Any]:
    """The root document: attributes and the shapes that count."""
    document: dict[str, Any] = json.loads((path / "zarr.json").read_text())
    return document


def committed(document: Mapping[str, Any]) -> int:
    """How many slots the root document says there are."""
    return int(document["consolidated_metadata"]["metadata"][RAIN]["shape"][0])


def grow(path: Path, slots: int) -> None:
    """Give each array along time so many slots, in its own document only: nobody sees it before `commit`.

    Raises:
        FramesError: no series of radar images is that long.
    """
    if slots > _MAX_SLOTS:
        raise FramesError(f"{path}: a time axis of {slots:,} slots is too long; is a scan misdated?")
    for name in TIMED:
        document = json.loads((path / name / "zarr.json").read_text())
        document["shape"][0] = slots
        _replace(path / name / "zarr.json", document)


def commit(path: Path, slots: int, attrs: Mapping[str, Any] | None = None) -> None:
    """Make so many slots, and these attributes, what the archive holds."""
    document = root(path)
    for name in TIMED:
        document["consolidated_metadata"]["metadata"][name]["shape"][0] = slots
    document["attributes"].update(attrs or {})
    _replace(path / "zarr.json", document)


def mend(path: Path) -> None:
    """Clear away what a killed writer left: half-written files, and whatever lies beyond the slots that count."""
    for left in [*path.rglob("*.partial"), *path.rglob(".*.json")]:
        left.unlink(missing_ok=True)
    slots = committed(root(path))
    if all(json.loads((path / name / "zarr.json").read_text())["shape"][0] == slots for name in TIMED):
        return
    shard = frames_per_shard_of(path)
    whole = math.ceil(slots / shard)
    for file in (path / RAIN).glob("c.*"):
        if int(file.name.split(".")[1]) >= whole:
            file.unlink()
    if slots % shard:  # frames that lie in the last shard and do not count
        grow(path, whole * shard)
        zarr.open_array(path / RAIN, mode="r+")[slots : whole * shard] = np.nan
    grow(path, slots)


def frames_per_shard_of(path: Path) -> int:
    """As it is in this archive."""
    chunks = root(path)["consolidated_metadata"]["metadata"][RAIN]["chunk_grid"]["configuration"]["chunk_shape"]
    return int(chunks[0])


def _replace(path: Path, document: Mapping[str, Any]) -> None:
    with replacing(path) as beside:
        beside.write_text(json.dumps(document))
