"""The processes of a service: one that runs cycles, and the web service, which only reads. Either may run alone, on other hosts too."""

import logging
import multiprocessing
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from multiprocessing.process import BaseProcess
from pathlib import Path

from stormcell.data.sources import feeding
from stormcell.service.cycle import Cycle
from stormcell.service.live import run_live
from stormcell.service.settings import ServiceSettings

__all__ = ["cycles_beside", "inbox_of", "run_cycles", "timeline"]

_log = logging.getLogger("stormcell.service")
_FIRST_WAIT, _LONGEST_WAIT = 1.0, 60.0  # seconds before a process that died is started again
_PATIENCE = 120.0  # seconds that a cycle may take to finish when the service ends


def inbox_of(settings: ServiceSettings) -> Path:
    """The folder in which files appear: the watched one, or the one into which a source brings them."""
    return settings.watch if settings.watch is not None else settings.folder / "inbox"


def timeline(cycle: Cycle) -> str:
    """What a cycle did, in a line: what came, what it took by stage, what was published."""
    total = sum(cycle.stages.values())
    stages = ", ".join(f"{name} {seconds:.2f}" for name, seconds in cycle.stages.items() if seconds >= 0.005)
    published = ", ".join(dict.fromkeys(f"{one.method}" for one in cycle.forecasts)) or "nothing"
    newest = f" from {str(cycle.forecasts[0].reference_time)[:16].replace('T', ' ')} UTC" if cycle.forecasts else ""
    scored = f", {cycle.scored} fields scored" if cycle.scored else ""
    return f"cycle     {cycle.new_scans} new scans, {total:.2f} s ({stages}); published {published}{newest}{scored}"


def run_cycles(settings: ServiceSettings, tell: Callable[[Cycle], None] = lambda cycle: print(timeline(cycle), flush=True)) -> None:
    """Run cycles in this process until it is told to end.

    Raises:
        WriteError: another process runs cycles in this folder.
    """
    inbox = inbox_of(settings)
    if settings.source is None:
        run_live(settings, inbox, tell=tell)
        return
    with feeding(settings.source, inbox, keep_hours=max(settings.keep_hours, 3.0)):
        run_live(settings, inbox, tell=tell)


@contextmanager
def cycles_beside(settings: ServiceSettings) -> Iterator[None]:
    """Within, cycles run in a process beside this one; if it dies it is started again, at first at once, then more and more slowly."""
    stop = threading.Event()
    keeper = threading.Thread(target=_keep_alive, args=(settings, stop), name="stormcell-cycles", daemon=True)
    keeper.start()
    try:
        yield
    finally:
        stop.set()
        keeper.join(_PATIENCE + 10)


def _keep_alive(settings: ServiceSettings, stop: threading.Event) -> None:
    wait = _FIRST_WAIT
    while not stop.is_set():
        process = multiprocessing.get_context("spawn").Process(target=run_cycles, args=(settings,), name="stormcell-cycles")
        process.start()
        started = time.monotonic()
        while process.is_alive() and not stop.wait(0.2):
            pass
        if stop.is_set():
            _end(process)
            return
        wait = _FIRST_WAIT if time.monotonic() - started > _LONGEST_WAIT else min(2 * wait, _LONGEST_WAIT)
        _log.error("the process that runs cycles ended with status %s; it is started again in %.0f s", process.exitcode, wait)
        stop.wait(wait)


def _end(process: BaseProcess) -> None:
    """Let it finish its cycle."""
    process.terminate()
    process.join(_PATIENCE)
    if process.is_alive():
        process.kill()
        process.join()
