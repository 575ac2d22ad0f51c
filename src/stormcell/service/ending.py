"""Streams have no end of their own: when the process is told to end, they must be told too, or the server waits for them."""

import asyncio
import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType
from typing import Any

__all__ = ["when_told_to_end"]


@contextmanager
def when_told_to_end(act: Callable[[], None]) -> Iterator[None]:
    """Within, a signal that ends the process (SIGTERM, SIGINT) calls `act` in the event loop, and then whatever it called before.

    In another thread than the main one, where signals do not arrive, this does nothing.

    Args:
        act: what to do; the loop is running.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    loop = asyncio.get_running_loop()
    before: dict[int, Any] = {}
    for number in (signal.SIGTERM, signal.SIGINT):
        handler = signal.getsignal(number)
        if callable(handler):
            before[number] = handler
            signal.signal(number, _both(loop, act, handler))
    try:
        yield
    finally:
        for told, handler in before.items():
            signal.signal(told, handler)


def _both(
    loop: asyncio.AbstractEventLoop, act: Callable[[], None], handler: Callable[[int, FrameType | None], Any]
) -> Callable[[int, FrameType | None], None]:
    def told(number: int, frame: FrameType | None) -> None:
        loop.call_soon_threadsafe(act)
        handler(number, frame)

    return told
