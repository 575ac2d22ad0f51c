"""The same calls on SQLite and on PostgreSQL, and what is published is published at once."""

import gc
import sqlite3
import threading

import numpy as np
import pytest
from sqlalchemy import Engine, create_engine

from stormcell.errors import StormcellError
from stormcell.service.database import Database, PublishedForecast, PublishedScan
from stormcell.service.tables import METADATA

NOON = np.datetime64("2024-07-01T12:00", "s")
STEP = np.timedelta64(300, "s")


@pytest.fixture(params=["sqlite", "postgresql"])
def database(request, tmp_path):
    address = f"sqlite:///{tmp_path}/live/service.sqlite" if request.param == "sqlite" else request.getfixturevalue("postgresql")
    opened = Database(address)
    yield opened
    opened.close()
    if request.param == "postgresql":
        engine = create_engine(address)
        METADATA.drop_all(engine)
        engine.dispose()


def forecast(method: str = "advection", step: int = 0, **other) -> PublishedForecast:
    facts = {"key": f"forecast-{method}-{step}", "published": NOON + 2 * STEP, "members": 1, "step": STEP, "steps": 3, "seconds": 0.25}
    return PublishedForecast(method, NOON + step * STEP, **(facts | {"notes": {"a": [1]}} | other))


def test_forecasts_come_back_newest_first(database):
    published = [forecast("rover"), forecast(), forecast(step=1)]
    database.publish_forecasts(published)
    assert database.forecasts() == [published[2], published[1], published[0]]
    assert database.forecasts(method="rover") == [published[0]] and database.forecasts(since=NOON + STEP) == [published[2]]
    assert database.newest_forecast("advection") == published[2] and database.newest_forecast("steps") is None
    assert database.forecast("advection", NOON) == published[1] and database.forecast("rover", NOON + STEP) is None
    assert published[0].lead_times.tolist() == [300, 600, 900] or list(published[0].lead_times) == [STEP, 2 * STEP, 3 * STEP]


def test_the_same_forecast_again_changes_nothing(database):
    database.publish_forecasts([forecast()])
    database.publish_forecasts([forecast(key="another"), forecast(step=1)])
    assert [one.key for one in database.forecasts()] == ["forecast-advection-1", "forecast-advection-0"]


def test_all_or_none_are_published(database):
    with pytest.raises((StormcellError, ValueError, TypeError)):
        database.publish_forecasts([forecast(), forecast(step=1, members=None)])
    assert database.forecasts() == []


def test_scans(database):
    assert database.newest_scan() is None
    for number in (1, 0):
        database.publish_scan(PublishedScan(NOON + number * STEP, f"observed-{number}"))
    assert [scan.key for scan in database.scans()] == ["observed-0", "observed-1"]
    assert database.newest_scan() == PublishedScan(NOON + STEP, "observed-1")
    assert [scan.key for scan in database.scans(since=NOON + STEP)] == ["observed-1"]


def test_withdrawn_fields_are_not_published(database):
    database.publish_forecasts([forecast(), forecast(step=1)])
    database.publish_scan(PublishedScan(NOON, "observed-0"))
    assert database.keys() == {"forecast-advection-0", "forecast-advection-1", "observed-0"}
    database.withdraw(["forecast-advection-0", "observed-0", "unknown"])
    assert database.keys() == {"forecast-advection-1"} and database.scans() == [] and len(database.forecasts()) == 1
    database.publish_forecasts([forecast(key="again")])
    assert database.forecast("advection", NOON) is None, "it was there once, and stays withdrawn"


def test_sums_are_kept_once(database):
    row = ("advection", NOON, STEP, "contingency", np.array([1.0, 2.5, np.nan]))
    database.add_scores([row])
    database.add_scores([(*row[:4], np.zeros(3)), ("rover", NOON, STEP, "contingency", np.zeros(3))])
    found = list(database.sums("contingency", since=NOON + STEP))
    assert [one[:3] for one in found] == [("advection", NOON, STEP), ("rover", NOON, STEP)]
    np.testing.assert_array_equal(found[0][3], row[4])
    assert list(database.sums("contingency", since=NOON + 2 * STEP)) == [] and list(database.sums("continuous", since=NOON)) == []
    assert database.scored(NOON) == {(NOON, STEP)} and database.scored(NOON + STEP) == set()


def test_files(database):
    database.note_file("a", "10-1")
    database.note_file("b", "20-1", "broken")
    assert database.known_files() == {"a": "10-1", "b": "20-1"} and database.problems() == [("b", "broken")]
    database.note_file("b", "21-2")
    assert database.known_files()["b"] == "21-2" and database.problems() == []
    database.forget_files(["a", "c"])
    assert database.known_files() == {"b": "21-2"}


def test_cycles_newest_first_and_not_for_ever(database):
    for number in range(1005):
        if number < 3 or number > 1000:
            database.note_cycle(1000.0 + number, 0.5, {"score": 0.1}, None if number else "a problem")
    first = database.cycles(limit=2)
    assert [one["started"] for one in first] == [2004, 2003] and first[0]["stages"] == {"score": 0.1}
    assert database.cycles(limit=2000)[-1]["problem"] == "a problem"


def test_readers_and_a_writer_at_once(database):
    problems: list[BaseException] = []

    def read() -> None:
        try:
            for _ in range(30):
                assert len(database.forecasts()) % 2 == 0, "half of what was published together"
        except BaseException as error:
            problems.append(error)

    readers = [threading.Thread(target=read) for _ in range(3)]
    for reader in readers:
        reader.start()
    for number in range(15):
        database.publish_forecasts([forecast(step=number), forecast("rover", step=number)])
    for reader in readers:
        reader.join()
    assert not problems and len(database.forecasts()) == 30


def test_sqlite_writes_ahead(tmp_path):
    database = Database(f"sqlite:///{tmp_path}/service.sqlite")
    database.publish_forecasts([forecast()])
    with sqlite3.connect(tmp_path / "service.sqlite") as connection:
        assert connection.execute("PRAGMA journal_mode").fetchone() == ("wal",)
    connection.close()
    database.close()


def test_nobody_has_to_close_it(tmp_path, monkeypatch):
    """Connections are given back when the database that made them is let go."""
    disposed, dispose = [], Engine.dispose
    monkeypatch.setattr(Engine, "dispose", lambda engine: (disposed.append(engine), dispose(engine)))
    database = Database(f"sqlite:///{tmp_path}/service.sqlite")
    database.publish_forecasts([forecast()])
    assert not disposed
    del database
    gc.collect()
    assert len(disposed) == 1


@pytest.mark.parametrize("address", ["mysql://a/b", "no address", "postgresql+psycopg://nobody@127.0.0.1:9/none?connect_timeout=2"])
def test_what_cannot_be_opened(address):
    with pytest.raises(StormcellError, match="database: "):
        Database(address)
