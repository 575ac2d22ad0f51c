"""A process that dies is started again, and one that is told to end ends."""

import multiprocessing
import signal
import sys
import threading

import pytest

from stormcell.service import keep_alive as module
from stormcell.service.keep_alive import keep_alive

CONTEXT = multiprocessing.get_context("spawn")


def test_it_is_started_again_until_it_is_told_to_stop(monkeypatch, caplog):
    monkeypatch.setattr(module, "_FIRST_WAIT", 0.01)
    stop, made = threading.Event(), []

    def make():
        if len(made) == 3:
            stop.set()
        made.append(CONTEXT.Process(target=sys.exit, args=(3,), name="the worker"))
        return made[-1]

    keep_alive(make, stop, patience=5)
    assert len(made) == 4 and all(not process.is_alive() for process in made)
    assert caplog.messages[0].startswith("the worker ended with status 3; it is started again")


@pytest.mark.parametrize("deaf", [False, True])
def test_one_that_runs_is_told_to_end_and_at_last_killed(deaf):
    stop, ready = threading.Event(), CONTEXT.Event()
    process = CONTEXT.Process(target=_wait, args=(ready, deaf))

    def make():
        threading.Thread(target=lambda: (ready.wait(), stop.set())).start()
        return process

    keep_alive(make, stop, patience=0.2 if deaf else 10)
    assert process.exitcode == (-9 if deaf else -15)


def _wait(ready, deaf: bool) -> None:
    if deaf:
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
    ready.set()
    threading.Event().wait()
