"""Faults around the live service: what is published stays, nothing that came is lost, and when they are over it goes on by itself."""

import functools
import os
import shutil
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import numpy as np
import pytest

import stormcell as sc
from stormcell.data.archive import Archive, is_archive
from stormcell.data.readers.odim import write_odim
from stormcell.data.synthetic import synthetic_storm
from stormcell.errors import FramesError, WriteError
from stormcell.service.database import Database
from stormcell.service.decode import Limits
from stormcell.service.intake import Arrivals, take_in
from stormcell.service.live import run_live
from tests.service import test_live
from tests.service.conftest import arrive
from tests.service.test_live import check_whole, killed_at_random, wait_for
from tests.trust.faults import Silent, full, small_disk

slowly = [pytest.mark.slow, pytest.mark.timeout(900)]
NO_POWER = ["setpriv", "--bounding-set=-dac_override,-dac_read_search"]  # root as other users are: what it may not write, it cannot

SERVICE = """
import os, sys, time
from pathlib import Path
import stormcell.service.live as live, stormcell.service.supervise as supervise
from stormcell.data.sources import Limits
from stormcell.service.settings import MethodSettings, read_settings
live._AGAIN_SECONDS = 0.5
clock, now = Path(os.environ.get("CLOCK", "absent")), time.time
time.time = lambda: now() + (float(clock.read_text()) if clock.is_file() else 0.0)
limits = Limits(silence_seconds=0.5, patience_seconds=1.0, attempts=2)
feeding = supervise.feeding
hours = float(os.environ.get('HOURS', '3'))
supervise.feeding = lambda source, inbox, keep_hours: feeding(source, inbox, every=0.2, limits=limits, hours=hours)
methods = (MethodSettings(name="advection"), MethodSettings(name="persistence"))
fast = {"lead": "10min", "settle_seconds": 0, "poll_seconds": 0.02, "methods": methods}
where = {"source": sys.argv[1]} if sys.argv[1].endswith(".toml") else {"watch": Path(sys.argv[1])}
supervise.run_cycles(read_settings(environment={}, folder=Path(sys.argv[2]), **where, **fast))
"""


@pytest.fixture(scope="module")
def scans(tmp_path_factory) -> list[Path]:
    """One file a scan, every five minutes."""
    folder = tmp_path_factory.mktemp("scans")
    write_odim(synthetic_storm(10, shape=(40, 48)), folder)
    return sorted(folder.iterdir())


@pytest.fixture
def inbox(tmp_path) -> Path:
    (tmp_path / "inbox").mkdir()
    return tmp_path / "inbox"


@contextmanager
def disk_of(megabytes: int) -> Iterator[Path]:
    try:
        with small_disk(megabytes) as folder:
            yield folder
    except PermissionError as error:
        pytest.skip(str(error))


class Running:
    """A service as a process, and what it has published."""

    def __init__(self, came_from: Path, folder: Path, *before: str, **environment: str) -> None:
        self.folder, self.log = folder, came_from.parent / "log"
        with self.log.open("ab") as log:
            command = [*before, sys.executable, "-c", SERVICE, str(came_from), str(folder)]
            self.process = subprocess.Popen(command, stderr=log, stdout=log, env=os.environ | environment)

    def said(self, words: str) -> bool:
        return words in self.log.read_text()

    def published(self) -> dict[str, bytes]:
        """Key -> every byte of the field, of all that is published."""
        database = Database(f"sqlite:///{self.folder}/service.sqlite")
        try:
            keys = [one.key for one in (*database.scans(), *database.forecasts())]
        finally:
            database.close()
        return {
            key: b"".join(file.read_bytes() for file in sorted((self.folder / "fields" / key).rglob("*")) if file.is_file()) for key in keys
        }

    def until(self, scans: int, forecasts_of_newest: int = 2) -> None:
        """So many scans are published, and all forecasts of the newest."""

        def there() -> bool:
            assert self.process.poll() is None, self.log.read_text()
            if not (self.folder / "service.sqlite").exists():
                return False
            database = Database(f"sqlite:///{self.folder}/service.sqlite")
            try:
                newest = database.newest_scan()
                return (
                    newest is not None
                    and len(database.scans()) == scans
                    and len(database.forecasts(since=newest.time)) == forecasts_of_newest
                )
            finally:
                database.close()

        wait_for(there, seconds=90)

    def end(self) -> None:
        """It ends by itself, and nothing that came is noted as bad."""
        self.process.send_signal(signal.SIGTERM)
        assert self.process.wait(timeout=60) == 0, self.log.read_text()
        check_whole(self.folder)
        database = Database(f"sqlite:///{self.folder}/service.sqlite")
        assert database.problems() == []
        database.close()


@contextmanager
def running(came_from: Path, folder: Path, *before: str, **environment: str) -> Iterator[Running]:
    service = Running(came_from, folder, *before, **environment)
    try:
        yield service
    finally:
        service.process.kill()
        service.process.wait()


def kept(service: Running, before: dict[str, bytes]) -> bool:
    after = service.published()
    return {key: after.get(key) for key in before} == before


@pytest.mark.slow
@pytest.mark.parametrize("run", range(3))
def test_a_full_disk(run, scans, inbox):
    """State, fields and the files of the decoder are on it."""
    with disk_of(24) as disk:
        (disk / "tmp").mkdir()
        with running(inbox, disk / "live", TMPDIR=str(disk / "tmp")) as service:
            for scan in scans[:2]:
                arrive(scan, inbox)
            service.until(2)
            before = service.published()
            with full(disk, left=run * 48 * 1024):
                for scan in scans[2:4]:
                    arrive(scan, inbox)
                wait_for(lambda: service.said("full") or service.said("cannot be written"))
                time.sleep(1.5)  # some cycles more
                assert kept(service, before) and service.process.poll() is None
            service.until(4)
            assert kept(service, before)
            service.end()


@pytest.mark.slow
@pytest.mark.skipif(not shutil.which("setpriv") or os.geteuid() != 0, reason="only root can give up its rights")
@pytest.mark.parametrize("closed", ["archive.zarr", "fields", "."])
def test_permission_denied(closed, scans, inbox, tmp_path):
    with running(inbox, tmp_path / "live", *NO_POWER) as service:
        for scan in scans[:2]:
            arrive(scan, inbox)
        service.until(2)
        before = service.published()
        folders = [tmp_path / "live" / closed, *(path for path in (tmp_path / "live" / closed).rglob("*") if path.is_dir())]
        for folder in folders:
            folder.chmod(0o500)
        arrive(scans[2], inbox)
        if closed != ".":
            wait_for(lambda: service.said("cannot be written") or service.said("cannot be removed"))
        time.sleep(1.5)
        assert kept(service, before) and service.process.poll() is None
        for folder in folders:
            folder.chmod(0o700)
        service.until(3)
        assert kept(service, before)
        service.end()


@pytest.mark.slow
@pytest.mark.skipif(not shutil.which("setpriv") or os.geteuid() != 0, reason="only root can give up its rights")
def test_a_scan_that_may_not_be_read(scans, inbox, tmp_path):
    with running(inbox, tmp_path / "live", *NO_POWER) as service:
        for scan in scans[:2]:
            arrive(scan, inbox)
        service.until(2)
        (inbox / ".beside").write_bytes(scans[2].read_bytes())
        (inbox / ".beside").chmod(0)
        late = (inbox / ".beside").rename(inbox / scans[2].name)
        arrive(scans[3], inbox)
        wait_for(lambda: service.said("may not be read"))
        late.chmod(0o600)
        service.until(4)
        service.end()


@pytest.mark.slow
def test_a_disk_that_takes_no_writes(scans, inbox):
    with disk_of(24) as disk:
        with running(inbox, disk / "live") as service:
            for scan in scans[:2]:
                arrive(scan, inbox)
            service.until(2)
            before = service.published()
            service.end()
        subprocess.run(["mount", "-o", "remount,ro", disk], check=True)
        with running(inbox, disk / "live") as service:
            assert service.process.wait(timeout=60) != 0, "it says so and ends: what starts services starts it again"
        subprocess.run(["mount", "-o", "remount,rw", disk], check=True)
        with running(inbox, disk / "live") as service:
            arrive(scans[2], inbox)
            service.until(3)
            assert kept(service, before)
            service.end()


@pytest.mark.slow
def test_a_clock_that_jumps(scans, inbox, tmp_path):
    """By an hour, a day and half a century, to and fro, while scans arrive. With a clock before the scans they wait for it."""
    clock = tmp_path / "clock"
    jumps = [0, 0, 3600, -3600, 86400, -86400, 50 * 365 * 86400, 0]
    with running(inbox, tmp_path / "live", CLOCK=str(clock)) as service:
        for number, jump in enumerate(jumps):
            (tmp_path / "set").write_text(str(jump))
            (tmp_path / "set").rename(clock)
            before = service.published() if number > 1 else {}
            arrive(scans[number], inbox)
            if number:
                service.until(number + 1)
            assert kept(service, before)
        (tmp_path / "set").write_text(str(-50 * 365 * 86400))
        (tmp_path / "set").rename(clock)
        before = service.published()
        arrive(scans[len(jumps)], inbox)
        wait_for(lambda: service.said("dated in the future"))
        assert kept(service, before)
        clock.unlink()
        service.until(len(jumps) + 1)
        assert kept(service, before)
        service.end()


@pytest.mark.slow
def test_two_services_in_one_folder(scans, inbox, tmp_path):
    with running(inbox, tmp_path / "live") as service:
        for scan in scans[:2]:
            arrive(scan, inbox)
        service.until(2)
        with running(inbox, tmp_path / "live") as other:
            assert other.process.wait(timeout=60) != 0 and other.said("another process runs the cycles")
        arrive(scans[2], inbox)
        service.until(3)
        service.process.kill()
        service.process.wait()
        with running(inbox, tmp_path / "live") as heir:
            arrive(scans[3], inbox)
            heir.until(4)
            heir.end()


@pytest.mark.slow
def test_a_network_that_is_stuck(scans, tmp_path):
    """The server of a feed takes connections and never answers; then it does. A service that is told to end meanwhile ends."""
    silent, port = Silent(), 0
    source, there = tmp_path / "feed.toml", tmp_path / "there"
    shutil.copytree(scans[0].parent, there)
    source.write_text(f'source = "index"\nurl = "{silent.url}"\npattern = "(?P<time>[0-9]+)_composite.h5"\ntime_format = "%Y%m%d%H%M%S"\n')
    with running(source, tmp_path / "live") as service:
        wait_for(lambda: len(silent.taken) > 1)
        service.process.send_signal(signal.SIGTERM)
        assert service.process.wait(timeout=60) == 0, "it ends while it waits"
    hours = f"{(time.time() - 1719835200) / 3600 + 3:.0f}"  # back to the scans
    with running(source, tmp_path / "live", HOURS=hours) as service:
        wait_for(lambda: len(silent.taken) > 3)
        port = silent.close()
        handler = functools.partial(Files, directory=str(there))
        with ThreadingHTTPServer(("127.0.0.1", port), handler) as server:
            thread = threading.Thread(target=server.serve_forever)
            thread.start()
            try:
                service.until(len(scans))
                service.end()
            finally:
                server.shutdown()
                thread.join()


class Files(SimpleHTTPRequestHandler):
    def log_message(self, *_: object) -> None: ...


@pytest.mark.slow
@pytest.mark.timeout(1800)
def test_killed_at_random_on_a_slow_disk(scans, inbox, tmp_path, monkeypatch):
    """As in tests/service, with half a tenth of a second before every file gets its name."""
    slow = "import os, time\nreplace = os.replace\nos.replace = lambda *w, **o: (time.sleep(0.05), replace(*w, **o))[1]\n"
    monkeypatch.setattr(test_live, "SERVICE", slow + test_live.SERVICE)
    killed_at_random(scans, inbox, tmp_path / "live", kills=20, seed=3)


def test_a_full_disk_is_not_blamed_on_a_scan(scans, tmp_path, monkeypatch):
    database = Database(f"sqlite:///{tmp_path}/service.sqlite")
    files = dict.fromkeys(scans[:2], "state")
    with disk_of(4) as disk:
        monkeypatch.setattr("tempfile.tempdir", str(disk))
        with full(disk), pytest.raises(WriteError, match="the disk is full"):
            take_in(files, tmp_path / "a.zarr", database, Limits())
        assert database.known_files() == {} and not is_archive(tmp_path / "a.zarr")
        assert take_in(files, tmp_path / "a.zarr", database, Limits()) == 2
    assert len(database.known_files()) == 2 and database.problems() == []
    database.close()


def test_a_scan_from_the_future_waits_and_holds_up_no_other(scans, tmp_path, monkeypatch):
    """Retention and forecasts go by the newest scan: one with a wrong date would sweep away all others."""
    database = Database(f"sqlite:///{tmp_path}/service.sqlite")
    monkeypatch.setattr("stormcell.service.intake.decode", lambda files, *_, **__: ((path, sc.read(path)) for path in files))
    ends = sc.read(scans[2])["time"].values[-1].astype("datetime64[s]").astype(int)
    monkeypatch.setattr("time.time", lambda: float(ends - 16 * 60))
    files = dict.fromkeys((*scans[:1], scans[5], *scans[1:3]), "state")
    with pytest.raises(FramesError, match=f"{scans[5].name}.*in the future"):
        take_in(files, tmp_path / "a.zarr", database, Limits())
    assert set(database.known_files()) == {path.name for path in scans[:2]}, "what is a quarter of an hour ahead is early, too"
    monkeypatch.undo()
    assert take_in(dict.fromkeys((scans[2], scans[5]), "state"), tmp_path / "a.zarr", database, Limits()) == 2
    assert np.count_nonzero(Archive(tmp_path / "a.zarr").present) == 4
    database.close()


def test_a_file_that_may_not_be_read_waits(scans, inbox, tmp_path, monkeypatch, caplog):
    database = Database(f"sqlite:///{tmp_path}/service.sqlite")
    path = arrive(scans[0], inbox)
    arrivals = Arrivals(inbox, 0)
    with monkeypatch.context() as patch:
        patch.setattr("os.access", lambda *_: False)
        assert arrivals.look(database) == arrivals.look(database) == {} and len(caplog.records) == 1
    assert list(arrivals.look(database)) == [path]
    database.close()


def test_files_that_cannot_be_taken_in_are_not_tried_without_end(scans, inbox, settings_of, monkeypatch):
    """A full disk lasts for hours; a cycle every poll would read the same files thousands of times. Another file is a reason."""
    tried: list[list[str]] = []
    looks: list[int] = []
    look = Arrivals.look

    def fails(workshop, files):
        tried.append(sorted(path.name for path in files))
        raise WriteError("no room")

    monkeypatch.setattr("stormcell.service.live.run_cycle", fails)
    monkeypatch.setattr(Arrivals, "look", lambda self, database: (looks.append(0), look(self, database))[1])
    arrive(scans[0], inbox)
    stop = threading.Event()
    thread = threading.Thread(target=run_live, args=(settings_of(inbox), inbox), kwargs={"stop": stop})
    thread.start()
    try:
        wait_for(lambda: len(looks) > 5)
        arrive(scans[1], inbox)
        wait_for(lambda: len(tried) > 1)
        end = len(looks) + 5
        wait_for(lambda: len(looks) > end)
    finally:
        stop.set()
        thread.join()
    assert tried == [[scans[0].name], [scans[0].name, scans[1].name]]


@pytest.fixture
def settings_of(tmp_path):
    from stormcell.service.settings import MethodSettings, read_settings

    fast = {"lead": "10min", "settle_seconds": 0, "poll_seconds": 0.02, "methods": (MethodSettings(name="persistence"),)}
    return lambda inbox: read_settings(environment={}, watch=inbox, folder=tmp_path / "live", **fast)
