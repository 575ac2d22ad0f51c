"""Reflectivity composites of the Finnish Meteorological Institute: an 8-bit PGM image whose comments hold time and projection.

dBZ = p / 2 - 32; pixel value 0 is no echo, 255 is outside the radars' reach. The corners in the header are the outer edges of the
image on a sphere of 6371.288 km (on which they give the header's pixel size exactly).
"""

import re
from pathlib import Path

import numpy as np
import xarray as xr
from numpy.typing import NDArray
from pyproj import CRS, Transformer

from stormcell.data.content import Content, check_size
from stormcell.data.timestamp import utc
from stormcell.errors import ReadError
from stormcell.frames import make_frames
from stormcell.grid import Grid
from stormcell.units import ZR_RULES, ZRRule, rain_rate_from_reflectivity

__all__ = ["read_fmi", "recognises", "times"]

_SIZE = re.compile(rb"^(\d+)\s+(\d+)\s+(\d+)\s", re.MULTILINE)


def recognises(content: Content) -> bool:
    """A binary PGM with FMI's comments."""
    return content.head.startswith(b"P5") and b"# obstime" in content.head


def times(content: Content) -> NDArray[np.datetime64]:
    """The observation time."""
    stamp = _header(content.head)["obstime"][0]
    month, day, hour, minute = (int(stamp[place : place + 2]) for place in (4, 6, 8, 10))
    return np.array([utc(int(stamp[:4]), month, day, hour, minute)])


def read_fmi(path: str | Path, *, zr: ZRRule | None = None) -> xr.DataArray:
    """Read a reflectivity composite of FMI.

    Args:
        path: the file; may be packed, and usually is.
        zr: rule from reflectivity to rain rate; FMI's own (Z = 223 R^1.53) if None.

    Returns:
        (time=1, y, x) rain rate [mm h-1].

    Raises:
        ReadError: another quantity or projection, or an image that is cut off.
    """
    content = Content(path)
    data = content.bytes()
    header = _header(content.head)
    if "Reflectivity" not in header["param"][0]:
        raise ReadError(f"{content.path}: holds {header['param'][0]}; expected CorrectedReflectivity")
    size = _SIZE.search(data)
    if size is None or int(size[3]) != 255:
        raise ReadError(f"{content.path}: expected the size of an 8-bit PGM image after the comments")
    columns, rows = int(size[1]), int(size[2])
    check_size(content.path, rows, columns)
    pixels = data[size.end() :]
    if len(pixels) != rows * columns:
        raise ReadError(
            f"{content.path}: expected {rows * columns} pixels, got {len(pixels)}; the file is cut off or broken: fetch it again"
        )
    code = np.frombuffer(pixels, np.uint8).reshape(rows, columns)
    rule = zr or ZR_RULES["fmi"]
    table = rain_rate_from_reflectivity(np.arange(256, dtype=np.float32) / 2 - 32, rule)
    table[0], table[255] = 0.0, np.nan
    attrs = {"source": f"FMI {header['composite_area'][0]} {header['productname'][0]}", "quantity": "DBZH", "zr_rule": str(rule)}
    return make_frames(table[code], times(content), _grid(header, (rows, columns), content.path), **attrs)


def _grid(header: dict[str, list[str]], shape: tuple[int, int], path: Path) -> Grid:
    if header["type"][0] != "stereographic":
        raise ReadError(f"{path}: has a {header['type'][0]} projection; expected stereographic")
    lon, lat, true = (float(header[key][0]) for key in ("centrallongitude", "centrallatitude", "truelatitude"))
    crs = CRS.from_user_input(f"+proj=stere +lat_0={lat} +lat_ts={true} +lon_0={lon} +x_0=0 +y_0=0 +R=6371288 +units=m")
    to_map = Transformer.from_crs(crs.geodetic_crs, crs, always_xy=True)
    west, south = to_map.transform(*_lonlat(header["bottomleft"]))
    east, north = to_map.transform(*_lonlat(header["topright"]))
    return Grid.from_edges(crs, west=west, north=north, pixel=((east - west) / shape[1], (north - south) / shape[0]), shape=shape)


def _lonlat(values: list[str]) -> tuple[float, float]:
    return float(values[0]), float(values[1])


def _header(head: bytes) -> dict[str, list[str]]:
    """The comment lines as key -> values; a key that comes twice keeps its first values."""
    header: dict[str, list[str]] = {}
    for line in head.decode("latin-1").split("\n")[1:]:
        if not line.startswith("#"):
            break
        key, *values = line[1:].split() or [""]
        header.setdefault(key, values)
    return header
