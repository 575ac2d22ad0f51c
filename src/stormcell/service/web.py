"""What the routes of a web process share."""

import hashlib
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import lru_cache
from typing import Annotated, Any, TypeVar

import numpy as np
from anyio import CapacityLimiter, to_thread
from fastapi import Depends, Request
from pydantic import BaseModel
from starlette.responses import Response

from stormcell.errors import StormcellError
from stormcell.service.byte_cache import ByteCache
from stormcell.service.catalogue import Catalogue, Published
from stormcell.service.database import Database, PublishedForecast, PublishedScan
from stormcell.service.events import Events
from stormcell.service.fields import FieldStore
from stormcell.service.fields_cache import FieldsCache
from stormcell.service.metrics import Metrics
from stormcell.service.problems import Problem
from stormcell.service.settings import ServiceSettings
from stormcell.service.tiles import Tiles

__all__ = ["TheWeb", "Web", "answer", "matches", "open_web", "utc"]

Result = TypeVar("Result")


@dataclass(frozen=True)
class Web:
    """Everything that routes work with.

    Args:
        settings: of the service.
        database: of what is published.
        catalogue: what is published now.
        fields: that are published.
        tiles: of these fields.
        events: for those that listen.
        answers: that take long to work out and serve many, until there is a new scan.
        metrics: for Prometheus.
        quick: limits threads for points and tiles.
        slow: limits threads for downloads and other work that takes a processor for long.
    """

    settings: ServiceSettings
    database: Database
    catalogue: Catalogue
    fields: FieldsCache
    tiles: Tiles
    events: Events
    answers: ByteCache[bytes]
    metrics: Metrics
    quick: CapacityLimiter
    slow: CapacityLimiter

    async def work(self, job: Callable[[], Result]) -> Result:
        """Do something short in a thread."""
        return await to_thread.run_sync(job, limiter=self.quick)

    async def long_work(self, job: Callable[[], Result]) -> Result:
        """Do something long in a thread, two at a time; more than a few that wait are turned away.

        Raises:
            Problem: too many wait.
        """
        if self.slow.statistics().tasks_waiting >= 8:
            raise Problem(503, "Too many downloads at once; try again soon.", retry_after=5)
        return await to_thread.run_sync(job, limiter=self.slow)

    async def published(self) -> Published:
        """What is published; never nothing.

        Raises:
            Problem: nothing is published yet. This is not the same as dry.
        """
        published = await self.catalogue.current()
        if not published.by_key:
            raise Problem(503, "No data yet: no scan has come in. This does not mean that it is dry.", retry_after=60)
        return published

    async def found(self, key: str) -> PublishedScan | PublishedForecast:
        """What is published under a key.

        Raises:
            Problem: nothing is.
        """
        one = (await self.catalogue.current()).by_key.get(key)
        if one is None:
            raise Problem(404, "There is no field under this key, or no longer; /v1/forecasts and /v1/scans list those there are.")
        return one

    async def newest(self, method: str | None) -> PublishedForecast:
        """The newest forecast of a method, the first of the settings if it is None.

        Raises:
            Problem: there is none, or no such method.
        """
        published = await self.catalogue.current()
        if method is not None:
            found = published.newest.get(method)
            if found is None and method not in {one.name for one in self.settings.methods}:
                raise Problem(404, "There is no method of this name here; /v1/status lists those there are.")
        else:
            names = [one.name for one in self.settings.methods]
            found = next((published.newest[name] for name in names if name in published.newest), None)
        if found is None:
            raise Problem(503, "No forecast yet. This does not mean that it stays dry.", retry_after=60)
        return found

    def base(self, request: Request) -> str:
        """Address of the service without a slash at the end, as clients reach it."""
        return (self.settings.public_url or str(request.base_url)).rstrip("/")

    @property
    def visibility(self) -> str:
        """May caches between here and the client keep answers? Not where keys are needed."""
        return "private" if self.settings.api_keys else "public"


def open_web(settings: ServiceSettings, *, clock: Callable[[], float] = time.time) -> Web:
    """Open the database and the storage of a service for reading.

    Args:
        settings: of the service.
        clock: seconds since 1970, UTC.

    Raises:
        StormcellError: one of them cannot be opened.
    """
    database = Database(settings.database_address)
    capacity = int(settings.cache_megabytes * 1e6)
    fields = FieldsCache(FieldStore(settings.fields_address, endpoint=settings.endpoint), capacity // 2)

    def prepare(published: Published) -> None:
        newest = (published.newest_scan, *published.newest.values())
        with suppress(StormcellError):  # who asks for it will be told
            for one in newest:
                if one is not None:
                    fields.prepare(one.key)

    catalogue = Catalogue(database, clock=clock, stale_minutes=settings.stale_minutes, prepare=prepare)
    return Web(
        settings=settings,
        database=database,
        catalogue=catalogue,
        fields=fields,
        tiles=Tiles(fields, capacity // 2),
        events=Events(catalogue, settings.event_clients),
        answers=ByteCache(4_000_000, len),
        metrics=Metrics(),
        quick=CapacityLimiter(8),
        slow=CapacityLimiter(2),
    )


async def _web(request: Request) -> Web:
    web: Web = request.app.state.web
    return web


TheWeb = Annotated[Web, Depends(_web)]
"""How a route asks for it."""


@lru_cache(maxsize=1000)
def utc(moment: np.datetime64) -> datetime:
    """As JSON gives it: 2024-07-01T12:00:00Z."""
    return datetime.fromtimestamp(int(moment.astype("datetime64[s]").astype(np.int64)), UTC)


def answer(
    request: Request,
    body: BaseModel | bytes,
    *,
    tag: str | None = None,
    cache: str = "no-cache",
    media_type: str = "application/json",
    **headers: str,
) -> Response:
    """An answer with an ETag, or 304 if the client has it already.

    Args:
        request: that is answered.
        body: a model becomes JSON.
        tag: what tells this body from others; worked out from the body if None.
        cache: of Cache-Control.
        media_type: of the body.
        **headers: more of them, underscores for hyphens.
    """
    content = body.model_dump_json(by_alias=True).encode() if isinstance(body, BaseModel) else body
    etag = f'W/"{tag or hashlib.blake2b(content, digest_size=12).hexdigest()}"'
    known: dict[str, Any] = {"ETag": etag, "Cache-Control": cache, **{name.replace("_", "-"): value for name, value in headers.items()}}
    if matches(request, etag):
        return Response(status_code=304, headers=known)
    return Response(content, headers=known, media_type=media_type)


def matches(request: Request, etag: str) -> bool:
    """Does the client have this already?"""
    asked = request.headers.get("if-none-match", "")
    return asked.strip() == "*" or etag.removeprefix("W/") in {one.strip().removeprefix("W/") for one in asked.split(",")}
