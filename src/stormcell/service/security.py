"""What every request passes before it reaches a route, and every answer on its way out: one ASGI application around the others."""

import asyncio
import logging
import math
import time
from collections.abc import Callable
from functools import lru_cache
from ipaddress import IPv6Network
from typing import final
from urllib.parse import parse_qsl

from anyio import to_thread
from starlette.datastructures import Headers, MutableHeaders
from starlette.exceptions import HTTPException
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from stormcell.service.keys import KeyRing
from stormcell.service.metrics import Metrics
from stormcell.service.problems import problem_response
from stormcell.service.rate_limit import RateLimit

__all__ = ["BODY_BYTES", "PAGE_POLICY", "Gate"]

BODY_BYTES = 256 * 1024
"""The largest body that is taken."""

PAGE_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data: blob:; font-src 'self'; connect-src 'self'; "
    "worker-src 'self' blob:; manifest-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)
"""Content-Security-Policy of pages: everything comes from here, and no script stands in the page itself."""

_log = logging.getLogger("stormcell.service")
_DATA_POLICY = "default-src 'none'; frame-ancestors 'none'"
_BODY_SECONDS = 15.0
_WRONG_KEY_COST = 20.0
_STREAM = "/v1/events"  # has no end
_OPEN = ("/health", "/ready")  # probes need no key and are never turned away
_HEADERS = {
    "x-content-type-options": "nosniff",
    "referrer-policy": "no-referrer",
    "x-frame-options": "DENY",
    "cross-origin-opener-policy": "same-origin",
    "permissions-policy": "camera=(), microphone=(), payment=()",
}


@final
class Gate:
    """Limits, keys, headers and counts around an application.

    In this order: at most `concurrency` requests at once; each client its rate; a query without blanks around its values, which would pass
    for part of a number; a key, where keys are set; a body that is neither large nor slow. HEAD is answered as GET without the body, where
    there is an end to it.

    Args:
        app: what is behind.
        keys: that may ask.
        rate: of a client.
        metrics: that count.
        concurrency: requests at once; streams of events have a limit of their own.
        needs_no_key: tells paths that hold no data, such as the parts of a page.
    """

    def __init__(
        self, app: ASGIApp, *, keys: KeyRing, rate: RateLimit, metrics: Metrics, concurrency: int, needs_no_key: Callable[[str], bool]
    ) -> None:
        self._app, self._keys, self._rate, self._metrics, self._concurrency = app, keys, rate, metrics, concurrency
        self._needs_no_key = needs_no_key
        self._running = 0

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve a request."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        start, status, begun, method = time.perf_counter(), 500, False, scope["method"]
        only_head = method == "HEAD" and scope["path"] != _STREAM
        if only_head:
            scope = {**scope, "method": "GET"}

        async def sent(message: Message) -> None:
            nonlocal status, begun
            if message["type"] == "http.response.start":
                status, begun = message["status"], True
                _complete(MutableHeaders(scope=message))
            elif only_head and message["type"] == "http.response.body":
                message = {**message, "body": b""}
            await send(message)

        probe = scope["path"] in _OPEN
        stream = scope["path"] == _STREAM
        self._running += not stream
        try:
            refusal = None if probe else await self._refusal(scope)
            if refusal is not None:
                await refusal(scope, receive, sent)
            else:
                await self._app(scope, _limited(receive), sent)
        except Exception:
            _log.exception("%r", scope["path"])
            if begun:
                raise
            await problem_response(500, "This should not have happened; it is in the log of the service.")(scope, receive, sent)
        finally:
            self._running -= not stream
            route = getattr(scope.get("route"), "path", "none")
            self._metrics.count(route, method, status, 0.0 if stream else time.perf_counter() - start)

    async def _refusal(self, scope: Scope) -> ASGIApp | None:
        """The answer to a request that must not pass; None if it may."""
        if self._running > self._concurrency:
            return problem_response(503, "Too many requests at once; try again soon.", headers={"Retry-After": "1"})
        client = _client(scope["client"][0]) if scope.get("client") else "unknown"
        if seconds := self._rate.wait(client):
            return _slower(seconds)
        if any(value != value.strip() for _, value in parse_qsl(scope["query_string"].decode("latin-1"), keep_blank_values=True)):
            return problem_response(400, "Expected values without blanks around them in the query.")
        headers = Headers(scope=scope)
        try:
            length = int(headers.get("content-length", "0"))
        except ValueError:
            length = -1
        if not 0 <= length <= BODY_BYTES:
            return problem_response(413, f"The body may have {BODY_BYTES} bytes.")
        if self._keys.is_open or scope["method"] == "OPTIONS" or self._needs_no_key(scope["path"]):
            return None
        key = headers.get("x-api-key") or headers.get("authorization", "").removeprefix("Bearer ").strip()
        good = self._keys.remembered(key) if key else False
        if good is None:
            if seconds := self._rate.wait(client, _WRONG_KEY_COST):
                return _slower(seconds)
            good = await to_thread.run_sync(self._keys.check, key)
        if good:
            return None
        detail = "A key is needed, in the header X-API-Key or as Authorization: Bearer."
        return problem_response(401, detail, headers={"WWW-Authenticate": "Bearer"})


@lru_cache(maxsize=10_000)
def _client(address: str) -> str:
    """Who asks: an IPv4 address, or the network of an IPv6 address, whose owner has more addresses than could be counted."""
    if ":" not in address:
        return address
    try:
        return str(IPv6Network((address.partition("%")[0], 64), strict=False))
    except ValueError:
        return address


def _slower(seconds: float) -> ASGIApp:
    return problem_response(429, "Too many requests of this client.", headers={"Retry-After": str(math.ceil(seconds))})


def _complete(headers: MutableHeaders) -> None:
    """Headers that every answer has, unless a route knows better."""
    for name, value in _HEADERS.items():
        headers.setdefault(name, value)
    page = headers.get("content-type", "").startswith("text/html")
    headers.setdefault("content-security-policy", PAGE_POLICY if page else _DATA_POLICY)


def _limited(receive: Receive) -> Receive:
    """A body that is too large, or takes too long, ends in an error."""
    size, whole = 0, False
    deadline = time.monotonic() + _BODY_SECONDS

    async def received() -> Message:
        nonlocal size, whole
        if whole:
            return await receive()  # this one waits for the client to go
        try:
            message = await asyncio.wait_for(receive(), max(0.0, deadline - time.monotonic()))
        except TimeoutError:
            raise HTTPException(408, "The body took too long.") from None
        if message["type"] == "http.request":
            size += len(message.get("body", b""))
            whole = not message.get("more_body", False)
            if size > BODY_BYTES:
                raise HTTPException(413, f"The body may have {BODY_BYTES} bytes.")
        return message

    return received
