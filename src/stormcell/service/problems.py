"""What the web service answers when it cannot do what was asked: problem+json (RFC 9457), and one table from errors to statuses."""

import logging
from collections.abc import Mapping
from http import HTTPStatus
from typing import Any

from fastapi import Request
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.responses import JSONResponse, Response

from stormcell.errors import (
    ConfigError,
    FramesError,
    MethodError,
    MissingExtraError,
    ReadError,
    StormcellError,
    TrainingError,
    UnitsError,
    UnknownFormatError,
    WriteError,
)

__all__ = ["PROBLEMS", "STATUSES", "Problem", "on_http_exception", "on_invalid", "on_problem", "on_stormcell_error", "problem_response"]

_log = logging.getLogger("stormcell.service")

MEDIA_TYPE = "application/problem+json"

STATUSES: dict[type[StormcellError], int] = {
    FramesError: 422,
    UnitsError: 422,
    MethodError: 422,
    UnknownFormatError: 503,
    ReadError: 503,  # a field is gone or damaged, or the storage is away
    WriteError: 503,
    MissingExtraError: 501,
    ConfigError: 500,
    TrainingError: 500,
    StormcellError: 503,  # the database is away
}
"""HTTP status of every error that stormcell raises on purpose; the nearest class counts."""

_SCHEMA = {
    "type": "object",
    "properties": {
        "type": {"type": "string"},
        "title": {"type": "string"},
        "status": {"type": "integer"},
        "detail": {"type": "string"},
        "errors": {"type": "array", "items": {"type": "object"}},
    },
    "required": ["type", "title", "status"],
}

PROBLEMS: dict[int | str, dict[str, Any]] = {
    "4XX": {"description": "It cannot be done as it was asked.", "content": {MEDIA_TYPE: {"schema": _SCHEMA}}},
    "5XX": {"description": "It cannot be done now; there may be no data yet.", "content": {MEDIA_TYPE: {"schema": _SCHEMA}}},
}
"""For the OpenAPI document of every route."""


class Problem(Exception):
    """An answer that is no success.

    Args:
        status: HTTP status.
        detail: what was expected, what came, what to do; clients see it.
        retry_after: seconds after which it may work.
    """

    def __init__(self, status: int, detail: str, *, retry_after: int | None = None) -> None:
        super().__init__(detail)
        self.status, self.detail, self.retry_after = status, detail, retry_after


def problem_response(status: int, detail: str | None = None, *, headers: Mapping[str, str] | None = None, **more: Any) -> Response:
    """An answer of this status as problem+json; it is never kept by caches."""
    body = {"type": "about:blank", "title": HTTPStatus(status).phrase, "status": status, **({"detail": detail} if detail else {}), **more}
    return JSONResponse(body, status, headers={"Cache-Control": "no-store", **(headers or {})}, media_type=MEDIA_TYPE)


async def on_problem(request: Request, error: Exception) -> Response:
    """The answer to a `Problem`."""
    assert isinstance(error, Problem)
    headers = {} if error.retry_after is None else {"Retry-After": str(error.retry_after)}
    return problem_response(error.status, error.detail, headers=headers)


async def on_stormcell_error(request: Request, error: Exception) -> Response:
    """The answer to an error of stormcell: its text where the client is at fault, none of it where the service is."""
    status = next(STATUSES[kind] for kind in type(error).__mro__ if kind in STATUSES)
    if status < 500:
        return problem_response(status, str(error))
    _log.error("%r: %s", request.url.path, error)
    return problem_response(status, "What this needs cannot be reached now.", headers={"Retry-After": "10"})


async def on_invalid(request: Request, error: Exception) -> Response:
    """The answer to parameters that break their schema: which, and why."""
    assert isinstance(error, RequestValidationError)
    errors = [{"where": [str(part) for part in one["loc"]], "what": one["msg"]} for one in error.errors()[:20]]
    return problem_response(422, "Some parameters are not as the OpenAPI document has them.", errors=errors)


async def on_http_exception(request: Request, error: Exception) -> Response:
    """The answer where no route fits, or not with this method."""
    assert isinstance(error, HTTPException)
    said = error.detail if error.detail != HTTPStatus(error.status_code).phrase else None
    return problem_response(error.status_code, said, headers=error.headers)
