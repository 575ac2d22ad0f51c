"""The seam through which long work tells how far it is. Silent unless someone listens; the command line draws bars."""

from collections.abc import Callable, Iterable, Iterator, Sized
from contextvars import ContextVar
from typing import Any, TypeVar

__all__ = ["listener", "track"]

Item = TypeVar("Item")
Listener = Callable[[Iterable[Any], str, int | None], Iterable[Any]]

listener: ContextVar[Listener | None] = ContextVar("listener", default=None)


def track(items: Iterable[Item], what: str, *, total: int | None = None) -> Iterator[Item]:
    """Yield the items one by one, telling the listener of this context how far the work is.

    Args:
        items: the pieces of the work.
        what: what is done to each, for a person: "reading", "drawing".
        total: how many there are, where `items` cannot say.
    """
    if total is None and isinstance(items, Sized):
        total = len(items)
    listen = listener.get()
    yield from items if listen is None else listen(items, what, total)
