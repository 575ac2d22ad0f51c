"""The loop around the cycle: wait for scans, one cycle, again, until somebody says stop."""

import logging
import signal
import threading
import time
import traceback
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from types import FrameType
from typing import Any

from filelock import FileLock, Timeout

from stormcell.errors import StormcellError, WriteError
from stormcell.methods import Method, method_named
from stormcell.methods.in_runtime import has_network, in_fastest, in_runtime
from stormcell.service.cycle import Cycle, Workshop, run_cycle
from stormcell.service.database import Database
from stormcell.service.fields import FieldStore
from stormcell.service.intake import Arrivals
from stormcell.service.settings import ServiceSettings

__all__ = ["open_workshop", "run_and_note", "run_live"]

_log = logging.getLogger("stormcell.service")
_AGAIN_SECONDS = 60.0  # after a cycle that failed


@contextmanager
def open_workshop(settings: ServiceSettings) -> Iterator[Workshop]:
    """Everything that cycles work with, held by this process alone.

    Raises:
        WriteError: another process runs cycles in this folder.
        StormcellError: database or storage cannot be opened; a method is unknown.
    """
    settings.folder.mkdir(parents=True, exist_ok=True)
    lock = FileLock(settings.folder / "service.lock", timeout=0)
    try:
        lock.acquire()
    except Timeout:
        raise WriteError(
            f"{settings.folder}: another process runs the cycles of this service; stop it first, or give another folder"
        ) from None
    try:
        methods = {method.name: _built(method.name, settings.runtime) for method in settings.methods}
        database = Database(settings.database_address)
        try:
            yield Workshop(settings, database, FieldStore(settings.fields_address, endpoint=settings.endpoint), methods)
        finally:
            database.close()
    finally:
        lock.release()


def _built(name: str, runtime: str | None) -> Method:
    """A method, its network, if it has one, in the runtime of the service, or in the fastest that there is for it."""
    method = method_named(name)
    if runtime is None:
        return in_fastest(method)
    return in_runtime(method, runtime) if has_network(method) else method


def run_live(
    settings: ServiceSettings, inbox: Path, *, stop: threading.Event | None = None, tell: Callable[[Cycle], None] = lambda _: None
) -> None:
    """Run a cycle whenever files have arrived in a folder, until `stop` is set or the process is told to end (SIGTERM, SIGINT).

    A cycle that has begun is finished first. A cycle that fails leaves what is published in place; the next one makes up for it.

    Args:
        settings: of the service.
        inbox: the folder.
        stop: ends the loop.
        tell: is given what each cycle did.

    Raises:
        WriteError: another process runs cycles in this folder.
    """
    stop = stop or threading.Event()
    arrivals = Arrivals(inbox, settings.settle_seconds)
    with _ending(stop), open_workshop(settings) as workshop:
        again = time.monotonic()  # the first cycle makes up for what an earlier process left
        tried: dict[Path, str] = {}  # files that could not be taken in are no reason to try at once again
        while not stop.is_set():
            cycle = None
            try:
                files = arrivals.look(workshop.database)
                if any(tried.get(path) != state for path, state in files.items()) or time.monotonic() >= again:
                    tried, again = files, float("inf")
                    cycle = run_and_note(workshop, files)
                    tell(cycle)
            except Exception as error:  # whatever it is, the service stays up and tries again
                _log.error("cycle: %s", error if isinstance(error, StormcellError | OSError) else traceback.format_exc())
                again = time.monotonic() + _AGAIN_SECONDS
            if cycle is not None and cycle.problems:
                again = time.monotonic() + _AGAIN_SECONDS
            stop.wait(settings.poll_seconds)


def run_and_note(workshop: Workshop, files: dict[Path, str]) -> Cycle:
    """One cycle, and a line about it in the database and in the log.

    Args:
        workshop: what to work with.
        files: new files and their states.
    """
    started, clock = time.time(), time.perf_counter()
    with warnings.catch_warnings():
        warnings.simplefilter("always")
        warnings.showwarning = lambda message, *_, **__: _log.warning("%s", message)
        cycle = run_cycle(workshop, files)
    seconds = round(time.perf_counter() - clock, 3)
    for problem in cycle.problems:
        _log.error("%s", problem)
    workshop.database.note_cycle(started, seconds, cycle.stages, "; ".join(cycle.problems) or None)
    return cycle


@contextmanager
def _ending(stop: threading.Event) -> Iterator[None]:
    """Signals that end a process set `stop`, where this is the thread that receives them."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return

    def end(number: int, frame: FrameType | None) -> None:
        stop.set()

    before: dict[int, Any] = {number: signal.signal(number, end) for number in (signal.SIGTERM, signal.SIGINT)}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
