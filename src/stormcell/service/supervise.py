"""The processes of a service: one that runs cycles, and the web service, which only reads. Either may run alone, on other hosts too."""

import multiprocessing
import os
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from multiprocessing.process import BaseProcess
from pathlib import Path

from stormcell.data.sources import feeding
from stormcell.service.cycle import Cycle
from stormcell.service.end_with_parent import end_with_parent
from stormcell.service.keep_alive import keep_alive
from stormcell.service.live import run_live
from stormcell.service.settings import ServiceSettings

__all__ = ["cycles_beside", "inbox_of", "run_cycles", "timeline"]

_NICE = 19  # the lowest priority there is
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

    def make() -> BaseProcess:
        return multiprocessing.get_context("spawn").Process(target=_run_beside, args=(settings,), name="the process that runs cycles")

    keeper = threading.Thread(target=keep_alive, args=(make, stop), kwargs={"patience": _PATIENCE}, name="stormcell-cycles", daemon=True)
    keeper.start()
    try:
        yield
    finally:
        stop.set()
        keeper.join(_PATIENCE + 10)


def _run_beside(settings: ServiceSettings) -> None:
    """On a machine that both share, answers come first: a forecast may take a little longer, a client may not wait for it."""
    end_with_parent()
    if hasattr(os, "nice"):
        os.nice(_NICE)
    run_cycles(settings)
