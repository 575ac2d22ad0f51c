"""The contract of a labelled field of rain: what every reader gives, every method takes, every product writes.

Past frames are an `xarray.DataArray` with dims (time, y, x); a forecast has (member, lead_time, y, x), `member` always there.
Values are rain rates in mm h-1, float32. NaN means that the radar did not see a place, 0 that it saw no rain there: the two
never mix. Row 0 is north, column 0 is west, `x` and `y` are cell centres; the projection is a CF grid mapping in the scalar
coordinate `spatial_ref`. `time` is UTC, the end of the scan, evenly spaced: a missing scan is a frame of NaN.
"""

import warnings
from typing import Any

import numpy as np
import xarray as xr
from numpy.typing import ArrayLike, NDArray
from pyproj import CRS

from stormcell.errors import FramesError
from stormcell.grid import Grid

__all__ = [
    "Spans",
    "Times",
    "are_lead_times",
    "check_forecast",
    "check_frames",
    "coordinates_of",
    "grid_of",
    "label_frames",
    "make_forecast",
    "make_frames",
    "step_of",
]

UNITS = "mm h-1"
STANDARD_NAME = "rainfall_rate"

Times = NDArray[np.datetime64]
"""Moments, UTC."""

Spans = NDArray[np.timedelta64]
"""From one moment to another."""


def make_frames(rain_rate: ArrayLike, times: ArrayLike, grid: Grid, **attrs: Any) -> xr.DataArray:
    """Label a stack of radar images.

    Args:
        rain_rate: (time, y, x) or a single (y, x) image [mm h-1]; NaN not seen, 0 dry.
        times: UTC time of each image, the end of its scan.
        grid: where the pixels are.
        **attrs: anything worth keeping about the origin (source, Z-R rule, product ...).

    Returns:
        (time, y, x), checked by `check_frames`.

    Raises:
        FramesError: the parts do not fit together.
    """
    return check_frames(label_frames(rain_rate, times, grid, **attrs))


def label_frames(rain_rate: ArrayLike, times: ArrayLike, grid: Grid, **attrs: Any) -> xr.DataArray:
    """Like `make_frames`, but not checked: what a reader takes from one file may have gaps, which `join_frames` makes explicit."""
    values = np.asarray(rain_rate, dtype=np.float32)
    values = values[np.newaxis] if values.ndim == 2 else values
    stamps = np.atleast_1d(np.asarray(times, dtype="datetime64[ns]"))
    if values.ndim != 3 or values.shape[0] != stamps.size or values.shape[1:] != grid.shape:
        raise FramesError(f"frames: {values.shape} values do not fit {stamps.size} times and a grid of {grid.shape}")
    time = xr.Variable("time", stamps, {"standard_name": "time", "long_name": "end of the scan", "axis": "T"})
    return xr.DataArray(
        values,
        dims=("time", "y", "x"),
        coords={"time": time, **coordinates_of(grid)},
        name=STANDARD_NAME,
        attrs={"standard_name": STANDARD_NAME, "long_name": "rain rate", "units": UNITS, "grid_mapping": "spatial_ref", **attrs},
    )


def make_forecast(rain_rate: ArrayLike, past: xr.DataArray, lead_times: Spans, *, method: str, **attrs: Any) -> xr.DataArray:
    """Label a forecast that was made from `past`.

    Args:
        rain_rate: (member, lead_time, y, x) [mm h-1].
        past: the frames it was made from; the forecast's reference time is the last of them.
        lead_times: time from the reference time to each forecast field.
        method: name of the method, kept as an attribute.
        **attrs: what else the method wants to say.

    Returns:
        (member, lead_time, y, x) with coordinates `member`, `lead_time`, `time` (valid time) and `forecast_reference_time`.
    """
    values = np.asarray(rain_rate, dtype=np.float32)
    reference = past["time"].values[-1]
    leads = np.asarray(lead_times, dtype="timedelta64[ns]")
    if values.ndim != 4 or values.shape[1:] != (leads.size, *past.shape[1:]):
        raise FramesError(f"forecast: {values.shape} values do not fit {leads.size} lead times and a grid of {past.shape[1:]}")
    coords = {
        "member": xr.Variable("member", np.arange(values.shape[0], dtype=np.int32), {"standard_name": "realization", "units": "1"}),
        "lead_time": xr.Variable("lead_time", leads, {"standard_name": "forecast_period", "long_name": "time since the last scan"}),
        "time": xr.Variable("lead_time", reference + leads, {"standard_name": "time", "long_name": "valid time"}),
        "forecast_reference_time": xr.Variable(
            (), reference, {"standard_name": "forecast_reference_time", "long_name": "time of the last scan"}
        ),
        **coordinates_of(grid_of(past)),
    }
    kept = {key: value for key, value in past.attrs.items() if key not in ("gaps",)}
    forecast = xr.DataArray(
        values, dims=("member", "lead_time", "y", "x"), coords=coords, name=STANDARD_NAME, attrs={**kept, "method": method, **attrs}
    )
    return check_forecast(forecast)


def coordinates_of(grid: Grid) -> dict[str, xr.Variable]:
    """The CF coordinates `x`, `y` and `spatial_ref` of a grid."""
    if grid.crs.is_geographic:
        x_attrs = {"standard_name": "longitude", "long_name": "longitude", "units": "degrees_east", "axis": "X"}
        y_attrs = {"standard_name": "latitude", "long_name": "latitude", "units": "degrees_north", "axis": "Y"}
    else:
        unit = "km" if grid.crs.axis_info[0].unit_name == "kilometre" else "m"
        x_attrs = {"standard_name": "projection_x_coordinate", "long_name": "easting, cell centre", "units": unit, "axis": "X"}
        y_attrs = {"standard_name": "projection_y_coordinate", "long_name": "northing, cell centre", "units": unit, "axis": "Y"}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)  # some projections have no full CF form; crs_wkt holds all of them
        mapping = grid.crs.to_cf()
    wkt = grid.crs.to_wkt()
    return {
        "x": xr.Variable("x", grid.x, x_attrs),
        "y": xr.Variable("y", grid.y, y_attrs),
        "spatial_ref": xr.Variable((), np.int32(0), {**mapping, "crs_wkt": wkt, "spatial_ref": wkt}),
    }


def grid_of(field: xr.DataArray) -> Grid:
    """The grid of a labelled field.

    Raises:
        FramesError: the field carries no projection in `spatial_ref`.
    """
    try:
        wkt = field.coords["spatial_ref"].attrs["crs_wkt"]
    except KeyError:
        raise FramesError("field: expected a scalar coordinate 'spatial_ref' with a crs_wkt; build fields with make_frames") from None
    return Grid(CRS.from_wkt(wkt), field["x"].values.astype(np.float64), field["y"].values.astype(np.float64))


def check_frames(frames: xr.DataArray) -> xr.DataArray:
    """Hold past frames to the contract at the top of this file, and hand them back unchanged.

    Raises:
        FramesError: says which sentence of the contract is broken.
    """
    if frames.dims != ("time", "y", "x"):
        raise FramesError(f"frames: expected dims (time, y, x), got {frames.dims}")
    times = frames["time"].values if "time" in frames.coords else np.array([])
    if times.size == 0 or not np.issubdtype(times.dtype, np.datetime64) or np.isnat(times).any():
        raise FramesError(f"frames: expected at least one time, all of them datetime64, got {times.size} of {times.dtype}")
    if times.size > 1 and len(set(np.diff(times))) > 1 or times.size > 1 and times[1] <= times[0]:
        raise FramesError("frames: expected rising, evenly spaced times; join_frames sorts them and makes gaps explicit")
    return _check_field(frames)


def are_lead_times(values: NDArray[Any]) -> bool:
    """Are these one or more spans of time that rise, the first above zero?"""
    zero = np.timedelta64(0, "s")
    spans = values.ndim == 1 and values.size > 0 and np.issubdtype(values.dtype, np.timedelta64)
    return bool(spans and (np.diff(values, prepend=zero) > zero).all())


def check_forecast(forecast: xr.DataArray) -> xr.DataArray:
    """Hold a forecast to the contract at the top of this file, and hand it back unchanged.

    Raises:
        FramesError: says which sentence of the contract is broken.
    """
    if forecast.dims != ("member", "lead_time", "y", "x"):
        raise FramesError(f"forecast: expected dims (member, lead_time, y, x), got {forecast.dims}")
    leads = forecast["lead_time"].values
    if not are_lead_times(leads):
        raise FramesError(f"forecast: expected rising lead times above zero, got {leads}")
    for name in ("time", "forecast_reference_time"):
        if name not in forecast.coords:
            raise FramesError(f"forecast: expected a coordinate {name!r}; build forecasts with make_forecast")
    return _check_field(forecast)


def _check_field(field: xr.DataArray) -> xr.DataArray:
    if field.attrs.get("units") != UNITS:
        raise FramesError(f"field: expected rain rate in {UNITS!r}, got units {field.attrs.get('units')!r}; stormcell.units converts")
    if field.dtype != np.float32:
        raise FramesError(f"field: expected float32 values, got {field.dtype}; make_frames converts")
    if field.size == 0:
        raise FramesError(f"field: expected at least one value, got the shape {field.shape}")
    grid_of(field)
    lowest, highest = float(np.fmin.reduce(field.values, axis=None)), float(np.fmax.reduce(field.values, axis=None))
    if lowest < 0 or highest == np.inf:
        raise FramesError(
            f"field: expected finite rain rates of 0 or more, got {lowest:g} to {highest:g} mm h-1; set what is no measurement to NaN"
        )
    return field


def step_of(frames: xr.DataArray) -> np.timedelta64:
    """The time between two frames.

    Raises:
        FramesError: there is only one frame.
    """
    times = frames["time"].values
    if times.size < 2:
        raise FramesError("frames: expected two frames or more to tell the time step, got one; give more files")
    return np.timedelta64(times[1] - times[0])
