"""The web service as an application: what is published, over HTTP. It only reads, so any number of processes and hosts may serve it."""

import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from importlib.metadata import version

from fastapi import FastAPI
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.middleware.cors import CORSMiddleware
from starlette.middleware.gzip import DEFAULT_EXCLUDED_CONTENT_TYPES, GZipMiddleware

from stormcell.errors import StormcellError
from stormcell.service.ending import when_told_to_end
from stormcell.service.keys import KeyRing
from stormcell.service.map_page import add_map_page, is_page
from stormcell.service.problems import Problem, on_http_exception, on_invalid, on_problem, on_stormcell_error
from stormcell.service.rate_limit import RateLimit
from stormcell.service.routes import ROUTERS
from stormcell.service.security import Gate
from stormcell.service.settings import ServiceSettings
from stormcell.service.web import open_web

__all__ = ["create_app"]

_COMPRESSED = (*DEFAULT_EXCLUDED_CONTENT_TYPES, "application/x-netcdf", "application/zip", "image/tiff")

_ABOUT = """Rain of the next minutes, from weather radar. Times are UTC, rain rates mm/h.

Every answer says how old its data are. `stale: true` means that they are too old to go by. What the radar did not see is null, never 0;
where there are no data yet the status is 503."""


def create_app(settings: ServiceSettings, *, clock: Callable[[], float] = time.time) -> FastAPI:
    """The application.

    Args:
        settings: of the service.
        clock: seconds since 1970, UTC; ages are told by it.

    Returns:
        an ASGI application; `app.state.web` holds what its routes work with.

    Raises:
        StormcellError: the database or the storage of fields cannot be opened.
        ConfigError: an API key in the settings is not hashed.
    """
    keys = KeyRing(settings.api_keys)
    web = open_web(settings, clock=clock)

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        with when_told_to_end(web.events.close):
            yield
        web.events.close()
        web.database.close()

    app = FastAPI(
        title="stormcell",
        version=version("stormcell"),
        description=_ABOUT,
        openapi_url="/v1/openapi.json",
        docs_url=None,
        redoc_url=None,
        lifespan=lifespan,
    )
    app.state.web = web
    for router in ROUTERS:
        app.include_router(router)
    app.add_exception_handler(Problem, on_problem)
    app.add_exception_handler(StormcellError, on_stormcell_error)
    app.add_exception_handler(RequestValidationError, on_invalid)
    app.add_exception_handler(HTTPException, on_http_exception)
    app.add_middleware(GZipMiddleware, minimum_size=1000, compresslevel=5, exclude_content_types=_COMPRESSED)
    if settings.cors_origins:
        app.add_middleware(
            CORSMiddleware,
            allow_origins=list(settings.cors_origins),
            allow_methods=["GET", "HEAD", "POST"],
            allow_headers=["Authorization", "Content-Type", "If-None-Match", "X-API-Key"],
            expose_headers=["ETag", "Retry-After"],
            max_age=86400,
        )
    rate = RateLimit(settings.requests_per_second, settings.request_burst)
    add_map_page(app)
    app.add_middleware(Gate, keys=keys, rate=rate, metrics=web.metrics, concurrency=settings.concurrency, needs_no_key=is_page)
    return app
