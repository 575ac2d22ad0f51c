"""Serve the web service with uvicorn, by one process or several."""

import gc
import multiprocessing
import os
import signal
import socket
import sys
import tempfile
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from multiprocessing.process import BaseProcess
from typing import Any

import uvicorn
from fastapi import FastAPI

from stormcell.errors import StormcellError
from stormcell.service.app import create_app
from stormcell.service.end_with_parent import end_with_parent
from stormcell.service.keep_alive import keep_alive
from stormcell.service.metrics import MULTIPROCESS
from stormcell.service.settings import ServiceSettings

__all__ = ["serve_http"]

_SWITCH = 5e-4  # seconds after which a thread that reads a field lets answers go on: each answer has to wait for its turn several times
_PATIENCE = 15.0  # seconds that a web process may take to end; what is under way has five


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
    app = create_app(settings)  # what is wrong is said before any process starts
    with _bound(host, port) as listening:
        if workers == 1:
            with _calling_at_the_end(lambda: None):
                _serve(app, settings, listening)
            return
        app.state.web.database.close()
        with tempfile.TemporaryDirectory(prefix="stormcell-metrics-") as folder, _environment({MULTIPROCESS: folder}):
            _serve_by_many(settings, listening, workers)


def _serve(app: FastAPI, settings: ServiceSettings, listening: socket.socket) -> None:
    """Until this process is told to end."""
    sys.setswitchinterval(_SWITCH)
    gc.collect()
    gc.freeze()  # what is there by now stays: to look through it for garbage takes a tenth of a second, in which nobody is answered
    config = uvicorn.Config(
        app,
        server_header=False,
        access_log=False,
        log_level="warning",
        proxy_headers=bool(settings.trusted_proxies),
        forwarded_allow_ips=list(settings.trusted_proxies),
        timeout_graceful_shutdown=5,
        backlog=1024,
    )
    uvicorn.Server(config).run(sockets=[listening])


def _serve_by_many(settings: ServiceSettings, listening: socket.socket, workers: int) -> None:
    """Processes that take connections from one socket; one that dies is started again."""
    stop, spawn = threading.Event(), multiprocessing.get_context("spawn")

    def make() -> BaseProcess:
        return spawn.Process(target=_worker, args=(settings, listening), name="a web process")

    keepers = [threading.Thread(target=keep_alive, args=(make, stop), kwargs={"patience": _PATIENCE}) for _ in range(workers)]
    with _calling_at_the_end(stop.set):
        for keeper in keepers:
            keeper.start()
        try:
            stop.wait()
        finally:
            stop.set()
            for keeper in keepers:
                keeper.join()


def _worker(settings: ServiceSettings, listening: socket.socket) -> None:
    end_with_parent()
    with _calling_at_the_end(lambda: None):
        _serve(create_app(settings), settings, listening)


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
def _calling_at_the_end(act: Callable[[], None]) -> Iterator[None]:
    """Signals that end a process call this instead: uvicorn raises the one that ended it once more, before anybody has tidied up."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    numbers = (signal.SIGTERM, signal.SIGINT)
    before: dict[int, Any] = {number: signal.signal(number, lambda number, frame: act()) for number in numbers}
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
