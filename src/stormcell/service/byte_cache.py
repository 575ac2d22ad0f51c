"""What was read or made lately, kept up to so many bytes; the one used longest ago goes first."""

import threading
from collections import OrderedDict
from collections.abc import Callable, Hashable
from concurrent.futures import Future
from typing import Generic, TypeVar, final

__all__ = ["ByteCache"]

Value = TypeVar("Value")


@final
class ByteCache(Generic[Value]):
    """Values under keys, at most `capacity` bytes of them. Threads that want the same value at once have it made once.

    Args:
        capacity: bytes; a value that is larger on its own is handed out and not kept.
        size: bytes of a value.
    """

    def __init__(self, capacity: int, size: Callable[[Value], int]) -> None:
        self.capacity = capacity
        self.bytes = 0
        self.hits = 0
        self.misses = 0
        self._size = size
        self._kept: OrderedDict[Hashable, Value] = OrderedDict()
        self._coming: dict[Hashable, Future[Value]] = {}
        self._lock = threading.Lock()

    def peek(self, key: Hashable) -> Value | None:
        """The value if it is kept; it now counts as used."""
        with self._lock:
            value = self._kept.get(key)
            if value is not None:
                self._kept.move_to_end(key)
                self.hits += 1
            return value

    def get(self, key: Hashable, make: Callable[[], Value]) -> Value:
        """The value, made if it is not kept. What `make` raises goes to all that wait for it, and is not kept."""
        if (value := self.peek(key)) is not None:
            return value
        with self._lock:
            coming = self._coming.get(key)
            mine = coming is None
            if coming is None:
                coming = self._coming[key] = Future()
                self.misses += 1
        if not mine:
            return coming.result()
        try:
            value = make()
        except BaseException as error:
            with self._lock:
                del self._coming[key]
            coming.set_exception(error)
            raise
        with self._lock:
            del self._coming[key]
            self._keep(key, value)
        coming.set_result(value)
        return value

    def _keep(self, key: Hashable, value: Value) -> None:
        size = self._size(value)
        if size > self.capacity or key in self._kept:
            return
        self._kept[key] = value
        self.bytes += size
        while self.bytes > self.capacity:
            _, oldest = self._kept.popitem(last=False)
            self.bytes -= self._size(oldest)
