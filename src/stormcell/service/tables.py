"""The tables of a live service: what came in, what is published, how good it was, and what happened. Times are seconds since 1970, UTC."""

from sqlalchemy import BigInteger, Boolean, Column, Float, Integer, LargeBinary, MetaData, String, Table, Text, UniqueConstraint

__all__ = ["CYCLES", "FILES", "FORECASTS", "METADATA", "SCANS", "SCORES"]

METADATA = MetaData()

FILES = Table(
    "files",
    METADATA,
    Column("name", String(1000), primary_key=True),
    Column("state", String(100), nullable=False),  # size and time of change: another state is another file
    Column("problem", Text),  # why it could not be read; null if it was
    Column("seen", BigInteger, nullable=False),
)
"""Every file that was taken in, so that none is decoded twice."""

SCANS = Table(
    "scans",
    METADATA,
    Column("time", BigInteger, primary_key=True, autoincrement=False),
    Column("key", String(100), nullable=False),
    Column("published", BigInteger, nullable=False),
)
"""The observed fields that are published."""

FORECASTS = Table(
    "forecasts",
    METADATA,
    Column("id", Integer, primary_key=True),
    Column("method", String(300), nullable=False),
    Column("reference_time", BigInteger, nullable=False),
    Column("key", String(100), nullable=False, unique=True),
    Column("published", BigInteger, nullable=False),
    Column("members", Integer, nullable=False),
    Column("step_seconds", Integer, nullable=False),
    Column("steps", Integer, nullable=False),
    Column("seconds", Float, nullable=False),  # it took
    Column("notes", Text, nullable=False),  # JSON: flags and warnings of the method
    Column("removed", Boolean, nullable=False, default=False),  # its fields are, by retention; its scores stay
    UniqueConstraint("method", "reference_time"),
)
"""The forecasts that are published: one of each method for each newest scan."""

SCORES = Table(
    "scores",
    METADATA,
    Column("method", String(300), primary_key=True),
    Column("reference_time", BigInteger, primary_key=True, autoincrement=False),
    Column("lead_seconds", Integer, primary_key=True, autoincrement=False),
    Column("score", String(100), primary_key=True),
    Column("sums", LargeBinary, nullable=False),  # float64, of the shape that the score has
)
"""Sums of a score over one field that came true; they add up over any hours."""

CYCLES = Table(
    "cycles",
    METADATA,
    Column("id", Integer, primary_key=True),
    Column("started", BigInteger, nullable=False),
    Column("seconds", Float, nullable=False),
    Column("stages", Text, nullable=False),  # JSON: seconds of each
    Column("problem", Text),  # null if all went well
)
"""What the last cycles did."""
