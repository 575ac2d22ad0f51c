"""A forecast for a place, and for an area."""

from datetime import datetime, timedelta
from functools import lru_cache
from typing import Annotated, Any

import numpy as np
from fastapi import APIRouter, Body, Query, Request
from numpy.typing import NDArray
from starlette.responses import Response

from stormcell.errors import FramesError
from stormcell.service.answers import AreaForecast, AreaQuestion, Ensemble, PointForecast, Polygon, Probability, Quantile, Reason
from stormcell.service.catalogue import Published
from stormcell.service.database import PublishedForecast
from stormcell.service.describe import age_of
from stormcell.service.fields_cache import QUANTILES
from stormcell.service.places import pixel_at
from stormcell.service.point import WET, minute_values, outlook_of
from stormcell.service.polygons import mask_of
from stormcell.service.problems import PROBLEMS
from stormcell.service.routes.forecasts import Method
from stormcell.service.web import TheWeb, Web, answer, utc

__all__ = ["Lat", "Lon", "ROUTER"]

ROUTER = APIRouter(prefix="/v1", tags=["places"], responses=PROBLEMS)

Lat = Annotated[float, Query(ge=-90, le=90, allow_inf_nan=False, description="latitude [degrees]")]
Lon = Annotated[float, Query(ge=-180, le=180, allow_inf_nan=False, description="longitude [degrees]")]

_MOST_VALUES = 30_000_000  # pixels of an area times fields


@ROUTER.get("/point", response_model=PointForecast)
async def point(request: Request, web: TheWeb, lat: Lat, lon: Lon, method: Method = None) -> Response:
    """The newest forecast for a place, minute by minute: does it rain, when does rain start, when does it end?

    Between lead times values lie on straight lines. Beyond the grid, and where the radar does not see, they are null with the reason.
    """
    one = await web.newest(method)
    published = await web.catalogue.current()
    scan, ensemble = published.scan_at.get(one.reference_time), _ensemble_of(web, published, one)
    keys = [found.key for found in (one, scan, ensemble) if found is not None]
    if all(web.fields.at_once(key, lat=lat, lon=lon) for key in keys):  # quicker than to hand it to a thread
        return answer(request, _point(web, published, one, lat, lon))
    return answer(request, await web.work(lambda: _point(web, published, one, lat, lon)))


@ROUTER.post("/area", response_model=AreaForecast)
async def area(
    request: Request, web: TheWeb, question: Annotated[Polygon | AreaQuestion, Body(discriminator="type")], method: Method = None
) -> Response:
    """The newest forecast for the area of a GeoJSON polygon: mean, maximum, and which share of it has rain."""
    one = await web.newest(method)
    published = await web.catalogue.current()
    polygon = question if isinstance(question, Polygon) else question.geometry
    return answer(request, await web.long_work(lambda: _area(web, published, one, polygon)), cache="no-store")


def _point(web: Web, published: Published, one: PublishedForecast, lat: float, lon: float) -> PointForecast:
    grid = web.fields.field(one.key).grid
    pixel = pixel_at(grid, lat=lat, lon=lon)
    leads = np.concatenate([[0.0], one.lead_times / np.timedelta64(1, "s")])
    values = np.full(leads.size, np.nan)
    if pixel is not None:
        values[1:] = web.fields.at(one.key, "rain_rate", *pixel)
        scan = published.scan_at.get(one.reference_time)
        if scan is not None and web.fields.field(scan.key).grid is grid:
            values[0] = web.fields.at(scan.key, "rain_rate", *pixel)
    rates = minute_values(leads, values)
    outlook = outlook_of(rates, float((web.catalogue.now() - one.reference_time) / np.timedelta64(60, "s")))
    reason: Reason | None = None
    if pixel is None:
        reason = "outside_the_grid"
    elif outlook.kind in ("unknown", "over"):
        reason = "forecast_is_over" if outlook.kind == "over" else "not_seen_by_the_radar"
    return PointForecast(
        lat=lat,
        lon=lon,
        method=one.method,
        key=one.key,
        data=age_of(web.catalogue, one.reference_time),
        rain_from=WET,
        reason=reason,
        outlook=outlook.kind,
        rain_rate=None if outlook.rain_rate is None else round(outlook.rain_rate, 3),
        starts_in_minutes=outlook.starts_in,
        ends_in_minutes=outlook.ends_in,
        known_minutes=outlook.known,
        times=_times(utc(one.reference_time), 60, rates.size, first=0),
        rain_rates=_plain(rates),
        ensemble=_ensemble(web, published, one, lat, lon),
    )


def _ensemble_of(web: Web, published: Published, one: PublishedForecast) -> PublishedForecast | None:
    """The same forecast if it is one, or the newest of the first method that has one."""
    newest = (published.newest.get(method.name) for method in web.settings.methods)
    return next((forecast for forecast in (one, *newest) if forecast is not None and forecast.members > 1), None)


def _ensemble(web: Web, published: Published, one: PublishedForecast, lat: float, lon: float) -> Ensemble | None:
    source = _ensemble_of(web, published, one)
    if source is None:
        return None
    field = web.fields.field(source.key)
    pixel = pixel_at(field.grid, lat=lat, lon=lon)

    def rows(variable: str, count: int) -> NDArray[np.floating[Any]]:
        if count == 0 or pixel is None:
            return np.full((count, source.steps), np.nan)
        return web.fields.at(source.key, variable, *pixel)

    quantiles = zip(field.levels, _plain(rows(QUANTILES, len(field.levels))), strict=True)
    chances = zip(field.thresholds, _plain(rows("probability", len(field.thresholds))), strict=True)
    return Ensemble(
        method=source.method,
        data=age_of(web.catalogue, source.reference_time),
        members=source.members,
        times=_times(utc(source.reference_time), int(source.step / np.timedelta64(1, "s")), source.steps),
        quantiles=[Quantile(level=level, rain_rate=values) for level, values in quantiles],
        probabilities=[Probability(threshold=threshold, probability=values) for threshold, values in chances],
    )


def _area(web: Web, published: Published, one: PublishedForecast, polygon: Polygon) -> AreaForecast:
    found = mask_of(web.fields.field(one.key).grid, polygon.coordinates)
    times = [utc(one.reference_time + lead) for lead in (np.timedelta64(0, "s"), *one.lead_times)]
    known = np.zeros((len(times), 0), np.float32)
    pixels = 0
    if found is not None:
        rows, columns, mask = found
        pixels = int(mask.sum())
        if mask.size * len(times) > _MOST_VALUES:
            raise FramesError(
                f"polygon: its box has {mask.size} pixels, expected at most {_MOST_VALUES // len(times)}; ask for a smaller area"
            )
        known = np.full((len(times), pixels), np.nan, np.float32)
        known[1:] = web.fields.field(one.key).dataset["rain_rate"][:, rows, columns].values[:, mask]
        scan = published.scan_at.get(one.reference_time)
        if scan is not None and web.fields.field(scan.key).grid is web.fields.field(one.key).grid:
            known[0] = web.fields.field(scan.key).dataset["rain_rate"][rows, columns].values[mask]
    seen = np.isfinite(known)
    count = seen.sum(axis=1)
    with np.errstate(invalid="ignore"):
        mean = np.where(seen, known, 0).sum(axis=1, dtype=np.float64) / count
        wet = ((known >= WET) & seen).sum(axis=1) / count
    maximum = np.max(known, axis=1, initial=-1.0, where=seen)
    reason: Reason | None = "outside_the_grid" if found is None else None if count.any() else "not_seen_by_the_radar"
    return AreaForecast(
        method=one.method,
        key=one.key,
        data=age_of(web.catalogue, one.reference_time),
        reason=reason,
        pixels=pixels,
        times=times,
        mean=_plain(mean),
        maximum=_plain(np.where(count > 0, maximum, np.nan)),
        raining_share=_plain(wet),
        known_share=[round(float(share), 4) for share in count / max(1, pixels)],
    )


@lru_cache(maxsize=100)
def _times(reference: datetime, step: int, count: int, *, first: int = 1) -> list[datetime]:
    """Of a forecast, every `step` seconds; the same list for every place."""
    return [reference + timedelta(seconds=step * number) for number in range(first, first + count)]


def _plain(values: NDArray[np.floating[Any]]) -> list[Any]:
    """As JSON has numbers: what is not known is NaN, which answers write as null."""
    numbers: list[Any] = np.round(values.astype(np.float64), 4).tolist()
    return numbers
