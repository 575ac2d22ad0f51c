"""Serve the web service with uvicorn, by one process or several."""

import os
import signal
import socket
import tempfile
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import uvicorn
from fastapi import FastAPI

from stormcell.errors import StormcellError
from stormcell.service.app import create_app
from stormcell.service.metrics import MULTIPROCESS
from stormcell.service.settings import ServiceSettings

__all__ = ["app_of_environment", "serve_http"]

_SETTINGS = "STORMCELL_WEB_SETTINGS"


def serve_http(settings: ServiceSettings, host: str = "127.0.0.1", port: int = 8000, workers: int = 1) -> None:
    """Answer requests until the process is told to end (SIGTERM, SIGINT); what is under way has five seconds to finish, and this returns.

    Args:
        settings: of the service.
        host: address to listen at; the loopback, which only this machine reaches, unless another is asked for.
        port: to listen at; 0 for any that is free.
        workers: processes that answer. Limits of requests and caches are of each process; the counts of /metrics add up.

    Raises:
        StormcellError: the address is taken or not of this machine; database or storage cannot be opened.
        ConfigError: an API key in the settings is not hashed.
    """
    options: dict[str, Any] = {
        "server_header": False,
        "access_log": False,
        "log_level": "warning",
        "proxy_headers": bool(settings.trusted_proxies),
        "forwarded_allow_ips": list(settings.trusted_proxies),
        "timeout_graceful_shutdown": 5,
        "backlog": 1024,
    }
    app = create_app(settings)  # what is wrong is said before any process starts
    with _ending():
        if workers == 1:
            with _bound(host, port) as listening:
                uvicorn.Server(uvicorn.Config(app, **options)).run(sockets=[listening])
            return
        app.state.web.database.close()
        _bound(host, port).close()
        with (
            tempfile.TemporaryDirectory(prefix="stormcell-metrics-") as folder,
            _environment({MULTIPROCESS: folder, _SETTINGS: settings.model_dump_json()}),
        ):
            uvicorn.run(f"{__name__}:app_of_environment", factory=True, host=host, port=port, workers=workers, **options)


def app_of_environment() -> FastAPI:
    """The application of a process among several, which finds the settings in its environment."""
    return create_app(ServiceSettings.model_validate_json(os.environ[_SETTINGS]))


@contextmanager
def _environment(variables: dict[str, str]) -> Iterator[None]:
    """Variables for processes that start within."""
    os.environ.update(variables)
    try:
        yield
    finally:
        for name in variables:
            del os.environ[name]


@contextmanager
def _ending() -> Iterator[None]:
    """uvicorn raises the signal that ended it once more; it must not kill the process before whoever called has tidied up."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    numbers = (signal.SIGTERM, signal.SIGINT)
    before: dict[int, Any] = {number: signal.signal(number, lambda number, frame: None) for number in numbers}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _bound(host: str, port: int) -> socket.socket:
    """A socket at an address."""
    try:
        family, kind, protocol, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)[0]
        listening = socket.socket(family, kind, protocol)
    except OSError as error:
        raise StormcellError(f"http: {host} is no address of this machine ({error})") from error
    try:
        listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listening.bind(address)
    except OSError as error:
        listening.close()
        raise StormcellError(f"http: cannot listen at {host}, port {port} ({error}); is another service running there?") from error
    return listening
