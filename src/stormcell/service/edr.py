"""What is published, as collections of OGC API - Environmental Data Retrieval: one of the scans, one of each method."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import numpy as np
from numpy.typing import NDArray

from stormcell.data.cut_out import Box, window_in
from stormcell.errors import FramesError
from stormcell.service.catalogue import Published
from stormcell.service.coverage_json import Parameter, grid_coverage, point_series
from stormcell.service.database import PublishedForecast, PublishedScan
from stormcell.service.fields_cache import QUANTILES, Field, FieldsCache
from stormcell.service.places import pixel_at, pixels_at
from stormcell.service.polygons import mask_of
from stormcell.service.problems import Problem
from stormcell.service.web import utc

__all__ = ["OBSERVED", "Chosen", "Plane", "Selection", "area", "chosen", "collection_ids", "cube", "parameters_of", "position", "select"]

OBSERVED = "observed"
"""Collection of the scans; those of forecasts are `forecast-` and the name of the method."""

_NEWEST_SCANS = 24  # of the scans, where no time is asked for
_MOST_TIMES = 300
_MOST_VALUES = 1_000_000

_RAIN = Parameter("rain rate", "mm/h", "millimetres per hour")


Chosen = dict[str, tuple[Parameter, str, int | None]]
"""Name of a parameter -> what it is, its variable, and its place along the first axis of that."""


@dataclass(frozen=True)
class Plane:
    """A field of a time.

    Args:
        time: it is valid at.
        key: of the published field.
        step: number of the lead time, counted from 0; None of a scan.
    """

    time: np.datetime64
    key: str
    step: int | None


@dataclass(frozen=True)
class Selection:
    """What a question is about.

    Args:
        newest: time of the newest scan that is behind it.
        planes: by time.
    """

    newest: np.datetime64
    planes: tuple[Plane, ...]

    @property
    def times(self) -> list[datetime]:
        """Of the planes."""
        return [utc(one.time) for one in self.planes]


def collection_ids(published: Published) -> list[str]:
    """Of what is published now."""
    return [*([OBSERVED] if published.scans else []), *(f"forecast-{name}" for name in sorted(published.newest))]


def select(published: Published, collection: str, instance: str | None, when: str | None) -> Selection:
    """The planes of a collection.

    Args:
        published: now.
        collection: its id.
        instance: time of the newest scan behind a forecast, as `20240701T120000Z`; the newest forecast if None.
        when: a time or an interval as OGC writes it, "2024-07-01T12:00:00Z/.."; everything if None, of the scans the newest.

    Raises:
        Problem: there is no such collection or instance, or nothing at that time.
    """
    if collection == OBSERVED and published.scans and instance is None:
        scans: Sequence[PublishedScan] = published.scans if when is not None else published.scans[-_NEWEST_SCANS:]
        newest = published.scans[-1].time
        planes = [Plane(one.time, one.key, None) for one in scans]
    else:
        one = _forecast(published, collection, instance)
        newest = one.reference_time
        planes = [Plane(time, one.key, step) for step, time in enumerate(one.reference_time + one.lead_times)]
    if when is not None:
        first, last = _interval(when)
        planes = [plane for plane in planes if first <= plane.time <= last]
    if not planes:
        raise Problem(404, "There is nothing at that time; the extent of the collection says which times there are.")
    if len(planes) > _MOST_TIMES:
        raise FramesError(f"datetime: expected at most {_MOST_TIMES} times, got {len(planes)}")
    return Selection(newest, tuple(planes))


def _forecast(published: Published, collection: str, instance: str | None) -> PublishedForecast:
    method = collection.removeprefix("forecast-") if collection.startswith("forecast-") else None
    if method is None or method not in published.newest:
        raise Problem(404, "There is no such collection; /v1/edr/collections lists those there are.")
    if instance is None:
        return published.newest[method]
    for one in published.forecasts:
        if one.method == method and f"{utc(one.reference_time):%Y%m%dT%H%M%SZ}" == instance:
            return one
    raise Problem(404, "There is no such instance; .../instances lists those there are.")


def parameters_of(field: Field) -> Chosen:
    """Name -> what it is, its variable, and its place along the first axis: rain rate, and of an ensemble chances and quantiles."""
    found: Chosen = {"rain_rate": (_RAIN, "rain_rate", None)}
    for number, threshold in enumerate(field.thresholds):
        says = Parameter(f"probability of {threshold:g} mm/h or more", "1", "1", "http://vocab.nerc.ac.uk/standard_name/rainfall_rate/")
        found[f"probability_of_{threshold:g}"] = says, "probability", number
    for number, level in enumerate(field.levels):
        found[f"rain_rate_quantile_{level:g}"] = Parameter(f"quantile {level:g} of rain rate", "mm/h", _RAIN.unit), QUANTILES, number
    return found


def position(fields: FieldsCache, selection: Selection, names: str | None, lon: float, lat: float) -> tuple[dict[str, Any], str | None]:
    """A series at a place as CoverageJSON, and why nothing is known there, if so."""
    parameters = chosen(fields.field(selection.planes[0].key), names)
    values = {name: np.full(len(selection.planes), np.nan, np.float32) for name in parameters}
    inside = False
    for number, plane in enumerate(selection.planes):
        pixel = pixel_at(fields.field(plane.key).grid, lat=lat, lon=lon)
        inside = inside or pixel is not None
        for name, (_, variable, place) in parameters.items():
            if pixel is not None:
                series = fields.at(plane.key, variable, *pixel)
                values[name][number] = series[tuple(one for one in (place, plane.step) if one is not None)]
    known = any(np.isfinite(array).any() for array in values.values())
    reason = None if known else "not_seen_by_the_radar" if inside else "outside_the_grid"
    return point_series(lon, lat, selection.times, {name: one[0] for name, one in parameters.items()}, values), reason


def cube(fields: FieldsCache, selection: Selection, names: str | None, box: Box) -> dict[str, Any]:
    """A box as CoverageJSON on a grid of longitude and latitude; each cell has the value of the pixel under its middle.

    Raises:
        FramesError: nothing of the grid lies in the box, or too much.
    """
    return _grid(fields, selection, names, box, None)


def area(fields: FieldsCache, selection: Selection, names: str | None, rings: list[list[tuple[float, float]]]) -> dict[str, Any]:
    """A polygon as CoverageJSON on a grid of longitude and latitude; outside the polygon it is null.

    Raises:
        FramesError: nothing of the grid lies in the polygon, or too much.
    """
    grid = fields.field(selection.planes[0].key).grid
    found = mask_of(grid, rings)
    if found is None:
        raise FramesError("coords: nothing of the grid lies in the polygon; the extent of the collection says where it is")
    rows, columns, mask = found
    whole = np.zeros(grid.shape, bool)
    whole[rows, columns] = mask
    outer = np.array(rings[0])
    (west, south), (east, north) = outer.min(axis=0), outer.max(axis=0)
    return _grid(fields, selection, names, (float(west), float(south), float(east), float(north)), whole)


def _grid(fields: FieldsCache, selection: Selection, names: str | None, box: Box, mask: NDArray[np.bool_] | None) -> dict[str, Any]:
    field = fields.field(selection.planes[0].key)
    parameters, grid = chosen(field, names), field.grid
    rows, columns = window_in(grid, box)
    lons, lats = _cells(grid.pixel_km, np.array(box), np.array(grid.crop(rows, columns).lonlat_box))
    count = lons.size * lats.size * len(selection.planes) * len(parameters)
    if count > _MOST_VALUES:
        raise FramesError(f"expected at most {_MOST_VALUES} values, got {count}; ask for less space, time or parameters, or for NetCDF")
    row, column = pixels_at(grid, *np.meshgrid(lons, lats))
    inside = (row >= rows.start) & (row < rows.stop) & (column >= columns.start) & (column < columns.stop)
    if mask is not None:
        inside &= mask[np.maximum(row, 0), np.maximum(column, 0)]
    values = {}
    for name, (_, variable, place) in parameters.items():
        array = np.full((len(selection.planes), lats.size, lons.size), np.nan, np.float32)
        for number, plane in enumerate(selection.planes):
            index = tuple(one for one in (place, plane.step) if one is not None)
            part = fields.field(plane.key).dataset[variable][(*index, rows, columns)].values
            array[number, inside] = part[row[inside] - rows.start, column[inside] - columns.start]
        values[name] = array
    return grid_coverage(lons, lats, selection.times, {name: one[0] for name, one in parameters.items()}, values)


def _cells(pixel_km: float, box: NDArray[np.float64], bounds: NDArray[np.float64]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Longitudes and latitudes of cells about as large as a pixel, in a box and within bounds; latitudes fall."""
    west, south = np.maximum(box[:2], bounds[:2])
    east, north = np.minimum(box[2:], bounds[2:])
    high = pixel_km / 111.2
    wide = high / max(0.05, float(np.cos(np.radians((south + north) / 2))))
    columns, rows = max(1, round((east - west) / wide)), max(1, round((north - south) / high))
    if columns * rows > _MOST_VALUES:
        raise FramesError(f"expected at most {_MOST_VALUES} values, got more; ask for less space, or for NetCDF")
    lons = west + (np.arange(columns) + 0.5) * (east - west) / columns
    return lons, north - (np.arange(rows) + 0.5) * (north - south) / rows


def chosen(field: Field, names: str | None) -> Chosen:
    """Some of the parameters of a field.

    Args:
        field: with them.
        names: of these, with commas; all if None.

    Raises:
        FramesError: a name is none of them.
    """
    known = parameters_of(field)
    if names is None:
        return known
    wanted = [name.strip() for name in names.split(",") if name.strip()]
    if not wanted or any(name not in known for name in wanted):
        raise FramesError(f"parameters: expected some of {', '.join(known)}")
    return {name: known[name] for name in dict.fromkeys(wanted)}


def _interval(text: str) -> tuple[np.datetime64, np.datetime64]:
    parts = text.split("/")
    if len(parts) > 2:
        raise FramesError("datetime: expected a time, or two times with a slash between, '..' for an open end")
    first, last = parts[0], parts[-1]
    return (
        np.datetime64("1900-01-01", "s") if first in ("..", "") and len(parts) == 2 else _time(first),
        np.datetime64("9999-01-01", "s") if last in ("..", "") and len(parts) == 2 else _time(last),
    )


def _time(text: str) -> np.datetime64:
    try:
        given = datetime.fromisoformat(text)
        zoned = given.astimezone(UTC) if given.tzinfo else given
    except (ValueError, OverflowError):
        raise FramesError("datetime: expected a time as 2024-07-01T12:00:00Z") from None
    return np.datetime64(zoned.replace(tzinfo=None), "s")
