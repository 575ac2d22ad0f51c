"""ODIM_H5 composites, the exchange format of European weather services (OPERA).

Source: OPERA Data Information Model for HDF5, versions 2.0 to 2.4. A pixel is stored as an integer or float p with value
gain p + offset. `nodata` marks pixels that no radar covers (NaN here), `undetect` those where it saw nothing (0 here). A composite
that says that it is simulated (`how/simulated`), or that begins after its nominal time, is a forecast and no observation.
"""

from pathlib import Path
from typing import Any

import h5py
import numpy as np
import xarray as xr
from numpy.typing import NDArray
from pyproj import CRS, Transformer

from stormcell.atomic import replacing
from stormcell.data.content import Content
from stormcell.data.hdf5 import at_root, attribute, is_hdf5, opened, pixels, plain
from stormcell.data.timestamp import utc
from stormcell.errors import ReadError
from stormcell.frames import grid_of, make_frames
from stormcell.grid import Grid
from stormcell.units import ZR_RULES, ZRRule, rain_rate_from_accumulation, rain_rate_from_reflectivity, reflectivity_from_rain_rate

__all__ = ["frames_of", "is_forecast", "lead_of", "nominal_time", "read_odim", "recognises", "times", "write_odim"]

_MINUTE = np.timedelta64(1, "m")
QUANTITIES = ("RATE", "ACRR", "DBZH", "TH")  # in order of preference


def recognises(content: Content) -> bool:
    """HDF5 that says ODIM in its conventions, or has ODIM's groups."""
    if not is_hdf5(content):
        return False
    with at_root(content.file(), content.path) as file:
        return "ODIM" in str(plain(file.attrs.get("Conventions", ""))) or {"what", "where", "dataset1"} <= set(file)


def times(content: Content) -> NDArray[np.datetime64]:
    """The nominal time of the composite."""
    with opened(content.file(), content.path) as file:
        return np.array([nominal_time(file)])


def read_odim(path: str | Path, *, zr: ZRRule | None = None) -> xr.DataArray:
    """Read the rain rate (RATE), accumulation (ACRR) or reflectivity (DBZH, TH) of an ODIM_H5 composite.

    Args:
        path: the file; may be gzip or bzip2 packed.
        zr: rule from reflectivity to rain rate; Marshall-Palmer if None.

    Returns:
        (time=1, y, x) rain rate [mm h-1]; nodata is NaN, undetect is 0.

    Raises:
        ReadError: the file is no composite, a forecast, has none of these quantities, or its parts do not fit.
    """
    content = Content(path)
    with opened(content.file(), content.path) as file:
        return frames_of(file, content.path, zr)


def frames_of(file: h5py.File, path: Path, zr: ZRRule | None, *, forecast: bool = False) -> xr.DataArray:
    """The frames of `read_odim` from an open file; `path` is for messages, and `forecast` lets a forecast pass."""
    kind = attribute(file["what"], "object")
    if kind not in ("COMP", "IMAGE"):
        raise ReadError(f"{path}: is an ODIM {kind}; expected a composite (COMP): grid the polar data first")
    if is_forecast(file) and not forecast:
        raise ReadError(f"{path}: is a forecast for {lead_of(file) / np.timedelta64(1, 'm'):g} min ahead; expected an observation")
    data, what = _best_quantity(file, path)
    grid = _grid(file["where"], data.shape, path)
    rule = zr or ZR_RULES["marshall-palmer"]
    rain_rate = _rain_rate(pixels(data, path), what, rule)
    attrs = {"source": f"ODIM_H5 {plain(file['what'].attrs.get('source', ''))}".strip(), "quantity": what["quantity"]}
    if what["quantity"] in ("DBZH", "TH"):
        attrs["zr_rule"] = str(rule)
    return make_frames(rain_rate, nominal_time(file), grid, **attrs)


def is_forecast(file: h5py.File) -> bool:
    """Does it say so, or begin more than a minute after its nominal time?"""
    what = _what(file, file["dataset1"]) if "dataset1" in file else _what(file)
    hows = (file[name].attrs for name in ("how", "dataset1/how") if name in file)
    simulated = any(str(plain(how.get("simulated", ""))).lower() == "true" for how in hows)
    return simulated or bool("starttime" in what and _time(what, "start") - nominal_time(file) > _MINUTE)


def lead_of(file: h5py.File) -> np.timedelta64:
    """From the nominal time to the end of what it covers; 0 if it does not say when that is."""
    what = _what(file, file["dataset1"])
    return _time(what, "end") - nominal_time(file) if "endtime" in what else np.timedelta64(0, "ns")


def _best_quantity(file: h5py.File, path: Path) -> tuple[h5py.Dataset, dict[str, Any]]:
    """The data set of the first of `QUANTITIES` that the file has, with the `what` attributes of all levels above it."""
    found: dict[str, tuple[h5py.Dataset, dict[str, Any]]] = {}
    for dataset in (file[name] for name in sorted(file) if name.startswith("dataset")):
        for data in (dataset[name] for name in sorted(dataset) if name.startswith("data")):
            if isinstance(data.get("data"), h5py.Dataset):
                what = _what(file, dataset, data)
                found.setdefault(str(what.get("quantity")), (data["data"], what))
    for quantity in QUANTITIES:
        if quantity in found:
            return found[quantity]
    raise ReadError(f"{path}: has the ODIM quantities {sorted(found)}; expected one of {', '.join(QUANTITIES)}")


def _what(*levels: h5py.Group) -> dict[str, Any]:
    """The `what` attributes that hold at the last level: a deeper one overrides those above it."""
    what: dict[str, Any] = {}
    for level in levels:
        if "what" in level:
            what |= {key: plain(value) for key, value in level["what"].attrs.items()}
    return what


def _rain_rate(raw: NDArray[Any], what: dict[str, Any], rule: ZRRule) -> NDArray[np.float32]:
    value = (raw * float(what.get("gain", 1.0)) + float(what.get("offset", 0.0))).astype(np.float32)
    if what["quantity"] in ("DBZH", "TH"):
        value = rain_rate_from_reflectivity(value, rule)
    elif what["quantity"] == "ACRR":
        value = rain_rate_from_accumulation(value, (_time(what, "end") - _time(what, "start")) / np.timedelta64(1, "m"))
    if "undetect" in what:
        value[raw == float(what["undetect"])] = 0.0
    if "nodata" in what:
        value[raw == float(what["nodata"])] = np.nan
    return value


def _grid(where: h5py.Group, shape: tuple[int, ...], path: Path) -> Grid:
    """From one corner and the pixel size; the opposite corner, where it is given, must agree."""
    crs = CRS.from_user_input(attribute(where, "projdef"))
    rows, columns = int(attribute(where, "ysize")), int(attribute(where, "xsize"))
    if shape != (rows, columns):
        raise ReadError(f"{path}: the image has {shape} pixels, its header says {(rows, columns)}; the file is inconsistent")
    pixel = float(attribute(where, "xscale")), float(attribute(where, "yscale"))
    to_map = Transformer.from_crs("OGC:CRS84", crs, always_xy=True)
    corners = {
        name: to_map.transform(float(attribute(where, f"{name}_lon")), float(attribute(where, f"{name}_lat")))
        for name in ("UL", "LL", "UR", "LR")
        if f"{name}_lon" in where.attrs
    }
    if "UL" in corners:
        west, north = corners["UL"]
    elif "LL" in corners:
        west, north = corners["LL"][0], corners["LL"][1] + rows * pixel[1]
    else:
        raise KeyError(f"expected the attributes UL_lon and UL_lat, or LL_lon and LL_lat, in {where.name}")
    grid = Grid.from_edges(crs, west=west, north=north, pixel=pixel, shape=(rows, columns))
    edges = dict(zip(("west", "south", "east", "north"), grid.edges, strict=True))
    for name, (x, y) in corners.items():
        expected = edges["west" if name[1] == "L" else "east"], edges["north" if name[0] == "U" else "south"]
        if abs(x - expected[0]) > pixel[0] or abs(y - expected[1]) > pixel[1]:
            raise ReadError(
                f"{path}: its corner {name} lies off by more than a pixel of {pixel[0]:g} x {pixel[1]:g}; the header is inconsistent"
            )
    return grid


def nominal_time(file: h5py.File) -> np.datetime64:
    """When the composite is for, by the service's own clock."""
    return _time(_what(file), "")


def _time(what: dict[str, Any], prefix: str) -> np.datetime64:
    date, clock = str(what[f"{prefix}date"]), str(what[f"{prefix}time"]).ljust(6, "0")
    return utc(int(date[:4]), int(date[4:6]), int(date[6:8]), int(clock[:2]), int(clock[2:4]), int(clock[4:6]))


def write_odim(frames: xr.DataArray, folder: str | Path, *, zr: ZRRule | None = None) -> list[Path]:
    """Write frames as ODIM_H5 composites of reflectivity, one file a scan.

    DBZH in 16 bits, steps of 0.01 dBZ; undetect where it is dry, nodata where NaN.

    Args:
        frames: (time, y, x) rain rate [mm h-1].
        folder: where the files go; made if absent.
        zr: rule from rain rate to reflectivity; Marshall-Palmer if None.

    Returns:
        The paths, in order of time.
    """
    grid, rule = grid_of(frames), zr or ZR_RULES["marshall-palmer"]
    gain, offset, nodata, undetect = 0.01, -100.0, 65535, 0
    to_lonlat = Transformer.from_crs(grid.crs, "OGC:CRS84", always_xy=True)
    west, south, east, north = grid.edges
    corners = {"UL": (west, north), "UR": (east, north), "LL": (west, south), "LR": (east, south)}
    paths = []
    for frame in frames:
        stamp = str(frame["time"].values.astype("datetime64[s]"))
        date, clock = stamp[:10].replace("-", ""), stamp[11:].replace(":", "")
        path = Path(folder) / f"{date}{clock}_composite.h5"
        dbz = reflectivity_from_rain_rate(frame.values, rule)
        code = np.where(np.isfinite(dbz), np.round((np.where(np.isfinite(dbz), dbz, 0.0) - offset) / gain).clip(1, 65534), undetect)
        code[np.isnan(frame.values)] = nodata
        with replacing(path) as beside, h5py.File(beside, "w") as file:
            file.attrs["Conventions"] = np.bytes_("ODIM_H5/V2_4")
            _write_attrs(file.create_group("what"), object="COMP", version="H5rad 2.4", date=date, time=clock, source="ORG:0,CMT:stormcell")
            where = {
                f"{name}_{axis}": value
                for name, xy in corners.items()
                for axis, value in zip(("lon", "lat"), to_lonlat.transform(*xy), strict=True)
            }
            size = {"xsize": grid.shape[1], "ysize": grid.shape[0], "xscale": grid.pixel[0], "yscale": grid.pixel[1]}
            _write_attrs(file.create_group("where"), projdef=grid.crs.to_wkt(), **where, **size)
            times = {"startdate": date, "starttime": clock, "enddate": date, "endtime": clock}
            _write_attrs(file.create_group("dataset1/what"), product="COMP", **times)
            _write_attrs(
                file.create_group("dataset1/data1/what"),
                quantity="DBZH",
                gain=gain,
                offset=offset,
                nodata=float(nodata),
                undetect=float(undetect),
            )
            file.create_dataset("dataset1/data1/data", data=code.astype(np.uint16), compression="gzip", compression_opts=4, shuffle=True)
        paths.append(path)
    return paths


def _write_attrs(group: h5py.Group, **attrs: Any) -> None:
    for key, value in attrs.items():
        group.attrs[key] = np.bytes_(value) if isinstance(value, str) else value
