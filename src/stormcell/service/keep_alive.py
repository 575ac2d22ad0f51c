"""A process that is started again when it dies, until somebody says stop."""

import logging
import threading
import time
from collections.abc import Callable
from multiprocessing.process import BaseProcess

__all__ = ["keep_alive"]

_log = logging.getLogger("stormcell.service")
_FIRST_WAIT, _LONGEST_WAIT = 1.0, 60.0  # seconds before a process that died is started again


def keep_alive(make: Callable[[], BaseProcess], stop: threading.Event, *, patience: float) -> None:
    """Run a process, again and again if it ends, at first at once, then more and more slowly. Returns when `stop` is set and it has ended.

    Args:
        make: gives a process that has not been started.
        stop: tells it to end (SIGTERM).
        patience: seconds that it may take for that; then it is killed.
    """
    wait = _FIRST_WAIT
    while not stop.is_set():
        process = make()
        process.start()
        started = time.monotonic()
        while process.is_alive() and not stop.wait(0.2):
            pass
        if stop.is_set():
            _end(process, patience)
            return
        wait = _FIRST_WAIT if time.monotonic() - started > _LONGEST_WAIT else min(2 * wait, _LONGEST_WAIT)
        _log.error("%s ended with status %s; it is started again in %.0f s", process.name, process.exitcode, wait)
        stop.wait(wait)


def _end(process: BaseProcess, patience: float) -> None:
    process.terminate()
    process.join(patience)
    if process.is_alive():
        process.kill()
        process.join()
