"""Two web processes over PostgreSQL and object storage, while cycles publish: both see the same, and nothing half done."""

import http.client
import json
import os
import signal
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import pytest
from sqlalchemy import create_engine

from stormcell.service.tables import METADATA
from tests.service.conftest import arrive
from tests.service.process import Service, stormcell_serve

pytestmark = pytest.mark.skipif(not Path("/proc/net/tcp").exists(), reason="tells web processes apart by /proc")


def web_process(port: int, client: int) -> int | None:
    """Which process holds the server's end of a connection; None before it has taken it."""
    rows = [line.split() for line in Path("/proc/net/tcp").read_text().splitlines()[1:]]
    sockets = {f"socket:[{row[9]}]" for row in rows if row[1].endswith(f":{port:04X}") and row[2].endswith(f":{client:04X}")}
    for descriptor in Path("/proc").glob("[0-9]*/fd/*"):
        try:
            if os.readlink(descriptor) in sockets:
                return int(descriptor.parts[2])
        except OSError:
            continue
    return None


@contextmanager
def both(service: Service) -> Iterator[dict[int, http.client.HTTPConnection]]:
    """A connection to each of two processes."""
    found: dict[int, http.client.HTTPConnection] = {}
    with ExitStack() as opened:

        def connect() -> bool:
            connection = http.client.HTTPConnection("127.0.0.1", service.port, timeout=30)
            opened.callback(connection.close)
            ask(connection, "/health")
            for known in found.values():
                ask(known, "/health")  # or the server takes it for idle
            number = web_process(service.port, connection.sock.getsockname()[1])
            if number is not None:
                found.setdefault(number, connection)
            return len(found) == 2

        service.until(connect)
        yield found


def ask(connection: http.client.HTTPConnection, path: str) -> tuple[str | None, bytes]:
    connection.request("GET", path)
    answer = connection.getresponse()
    body = answer.read()
    assert answer.status == 200, f"{path}: {answer.status} {body[:300]!r}"
    return answer.headers["ETag"], body


@pytest.mark.parametrize("killed", [False, pytest.param(True, marks=pytest.mark.slow)])
def test_two_processes_see_what_is_published(scans, inbox, postgresql, s3_endpoint, tmp_path, killed):
    settings = tmp_path / "service.toml"
    settings.write_text(
        f'watch = "{inbox}"\nfolder = "{tmp_path / "live"}"\ndatabase = "{postgresql}"\nfields = "s3://rain/{tmp_path.name}"\n'
        f'endpoint = "{s3_endpoint}"\nlead = "10min"\nsettle_seconds = 0\npoll_seconds = 0.05\nrequests_per_second = 0\n'
        '[[methods]]\nname = "advection"\n[[methods]]\nname = "persistence"\n'
    )
    for scan in scans[:2]:
        arrive(scan, inbox)
    try:
        with stormcell_serve(tmp_path, settings, "--workers", 2) as service:
            before = {one["data"]["time"] for one in service.newest(2)}
            with both(service) as clients:
                arrive(scans[2], inbox)
                seen = [watch(service, client, before) for client in clients.values()]
                assert seen[0] == seen[1]
                for key in seen[0]:
                    same(clients, f"/v1/fields/{key}/netcdf?bbox=9.6,55.0,10.0,55.4", only_tag=True)
                    same(clients, f"/v1/tiles/{key}/rain_rate/1/7/67/39.png")
                same(clients, "/v1/point?lat=55.2&lon=9.8")
                if killed:
                    replaced(service, clients)
            assert "Traceback" not in service.end()
    finally:
        METADATA.drop_all(engine := create_engine(postgresql))
        engine.dispose()


def replaced(service: Service, clients: dict[int, http.client.HTTPConnection]) -> None:
    """One that dies is replaced, and meanwhile the other answers."""
    first, second = clients
    os.kill(first, signal.SIGKILL)
    assert ask(clients[second], "/health")
    with both(service) as again:
        assert second in again and first not in again
        same(again, "/v1/forecasts/latest")


def watch(service: Service, client: http.client.HTTPConnection, before: set[str]) -> list[str]:
    """Look until there are new forecasts: those of all methods at once, and each can be read at that moment. Their keys."""
    keys: list[str] = []

    def new() -> bool:
        newest = json.loads(ask(client, "/v1/status")[1])["newest_forecasts"]
        times = {one["data"]["time"] for one in newest}
        assert len(newest) in (0, 2) and len(times) <= 1, "published half"
        if not newest or times == before:
            return False
        keys.extend(one["key"] for one in newest)
        for key in keys:
            ask(client, f"/v1/tiles/{key}/rain_rate/2/7/67/39.png")
        return True

    service.until(new)
    return keys


def same(clients: dict[int, http.client.HTTPConnection], path: str, *, only_tag: bool = False) -> None:
    """Both answer the same, with the same ETag. Answers tell ages, so a full minute may lie between: then once more."""
    for _ in range(2):
        answers = {ask(client, path)[: 1 if only_tag else 2] for client in clients.values()}
        if len(answers) == 1:
            return
    raise AssertionError(f"{path}: {answers}")
