"""A feed in a thread beside other work, and sources that trip."""

import errno
import logging
import time
from pathlib import Path

import pytest

from stormcell.data.sources import About, Remote, SourceError, Web, feeding
from stormcell.errors import ConfigError
from tests.data.sources.conftest import DIRECTORY, rv_name
from tests.data.sources.server import status


def wait_for(what) -> None:
    ends = time.monotonic() + 10
    while not what() and time.monotonic() < ends:
        time.sleep(0.02)
    assert what()


def test_files_appear_while_other_work_is_done(server, source, scans, tmp_path, clock, caplog):
    folder = tmp_path / "inbox"
    scans(-10)
    server.faults[DIRECTORY + rv_name(-5)] = [status(404)] * 1000
    with caplog.at_level(logging.INFO, "stormcell.sources"), feeding(source, folder, every=0.05, now=clock, sleep=lambda _: None):
        wait_for((folder / rv_name(-10)).exists)
        scans(-5, 0)
        wait_for((folder / rv_name(0)).exists)
        looks = server.paths().count(DIRECTORY)
        wait_for(lambda: server.paths().count(DIRECTORY) > looks + 2)
    assert len([record for record in caplog.records if "404" in record.message]) == 1
    assert any(f"{rv_name(0)} arrived" in record.message for record in caplog.records)
    looks = len(server.asked)
    time.sleep(0.2)
    assert len(server.asked) == looks  # it has ended


def test_a_feed_that_does_not_exist_is_told_at_once(tmp_path):
    with pytest.raises(ConfigError, match="nexrad"), feeding("nexrad", tmp_path):
        pass


class Trips:
    about = About()

    def __init__(self, where: str) -> None:
        self.where = where

    def new(self, web, *, since, until, memory):
        yield Remote("scan", "scan")
        if self.where == "new":
            raise KeyError("day")

    def fetch(self, web, remote, into: Path) -> None:
        raise ZeroDivisionError("by zero")


def test_a_source_that_trips_is_an_error_of_that_source(feed_of):
    with pytest.raises(SourceError, match="Trips: the source failed .KeyError"):
        feed_of(Trips("new")).poll()
    assert "ZeroDivisionError: by zero" in feed_of(Trips("fetch")).poll().refused["scan"]


def test_a_full_disk_is_not_blamed_on_the_server(server):
    server.files["/large"] = bytes(10**6)
    with pytest.raises(OSError) as full:
        Web(frozenset({server.url})).save(server.url + "/large", Path("/dev/full"))
    assert full.value.errno == errno.ENOSPC and not isinstance(full.value, SourceError)
