"""A watched folder: files that are still being written, renamed in, changed, or not files at all."""

import os
import threading
import time
from pathlib import Path

import pytest

from stormcell.data.sources import BusyError, Feed, Web
from stormcell.data.sources.folder import Folder, pause_until_change
from stormcell.errors import ConfigError
from tests.data.sources.conftest import small_bz2


@pytest.fixture
def inbox(tmp_path: Path) -> Path:
    (tmp_path / "inbox").mkdir()
    return tmp_path / "inbox"


@pytest.fixture
def folder(inbox, clock) -> Folder:
    clock.seconds = time.time()
    return Folder(str(inbox), settle_seconds=5.0, monotonic=clock, now=clock)


def test_a_file_that_grows_is_taken_when_it_stands_still(folder, inbox, feed_of, here, clock):
    feed = feed_of(folder)
    with (inbox / "a").open("wb") as file:
        for _ in range(3):
            file.write(b"part ")
            file.flush()
            clock.seconds += 3
            os.utime(inbox / "a", (clock(), clock()))
            feed.poll()
            assert here() == []
    clock.seconds += 5
    (path,) = feed.poll().arrived
    assert path.read_bytes() == b"part part part "


def test_a_file_whose_time_is_old_is_taken_at_once_and_one_from_the_future_when_it_stands_still(folder, inbox, feed_of, here, clock):
    (inbox / "old").write_bytes(b"x")
    os.utime(inbox / "old", (clock() - 60, clock() - 60))
    (inbox / "future").write_bytes(b"x")
    os.utime(inbox / "future", (clock() + 600, clock() + 600))
    feed = feed_of(folder)
    feed.poll()
    assert here() == ["old"]
    clock.seconds += 5
    feed.poll()
    assert here() == ["future", "old"]


def test_a_file_that_is_renamed_in_is_taken_at_once(folder, inbox, feed_of, here):
    feed = feed_of(folder)
    (inbox / ".a.part").write_bytes(b"whole")
    feed.poll()
    assert here() == []
    (inbox / ".a.part").rename(inbox / "a")
    feed.poll()
    assert here() == ["a"]


def test_a_file_that_changes_is_taken_again(folder, inbox, feed_of, clock):
    feed = feed_of(folder)
    for content in (small_bz2(1), small_bz2(2)):
        (inbox / "a").write_bytes(content)
        clock.seconds += 10
        (path,) = feed.poll().arrived
        assert path.read_bytes() == content
        assert feed.poll().arrived == ()


def test_what_is_no_file_of_the_pattern_is_left_out(inbox, feed_of, here, clock):
    for name in ("a.h5", "b.txt", ".c.h5", "odd name.h5"):
        (inbox / name).write_bytes(b"x")
    (inbox / "folder.h5").mkdir()
    (inbox / "nowhere.h5").symlink_to(inbox / "not-there")
    os.mkfifo(inbox / "pipe.h5")
    poll = feed_of(Folder(str(inbox), pattern="*.h5", settle_seconds=0.0)).poll()
    assert here() == ["a.h5"] and list(poll.refused) == ["odd name.h5"]


def test_a_folder_that_is_not_there_yet(tmp_path, feed_of):
    assert feed_of(Folder(str(tmp_path / "later"))).poll().arrived == ()


def test_a_file_that_changes_while_it_is_copied(folder, inbox, feed_of, here, clock, monkeypatch):
    (inbox / "a").write_bytes(b"first")
    clock.seconds += 10
    copy = __import__("shutil").copyfile

    def copy_and_change(source, target):
        copy(source, target)
        with (inbox / "a").open("ab") as file:
            file.write(b" second")

    monkeypatch.setattr("stormcell.data.sources.folder.shutil.copyfile", copy_and_change)
    feed = feed_of(folder)
    assert "still being written" in feed.poll().refused["a"] and here() == []
    monkeypatch.undo()
    clock.seconds += 10
    assert feed.poll().arrived[0].read_bytes() == b"first second"


def test_the_watched_folder_is_not_the_download_folder(tmp_path):
    with pytest.raises(ConfigError, match="of its own"):
        Feed(Folder(str(tmp_path)), tmp_path)


def test_no_web_is_asked(folder):
    with pytest.raises(Exception, match="no address at all"):
        Web(folder.about.origins).page("https://example.org/")


@pytest.mark.parametrize("installed", [True, False], ids=["watchfiles", "polling"])
def test_the_pause_ends_on_a_change_on_stop_and_in_time(inbox, installed, monkeypatch):
    if installed:
        pytest.importorskip("watchfiles")
    else:
        monkeypatch.setitem(__import__("sys").modules, "watchfiles", None)
    began, stop = time.monotonic(), threading.Event()
    pause_until_change(inbox, 0.2, stop)
    assert 0.15 < time.monotonic() - began < 2
    timer = threading.Timer(0.2, (inbox / "a").write_bytes if installed else stop.set, [b"x"] if installed else [])
    timer.start()
    pause_until_change(inbox, 20, stop)
    stop.set()
    pause_until_change(inbox, 20, stop)
    assert time.monotonic() - began < 5


def test_the_loop_takes_what_appears(inbox, feed_of, here):
    stop, told = threading.Event(), []
    feed = Feed(Folder(str(inbox), settle_seconds=0.0), inbox.parent / "here")
    thread = threading.Thread(target=lambda: feed.run(every=0.1, stop=stop, tell=told.append), daemon=True)
    thread.start()
    for number in range(5):
        (inbox / f".{number}").write_bytes(b"scan")
        (inbox / f".{number}").rename(inbox / f"{number}")
    ends = time.monotonic() + 5
    while sum(len(poll.arrived) for poll in told) < 5 and time.monotonic() < ends:
        time.sleep(0.02)
    stop.set()
    thread.join(5)
    assert here() == ["0", "1", "2", "3", "4"] and sum(len(poll.arrived) for poll in told) == 5
    assert not thread.is_alive() and not any(isinstance(poll, BusyError) for poll in told)
