"""What a process knows of the database: fresh within a second, patient while it is away, and one look for all that ask."""

import asyncio
import threading
import time

import pytest

from stormcell.errors import StormcellError
from stormcell.service.catalogue import Catalogue
from stormcell.service.database import Database
from tests.service.web.published import NOW, SCANS, publish_forecasts, publish_scan, settings_at


@pytest.fixture
def service(tmp_path):
    settings = settings_at(tmp_path)
    publish_scan(settings, 4), publish_forecasts(settings, 4)
    database = Database(settings.database_address)
    yield settings, database, Catalogue(database, clock=lambda: NOW, stale_minutes=20.0)
    database.close()


def ago(catalogue: Catalogue, seconds: float) -> None:
    """As if the last look had been so long ago."""
    catalogue._looked = time.monotonic() - seconds


def test_many_that_ask_at_once_are_one_look(service, monkeypatch):
    _, database, catalogue = service
    looks = []
    monkeypatch.setattr(Database, "scans", lambda self, **_: looks.append(1) or [])

    async def run() -> None:
        await asyncio.gather(*(catalogue.current() for _ in range(20)))

    asyncio.run(run())
    assert looks == [1]


def test_what_is_new_is_made_ready_before_anybody_is_told(service):
    settings, database, _ = service
    ready = []
    catalogue = Catalogue(database, clock=lambda: NOW, stale_minutes=20.0, prepare=lambda published: ready.append(published.scans))

    async def run() -> None:
        first = await catalogue.current()
        assert ready == [first.scans]
        ago(catalogue, 5.0)
        assert await catalogue.current() is first and len(ready) == 1, "nothing is new"
        publish_scan(settings, 5)
        ago(catalogue, 5.0)
        assert (await catalogue.current()).scans == ready[1] != first.scans

    asyncio.run(run())


def test_what_is_new_is_there_after_a_second(service):
    settings, _, catalogue = service

    async def run() -> None:
        assert len((await catalogue.current()).scans) == 1
        publish_scan(settings, 5), publish_forecasts(settings, 5)
        assert len((await catalogue.current()).scans) == 1
        ago(catalogue, 1.5)
        await catalogue.current()  # does not wait
        await catalogue._looking
        assert len((await catalogue.current()).scans) == 2
        publish_scan(settings, 3)
        ago(catalogue, 1.5)
        assert len((await catalogue.current(fresh=True)).scans) == 2, "an older scan is seen with the next whole look"
        catalogue._read = float("-inf")
        ago(catalogue, 5.0)
        assert len((await catalogue.current()).scans) == 3 < SCANS

    asyncio.run(run())


def test_nobody_waits_while_what_is_new_is_made_ready(service):
    settings, database, _ = service
    may_end = threading.Event()
    may_end.set()
    catalogue = Catalogue(database, clock=lambda: NOW, stale_minutes=20.0, prepare=lambda published: may_end.wait(10.0) or None)

    async def run() -> None:
        first = await catalogue.current()
        may_end.clear()
        publish_scan(settings, 5)
        ago(catalogue, 1.5)
        assert await catalogue.current() is first
        await asyncio.sleep(0)  # the look begins
        ago(catalogue, 8.0)  # and takes long
        assert await asyncio.wait_for(catalogue.current(), 5.0) is first
        may_end.set()
        assert len((await catalogue._looking).scans) == 2 == len((await catalogue.current()).scans)

    asyncio.run(run())


def test_a_database_that_is_away_is_borne_for_a_while(service, monkeypatch, caplog):
    _, _, catalogue = service

    def away(*_, **__):
        raise StormcellError("connection refused")

    async def run() -> None:
        known = await catalogue.current()
        monkeypatch.setattr(Database, "forecasts", away)
        ago(catalogue, 5.0)
        assert await catalogue.current() is known and "connection refused" in caplog.text
        catalogue._read = time.monotonic() - 60
        ago(catalogue, 5.0)
        with pytest.raises(StormcellError):
            await catalogue.current()

    asyncio.run(run())


def test_a_database_that_was_never_there_is_an_error(service, monkeypatch):
    _, _, catalogue = service
    monkeypatch.setattr(Database, "scans", lambda *_, **__: (_ for _ in ()).throw(StormcellError("away")))
    with pytest.raises(StormcellError):
        asyncio.run(catalogue.current())


def test_ages(service):
    import numpy as np

    catalogue = service[2]
    now = np.datetime64(int(NOW), "s")
    assert catalogue.age_minutes(now - np.timedelta64(119, "s")) == 1
    assert [catalogue.is_stale(now - np.timedelta64(minutes, "m")) for minutes in (0, 20, 21, -20, -21)] == [
        False,
        False,
        True,
        False,
        True,
    ]
