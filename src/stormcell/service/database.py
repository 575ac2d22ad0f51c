"""What a live service has published, in a database that several processes and hosts may share: SQLite, or PostgreSQL by its address."""

import json
import time
import weakref
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, final

import numpy as np
from numpy.typing import NDArray
from sqlalchemy import Connection, Engine, Table, create_engine, delete, event, func, select, update
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.engine import make_url
from sqlalchemy.exc import ArgumentError, NoSuchModuleError, SQLAlchemyError
from sqlalchemy.schema import CreateTable

from stormcell.errors import StormcellError
from stormcell.service.tables import CYCLES, FILES, FORECASTS, METADATA, SCANS, SCORES

__all__ = ["Database", "PublishedForecast", "PublishedScan"]

_KEPT_CYCLES = 1000
_BUSY_SECONDS = 30


@dataclass(frozen=True)
class PublishedScan:
    """An observed field that is published.

    Args:
        time: of the scan, UTC.
        key: of its field.
    """

    time: np.datetime64
    key: str


@dataclass(frozen=True)
class PublishedForecast:
    """A forecast that is published.

    Args:
        method: its name.
        reference_time: of the newest scan it knew, UTC.
        key: of its fields.
        published: when, UTC.
        members: size of the ensemble behind it.
        step: from one lead time to the next, and from the reference time to the first.
        steps: how many lead times.
        seconds: it took to make.
        notes: what the method had to say: flags, warnings.
    """

    method: str
    reference_time: np.datetime64
    key: str
    published: np.datetime64
    members: int
    step: np.timedelta64
    steps: int
    seconds: float
    notes: Mapping[str, Any] = field(default_factory=dict)

    @property
    def lead_times(self) -> NDArray[np.timedelta64]:
        """(lead_time,)."""
        return np.arange(1, self.steps + 1) * self.step


@final
class Database:
    """Reads and writes the tables of `stormcell.service.tables`; every call is one transaction.

    Args:
        address: as SQLAlchemy has it: "sqlite:////folder/service.sqlite", "postgresql+psycopg://user@host/name".

    Raises:
        StormcellError: it cannot be reached.
    """

    def __init__(self, address: str) -> None:
        try:
            url = make_url(address)
            if url.get_backend_name() not in ("sqlite", "postgresql"):
                raise StormcellError(f"database: expected sqlite or postgresql+psycopg, got {url.get_backend_name()}")
            self._address = url.render_as_string(hide_password=True)
            if url.get_backend_name() == "sqlite" and url.database:
                Path(url.database).parent.mkdir(parents=True, exist_ok=True)
            self._engine = _engine(address)
            weakref.finalize(self, self._engine.dispose)  # whoever forgets to close it leaves no connection behind
            self._insert: Any = sqlite.insert if url.get_backend_name() == "sqlite" else postgresql.insert
            with self._engine.begin() as connection:  # create_all looks first: two that begin at once would trip
                for table in METADATA.sorted_tables:
                    connection.execute(CreateTable(table, if_not_exists=True))
        except (SQLAlchemyError, ArgumentError, NoSuchModuleError, ImportError, OSError) as error:
            raise StormcellError(f"database: cannot be opened ({' '.join(str(error).split())[:300]})") from error

    def close(self) -> None:
        """Give connections back."""
        self._engine.dispose()

    @contextmanager
    def _transaction(self) -> Iterator[Connection]:
        try:
            with self._engine.begin() as connection:
                yield connection
        except SQLAlchemyError as error:
            raise StormcellError(f"{self._address}: {' '.join(str(error).split())[:300]}") from error

    # -- what came in

    def known_files(self) -> dict[str, str]:
        """Name -> state of the files that were taken in, read or not."""
        with self._transaction() as connection:
            return {row.name: row.state for row in connection.execute(select(FILES.c.name, FILES.c.state))}

    def note_file(self, name: str, state: str, problem: str | None = None) -> None:
        """A file was taken in; with a problem, it could not be read."""
        self._put(FILES, {"name": name, "state": state, "problem": problem, "seen": int(time.time())}, ("name",))

    def problems(self, limit: int = 20) -> list[tuple[str, str]]:
        """Name and problem of the last files that could not be read."""
        query = select(FILES.c.name, FILES.c.problem).where(FILES.c.problem.is_not(None)).order_by(FILES.c.seen.desc()).limit(limit)
        with self._transaction() as connection:
            return [(name, problem) for name, problem in connection.execute(query)]

    def forget_files(self, gone: Iterable[str]) -> None:
        """Files that are no longer in the folder need not be known."""
        names = list(gone)
        with self._transaction() as connection:
            for start in range(0, len(names), 500):
                connection.execute(delete(FILES).where(FILES.c.name.in_(names[start : start + 500])))

    # -- what is published

    def publish_scan(self, scan: PublishedScan) -> None:
        """From now on there is an observed field of this time."""
        self._put(SCANS, {"time": _seconds(scan.time), "key": scan.key, "published": int(time.time())}, ("time",))

    def publish_forecasts(self, forecasts: Sequence[PublishedForecast]) -> None:
        """From now on these are there, all at once. One of the same method and reference time stays as it is."""
        with self._transaction() as connection:
            for one in forecasts:
                row = {
                    "method": one.method,
                    "reference_time": _seconds(one.reference_time),
                    "key": one.key,
                    "published": _seconds(one.published),
                    "members": one.members,
                    "step_seconds": int(one.step / np.timedelta64(1, "s")),
                    "steps": one.steps,
                    "seconds": one.seconds,
                    "notes": json.dumps(dict(one.notes)),
                    "removed": False,
                }
                connection.execute(self._insert(FORECASTS).values(row).on_conflict_do_nothing())

    def scans(self, *, since: np.datetime64 | None = None) -> list[PublishedScan]:
        """The observed fields that are published, oldest first."""
        query = select(SCANS.c.time, SCANS.c.key).order_by(SCANS.c.time)
        if since is not None:
            query = query.where(SCANS.c.time >= _seconds(since))
        with self._transaction() as connection:
            return [PublishedScan(_time(row.time), row.key) for row in connection.execute(query)]

    def newest_scan(self) -> PublishedScan | None:
        """The last observed field; None before there is one."""
        query = select(SCANS.c.time, SCANS.c.key).order_by(SCANS.c.time.desc()).limit(1)
        with self._transaction() as connection:
            row = connection.execute(query).first()
        return PublishedScan(_time(row.time), row.key) if row else None

    def forecasts(self, *, method: str | None = None, since: np.datetime64 | None = None, limit: int = 10_000) -> list[PublishedForecast]:
        """The forecasts whose fields are there, newest reference time first, methods in order of their names."""
        query = select(FORECASTS).where(FORECASTS.c.removed.is_(False))
        if method is not None:
            query = query.where(FORECASTS.c.method == method)
        if since is not None:
            query = query.where(FORECASTS.c.reference_time >= _seconds(since))
        query = query.order_by(FORECASTS.c.reference_time.desc(), FORECASTS.c.method).limit(limit)
        with self._transaction() as connection:
            return [_forecast(row) for row in connection.execute(query)]

    def newest_forecast(self, method: str) -> PublishedForecast | None:
        """The last forecast of a method; None before there is one."""
        found = self.forecasts(method=method, limit=1)
        return found[0] if found else None

    def forecast(self, method: str, reference_time: np.datetime64) -> PublishedForecast | None:
        """The forecast of a method from a scan; None if its fields are not there."""
        query = select(FORECASTS).where(
            FORECASTS.c.method == method, FORECASTS.c.reference_time == _seconds(reference_time), FORECASTS.c.removed.is_(False)
        )
        with self._transaction() as connection:
            row = connection.execute(query).first()
        return _forecast(row) if row else None

    def keys(self) -> set[str]:
        """Of all fields that are published."""
        with self._transaction() as connection:
            scans = connection.execute(select(SCANS.c.key)).scalars()
            forecasts = connection.execute(select(FORECASTS.c.key).where(FORECASTS.c.removed.is_(False))).scalars()
            return {*scans, *forecasts}

    def withdraw(self, keys: Iterable[str]) -> None:
        """These fields are no longer published; scores stay. What they hold may be removed afterwards."""
        with self._transaction() as connection:
            for key in keys:
                connection.execute(delete(SCANS).where(SCANS.c.key == key))
                connection.execute(update(FORECASTS).where(FORECASTS.c.key == key).values(removed=True))

    # -- how good it was

    def add_scores(self, rows: Iterable[tuple[str, np.datetime64, np.timedelta64, str, NDArray[np.float64]]]) -> None:
        """Sums by method, reference time, lead time and score; those that are there stay."""
        with self._transaction() as connection:
            for method, reference_time, lead, score, sums in rows:
                row = {
                    "method": method,
                    "reference_time": _seconds(reference_time),
                    "lead_seconds": int(lead / np.timedelta64(1, "s")),
                    "score": score,
                    "sums": np.ascontiguousarray(sums, "<f8").tobytes(),
                }
                connection.execute(self._insert(SCORES).values(row).on_conflict_do_nothing())

    def scored(self, since: np.datetime64) -> set[tuple[np.datetime64, np.timedelta64]]:
        """Reference and lead times of which there are scores."""
        query = select(SCORES.c.reference_time, SCORES.c.lead_seconds).where(SCORES.c.reference_time >= _seconds(since)).distinct()
        with self._transaction() as connection:
            return {(_time(reference), np.timedelta64(lead, "s")) for reference, lead in connection.execute(query)}

    def sums(self, score: str, *, since: np.datetime64) -> Iterator[tuple[str, np.datetime64, np.timedelta64, NDArray[np.float64]]]:
        """Method, reference time, lead time and sums of a score, of all valid times from `since` on."""
        valid = SCORES.c.reference_time + SCORES.c.lead_seconds
        query = (
            select(SCORES).where(SCORES.c.score == score, valid >= _seconds(since)).order_by(SCORES.c.reference_time, SCORES.c.lead_seconds)
        )
        with self._transaction() as connection:
            for row in connection.execute(query):
                yield row.method, _time(row.reference_time), np.timedelta64(row.lead_seconds, "s"), np.frombuffer(row.sums, "<f8")

    # -- what happened

    def note_cycle(self, started: float, seconds: float, stages: Mapping[str, float], problem: str | None) -> None:
        """One cycle has ended; the last thousand are kept."""
        row = {"started": int(started), "seconds": seconds, "stages": json.dumps(dict(stages)), "problem": problem}
        with self._transaction() as connection:
            connection.execute(CYCLES.insert().values(row))
            newest = connection.execute(select(func.max(CYCLES.c.id))).scalar_one()
            connection.execute(delete(CYCLES).where(CYCLES.c.id <= newest - _KEPT_CYCLES))

    def cycles(self, limit: int = 50) -> list[dict[str, Any]]:
        """The last cycles, newest first: started, seconds, stages, problem."""
        query = select(CYCLES).order_by(CYCLES.c.id.desc()).limit(limit)
        with self._transaction() as connection:
            rows = connection.execute(query).mappings()
            return [{**row, "stages": json.loads(row["stages"])} for row in rows]

    def _put(self, table: Table, row: Mapping[str, Any], keys: Sequence[str]) -> None:
        insert = self._insert(table).values(row)
        rest = {name: value for name, value in row.items() if name not in keys}
        with self._transaction() as connection:
            connection.execute(insert.on_conflict_do_update(index_elements=list(keys), set_=rest))


def _engine(address: str) -> Engine:
    if not address.startswith("sqlite"):
        return create_engine(address, pool_pre_ping=True)
    engine = create_engine(address, connect_args={"timeout": _BUSY_SECONDS})

    @event.listens_for(engine, "connect")
    def _settings(connection: Any, _: Any) -> None:
        connection.execute("PRAGMA journal_mode = WAL")
        connection.execute("PRAGMA synchronous = FULL")

    return engine


def _forecast(row: Any) -> PublishedForecast:
    return PublishedForecast(
        row.method,
        _time(row.reference_time),
        row.key,
        _time(row.published),
        row.members,
        np.timedelta64(row.step_seconds, "s"),
        row.steps,
        row.seconds,
        json.loads(row.notes),
    )


def _seconds(moment: np.datetime64) -> int:
    return int(moment.astype("datetime64[s]").astype(np.int64))


def _time(seconds: int) -> np.datetime64:
    return np.datetime64(seconds, "s")
