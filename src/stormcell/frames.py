"""The contract of a labelled field of rain: what every reader gives, every method takes, every product writes.

Past frames are an `xarray.DataArray` with dims (time, y, x); a forecast has (member, lead_time, y, x), `member` always there.
Values are rain rates in mm h-1, float32. NaN means that the radar did not see a place, 0 that it saw no rain there: the two
never mix. Row 0 is north, column 0 is west, `x` and `y` are cell centres; the projection is a CF grid mapping in the scalar
coordinate `spatial_ref`. `time` is UTC, the end of the scan, evenly spaced: a missing scan is a frame of NaN.
"""

import warnings
from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd
import xarray as xr
from numpy.typing import ArrayLike, NDArray
from pyproj import CRS

from stormcell.errors import FramesError, UnitsError
from stormcell.grid import Grid

__all__ = [
    "check_forecast",
    "check_frames",
    "coordinates_of",
    "gaps_of",
    "grid_of",
    "join_frames",
    "make_forecast",
    "make_frames",
    "minutes",
    "parse_lead_times",
    "regular_times",
    "step_of",
]

UNITS = "mm h-1"
STANDARD_NAME = "rainfall_rate"
_MAX_FILLED_BYTES = 8 * 2**30

Times = NDArray[np.datetime64]
Spans = NDArray[np.timedelta64]


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
    values = np.asarray(rain_rate, dtype=np.float32)
    values = values[np.newaxis] if values.ndim == 2 else values
    stamps = np.atleast_1d(np.asarray(times, dtype="datetime64[ns]"))
    if values.ndim != 3 or values.shape[0] != stamps.size or values.shape[1:] != grid.shape:
        raise FramesError(f"frames: {values.shape} values do not fit {stamps.size} times and a grid of {grid.shape}")
    time = xr.Variable("time", stamps, {"standard_name": "time", "long_name": "end of the scan", "axis": "T"})
    frames = xr.DataArray(
        values,
        dims=("time", "y", "x"),
        coords={"time": time, **coordinates_of(grid)},
        name=STANDARD_NAME,
        attrs={"standard_name": STANDARD_NAME, "long_name": "rain rate", "units": UNITS, "grid_mapping": "spatial_ref", **attrs},
    )
    return check_frames(frames)


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
        x_attrs = {"standard_name": "projection_x_coordinate", "long_name": "easting, cell centre", "units": "m", "axis": "X"}
        y_attrs = {"standard_name": "projection_y_coordinate", "long_name": "northing, cell centre", "units": "m", "axis": "Y"}
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
    times = frames["time"].values
    if times.size == 0:
        raise FramesError("frames: expected at least one time, got none")
    if times.size > 1 and len(set(np.diff(times))) > 1 or times.size > 1 and times[1] <= times[0]:
        raise FramesError("frames: expected rising, evenly spaced times; use join_frames, which sorts and makes gaps explicit")
    return _check_field(frames)


def check_forecast(forecast: xr.DataArray) -> xr.DataArray:
    """Hold a forecast to the contract at the top of this file, and hand it back unchanged.

    Raises:
        FramesError: says which sentence of the contract is broken.
    """
    if forecast.dims != ("member", "lead_time", "y", "x"):
        raise FramesError(f"forecast: expected dims (member, lead_time, y, x), got {forecast.dims}")
    leads = forecast["lead_time"].values
    if leads.size == 0 or leads[0] <= np.timedelta64(0) or np.any(np.diff(leads) <= np.timedelta64(0)):
        raise FramesError(f"forecast: expected rising lead times above zero, got {leads}")
    for name in ("time", "forecast_reference_time"):
        if name not in forecast.coords:
            raise FramesError(f"forecast: expected a coordinate {name!r}; build forecasts with make_forecast")
    return _check_field(forecast)


def _check_field(field: xr.DataArray) -> xr.DataArray:
    if field.attrs.get("units") != UNITS:
        raise FramesError(f"field: expected rain rate in {UNITS!r}, got units {field.attrs.get('units')!r}")
    if field.dtype != np.float32:
        raise FramesError(f"field: expected float32 values, got {field.dtype}")
    grid_of(field)
    if field.size and (lowest := float(field.min())) < 0:
        raise FramesError(f"field: expected rain rates of 0 or more, got {lowest:g} mm h-1")
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


def gaps_of(frames: xr.DataArray) -> int:
    """How many frames are missing scans, that is, wholly NaN."""
    return int(frames.isnull().all(dim=("y", "x")).sum())


def regular_times(times: ArrayLike) -> Times:
    """The even time axis on which these scans lie, gaps filled in.

    The step is the most frequent difference between neighbouring scans (the shorter one of equals). Scans may be off the even
    axis by a tenth of a step.

    Args:
        times: the scans' times, in any order, duplicates allowed.

    Returns:
        Rising, evenly spaced times from the first scan to the last.

    Raises:
        FramesError: the times fit no even step; the message names the first that does not.
    """
    stamps = np.unique(np.asarray(times, dtype="datetime64[ns]"))
    if stamps.size < 2:
        return stamps
    steps, counts = np.unique(np.diff(stamps), return_counts=True)
    step = steps[np.argmax(counts)]
    slots = (stamps - stamps[0]) / step
    off = np.abs(slots - np.round(slots))
    if off.max() > 0.1:
        odd = pd.Timestamp(stamps[int(np.argmax(off > 0.1))])
        raise FramesError(
            f"frames: uneven steps: most scans are {pd.Timedelta(step).total_seconds() / 60:g} min apart, "
            f"but the one at {odd:%Y-%m-%d %H:%M:%S} lies between; leave it out or give scans of one product only"
        )
    axis: Times = stamps[0] + step * np.arange(int(round(slots[-1])) + 1)
    return axis


def join_frames(parts: Sequence[xr.DataArray], *, times: Times | None = None) -> xr.DataArray:
    """Put frames from several files on one even time axis.

    Late frames are sorted in, of two frames for the same time the later in `parts` is dropped, a missing scan becomes a frame of
    NaN and is counted in the attribute `gaps`.

    Args:
        parts: frames, each (time, y, x), in any order, all on the same grid.
        times: the even axis to fill; found by `regular_times` if not given. Frames off it are left out.

    Returns:
        (time, y, x).

    Raises:
        FramesError: no frames, different grids, uneven steps, or gaps so long that the filled field would not fit in memory.
    """
    if not parts:
        raise FramesError("frames: expected at least one frame, got none")
    first = grid_of(parts[0])
    for part in parts[1:]:
        if not first.same_as(grid_of(part)):
            raise FramesError(
                f"frames: mixed grids: {_origin(parts[0])} has {first.shape[0]} x {first.shape[1]} pixels, "
                f"{_origin(part)} has {part.shape[1]} x {part.shape[2]} or lies elsewhere; give scans of one product only"
            )
    axis = regular_times(np.concatenate([part["time"].values for part in parts])) if times is None else times
    step = axis[1] - axis[0] if axis.size > 1 else np.timedelta64(1, "ns")
    frame_bytes = 4 * first.shape[0] * first.shape[1]
    given = sum(part.sizes["time"] for part in parts)
    if axis.size > 2 * given and axis.size * frame_bytes > _MAX_FILLED_BYTES:
        raise FramesError(
            f"frames: {given} scans lie over {axis.size} time steps, from {axis[0]} to {axis[-1]}; "
            "filling the gaps would not fit in memory; give one event at a time"
        )
    values = np.full((axis.size, *first.shape), np.nan, dtype=np.float32)
    filled = np.zeros(axis.size, dtype=bool)
    for part in parts:
        slots = np.round((part["time"].values - axis[0]) / step).astype(int)
        for row, slot in enumerate(slots):
            if 0 <= slot < axis.size and not filled[slot]:
                values[slot], filled[slot] = part.values[row], True
    attrs = {key: value for key, value in parts[0].attrs.items() if key not in ("gaps", "source", "pixels_screened")}
    sources = dict.fromkeys(part.attrs["source"] for part in parts if "source" in part.attrs)
    attrs |= {"source": "; ".join(sources)} if sources else {}
    screened = sum(int(part.attrs.get("pixels_screened", 0)) for part in parts)
    attrs |= {"pixels_screened": screened} if screened else {}
    return make_frames(values, axis, first, **{**attrs, "gaps": int((~filled).sum())})


def _origin(part: xr.DataArray) -> str:
    return str(part.attrs.get("file", part["time"].values[0]))


def minutes(first: float, last: float, *, step: float) -> Spans:
    """Evenly spaced lead times, both ends included.

    Example:
        >>> minutes(5, 15, step=5) / np.timedelta64(1, "m")
        array([ 5., 10., 15.])
    """
    values = np.arange(first, last + step / 2, step)
    return (values * 60e9).round().astype("timedelta64[ns]")


def parse_lead_times(text: str, step: np.timedelta64) -> Spans:
    """Lead times up to "120min", "2h" or "90" (minutes), one per time step of the radar.

    Raises:
        UnitsError: the text is no duration, or shorter than one step.
    """
    try:
        last = pd.Timedelta(float(text), "min") if text.replace(".", "", 1).isdigit() else pd.Timedelta(text)
    except ValueError:
        raise UnitsError(f"lead time {text!r} is not understood: expected something like 60min, 2h or 1h30min") from None
    count = int(last / pd.Timedelta(step) + 1e-9) if last > pd.Timedelta(0) else 0
    if count < 1:
        raise UnitsError(f"lead time {text!r} is shorter than the radar's step of {pd.Timedelta(step).total_seconds() / 60:g} min")
    return (np.arange(1, count + 1) * np.timedelta64(step)).astype("timedelta64[ns]")
