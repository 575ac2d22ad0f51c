"""Ask a server on this machine for a while over many connections, each of which asks again as soon as it is answered.

With wrk where it is installed (Debian: `apt install wrk`); without, with a client of asyncio, which takes more of the processor itself.
"""

import asyncio
import json
import random
import shutil
import subprocess
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

_LUA = """
local asked = {}
function init(args)
  math.randomseed(1)
  for path in io.lines(args[1]) do asked[#asked + 1] = wrk.format("GET", path, {["Accept-Encoding"] = "gzip"}) end
end
function request() return asked[math.random(#asked)] end
function done(summary, latency)
  local failed = summary.errors
  print(string.format('{"answers": %d, "seconds": %.6f, "median_ms": %.3f, "p99_ms": %.3f, "longest_ms": %.3f, "errors": %d}',
    summary.requests, summary.duration / 1e6, latency:percentile(50) / 1e3, latency:percentile(99) / 1e3, latency.max / 1e3,
    failed.connect + failed.read + failed.write + failed.status + failed.timeout))
end
"""


@dataclass(frozen=True)
class Load:
    """How a server did.

    Attributes:
        answers: that came.
        seconds: that it went on.
        median_ms, p99_ms, longest_ms: from question to answer [ms].
        errors: connections that broke, answers that did not come in time, and those with a status of 400 or more.
    """

    answers: int
    seconds: float
    median_ms: float
    p99_ms: float
    longest_ms: float
    errors: int

    @property
    def rate(self) -> float:
        """Answers per second."""
        return self.answers / self.seconds


def client() -> str:
    """What asks here."""
    return "wrk" if shutil.which("wrk") else "asyncio"


def load(base: str, paths: Sequence[str], *, seconds: int, connections: int) -> Load:
    """Ask for these paths in random order, compressed answers welcome.

    Args:
        base: scheme, host and port; of this machine alone.
        paths: with their queries.
        seconds: how long.
        connections: at once, kept alive.
    """
    if urlsplit(base).hostname != "127.0.0.1":
        raise ValueError(f"{base}: expected an address of this machine, http://127.0.0.1:PORT")
    return _wrk(base, paths, seconds, connections) if client() == "wrk" else asyncio.run(_asyncio(base, paths, seconds, connections))


def _wrk(base: str, paths: Sequence[str], seconds: int, connections: int) -> Load:
    with tempfile.TemporaryDirectory(prefix="stormcell-load-") as name:
        script, list_of_paths = Path(name) / "load.lua", Path(name) / "paths"
        script.write_text(_LUA)
        list_of_paths.write_text("\n".join(paths) + "\n")
        command = ["wrk", "-t1", f"-c{connections}", f"-d{seconds}s", "--timeout", "10s", "-s", str(script), base, "--", str(list_of_paths)]
        said = subprocess.run(command, capture_output=True, text=True, check=True, timeout=seconds + 60).stdout
    return Load(**json.loads(said.strip().splitlines()[-1]))


async def _asyncio(base: str, paths: Sequence[str], seconds: int, connections: int) -> Load:
    """As wrk does it, by hand: no client library takes less of the processor than this."""
    taken: list[float] = []
    errors = 0
    parts, chance = urlsplit(base), random.Random(1)
    start = time.perf_counter()

    async def ask() -> None:
        nonlocal errors
        reader, writer = await asyncio.open_connection(parts.hostname, parts.port)
        while time.perf_counter() - start < seconds:
            asked = time.perf_counter()
            writer.write(f"GET {chance.choice(paths)} HTTP/1.1\r\nHost: {parts.netloc}\r\nAccept-Encoding: gzip\r\n\r\n".encode())
            try:
                async with asyncio.timeout(10):
                    head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").lower()
                    await reader.readexactly(int(head.split("content-length:")[1].split("\r\n")[0]))
            except (OSError, TimeoutError, asyncio.IncompleteReadError):
                errors += 1
                writer.close()
                reader, writer = await asyncio.open_connection(parts.hostname, parts.port)
                continue
            errors += int(head.split()[1]) >= 400
            taken.append(1e3 * (time.perf_counter() - asked))
        writer.close()

    await asyncio.gather(*(ask() for _ in range(connections)))
    taken.sort()
    at = [taken[min(len(taken) - 1, round(share * len(taken)))] for share in (0.5, 0.99, 1.0)]
    return Load(len(taken), time.perf_counter() - start, *at, errors)
