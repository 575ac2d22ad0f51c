"""CF NetCDF and Zarr: any variable that carries a standard name of precipitation or radar reflectivity.

Looked up by standard name first, then by the variable names in common use. Reflectivity at or below 0 dBZ (0.04 mm/h by
Marshall-Palmer) counts as dry: files without a mark for "no echo" put it there.
"""

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import xarray as xr
from numpy.typing import NDArray
from pyproj import CRS

from stormcell.data.content import Content, check_size
from stormcell.data.hdf5 import opened
from stormcell.data.zarr_folder import check_folder
from stormcell.errors import ReadError, UnitsError
from stormcell.frames import label_frames
from stormcell.grid import Grid
from stormcell.units import ZR_RULES, ZRRule, mm_per_hour_factor, rain_rate_from_accumulation, rain_rate_from_reflectivity

__all__ = ["ZarrStore", "read_cf", "recognises", "times"]

_RATES = {"rainfall_rate", "rainfall_flux", "precipitation_flux", "lwe_precipitation_rate", "lwe_rainfall_rate"}
_REFLECTIVITIES = {"equivalent_reflectivity_factor"}
_AMOUNTS = {"rainfall_amount", "precipitation_amount", "lwe_thickness_of_precipitation_amount", "thickness_of_rainfall_amount"}
_NAMES = {
    **dict.fromkeys(("rainfall_rate", "rain_rate", "rainfall_flux", "precipitation_flux", "mmh", "rr", "tprate", "prate"), "rainfall_rate"),
    **dict.fromkeys(("equivalent_reflectivity_factor", "dbz", "dbzh", "reflectivity"), "equivalent_reflectivity_factor"),
    **dict.fromkeys(("rainfall_amount", "precipitation_amount", "precipitation", "tp"), "rainfall_amount"),
}
_RANKS = (_RATES, _AMOUNTS, _REFLECTIVITIES)
_MAX_BYTES = 8 * 2**30
_FORECAST_DIMS = {"member", "lead_time", "forecast_period", "realization"}


class ZarrStore(Content):
    """A Zarr archive: a folder where other formats have a file.

    Raises:
        ReadError: it holds what no archive of radar data does; see `stormcell.data.zarr_folder`.
    """

    def __init__(self, path: str | Path) -> None:
        self.path = Path(path)
        self.packing = None
        self.__dict__["head"] = b"ZARR" if is_zarr(self.path) else b""
        if self.head:
            check_folder(self.path)


def is_zarr(path: Path) -> bool:
    """Is this folder the root of a Zarr archive?"""
    return any((path / name).is_file() for name in ("zarr.json", ".zgroup", ".zmetadata"))


def recognises(content: Content) -> bool:
    """NetCDF-3, NetCDF-4 or Zarr that holds a variable we can use."""
    if not (content.head.startswith((b"\x89HDF", b"CDF\x01", b"CDF\x02")) or content.head == b"ZARR"):
        return False
    with _open(content) as dataset:
        return bool(_candidates(dataset))


def times(content: Content) -> NDArray[np.datetime64]:
    """The times along the file's time axis."""
    with _open(content) as dataset:
        _variable(dataset, content.path)  # says what is wrong with a file that is no radar image, before its times do
        return _ends(dataset, content.path)


def read_cf(
    path: str | Path, *, zr: ZRRule | None = None, since: np.datetime64 | None = None, until: np.datetime64 | None = None
) -> xr.DataArray:
    """Read rain from a CF NetCDF file or Zarr archive.

    Args:
        path: the file, which may be packed, or the archive's folder.
        zr: rule from reflectivity to rain rate; Marshall-Palmer if None.
        since: leave out frames before this time.
        until: leave out frames after this time.

    Returns:
        (time, y, x) rain rate [mm h-1], as the file's own times are (they may be uneven: `join_frames` makes gaps explicit).

    Raises:
        ReadError: no variable, axis, unit or projection that can be used, or more frames than fit in memory; the message says which.
    """
    store = ZarrStore(path) if Path(path).is_dir() else Content(path)
    with _open(store) as dataset:
        variable, standard_name = _variable(dataset, store.path)
        y, x = _axis(dataset, variable, "y", store.path), _axis(dataset, variable, "x", store.path)
        stamps = _ends(dataset, store.path)
        field = variable if "time" in variable.dims else variable.expand_dims("time")
        wanted = np.ones(stamps.size, bool)
        wanted &= True if since is None else stamps >= since
        wanted &= True if until is None else stamps <= until
        field = field.transpose("time", y, x).isel(time=np.flatnonzero(wanted))
        check_size(store.path, *field.shape[1:])
        if 4 * field.size > _MAX_BYTES:
            raise ReadError(
                f"{store.path}: {field.sizes['time']} frames of {field.shape[1]} x {field.shape[2]} pixels do not fit in memory at once; "
                "ask for the last few (last= in Python) or for a part of them"
            )
        values = np.asarray(field.values, dtype=np.float32)
        rule = zr or ZR_RULES["marshall-palmer"]
        minutes = _minutes(dataset, stamps, store.path)[wanted] if standard_name in _AMOUNTS else np.empty(0)
        rain_rate = _rain_rate(values, standard_name, _units(variable), minutes, rule)
        grid, flips = _grid(dataset, variable, y, x, store.path)
        attrs = {"source": str(dataset.attrs.get("title", dataset.attrs.get("source", store.path.name))), "quantity": standard_name}
        attrs |= {"zr_rule": str(rule)} if standard_name in _REFLECTIVITIES else {}
        attrs |= {key: dataset.attrs[key] for key in ("institution", "references", "license") if key in dataset.attrs}
        return label_frames(rain_rate[:, *flips], stamps[wanted], grid, **attrs)


def _open(content: Content) -> xr.Dataset:
    if content.head == b"ZARR":
        return xr.open_dataset(content.path, engine="zarr", consolidated=False, chunks=None, decode_timedelta=False)
    engine = "scipy" if content.head.startswith(b"CDF") else "h5netcdf"
    if engine == "h5netcdf":
        with opened(content.file(), content.path):
            pass  # refused before xarray reads the axes
    return xr.open_dataset(content.file(), engine=engine, decode_timedelta=False, decode_coords="all")


def _candidates(dataset: xr.Dataset) -> list[tuple[xr.DataArray, str]]:
    """Variables that may be rain, and the standard name that each goes by. Where only the name of a variable tells, its unit decides."""
    known = _RATES | _REFLECTIVITIES | _AMOUNTS
    named = [
        (variable, variable.attrs["standard_name"])
        for variable in dataset.data_vars.values()
        if variable.attrs.get("standard_name") in known
    ]
    if named:
        return named
    meant = [(variable, _NAMES[str(name).lower()]) for name, variable in dataset.data_vars.items() if str(name).lower() in _NAMES]
    return [(variable, "rainfall_rate" if _is_rate(_units(variable)) else name) for variable, name in meant]


def _is_rate(units: str) -> bool:
    try:
        mm_per_hour_factor(units)
    except UnitsError:
        return False
    return True


def _variable(dataset: xr.Dataset, path: Path) -> tuple[xr.DataArray, str]:
    """The variable to read: a rate before an amount before reflectivity.

    Raises:
        ReadError: there is none, or it is a forecast or has dimensions that a radar image has not.
    """
    candidates = [(variable, name) for variable, name in _candidates(dataset) if variable.ndim >= 2]
    if not candidates:
        raise ReadError(
            f"{path}: holds {', '.join(map(str, dataset.data_vars)) or 'no variable'}; "
            "expected a variable with a standard name of rain or reflectivity"
        )
    variable, name = min(candidates, key=lambda candidate: next(rank for rank, group in enumerate(_RANKS) if candidate[1] in group))
    extra = set(map(str, variable.dims)) - {"time", _axis(dataset, variable, "y", path), _axis(dataset, variable, "x", path)}
    if extra:
        kind = "a forecast, not observations" if extra & _FORECAST_DIMS else f"a field with the extra dimensions {sorted(extra)}"
        raise ReadError(f"{path}: {variable.name} is {kind}; expected (time, y, x)")
    return variable, name


def _units(variable: xr.DataArray) -> str:
    return str(variable.attrs.get("units", ""))


def _rain_rate(
    values: NDArray[np.float32], standard_name: str, units: str, minutes: NDArray[np.float64], rule: ZRRule
) -> NDArray[np.float32]:
    """(time, y, x) [mm h-1]; `minutes` (time,) tells over how long an amount was gathered, and is not looked at for other quantities."""
    if standard_name in _REFLECTIVITIES:
        if units.lower() not in ("dbz", ""):
            raise UnitsError(f"reflectivity in {units!r}: expected dBZ")
        return np.where(values <= 0.0, np.float32(0.0), rain_rate_from_reflectivity(values, rule)).astype(np.float32)
    if standard_name in _AMOUNTS:
        to_mm = {"mm": 1.0, "kg m-2": 1.0, "kg/m2": 1.0, "m": 1000.0, "cm": 10.0}.get(units)
        if to_mm is None:
            raise UnitsError(f"rain amount in {units!r}: expected mm, kg m-2 or m")
        amounts = zip(values * np.float32(to_mm), minutes.tolist(), strict=True)
        rates = [rain_rate_from_accumulation(amount, covered) for amount, covered in amounts]
        return np.stack(rates).astype(np.float32) if rates else values
    return values * np.float32(mm_per_hour_factor(units))


def _axis(dataset: xr.Dataset, variable: xr.DataArray, axis: str, path: Path) -> str:
    """The dimension of the variable that runs along x or y, by CF attributes first, by name otherwise."""
    standard = {"x": {"projection_x_coordinate", "longitude"}, "y": {"projection_y_coordinate", "latitude"}}[axis]
    names = {"x": {"x", "lon", "longitude", "xc", "easting"}, "y": {"y", "lat", "latitude", "yc", "northing"}}[axis]
    for dim in map(str, variable.dims):
        attrs = dataset[dim].attrs if dim in dataset.coords else {}
        if attrs.get("standard_name") in standard or attrs.get("axis", "").lower() == axis or dim.lower() in names:
            return dim
    raise ReadError(f"{path}: {variable.name} has the dimensions {variable.dims}; expected one that runs along {axis}")


def _bounds(dataset: xr.Dataset) -> NDArray[np.datetime64] | None:
    """(time, 2), where the file has time bounds."""
    name = dataset["time"].attrs.get("bounds") or dataset["time"].encoding.get("bounds")
    return np.asarray(dataset[name].values).reshape(-1, 2) if name in dataset.variables else None


def _ends(dataset: xr.Dataset, path: Path) -> NDArray[np.datetime64]:
    """The end of each scan: the upper time bound where the file has bounds, otherwise its time."""
    if "time" not in dataset.variables:
        raise ReadError(f"{path}: expected a coordinate 'time'; without it the frames cannot be put in order")
    bounds = _bounds(dataset)
    stamps = np.atleast_1d(dataset["time"].values if bounds is None else bounds[:, 1])
    if not np.issubdtype(stamps.dtype, np.datetime64):
        raise ReadError(f"{path}: its times are {stamps.dtype}; expected a CF time such as 'minutes since 2020-01-01'")
    return stamps.astype("datetime64[ns]")


def _minutes(dataset: xr.Dataset, stamps: NDArray[np.datetime64], path: Path) -> NDArray[np.float64]:
    """(time,) how long each amount was gathered: from the time bounds, otherwise from the time step."""
    bounds = _bounds(dataset)
    if bounds is not None:
        return np.asarray((bounds[:, 1] - bounds[:, 0]) / np.timedelta64(1, "m"), np.float64)
    if stamps.size > 1:
        return np.full(stamps.size, pd.Series(np.diff(np.unique(stamps))).mode()[0] / pd.Timedelta("1min"))
    raise ReadError(f"{path}: a rain amount needs the time it covers; expected time bounds or more than one time")


def _grid(dataset: xr.Dataset, variable: xr.DataArray, y: str, x: str, path: Path) -> tuple[Grid, tuple[slice, slice]]:
    """The grid, and how to turn an image so that north is up and west is left."""
    if x not in dataset.coords or y not in dataset.coords:
        raise ReadError(f"{path}: expected coordinates for the dimensions {y} and {x}")
    mapping = variable.attrs.get("grid_mapping") or variable.encoding.get("grid_mapping")
    geographic = dataset[x].attrs.get("units", "").startswith("degree") or dataset[x].attrs.get("standard_name") == "longitude"
    if mapping in dataset.variables:
        attrs: dict[str, Any] = dict(dataset[mapping].attrs)
        wkt = attrs.get("crs_wkt") or attrs.get("spatial_ref")
        crs = CRS.from_wkt(wkt) if wkt else CRS.from_cf(attrs)
    elif geographic:
        crs = CRS.from_user_input("OGC:CRS84")
    else:
        raise ReadError(f"{path}: {variable.name} names no grid_mapping; expected one, so that its place on earth is known")
    crs_in_km = not crs.is_geographic and crs.axis_info[0].unit_name == "kilometre"
    axes: dict[str, NDArray[np.float64]] = {}
    for name in (x, y):
        to_crs_unit = 1000.0 if dataset[name].attrs.get("units") == "km" and not crs_in_km else 1.0
        axes[name] = dataset[name].values.astype(np.float64) * to_crs_unit
    west_first, north_first = bool(axes[x][0] <= axes[x][-1]), bool(axes[y][0] >= axes[y][-1])
    flips = (slice(None, None, 1 if north_first else -1), slice(None, None, 1 if west_first else -1))
    return Grid(crs, axes[x][flips[1]], axes[y][flips[0]]), flips
