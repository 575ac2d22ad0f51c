"""A PostgreSQL server of the test's own: a free port of this machine, a temporary folder, gone afterwards."""

import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from glob import glob
from pathlib import Path

from tests.service.process import free_port

__all__ = ["missing_postgresql", "postgresql_server"]

_BIN = next(iter(sorted(glob("/usr/lib/postgresql/*/bin"), reverse=True)), None) or os.path.dirname(shutil.which("initdb") or "")
_USER = "postgres"


def missing_postgresql() -> str | None:
    """Why there can be no server here; None if there can."""
    if not _BIN:
        return "no initdb: PostgreSQL is not installed"
    if os.geteuid() == 0 and not shutil.which("runuser"):
        return "PostgreSQL does not run as root, and there is no runuser"
    return None


@contextmanager
def postgresql_server() -> Iterator[str]:
    """Address of an empty database, as SQLAlchemy has it."""
    port = free_port()
    folder = Path(tempfile.mkdtemp(prefix="stormcell-postgresql-"))
    if os.geteuid() == 0:
        shutil.chown(folder, _USER)
    try:
        _run("initdb", "-D", folder / "data", "-U", _USER, "-A", "trust", "--no-sync")
        options = f"-h 127.0.0.1 -p {port} -k {folder} -c fsync=off"
        _run("pg_ctl", "-D", folder / "data", "-o", options, "-l", folder / "log", "-w", "start")
        try:
            yield f"postgresql+psycopg://{_USER}@127.0.0.1:{port}/postgres"
        finally:
            _run("pg_ctl", "-D", folder / "data", "-m", "immediate", "stop")
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _run(program: str, *words: object) -> None:
    first = ["runuser", "-u", _USER, "--"] if os.geteuid() == 0 else []
    done = subprocess.run(
        [*first, f"{_BIN}/{program}", *map(str, words)], stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, cwd="/", timeout=60
    )
    if done.returncode:
        raise RuntimeError(f"{program}: {done.stderr.decode()}")
