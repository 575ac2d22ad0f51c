"""`stormcell serve`, as an operator runs it: one cycle for cron, the whole service until it is told to end."""

import json
import os
import signal
import subprocess
import sys
import time
import urllib.request
from pathlib import Path

import pytest

from tests.cli.test_commands import radar as radar
from tests.cli.test_commands import stormcell


def test_one_cycle_for_a_timer(radar, tmp_path):
    done = stormcell(
        "serve", "--watch", radar, "--folder", tmp_path / "live", "-m", "advection", "-m", "steps*3", "--lead", "15min", "--once"
    )
    assert done.returncode == 0, done.stderr
    assert "5 new scans" in done.stdout and "published advection, steps from 2024-07-01 12:20 UTC" in done.stdout
    again = stormcell("serve", "--watch", radar, "--folder", tmp_path / "live", "-m", "advection", "--lead", "15min", "--once")
    assert again.returncode == 0 and "0 new scans" in again.stdout and "published nothing" in again.stdout


@pytest.mark.parametrize(
    ("words", "message"),
    [
        ((), "either --watch DIR"),
        (("--once", "--no-cycles"), "either --watch DIR"),
        (("--watch", "a", "--source", "dwd"), "either `watch`"),
        (("--watch", "a", "--no-web", "--no-cycles"), "nothing to do"),
        (("--watch", "a", "-m", "steps*0"), "members"),
        (("nowhere.toml",), "nowhere.toml: expected a TOML file"),
    ],
)
def test_what_makes_no_sense_is_said(words, message, tmp_path):
    done = stormcell("serve", *words, cwd=tmp_path)
    assert done.returncode == 2 and message in done.stderr


def test_the_whole_service_until_it_is_told_to_end(radar, tmp_path):
    port_file, log = tmp_path / "port", tmp_path / "log"
    code = (
        "import socket, sys; from stormcell.cli import main\n"
        "with socket.socket() as free:\n    free.bind(('127.0.0.1', 0)); port = free.getsockname()[1]\n"
        f"open({str(port_file)!r}, 'w').write(str(port)); sys.argv += ['--port', str(port)]; main()"
    )
    words = ["serve", "--watch", str(radar), "--folder", str(tmp_path / "live"), "-m", "advection", "--lead", "15min"]
    with log.open("wb") as output:
        service = subprocess.Popen(
            [sys.executable, "-c", code, *words], stdout=output, stderr=output, env=os.environ | {"PYTHONUNBUFFERED": "1"}
        )
    try:
        status = _status(port_file, service, log)
        assert [one["method"] for one in status["newest_forecasts"]] == ["advection"] and status["stale"]
        service.send_signal(signal.SIGTERM)
        assert service.wait(timeout=90) == 0, log.read_text()
        assert "cycle     5 new scans" in log.read_text()
    finally:
        service.kill()
        service.wait()


def _status(port_file: Path, service: "subprocess.Popen[bytes]", log: Path) -> dict:
    """What the service says of itself, once it has published."""
    end = time.monotonic() + 120
    while True:
        assert service.poll() is None and time.monotonic() < end, log.read_text()
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{port_file.read_text()}/v1/status", timeout=5) as answer:
                status = json.load(answer)
            if status["newest_forecasts"]:
                return status
        except OSError:
            pass
        time.sleep(0.2)
