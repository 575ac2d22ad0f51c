"""kill -9 at the worst moments: nothing is lost, nothing comes twice, nothing half is ever in the folder."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from stormcell.data.sources.source import Remote
from stormcell.data.sources.whole import check_whole
from tests.data.sources.conftest import DIRECTORY, NOON, rv_name, small_bz2

# The process dies in the named call, before or after it; the first file is the one in hand then.
SCRIPT = """
import os, signal, sys
from stormcell.data.sources import feed as module, Feed
from stormcell.data.sources.cursor import Cursor
from stormcell.data.sources.dwd import Dwd
from stormcell.data.sources.web import Web

url, folder, where, moment = sys.argv[1:5]
owner, name = {
    "download": (Web, "save"), "check": (module, "check_whole"), "rename": (module.os, "replace"), "cursor": (Cursor, "save"),
}[where.split("-")[0]]
real = getattr(owner, name)

def deadly(*args, **options):
    if name == "replace" and not str(args[0]).endswith(".arriving/file"):
        return real(*args, **options)
    if where.endswith("after"):
        real(*args, **options)
    if where == "download-before":
        args[2].write_bytes(b"BZh half of a file")
    os.kill(os.getpid(), signal.SIGKILL)

setattr(owner, name, deadly)
Feed(Dwd(url=url), folder, now=lambda: float(moment)).poll()
"""
POINTS = ["download-before", "download-after", "check-after", "rename-before", "rename-after", "cursor-before", "cursor-after"]


def poll_and_die(server, folder: Path, where: str) -> int:
    command = [sys.executable, "-c", SCRIPT, server.url + DIRECTORY, str(folder), where, str(NOON.timestamp())]
    return subprocess.run(command, capture_output=True, timeout=60, env={**os.environ, "no_proxy": "127.0.0.1"}).returncode


@pytest.mark.parametrize("where", POINTS)
def test_a_killed_process_is_made_up_for(where, server, source, feed_of, scans, tmp_path, here):
    scans(-10, -5)
    names, folder = [rv_name(-10), rv_name(-5)], tmp_path / "here"
    assert poll_and_die(server, folder, where) == -signal.SIGKILL
    for name in here():  # what is in the folder is whole, at any moment
        check_whole(folder / name, Remote(name, name), most=10**9)
    before = {name: (folder / name).stat().st_mtime_ns for name in here()}
    arrived = [path.name for path in feed_of(source).poll().arrived]
    assert here() == names and [(folder / name).read_bytes() for name in names] == [small_bz2(-10), small_bz2(-5)]
    assert all((folder / name).stat().st_mtime_ns == stamp for name, stamp in before.items())  # nothing was written twice
    assert arrived == (names[1:] if where == "cursor-after" else names)  # what was not noted is told, what was is not told again
    assert feed_of(source).poll().arrived == ()
    assert sorted(folder.iterdir()) == sorted(folder / name for name in [*names, ".cursor.json", ".feed.lock"])
