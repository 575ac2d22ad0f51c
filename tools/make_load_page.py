"""Write docs/benchmarks/load.md: `stormcell serve` under load while it forecasts, beside a bare route of the same framework.

python tools/make_load_page.py [--seconds 60] [--connections 64] [--workers 1]
"""

import argparse
import json
import math
import os
import platform
import random
import re
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from load import Load, client, load

from stormcell.data.readers.odim import write_odim
from stormcell.data.synthetic import synthetic_storm

PAGE = Path("docs/benchmarks/load.md")
SHAPE = (640, 710)
AT_FIRST, EVERY = 6, 20.0  # scans that are there, and seconds between two that come
PLACES = 5_000
ZOOMS = (5, 6, 7)
WARM = 2_000  # all the tiles

_HEAD = """# Speed of the live service

Written by `make bench-load` (`tools/make_load_page.py`). `stormcell serve` as an operator starts it, with its default methods, the limit of
requests switched off in its settings (`requests_per_second = 0`), over a folder into which a scan of {rows} x {columns} pixels comes
every {every:.0f} seconds, so that it forecasts all the time; and beside it, in the same run, a bare FastAPI route that returns a constant,
under the same server with as many processes. Loopback; {connections} connections of {client}, each of which asks again as soon as it is
answered, for {seconds} seconds each, compressed answers welcome. Web processes: {workers}; cores: {cores}; Python {python}.{busy}

| | answers per second | of the bare route | median ms | 99th percentile ms | longest ms | errors | processor ms an answer |
|---|---|---|---|---|---|---|---|
"""

_BUSY = """ Other work ran on
the machine (load {load:.0f}) and was made to wait (`--before-others`)."""

_TAIL = """
Tiles are those of a map at three zooms, over all lead times of one forecast, 256 pixels, drawn before. Points are {places:,} places
anywhere on the grid; a new forecast is read into memory before anybody is told of it, and while that happens answers take longest.
Meanwhile {forecasts} forecasts of each method were published; a cycle took {cycle:.0f} s in the median. Cycles run at a lower priority
than answers.

With {connections} connections that never pause, the median is {connections} over the rate: a service that is asked less often answers
sooner.
"""


def main() -> None:
    """Measure, and write the page."""
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--seconds", type=int, default=60)
    options.add_argument("--connections", type=int, default=64)
    options.add_argument("--workers", type=int, default=1)
    options.add_argument("-o", "--output", type=Path, default=PAGE)
    options.add_argument("--before-others", action="store_true", help="other work on the machine waits (Linux, as root)")
    asked = options.parse_args()
    busy, rows = os.getloadavg()[0], list[str]()
    if asked.before_others:
        _before_others()
    with tempfile.TemporaryDirectory(prefix="stormcell-load-") as name:
        folder = Path(name)
        count = AT_FIRST + int(4 * (asked.seconds + 15) / EVERY) + 2
        scans = _scans(folder / "scans", count)
        bare = [sys.executable, "-m", "uvicorn", "bare_route:app", "--app-dir", str(Path(__file__).parent), "--no-server-header"]
        with (
            _running(folder, scans, asked.workers) as (service, base),
            _started([*bare, "--no-access-log", "--log-level", "warning"], folder / "bare.log", asked.workers) as (route, bare_base),
        ):
            tiles, places = _tiles(base), _places(base)
            reference: Load | None = None
            for label, process, address, paths in (
                ("a bare FastAPI route", route, bare_base, ["/"]),
                ("a tile that has been drawn", service, base, tiles),
                ("a point forecast", service, base, places),
            ):
                for path in paths[:WARM]:
                    _get(address + path)
                before = _processor(process.pid)
                result = load(address, paths, seconds=asked.seconds, connections=asked.connections)
                each = 1e3 * (_processor(process.pid) - before) / result.answers if asked.workers == 1 else None
                reference = reference or result
                rows.append(_row(label, result, reference, each))
                print(rows[-1], flush=True)
        log = (folder / "serve.log").read_text()
    cycles = sorted(float(seconds) for seconds in re.findall(r"cycle     1 new scans, ([0-9.]+) s", log))
    facts = {
        **vars(asked),
        "rows": SHAPE[0],
        "columns": SHAPE[1],
        "every": EVERY,
        "client": client(),
        "cores": os.cpu_count(),
        "python": platform.python_version(),
        "busy": _BUSY.format(load=busy) if asked.before_others else "",
        "places": PLACES,
        "forecasts": log.count("published guided"),
        "cycle": cycles[len(cycles) // 2],
    }
    asked.output.write_text(_HEAD.format(**facts) + "\n".join(rows) + "\n" + _TAIL.format(**facts), encoding="utf-8")


def _row(label: str, one: Load, bare: Load, each: float | None) -> str:
    share = "1" if one is bare else f"{one.rate / bare.rate:.2f}"
    times = f"{one.median_ms:.0f} | {one.p99_ms:.0f} | {one.longest_ms:.0f}"
    return f"| {label} | {one.rate:,.0f} | {share} | {times} | {one.errors} | {'-' if each is None else f'{each:.2f}'} |"


def _scans(folder: Path, count: int) -> list[Path]:
    """Files of a storm whose last scan is of now."""
    start = datetime.now(UTC).replace(second=0, microsecond=0, tzinfo=None) - timedelta(minutes=5 * count)
    storm = synthetic_storm(count, shape=SHAPE, start=f"{start:%Y-%m-%dT%H:%M}")
    write_odim(storm, folder)
    return sorted(folder.iterdir())


@contextmanager
def _running(folder: Path, scans: list[Path], workers: int) -> Iterator[tuple["subprocess.Popen[bytes]", str]]:
    """The service, that has published, and to which scans come."""
    inbox, stop = folder / "inbox", threading.Event()
    inbox.mkdir()
    for scan in scans[:AT_FIRST]:
        shutil.copy(scan, inbox)
    settings = folder / "service.toml"
    settings.write_text(
        f'watch = "{inbox}"\nfolder = "{folder / "live"}"\nrequests_per_second = 0\nstale_minutes = 1e6\nsettle_seconds = 0\n'
    )

    def arrive() -> None:
        for scan in scans[AT_FIRST:]:
            if stop.wait(EVERY):
                return
            shutil.copy(scan, inbox / f".{scan.name}")
            (inbox / f".{scan.name}").rename(inbox / scan.name)

    command = [str(Path(sys.executable).parent / "stormcell"), "serve", str(settings)]
    arrivals = threading.Thread(target=arrive)
    with _started(command, folder / "serve.log", workers) as (process, base):
        _until(lambda: len(_json(base + "/v1/status")["newest_forecasts"]) == 2, process)
        arrivals.start()
        try:
            yield process, base
        finally:
            stop.set()
            arrivals.join()


@contextmanager
def _started(command: list[str], log: Path, workers: int) -> Iterator[tuple["subprocess.Popen[bytes]", str]]:
    """A server on a free port, and its address."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    words = [*command, "--port", str(port), "--workers", str(workers)]
    with log.open("wb") as output:
        process = subprocess.Popen(words, stdout=output, stderr=output, env=os.environ | {"PYTHONUNBUFFERED": "1"})
    try:
        _until(lambda: _get(f"http://127.0.0.1:{port}/{'health' if 'serve' in command else ''}"), process)
        yield process, f"http://127.0.0.1:{port}"
    except Exception:
        print(log.read_text(), file=sys.stderr)
        raise
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait(timeout=150)


def _until(ready: Any, process: "subprocess.Popen[bytes]") -> None:
    end = time.monotonic() + 180
    while True:
        try:
            if ready():
                return
        except OSError:
            pass
        if process.poll() is not None or time.monotonic() > end:
            raise RuntimeError("the server did not come up")
        time.sleep(0.2)


def _tiles(base: str) -> list[str]:
    """The tiles of three zooms that show the grid, at every lead time of the newest forecast."""
    forecast = _json(base + "/v1/forecasts/latest")
    west, south, east, north = _json(f"{base}/v1/fields/{forecast['key']}/tiles.json")["bounds"]
    paths = []
    for zoom in ZOOMS:
        (left, right), (top, bottom) = _columns(zoom, west, east), _rows(zoom, north, south)
        squares = [f"{zoom}/{x}/{y}" for x in range(left, right + 1) for y in range(top, bottom + 1)]
        steps = range(1, len(forecast["lead_minutes"]) + 1)
        paths += [f"/v1/tiles/{forecast['key']}/rain_rate/{step}/{square}.png" for step in steps for square in squares]
    return paths


def _columns(zoom: int, *lons: float) -> list[int]:
    return [int((lon + 180) / 360 * 2**zoom) for lon in lons]


def _rows(zoom: int, *lats: float) -> list[int]:
    return [int((1 - math.asinh(math.tan(math.radians(lat))) / math.pi) / 2 * 2**zoom) for lat in lats]


def _places(base: str) -> list[str]:
    """Point forecasts anywhere on the grid."""
    west, south, east, north = _json(base + "/v1/status")["bounds"]
    chance = random.Random(0)
    return [f"/v1/point?lat={chance.uniform(south, north):.4f}&lon={chance.uniform(west, east):.4f}" for _ in range(PLACES)]


def _get(url: str) -> bytes:
    with urllib.request.urlopen(url, timeout=30) as answer:
        content: bytes = answer.read()
    return content


def _json(url: str) -> dict[str, Any]:
    answer: dict[str, Any] = json.loads(_get(url))
    return answer


def _processor(pid: int) -> float:
    """Seconds that a process has had of the processor."""
    ticks = sum(map(int, Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[11:13]))
    return ticks / os.sysconf("SC_CLK_TCK")


def _before_others() -> None:
    """Linux shares the processor out among sessions: a session of its own, with a far larger share."""
    if os.getsid(0) != os.getpid():
        sys.exit(subprocess.call([sys.executable, *sys.argv], start_new_session=True))
    Path("/proc/self/autogroup").write_text("-19")


if __name__ == "__main__":
    main()
