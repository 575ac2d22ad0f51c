"""What is published: the status of the service, its scans and its forecasts."""

import re
from datetime import UTC, datetime
from importlib.metadata import version
from typing import Annotated

import numpy as np
from fastapi import APIRouter, Query, Request
from pydantic import BeforeValidator
from starlette.responses import Response

from stormcell.products.colours import MINUTES, PROBABILITY, RAIN_TABLES
from stormcell.service.answers import ColourClass, Colours, ForecastAnswer, ForecastList, ScanAnswer, ScanList, Status
from stormcell.service.database import PublishedForecast, PublishedScan
from stormcell.service.describe import describe_forecast, describe_scan
from stormcell.service.problems import PROBLEMS, Problem
from stormcell.service.routes.tiles import Table
from stormcell.service.tiles import NOT_SEEN
from stormcell.service.web import TheWeb, answer

__all__ = ["ROUTER"]

ROUTER = APIRouter(prefix="/v1", tags=["forecasts"], responses=PROBLEMS)


def _as_written(text: object) -> object:
    """A time as text, with year and hour: a bare number is no time."""
    if isinstance(text, str) and not re.match(r"[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}", text):
        raise ValueError("expected a time as 2024-07-01T12:00:00Z")
    return text


Moment = Annotated[datetime, BeforeValidator(_as_written)]
Since = Annotated[Moment | None, Query(description="time of the newest scan, from here on; UTC where no zone is said")]
Until = Annotated[Moment | None, Query(description="time of the newest scan, up to here")]
Limit = Annotated[int, Query(ge=1, le=1000, description="how many, the newest first")]
Method = Annotated[str | None, Query(max_length=300, description="the default of the service if left out")]


@ROUTER.get("/status", response_model=Status)
async def status(request: Request, web: TheWeb) -> Response:
    """What the service has, how old it is, and where the rest is found."""
    published, base = await web.catalogue.current(), web.base(request)
    scan = published.newest_scan
    newest = [published.newest[one.name] for one in web.settings.methods if one.name in published.newest]
    field = None
    if newest or scan:
        key = newest[0].key if newest else scan.key if scan else ""
        field = await web.work(lambda: web.fields.field(key))
    attrs = field.attrs if field else {}
    return answer(
        request,
        Status(
            title="stormcell: rain of the next minutes, from weather radar",
            version=version("stormcell"),
            methods=[one.name for one in web.settings.methods],
            newest_scan=describe_scan(scan, web.catalogue, base) if scan else None,
            newest_forecasts=[describe_forecast(one, web.catalogue, web.settings, base) for one in newest],
            stale=all(web.catalogue.is_stale(one.reference_time) for one in newest),
            attribution=next((str(attrs[name]) for name in ("attribution", "source") if attrs.get(name)), None),
            bounds=[round(edge, 5) for edge in field.grid.lonlat_box] if field else None,
            links={
                "openapi": f"{base}/v1/openapi.json",
                "point": f"{base}/v1/point?lat={{lat}}&lon={{lon}}",
                "events": f"{base}/v1/events",
                "scores": f"{base}/v1/scores",
                "weather_maps": f"{base}/public/weather-maps.json",
                "edr": f"{base}/v1/edr",
            },
        ),
    )


@ROUTER.get("/scans", response_model=ScanList)
async def scans(request: Request, web: TheWeb, since: Since = None, until: Until = None, limit: Limit = 50) -> Response:
    """Observed fields, newest first."""
    published, (first, last) = await web.published(), _span(since, until)
    found = [one for one in reversed(published.scans) if first <= one.time <= last][:limit]
    return answer(request, ScanList(scans=[describe_scan(one, web.catalogue, web.base(request)) for one in found]))


@ROUTER.get("/scans/{key}", response_model=ScanAnswer)
async def scan(request: Request, web: TheWeb, key: str) -> Response:
    """One observed field."""
    one = await web.found(key)
    if not isinstance(one, PublishedScan):
        raise Problem(404, "This key is of a forecast; /v1/forecasts has it.")
    return answer(request, describe_scan(one, web.catalogue, web.base(request)))


@ROUTER.get("/forecasts", response_model=ForecastList)
async def forecasts(
    request: Request, web: TheWeb, method: Method = None, since: Since = None, until: Until = None, limit: Limit = 50
) -> Response:
    """Forecasts, newest first; of all methods unless one is named."""
    published, (first, last) = await web.published(), _span(since, until)
    found = [one for one in published.forecasts if first <= one.reference_time <= last and method in (None, one.method)][:limit]
    base = web.base(request)
    return answer(request, ForecastList(forecasts=[describe_forecast(one, web.catalogue, web.settings, base) for one in found]))


@ROUTER.get("/forecasts/latest", response_model=ForecastAnswer)
async def latest(request: Request, web: TheWeb, method: Method = None) -> Response:
    """The newest forecast."""
    return answer(request, describe_forecast(await web.newest(method), web.catalogue, web.settings, web.base(request)))


@ROUTER.get("/forecasts/{key}", response_model=ForecastAnswer)
async def forecast(request: Request, web: TheWeb, key: str) -> Response:
    """One forecast."""
    one = await web.found(key)
    if not isinstance(one, PublishedForecast):
        raise Problem(404, "This key is of a scan; /v1/scans has it.")
    return answer(request, describe_forecast(one, web.catalogue, web.settings, web.base(request)))


@ROUTER.get("/colours", response_model=dict[str, Colours])
async def colours(request: Request, web: TheWeb, table: Table = "stormcell") -> dict[str, Colours]:
    """The colour scales of map tiles, for legends."""
    scales = {"rain_rate": RAIN_TABLES[table], "probability": PROBABILITY, "minutes": MINUTES}
    return {
        name: Colours(
            unit=scale.unit,
            below=scale.below,
            classes=[
                ColourClass(at_least=level if np.isfinite(level) else None, label=label, colour=colour)
                for level, label, colour in zip(scale.levels, scale.labels, scale.colours, strict=True)
            ],
            not_seen="#" + bytes(NOT_SEEN).hex(),
        )
        for name, scale in scales.items()
    }


def _span(since: datetime | None, until: datetime | None) -> tuple[np.datetime64, np.datetime64]:
    first = np.datetime64("1900-01-01", "s") if since is None else _moment(since)
    last = np.datetime64("9999-01-01", "s") if until is None else _moment(until)
    return first, last


def _moment(given: datetime) -> np.datetime64:
    try:
        zoned = given.astimezone(UTC) if given.tzinfo else given
    except OverflowError:
        raise Problem(422, "A time is too far away.") from None
    return np.datetime64(zoned.replace(tzinfo=None), "s")
