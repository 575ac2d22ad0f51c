"""News for clients that listen: one task per process looks for new scans and forecasts, and tells all of them."""

import asyncio
import logging
from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import final

from stormcell.errors import StormcellError
from stormcell.service.catalogue import Catalogue, Published
from stormcell.service.database import PublishedForecast, PublishedScan
from stormcell.service.problems import Problem

__all__ = ["Events", "News"]

_log = logging.getLogger("stormcell.service")
_LOOK_SECONDS = 1.0
_WAITING = 100  # news that a slow client may be behind

News = PublishedForecast | PublishedScan


@dataclass(frozen=True, eq=False)
class _Listener:
    queue: asyncio.Queue[News | None]


@final
class Events:
    """Tells listeners of what is published.

    Args:
        catalogue: of what is published.
        most: listeners at once.
    """

    def __init__(self, catalogue: Catalogue, most: int) -> None:
        self._catalogue, self._most = catalogue, most
        self._listeners: set[_Listener] = set()
        self._task: asyncio.Task[None] | None = None

    @property
    def listeners(self) -> int:
        """How many there are."""
        return len(self._listeners)

    def room(self) -> None:
        """Is there room for one more?

        Raises:
            Problem: there is not.
        """
        if len(self._listeners) >= self._most:
            raise Problem(503, "Too many clients listen to this process; try again later.", retry_after=30)

    async def listen(self) -> AsyncIterator[News]:
        """What is newest now, then everything new, until the client goes, falls too far behind, or the service ends.

        Raises:
            Problem: there are too many listeners.
            StormcellError: the database is away.
        """
        self.room()
        listener = _Listener(asyncio.Queue(_WAITING))
        self._listeners.add(listener)
        try:
            published = await self._catalogue.current(fresh=True)
            if self._task is None or self._task.done():
                self._task = asyncio.create_task(self._look(published))
            for one in _news(None, published):
                yield one
            while (news := await listener.queue.get()) is not None:
                yield news
        finally:
            self._listeners.discard(listener)

    def close(self) -> None:
        """Every listener is sent away."""
        if self._task is not None:
            self._task.cancel()
        for listener in tuple(self._listeners):
            self._send_away(listener)

    async def _look(self, before: Published) -> None:
        """As long as somebody listens."""
        while self._listeners:
            await asyncio.sleep(_LOOK_SECONDS)
            try:
                published = await self._catalogue.current(fresh=True)
            except StormcellError as error:
                _log.error("events: %s", error)
                continue
            for one in _news(before, published):
                for listener in tuple(self._listeners):
                    if listener.queue.full():
                        self._send_away(listener)
                    else:
                        listener.queue.put_nowait(one)
            before = published

    def _send_away(self, listener: _Listener) -> None:
        self._listeners.discard(listener)
        while listener.queue.full():
            listener.queue.get_nowait()
        listener.queue.put_nowait(None)


def _news(before: Published | None, now: Published) -> list[News]:
    """What is new, oldest first; of everything if there was nothing before, only the newest."""
    if before is None:
        return [*([now.newest_scan] if now.newest_scan else []), *sorted(now.newest.values(), key=lambda one: one.method)]
    scans = [one for one in now.scans if one.key not in before.by_key]
    forecasts = [one for one in now.forecasts if one.key not in before.by_key]
    return [*scans, *sorted(forecasts, key=lambda one: (one.reference_time, one.method))]
