"""What is published now, as a web process sees it: read from the database at most once a second, whoever asks."""

import asyncio
import logging
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import final

import numpy as np
from anyio import to_thread

from stormcell.errors import StormcellError
from stormcell.service.database import Database, PublishedForecast, PublishedScan

__all__ = ["Catalogue", "Published"]

_log = logging.getLogger("stormcell.service")
_FRESH_SECONDS = 1.0
_USABLE_SECONDS = 3.0  # answers need not wait for the database, nor for fields that are read once it has been looked at in this time
_WHOLE_SECONDS = 15.0  # what retention has withdrawn is known after so long at the latest
_PATIENCE_SECONDS = 30.0  # that answers go on while the database is away


@dataclass(frozen=True)
class Published:
    """Everything that is published at a moment.

    Args:
        scans: oldest first.
        forecasts: newest reference time first.
    """

    scans: tuple[PublishedScan, ...]
    forecasts: tuple[PublishedForecast, ...]

    @cached_property
    def by_key(self) -> Mapping[str, PublishedScan | PublishedForecast]:
        """Key -> what is published under it."""
        return {**{scan.key: scan for scan in self.scans}, **{forecast.key: forecast for forecast in self.forecasts}}

    @cached_property
    def newest(self) -> Mapping[str, PublishedForecast]:
        """Method -> its newest forecast."""
        return {one.method: one for one in reversed(self.forecasts)}

    @cached_property
    def scan_at(self) -> Mapping[np.datetime64, PublishedScan]:
        """Time -> scan."""
        return {one.time: one for one in self.scans}

    @property
    def newest_scan(self) -> PublishedScan | None:
        """The last scan; None before there is one."""
        return self.scans[-1] if self.scans else None


@final
class Catalogue:
    """Reads the database for a web process.

    Args:
        database: of what is published.
        clock: seconds since 1970, UTC.
        stale_minutes: age from which on data are stale.
        prepare: is given, in a thread, what is newly published before anybody is told of it; for at most a moment, as all wait for it.
    """

    def __init__(
        self,
        database: Database,
        *,
        clock: Callable[[], float],
        stale_minutes: float,
        prepare: Callable[[Published], None] = lambda published: None,
    ) -> None:
        self._database, self._clock, self._stale_minutes, self._prepare = database, clock, stale_minutes, prepare
        self._published: Published | None = None
        self._looked = self._read = float("-inf")
        self._lock = asyncio.Lock()
        self._looking: asyncio.Task[Published] | None = None

    def now(self) -> np.datetime64:
        """The time by the clock, UTC."""
        return np.datetime64(int(self._clock()), "s")

    def age_minutes(self, moment: np.datetime64) -> int:
        """Whole minutes since then; below 0 if that is yet to come."""
        return int((self.now() - moment) // np.timedelta64(60, "s"))

    def is_stale(self, moment: np.datetime64) -> bool:
        """Are data of this time too old to go by? Those from the future are no better: a clock is wrong."""
        return bool(abs((self.now() - moment) / np.timedelta64(60, "s")) > self._stale_minutes)

    async def current(self, *, fresh: bool = False) -> Published:
        """What is published, as it was about a second ago; up to half a minute while the database is away.

        Args:
            fresh: wait for the database rather than take what is a little older, as busy times do.

        Raises:
            StormcellError: the database has been away for longer.
        """
        age = time.monotonic() - self._looked
        if self._published is not None and age < _FRESH_SECONDS:
            return self._published
        under_way = self._looking is not None and not self._looking.done()
        if self._published is not None and age < (_PATIENCE_SECONDS if under_way else _USABLE_SECONDS) and not fresh:
            if not under_way:
                self._looking = asyncio.create_task(self._refresh())
            return self._published
        return await self._refresh()

    async def _refresh(self) -> Published:
        async with self._lock:
            if self._published is None or time.monotonic() - self._looked >= _FRESH_SECONDS:
                before = self._published
                try:
                    found = await to_thread.run_sync(self._look)
                except StormcellError as error:
                    if before is None or time.monotonic() - self._read > _PATIENCE_SECONDS:
                        raise
                    _log.error("database: %s", error)
                    found = before
                self._looked = time.monotonic()
                if found is not before:
                    await to_thread.run_sync(self._prepare, found)
                self._published = found
            return self._published

    def _look(self) -> Published:
        """All of it if something is new, or now and then; else what was read before."""
        before = self._published
        if before is not None and time.monotonic() - self._read < _WHOLE_SECONDS:
            newest = self._database.forecasts(limit=max(1, len(before.newest)))
            if self._database.newest_scan() == before.newest_scan and newest == list(before.forecasts[: len(newest)]):
                return before
        published = Published(tuple(self._database.scans()), tuple(self._database.forecasts()))
        self._read = time.monotonic()
        return published
