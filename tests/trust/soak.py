"""A day of a live service in minutes: scans arrive, clients ask without a pause, and all the time something breaks. All of it real."""

import hashlib
import http.client
import json
import os
import random
import shutil
import signal
import socket
import sqlite3
import subprocess
import threading
import time
from collections import Counter
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from stormcell.data.archive import Archive
from stormcell.data.readers.odim import write_odim
from stormcell.data.synthetic import synthetic_storm
from stormcell.errors import StormcellError
from stormcell.service.database import Database
from stormcell.service.fields import FieldStore
from tests.service.process import STORMCELL, free_port, resident_bytes
from tests.trust.faults import full

SHAPE, METHODS, STEP = (128, 160), ("advection", "rover"), 300  # pixels, names, seconds
_KINDS = ("status", "maps", "tile", "tile", "tile", "point", "point", "area", "edr", "netcdf", "geotiff", "page", "hostile")
_HOSTILE = ("..%2f..%2fetc%2fpasswd", "%00", "9" * 400, "nan", "-1e308", "%f0%28%8c%28", "'%20or%201=1--")
_CONTENT = {"png": b"\x89PNG", "netcdf": (b"\x89HDF", b"CDF"), "geotiff": b"II*\x00"}
_SETTINGS = """watch = "{inbox}"
folder = "{folder}"
lead = "60min"
settle_seconds = 0.3
poll_seconds = 0.1
stale_minutes = 1e6
requests_per_second = 0
{methods}
"""


@dataclass(frozen=True)
class Plan:
    """Of a soak.

    Attributes:
        scans: of a day, one in five minutes.
        every: seconds from one to the next as they arrive here.
        clients: that ask at once.
        fault_every: seconds from the end of a fault to the next, about.
        seed: of everything that is random.
    """

    scans: int = 288
    every: float = 2.2
    clients: int = 6
    fault_every: float = 6.0
    seed: int = 0


@dataclass
class Report:
    """What came of it.

    Attributes:
        seconds: that it went on.
        answers: kind of question -> status -> how many.
        taken: seconds of each answer, by kind.
        unreachable: questions while the service was down, as it has been killed.
        wrong: answers that must not be, each with its time and why; none is what is expected.
        faults: kind -> seconds until a new forecast was published once it was over, for each time that it struck.
        arrivals: how scans came -> how many.
        facts: what was found at the end, by name.
        losses: what was lost or altered; none is what is expected.
    """

    seconds: float = 0.0
    answers: dict[str, Counter[int]] = field(default_factory=dict)
    taken: dict[str, list[float]] = field(default_factory=dict)
    unreachable: int = 0
    wrong: list[str] = field(default_factory=list)
    faults: dict[str, list[float]] = field(default_factory=dict)
    arrivals: Counter[str] = field(default_factory=Counter)
    facts: dict[str, Any] = field(default_factory=dict)
    losses: list[str] = field(default_factory=list)


class Soak:
    """One of them.

    Args:
        plan: what happens.
        disk: folder on a small disk of its own, for the state of the service; full disks are left out where it is None.
        folder: for everything else.
    """

    def __init__(self, plan: Plan, folder: Path, disk: Path | None) -> None:
        self.plan, self.report, self.random = plan, Report(), random.Random(plan.seed)
        self._disk, self._folder = disk, folder
        self.state = (disk or folder) / "live"
        self.inbox = folder / "inbox"
        self.inbox.mkdir()
        self._stop, self._lock = threading.Event(), threading.Lock()
        self._down: list[tuple[float, float]] = []  # moments between which the service could not be reached
        self._seen: dict[str, str] = {}  # key of a field -> its bytes, hashed when it was first published
        self.port = free_port()
        methods = "\n".join(f'[[methods]]\nname = "{name}"' for name in METHODS)
        (folder / "service.toml").write_text(_SETTINGS.format(inbox=self.inbox, folder=self.state, methods=methods))
        end = np.datetime64(int(time.time()), "s") - np.timedelta64(600, "s")
        start = (end - np.timedelta64(STEP * (plan.scans - 1), "s")).astype("datetime64[m]")
        write_odim(synthetic_storm(plan.scans, shape=SHAPE, seed=plan.seed, start=str(start)), folder / "scans")
        self.scans = sorted((folder / "scans").iterdir())
        self.service = self._started()

    def run(self, tell: Callable[[str], None] = print) -> Report:
        """All of it; the report."""
        begun = time.monotonic()
        try:
            self._until(lambda: self._ask("GET", "/health")[0] == 200)
            threads = [threading.Thread(target=self._client, args=(number,), daemon=True) for number in range(self.plan.clients)]
            threads += [threading.Thread(target=one, daemon=True) for one in (self._listener, self._watcher)]
            arrivals = threading.Thread(target=self._arrivals, daemon=True)
            for thread in (arrivals, *threads):
                thread.start()
            self._faults(arrivals, tell)
            arrivals.join()
            self._until(lambda: self._published()[0] == len(self.scans), 180.0)
            self._until(lambda: self._newest_is_forecast(), 180.0)
            time.sleep(2.0)
            self._stop.set()
            for thread in threads:
                thread.join()
            self.report.facts["memory of the web process at the end, MB"] = round(resident_bytes(self.service.pid) / 1e6)
            self.service.send_signal(signal.SIGTERM)
            if self.service.wait(timeout=150):
                self.report.losses.append(f"the service ended with status {self.service.returncode} when it was told to")
            self.report.seconds = time.monotonic() - begun
            self._look_back()
        finally:
            self._stop.set()
            self.service.kill()
            self.service.wait()
        return self.report

    def _started(self) -> "subprocess.Popen[bytes]":
        command = [*STORMCELL, "serve", str(self._folder / "service.toml"), "--port", str(self.port)]
        with (self._folder / "log").open("ab") as log:
            return subprocess.Popen(command, stdout=log, stderr=log)

    # What arrives

    def _arrivals(self) -> None:
        """Every scan comes, in one way or another, and rubbish between them."""
        chance, late = random.Random(self.plan.seed + 1), list[Path]()
        for number, scan in enumerate(self.scans):
            how = chance.choices(("at once", "in two parts", "late", "twice", "after rubbish"), (6, 1, 1, 1, 1))[0]
            self.report.arrivals[how] += 1
            if how == "late":
                late.append(scan)
            elif how == "in two parts":
                whole = scan.read_bytes()
                (self.inbox / scan.name).write_bytes(whole[: len(whole) // 2])
                time.sleep(self.plan.every / 2)
                with (self.inbox / scan.name).open("ab") as file:
                    file.write(whole[len(whole) // 2 :])
            else:
                if how == "after rubbish":
                    whole = scan.read_bytes()
                    rubbish = chance.choice((b"", chance.randbytes(5000), whole[: len(whole) * 2 // 3], b"BZh9" + chance.randbytes(500)))
                    (self.inbox / f"rubbish-{number}.h5").write_bytes(rubbish)
                self._arrive(scan, scan.name)
                if how == "twice":
                    self._arrive(scan, f"again-{scan.name}")
            if late and (number + 1 == len(self.scans) or chance.random() < 0.3):
                for held in late:
                    self._arrive(held, held.name)
                late = []
            if self._stop.wait(self.plan.every):
                return

    def _arrive(self, scan: Path, name: str) -> None:
        shutil.copy(scan, self.inbox / f".{name}")
        (self.inbox / f".{name}").rename(self.inbox / name)

    # Who asks

    def _client(self, number: int) -> None:
        """A map and a program in one: the newest forecast, its tiles, points, areas, files, as fast as it is answered."""
        chance, newest = random.Random(f"{self.plan.seed} {number}"), dict[str, Any]()
        while not self._stop.is_set():
            kind = chance.choice(_KINDS)
            if kind not in ("status", "maps", "page", "hostile") and not newest:
                kind = "status"
            content = self._asked(kind, *_question(kind, newest, chance))
            if kind == "status" and content:
                said = json.loads(content)
                newest = {**said["newest_forecasts"][0], "bounds": said["bounds"]} if said["newest_forecasts"] else {}
            time.sleep(0.02)

    def _asked(self, kind: str, method: str, path: str, body: bytes | None = None) -> bytes:
        start = time.monotonic()
        try:
            status, content = self._ask(method, path, body)
        except (OSError, http.client.HTTPException) as error:
            end = time.monotonic()
            with self._lock:
                if any(begun <= end and start <= over for begun, over in self._down):
                    self.report.unreachable += 1
                else:
                    self._say_wrong(f"{kind}: {type(error).__name__}: {error}")
            time.sleep(0.2)
            return b""
        with self._lock:
            self.report.answers.setdefault(kind, Counter())[status] += 1
            self.report.taken.setdefault(kind, []).append(time.monotonic() - start)
            if why := _not_as_it_should_be(kind, status, content):
                self._say_wrong(f"{kind}: {why}: {path[:200]}")
        return content if status == 200 else b""

    def _ask(self, method: str, path: str, body: bytes | None = None) -> tuple[int, bytes]:
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=20)
        try:
            connection.request(method, path, body=body, headers={"Content-Type": "application/json"} if body else {})
            answer = connection.getresponse()
            return answer.status, answer.read()
        finally:
            connection.close()

    def _say_wrong(self, what: str) -> None:
        if len(self.report.wrong) < 200:
            self.report.wrong.append(f"{time.strftime('%H:%M:%S')} {what}")

    def _listener(self) -> None:
        """One that has the stream of events open, and opens it again when it breaks."""
        heard = 0
        while not self._stop.is_set():
            with suppress(OSError), socket.create_connection(("127.0.0.1", self.port), timeout=5) as line:
                line.sendall(b"GET /v1/events HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n")
                while not self._stop.is_set():
                    try:
                        part = line.recv(1 << 16)
                    except TimeoutError:
                        continue
                    if not part:
                        break
                    heard += part.count(b"event: forecast")
            time.sleep(0.5)
        self.report.facts["forecasts announced to one that listened"] = heard

    # What breaks

    def _faults(self, arrivals: threading.Thread, tell: Callable[[str], None]) -> None:
        """One after the other, as long as scans arrive."""
        kinds: dict[str, Callable[[], None]] = {
            "the process that runs cycles is killed (kill -9)": self._kill_cycles,
            "the service is killed (kill -9) and started again": self._kill_all,
            "cycles hang for 4 s (SIGSTOP)": self._hang,
            "the database is locked for 4 s": self._lock_database,
            "300 connections that say nothing, and 300 that say nonsense": self._flood,
        }
        if self._disk is not None:
            kinds["the disk is full for 5 s"] = self._fill_disk
        order: list[str] = []
        while arrivals.is_alive():
            arrivals.join(self.random.uniform(0.5, 1.5) * self.plan.fault_every)
            if not arrivals.is_alive():
                return
            order = order or self.random.sample(list(kinds), len(kinds))
            kind = order.pop()
            tell(f"{self._published()[0]:3} scans published; {kind}")
            kinds[kind]()
            over, before = time.monotonic(), self._published()[1]
            self._until(lambda count=before: self._published()[1] > count or not arrivals.is_alive(), 180.0)  # type: ignore[misc]
            self.report.faults.setdefault(kind, []).append(time.monotonic() - over)

    def _kill_cycles(self) -> None:
        for pid in _spawned_by(self.service.pid):
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)

    def _kill_all(self) -> None:
        begun = time.monotonic()
        with self._lock:
            self._down.append((begun - 0.1, float("inf")))
        self.service.kill()
        self.service.wait()
        time.sleep(1.0)
        self.service = self._started()
        self._until(lambda: self._ask("GET", "/health")[0] == 200)
        with self._lock:
            self._down[-1] = (begun - 0.1, time.monotonic() + 0.1)

    def _hang(self) -> None:
        pids = _spawned_by(self.service.pid)
        for number in (signal.SIGSTOP, signal.SIGCONT):
            for pid in pids:
                with suppress(ProcessLookupError):
                    os.kill(pid, number)
            time.sleep(4.0 if number == signal.SIGSTOP else 0.0)

    def _lock_database(self) -> None:
        connection = sqlite3.connect(self.state / "service.sqlite", timeout=10, isolation_level=None)
        connection.execute("BEGIN IMMEDIATE")
        time.sleep(4.0)
        connection.execute("ROLLBACK")
        connection.close()

    def _fill_disk(self) -> None:
        assert self._disk is not None
        with full(self._disk):
            time.sleep(5.0)

    def _flood(self) -> None:
        silent = list[socket.socket]()
        for _ in range(300):
            with suppress(OSError):
                silent.append(socket.create_connection(("127.0.0.1", self.port), timeout=5))
        for _ in range(300):
            with suppress(OSError), socket.create_connection(("127.0.0.1", self.port), timeout=5) as line:
                line.sendall(self.random.randbytes(200))
        time.sleep(2.0)
        for one in silent:
            one.close()

    # What is kept

    def _watcher(self) -> None:
        """Hashes every field when it is first published."""
        while not self._stop.wait(0.5):
            with suppress(StormcellError, OSError):
                for key in self._keys() - self._seen.keys():
                    self._seen[key] = self._hashed(key)

    def _database(self) -> Database:
        return Database(f"sqlite:///{self.state}/service.sqlite")

    def _keys(self) -> set[str]:
        if not (self.state / "service.sqlite").is_file():
            return set()
        database = self._database()
        try:
            return {one.key for one in (*database.scans(), *database.forecasts())}
        finally:
            database.close()

    def _hashed(self, key: str) -> str:
        digest = hashlib.sha256()
        for path in sorted((self.state / "fields" / key).rglob("*")):
            if path.is_file():
                digest.update(path.name.encode() + path.read_bytes())
        return digest.hexdigest()

    def _published(self) -> tuple[int, int]:
        """Scans and forecasts."""
        if not (self.state / "service.sqlite").is_file():
            return 0, 0
        while True:
            with suppress(StormcellError):
                database = self._database()
                try:
                    return len(database.scans()), len(database.forecasts())
                finally:
                    database.close()
            time.sleep(0.2)

    def _newest_is_forecast(self) -> bool:
        database = self._database()
        try:
            newest = database.newest_scan()
            return newest is not None and len(database.forecasts(since=newest.time)) == len(METHODS)
        finally:
            database.close()

    def _look_back(self) -> None:
        """Everything that came is there, as it came; nothing that was published has changed; nothing lies about."""
        report, database, store = self.report, self._database(), FieldStore(str(self.state / "fields"))
        archive = Archive(self.state / "archive.zarr")
        reference = _ingested(self.scans, self._folder / "reference.zarr")
        same = 0
        for slot, moment in enumerate(reference.axis):
            ours = archive.between(moment, moment).values
            if np.array_equal(ours[0], reference.block(slot, slot + 1)[0], equal_nan=True):
                same += 1
            else:
                report.losses.append(f"the scan of {moment} is not in the archive as it came")
        scans, forecasts = database.scans(), database.forecasts()
        published = {one.key for one in (*scans, *forecasts)}
        if len({one.time for one in scans}) != len(self.scans):
            report.losses.append(f"{len(scans)} scans are published of {len(self.scans)}")
        by_time = Counter(one.reference_time for one in forecasts)
        alone = [moment for moment, count in by_time.items() if count != len(METHODS)]
        log = (self._folder / "log").read_text()
        if len(alone) > sum(log.count(f"forecast {name}: ") for name in METHODS):  # one that fails leaves the others, and that is said
            report.losses.append(f"of {', '.join(map(str, alone))} not all methods are published, and nothing says why")
        for key, before in self._seen.items():
            if key not in published or self._hashed(key) != before:
                report.losses.append(f"the field {key} was published and is gone or altered")
        for one in forecasts:
            if store.read(one.key)["rain_rate"].load().sizes["lead_time"] != one.steps:
                report.losses.append(f"the forecast {one.key} is not whole")
        report.losses += [f"the field {key} lies about and is not published" for key in set(store.keys()) - published]
        database.close()
        with sqlite3.connect(self.state / "service.sqlite") as connection:
            (said,) = connection.execute("PRAGMA integrity_check").fetchone()
        if said != "ok":
            report.losses.append(f"the database says {said}")
        report.facts |= {
            "scans that came": len(self.scans),
            "scans in the archive, bit by bit as without faults": same,
            "scans published": len(scans),
            "scans from which all methods forecast": len(by_time) - len(alone),
            "scans from which one method alone forecast, as the other met a full disk and said so": len(alone),
            "fields compared with what they were when they were published": len(self._seen),
        }

    def _until(self, condition: Callable[[], Any], seconds: float = 120.0) -> None:
        end = time.monotonic() + seconds
        while True:
            with suppress(OSError, http.client.HTTPException, StormcellError):
                if condition():
                    return
            if time.monotonic() > end:
                raise AssertionError(f"the service did not recover in {seconds:g} s:\n{(self._folder / 'log').read_text()[-5000:]}")
            time.sleep(0.1)


def _question(kind: str, newest: dict[str, Any], chance: random.Random) -> tuple[str, str, bytes | None]:
    """Method, path and body."""
    west, south, east, north = newest.get("bounds", (9.0, 54.5, 11.5, 56.0))
    lat, lon = chance.uniform(south, north), chance.uniform(west, east)
    key, step = newest.get("key", ""), chance.randint(1, max(len(newest.get("lead_minutes", "")), 1))
    match kind:
        case "maps":
            return "GET", "/public/weather-maps.json", None
        case "tile":
            zoom = chance.randint(4, 8)
            x, y = int((lon + 180) / 360 * 2**zoom), int((1 - np.arcsinh(np.tan(np.radians(lat))) / np.pi) / 2 * 2**zoom)
            return "GET", f"/v1/tiles/{key}/rain_rate/{step}/{zoom}/{x}/{y}.png", None
        case "point":
            return "GET", f"/v1/point?lat={lat:.4f}&lon={lon:.4f}", None
        case "area":
            ring = [[lon, lat], [lon + 0.3, lat], [lon + 0.3, lat + 0.2], [lon, lat]]
            return "POST", "/v1/area", json.dumps({"type": "Polygon", "coordinates": [ring]}).encode()
        case "edr":
            return "GET", f"/v1/edr/collections/forecast-advection/position?coords=POINT({lon:.3f}%20{lat:.3f})", None
        case "netcdf":
            return "GET", f"/v1/fields/{key}/netcdf", None
        case "geotiff":
            return "GET", f"/v1/fields/{key}/geotiff?step={step}", None
        case "page":
            return "GET", "/", None
        case "hostile":
            word = chance.choice(_HOSTILE)
            paths = f"/v1/point?lat={word}&lon=0", f"/v1/tiles/{word}/rain_rate/1/1/1/1.png", f"/v1/fields/{word}/netcdf"
            return "GET", chance.choice(paths), None
    return "GET", "/v1/status", None


def _not_as_it_should_be(kind: str, status: int, content: bytes) -> str:
    """Why; nothing if it is."""
    if status == 503 or (kind != "hostile" and status == 404):  # nothing yet, or too much at once; or a field that has had its time
        return ""
    if kind == "hostile":
        return "" if 400 <= status < 500 else f"status {status}"
    if status != 200:
        return f"status {status} {content[:200]!r}"
    if kind == "tile":
        return "" if content.startswith(_CONTENT["png"]) else "no picture"
    if kind in _CONTENT:
        return "" if content.startswith(_CONTENT[kind]) else f"no {kind}"
    if kind != "page":
        try:
            json.loads(content)
        except ValueError:
            return "no JSON"
    return ""


def _spawned_by(pid: int) -> list[int]:
    """The processes of the service's own below a process."""
    children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    found = []
    for child in map(int, children):
        with suppress(OSError):
            if b"spawn_main" in Path(f"/proc/{child}/cmdline").read_bytes():
                found.append(child)
    return found


def _ingested(scans: list[Path], path: Path) -> Archive:
    """An archive of the same scans, to which nothing happened."""
    subprocess.run([*STORMCELL, "ingest", *map(str, scans), str(path)], check=True, capture_output=True)
    return Archive(path)
