"""Forecasts and frames as CF NetCDF files, and forecasts back from them.

The file holds `rainfall_rate` with dims (member, lead_time, y, x) or (time, y, x) [mm h-1], NaN where the radar did not see;
`forecast_period`, `forecast_reference_time` and `realization` by their CF names; the projection in `spatial_ref`. Products of an ensemble
are further variables, with `threshold` and `quantile` as coordinates.
It follows CF-1.11 and opens in xarray, GDAL and QGIS.
"""

import datetime
import io
import json
from importlib.metadata import version
from pathlib import Path
from typing import Any, final

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from stormcell.atomic import replacing
from stormcell.errors import FramesError, ReadError
from stormcell.frames import STANDARD_NAME, check_forecast, check_frames, coordinates_of, grid_of

__all__ = ["read_forecast", "write_netcdf", "write_products"]

CONVENTIONS = "CF-1.11"
_CHUNK_SIDE = 1024
_UTC = {"units_metadata": "leap_seconds: none"}  # seconds are counted as in POSIX time
_WITH_MEANING = ("_FillValue", "missing_value", "scale_factor", "add_offset", "valid_min", "valid_max", "valid_range", "coordinates")


def write_netcdf(field: xr.DataArray, path: str | Path, *, products: xr.Dataset | None = None) -> None:
    """Write a forecast, or past frames, as a CF NetCDF file.

    Args:
        field: (member, lead_time, y, x) or (time, y, x) rain rate [mm h-1], under the contract of `stormcell.frames`.
        path: where to; the file appears there whole or not at all.
        products: of `ensemble_products`, from this forecast, to go into the same file.

    Raises:
        FramesError: the field breaks the contract.
        WriteError: the path cannot be written.
    """
    field = check_forecast(field) if "lead_time" in field.dims else check_frames(field)
    _write([field, *(products or {}).values()], path)


def write_products(products: xr.Dataset, path: str | Path) -> None:
    """Write the products of an ensemble without its members: a small file, from which `read_forecast` cannot give the forecast back.

    Args:
        products: of `ensemble_products`, one or more.
        path: where to; the file appears there whole or not at all.

    Raises:
        FramesError: there is no product.
        WriteError: the path cannot be written.
    """
    if not products:
        raise FramesError("products: expected at least one, got none; ask ensemble_products for a probability, a quantile or a mean")
    _write(list(products.values()), path)


def _write(fields: list[xr.DataArray], path: str | Path) -> None:
    coords: dict[str, xr.Variable] = {}
    for field in fields:
        coords |= {str(name): _coordinate(coord.variable) for name, coord in field.coords.items() if name != "spatial_ref"}
    mapping = xr.Variable((), np.int32(0), _mapping_attrs(fields[0]), {"coordinates": None})
    variables = {str(field.name): _variable(field) for field in fields}
    dataset = xr.Dataset({**variables, "spatial_ref": mapping}, coords, _global_attrs(fields[0]))
    with replacing(path) as beside, _PatientFile(beside, "wb+") as file:
        dataset.to_netcdf(file, engine="h5netcdf")
        if file.failure is not None:
            raise file.failure


def _variable(field: xr.DataArray) -> xr.Variable:
    attrs = {name: _plain(value) for name, value in field.attrs.items() if value is not None and name not in _WITH_MEANING}
    return xr.Variable(field.dims, field.variable._data, attrs, _encoding(field))


def read_forecast(path: str | Path) -> xr.DataArray:
    """Read a forecast that `write_netcdf` wrote.

    Returns:
        (member, lead_time, y, x) rain rate [mm h-1], identical to what was written.

    Raises:
        ReadError: the file is absent, broken, or holds no forecast of stormcell.
    """
    try:
        with xr.open_dataset(path, engine="h5netcdf", decode_timedelta=True) as dataset:
            field = dataset.set_coords("spatial_ref")[STANDARD_NAME].load()
        field.attrs["grid_mapping"] = "spatial_ref"
        for name in _UTC:
            for coord in field.coords.values():
                coord.attrs.pop(name, None)
        return check_forecast(field.assign_coords(coordinates_of(grid_of(field))))
    except (OSError, KeyError, ValueError, FramesError) as error:
        raise ReadError(f"{path}: not a forecast written by stormcell ({error})") from error


@final
class _PatientFile(io.FileIO):
    """A file that keeps its first error for later: HDF5 crashes the process when it cannot write, a full disk is enough."""

    failure: OSError | None = None

    def write(self, data: Any) -> int:
        """Write all of it, or act as if."""
        left = memoryview(data).cast("B")
        size = left.nbytes
        try:
            while left and self.failure is None:
                left = left[super().write(left) :]
        except OSError as error:
            self.failure = error
        return size

    def truncate(self, size: int | None = None) -> int:
        """Cut or extend, or act as if."""
        try:
            return super().truncate(size)
        except OSError as error:
            self.failure = self.failure or error
            return size or 0


def _encoding(field: xr.DataArray) -> dict[str, Any]:
    rows, columns = field.shape[-2:]
    chunks = (*(1 for _ in field.dims[:-2]), min(rows, _CHUNK_SIDE), min(columns, _CHUNK_SIDE))
    scalars = [name for name in ("time", "forecast_reference_time") if name in field.coords and name not in field.dims]
    missing = np.float32(np.nan) if field.dtype.kind == "f" else None
    return {
        "_FillValue": missing,
        "zlib": True,
        "complevel": 1,
        "shuffle": True,
        "chunksizes": chunks,
        "coordinates": " ".join(scalars) or None,
    }


def _coordinate(variable: xr.Variable) -> xr.Variable:
    """A coordinate as CF wants it: times as whole numbers of a named unit, no fill value."""
    encoding: dict[str, Any] = {"_FillValue": None}
    attrs = dict(variable.attrs)
    if variable.dtype.kind == "M":
        unit = _whole_unit(variable.values.astype("datetime64[ns]").astype(np.int64), ("seconds",))
        encoding |= {"units": f"{unit} since 1970-01-01 00:00:00", "calendar": "standard", "dtype": "int64"}
        attrs |= _UTC
    if variable.dtype.kind == "m":
        unit = _whole_unit(variable.values.astype("timedelta64[ns]").astype(np.int64), ("minutes", "seconds"))
        encoding |= {"units": unit, "dtype": "int64"}
    return xr.Variable(variable.dims, variable.values, attrs, encoding)


def _whole_unit(nanoseconds: NDArray[np.int64], units: tuple[str, ...]) -> str:
    """The first of `units` in which all values are whole, or nanoseconds."""
    length = {"minutes": 60_000_000_000, "seconds": 1_000_000_000}
    return next((unit for unit in units if not np.any(nanoseconds % length[unit])), "nanoseconds")


def _mapping_attrs(field: xr.DataArray) -> dict[str, Any]:
    """The projection as CF and its checker want it: pyproj leaves out two required attributes."""
    attrs = dict(field.coords["spatial_ref"].attrs)
    if attrs.get("grid_mapping_name") == "polar_stereographic" and "standard_parallel" in attrs:
        attrs.setdefault("latitude_of_projection_origin", float(np.copysign(90.0, attrs["standard_parallel"])))
    if "azimuth_of_central_line" in attrs:  # the name in the CF text; the checker's own table says azimuth
        attrs["azimuth"] = attrs["azimuth_of_central_line"]
    return attrs


def _global_attrs(field: xr.DataArray) -> dict[str, str]:
    program = f"stormcell {version('stormcell')}"
    method = field.attrs.get("method")
    radar = field.attrs.get("source", "weather radar")
    now = datetime.datetime.now(datetime.UTC)
    kept = {name: str(field.attrs[name]) for name in ("institution", "references", "licence", "attribution") if field.attrs.get(name)}
    return {
        "Conventions": CONVENTIONS,
        "title": f"Rain nowcast by {method}" if method else "Rain rate from weather radar",
        "source": f"{program}, method {method}, from {radar}" if method else str(radar),
        "history": f"{now:%Y-%m-%dT%H:%M:%SZ} written by {program}",
        "stormcell_version": version("stormcell"),
        **kept,
    }


def _plain(value: Any) -> Any:
    """An attribute as NetCDF can hold it: text, a number or an array of numbers; what is neither becomes JSON."""
    if isinstance(value, bool | np.bool_):
        return int(value)
    if isinstance(value, str | int | float | np.number):
        return value
    if isinstance(value, np.ndarray) and value.dtype.kind in "iuf":
        return value
    if isinstance(value, list | tuple) and value and all(isinstance(item, int | float) for item in value):
        return np.array(value, dtype=np.float64)
    return json.dumps(value, default=str) if isinstance(value, list | tuple | dict) else str(value)
