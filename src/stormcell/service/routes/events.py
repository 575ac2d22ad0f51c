"""A stream of what is new."""

from collections.abc import AsyncIterable

from fastapi import APIRouter, Depends, Request
from fastapi.sse import EventSourceResponse, ServerSentEvent

from stormcell.service.database import PublishedForecast
from stormcell.service.describe import describe_forecast, describe_scan
from stormcell.service.problems import PROBLEMS
from stormcell.service.web import TheWeb

__all__ = ["ROUTER"]

ROUTER = APIRouter(prefix="/v1", tags=["events"], responses=PROBLEMS)


async def _room(web: TheWeb) -> None:
    web.events.room()  # once the stream has begun it is too late to refuse


@ROUTER.get("/events", response_class=EventSourceResponse, dependencies=[Depends(_room)])
async def events(request: Request, web: TheWeb) -> AsyncIterable[ServerSentEvent]:
    """Server-sent events: first the newest scan and forecasts, then each new one within about a second.

    `event: scan` and `event: forecast` carry what /v1/scans and /v1/forecasts list, and their key as id. A client that comes back needs to
    remember nothing: it is told what is newest. Lines that begin with a colon only keep the connection alive.
    """
    base = web.base(request)
    async for one in web.events.listen():
        if isinstance(one, PublishedForecast):
            data = describe_forecast(one, web.catalogue, web.settings, base).model_dump(mode="json")
            yield ServerSentEvent(data=data, event="forecast", id=one.key, retry=3000)
        else:
            yield ServerSentEvent(
                data=describe_scan(one, web.catalogue, base).model_dump(mode="json"), event="scan", id=one.key, retry=3000
            )
