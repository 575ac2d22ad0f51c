"""`stormcell serve` as an operator starts it: a process with a log, on a free port of this machine, gone afterwards."""

import json
import os
import resource
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

__all__ = ["STORMCELL", "Service", "free_port", "resident_bytes", "stormcell_serve"]

STORMCELL = [sys.executable, "-c", "from stormcell.cli import main; main()"]
"""The command line in a process of its own."""


def free_port() -> int:
    """That nobody listens at, of this machine."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port: int = free.getsockname()[1]
    return port


def resident_bytes(pid: int | str = "self") -> int:
    """Memory of a process, now."""
    return int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * resource.getpagesize()


@dataclass
class Service:
    """It runs.

    Args:
        process: that was started; others are below it.
        port: it listens at.
        log: what it says.
    """

    process: "subprocess.Popen[bytes]"
    port: int
    log: Path

    def json(self, path: str) -> Any:
        """An answer."""
        with urllib.request.urlopen(f"http://127.0.0.1:{self.port}{path}", timeout=10) as answer:
            return json.load(answer)

    def until(self, condition: Callable[[], Any], seconds: float = 300.0) -> Any:
        """What a condition gives once it is true; a service that cannot be reached is not yet up."""
        end = time.monotonic() + seconds
        while True:
            assert self.process.poll() is None and time.monotonic() < end, self.log.read_text()
            try:
                if found := condition():
                    return found
            except OSError:
                pass
            time.sleep(0.05)

    def newest(self, count: int) -> list[dict[str, Any]]:
        """The newest forecasts, once there are those of so many methods."""

        def found() -> list[dict[str, Any]] | None:
            newest: list[dict[str, Any]] = self.json("/v1/status")["newest_forecasts"]
            return newest if len(newest) == count else None

        published: list[dict[str, Any]] = self.until(found)
        return published

    def end(self) -> str:
        """It ends by itself when it is told to; its log."""
        self.process.send_signal(signal.SIGTERM)
        assert self.process.wait(timeout=90) == 0, self.log.read_text()
        return self.log.read_text()


@contextmanager
def stormcell_serve(folder: Path, *words: object) -> Iterator[Service]:
    """Start it with these words."""
    port = free_port()
    log = folder / "serve.log"
    command = [*STORMCELL, "serve", *map(str, words), "--port", str(port)]
    with log.open("wb") as output:
        process = subprocess.Popen(command, stdout=output, stderr=output, env=os.environ | {"PYTHONUNBUFFERED": "1"})
    try:
        yield Service(process, port, log)
    finally:
        process.kill()
        process.wait()
