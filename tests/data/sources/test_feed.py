"""The driver against a server that fails in every way: what arrives is whole, once, and nothing else arrives."""

import bz2
import hashlib
import json
import threading
import time

import pytest
from filelock import FileLock

from stormcell.data.sources import BusyError, Limits, SourceError
from stormcell.data.sources.dwd import Dwd
from stormcell.data.sources.index import Index
from stormcell.errors import ConfigError, WriteError
from tests.data.sources.conftest import DIRECTORY, rv_name, small_bz2
from tests.data.sources.server import cut_in_header, cut_off, dripping, dripping_header, endless, hang_up, serving, short, silent, status


def test_brings_what_is_new_and_asks_no_second_time(server, source, feed_of, scans, here):
    scans(-10, -5)
    feed = feed_of(source)
    poll = feed.poll()
    assert [path.name for path in poll.arrived] == here() == [rv_name(-10), rv_name(-5)] and not poll.refused
    assert poll.arrived[0].read_bytes() == small_bz2(-10)
    scans(0)
    before = len(server.asked)
    assert [path.name for path in feed.poll().arrived] == [rv_name(0)]
    assert server.paths()[before:] == [DIRECTORY, DIRECTORY + rv_name(0)]


def test_an_unchanged_listing_costs_one_conditional_request(server, source, feed_of, scans):
    scans(-5)
    feed_of(source).poll()
    poll = feed_of(source).poll()  # another process: the validators are in the cursor
    assert poll.arrived == () and "if-none-match" in server.asked[-1][1] and server.paths()[-1] == DIRECTORY


def test_a_listing_is_remembered_only_when_all_its_files_are_here(server, source, feed_of, scans, here):
    scans(-5)
    server.faults[DIRECTORY + rv_name(-5)] = [status(404)]
    assert list(feed_of(source).poll().refused) == [rv_name(-5)]
    feed_of(source).poll()
    assert here() == [rv_name(-5)]


def test_an_unchanged_listing_hides_nothing_from_a_longer_look_back(source, feed_of, scans, here):
    scans(-170, -5)
    feed_of(source, hours=1.0).poll()
    assert here() == [rv_name(-5)]
    feed_of(source, hours=3.0).poll()
    assert here() == [rv_name(-170), rv_name(-5)]


def test_a_listing_that_breaks_off_is_asked_again_as_a_whole(server, source, feed_of, scans, here):
    scans(-10, -5)
    server.faults[DIRECTORY] = [cut_off]
    feed_of(source).poll()
    assert here() == [rv_name(-10), rv_name(-5)]


def test_a_listing_that_may_be_cut_off_is_not_remembered(server, source, feed_of, scans, here):
    """Without a length nobody knows where a page ends."""
    scans(-5)
    server.faults[DIRECTORY] = [cut_in_header]
    feed_of(source).poll()
    assert here() == [rv_name(-5)]

    def without_length(handler):
        handler.wfile.write(b'HTTP/1.1 200 OK\r\nETag: "%s"\r\n\r\n<html>' % hashlib.md5(handler.listing(DIRECTORY)).hexdigest().encode())
        handler.close_connection = True
        return True

    scans(0)
    server.faults[DIRECTORY] = [without_length]
    assert feed_of(source).poll().arrived == ()
    assert [path.name for path in feed_of(source).poll().arrived] == [rv_name(0)]


def test_an_unpacked_file_that_is_cut_off_shows_by_the_length_that_was_announced(server, feed_of, here):
    server.files["/data/scan.h5"] = b"\x89HDF" + bytes(1000)
    server.faults["/data/scan.h5"] = [cut_off] * 4
    source = Index(url=server.url + "/data/", pattern=r".*\.h5")
    assert "1,004 bytes were announced, 502 came" in feed_of(source).poll().refused["scan.h5"] and here() == []
    assert len(feed_of(source).poll().arrived[0].read_bytes()) == 1004


def test_two_processes_do_not_work_on_one_folder(source, feed_of, scans, here, tmp_path):
    scans(-5)
    feed = feed_of(source, limits={"patience_seconds": 0.2})
    (tmp_path / "here").mkdir()
    with FileLock(tmp_path / "here" / ".feed.lock"), pytest.raises(WriteError, match="another process"):
        feed.poll()
    assert len(feed.poll().arrived) == 1


def test_a_folder_that_cannot_be_written(source, feed_of, scans, tmp_path):
    scans(-5)
    (tmp_path / "here").write_text("a file")
    with pytest.raises(WriteError, match="here"):
        feed_of(source).poll()


@pytest.mark.parametrize("fault", [cut_off, short, hang_up, status(500), status(503), status(429)], ids=lambda fault: fault.__name__)
def test_what_fails_for_now_is_tried_again(fault, server, source, feed_of, scans, here, clock):
    scans(-5)
    server.faults[DIRECTORY + rv_name(-5)] = [fault, fault]
    poll = feed_of(source).poll()
    assert not poll.refused and poll.arrived[0].read_bytes() == small_bz2(-5)
    assert [pause for pause in clock.pauses if pause > 0.1] == [1.0, 2.0]  # back-off at its longest, as chance is 1


def test_chance_spreads_the_pauses(server, source, feed_of, scans, clock):
    scans(-5)
    server.faults[DIRECTORY] = [status(503), status(503)]
    feed_of(source, chance=lambda: 0.0).poll()
    assert [pause for pause in clock.pauses if pause > 0.1] == [0.5, 1.0]


def test_one_bad_file_does_not_hold_up_the_others(server, source, feed_of, scans, here):
    scans(-15, -10, -5)
    server.files[DIRECTORY + rv_name(-10)] = small_bz2(-10)[:-9]  # cut off on the server
    poll = feed_of(source).poll()
    assert here() == [rv_name(-15), rv_name(-5)]
    assert "cut off" in poll.refused[rv_name(-10)] and DIRECTORY in poll.refused[rv_name(-10)]


def test_a_bad_file_is_left_alone_for_a_while_and_comes_when_it_is_mended(server, source, feed_of, scans, here, clock):
    scans(-5)
    good = server.files[DIRECTORY + rv_name(-5)]
    server.files[DIRECTORY + rv_name(-5)] = good[:-9]
    feed = feed_of(source, monotonic=clock)
    feed.poll()
    asked = server.paths().count(DIRECTORY + rv_name(-5))
    assert feed.poll().refused and server.paths().count(DIRECTORY + rv_name(-5)) == asked
    server.files[DIRECTORY + rv_name(-5)] = good
    clock.seconds += 30
    assert [path.name for path in feed.poll().arrived] == [rv_name(-5)]


def test_retry_after_is_obeyed(server, source, feed_of, scans, clock):
    scans(-5)
    server.faults[DIRECTORY] = [status(503, Retry_After="7")]
    feed_of(source).poll()
    assert 7.0 in clock.pauses


def test_a_server_that_wants_a_longer_rest_gets_it(server, source, feed_of, scans, clock):
    scans(-5)
    server.faults[DIRECTORY] = [status(503, Retry_After="Wed, 01 Jul 2026 12:30:00 GMT")]
    feed = feed_of(source, monotonic=clock)
    for _ in range(3):
        with pytest.raises(BusyError, match="503|left alone"):
            feed.poll()
    assert len(server.asked) == 1
    clock.seconds += 1801
    assert len(feed.poll().arrived) == 1


@pytest.mark.parametrize("fault", [silent, dripping, dripping_header], ids=["silent", "dripping", "header"])
def test_a_slow_server_is_given_up(fault, server, source, feed_of, scans, here):
    server.silence = threading.Event()
    scans(-10, -5)
    server.faults[DIRECTORY + rv_name(-10)] = [fault] * 2
    began = time.monotonic()
    poll = feed_of(source, limits={"attempts": 2}).poll()
    server.silence.set()
    assert time.monotonic() - began < 3 and here() == [rv_name(-5)] and list(poll.refused) == [rv_name(-10)]


def test_too_much_is_refused(server, source, feed_of, scans, here):
    scans(-10, -5)
    server.files[DIRECTORY + rv_name(-10)] = bytes(5000)
    server.faults[DIRECTORY + rv_name(-5)] = [endless]
    poll = feed_of(source, limits={"file_bytes": 1000}).poll()
    assert here() == []
    assert "5,000 bytes" in poll.refused[rv_name(-10)] and "more than 1,000" in poll.refused[rv_name(-5)]
    with pytest.raises(SourceError, match="at most 50"):
        feed_of(source, limits={"listing_bytes": 50}).poll()
    with pytest.raises(SourceError, match="more than 1 files"):
        feed_of(source, limits={"listing_entries": 1}).poll()


def test_a_file_that_unpacks_without_end_is_refused(server, source, feed_of, monkeypatch):
    monkeypatch.setattr("stormcell.data.sources.whole.MAX_UNPACKED_BYTES", 2**20)
    server.files[DIRECTORY + rv_name(-5)] = bz2.compress(bytes(2**22))
    assert "unpacks to more" in feed_of(source).poll().refused[rv_name(-5)]


def test_an_empty_file_is_refused(server, source, feed_of):
    server.files[DIRECTORY + rv_name(-5)] = b""
    assert "empty" in feed_of(source).poll().refused[rv_name(-5)]


def test_late_scans_come_late_and_in_order(source, feed_of, scans, here):
    scans(-30, -5)
    feed = feed_of(source)
    feed.poll()
    scans(-20, -10)
    assert [path.name for path in feed.poll().arrived] == [rv_name(-20), rv_name(-10)]
    assert here() == [rv_name(-30), rv_name(-20), rv_name(-10), rv_name(-5)]


def test_a_corrected_file_replaces_the_first_one_and_the_same_file_does_not(server, source, feed_of, scans, tmp_path):
    scans(-5)
    feed = feed_of(source)
    feed.poll()
    path, address = tmp_path / "here" / rv_name(-5), DIRECTORY + rv_name(-5)
    before = path.stat()
    server.stamps[address] = "01-Jul-2026 12:03"
    assert feed.poll().arrived == () and path.stat().st_mtime_ns == before.st_mtime_ns and path.stat().st_ino == before.st_ino
    server.stamps[address], server.files[address] = "01-Jul-2026 12:04", small_bz2("corrected")
    assert feed.poll().arrived == (path,) and path.read_bytes() == small_bz2("corrected")


def test_a_scan_from_the_future_waits_and_the_clocks_are_compared(server, source, feed_of, scans, here, clock):
    scans(-5, 10, 60)  # 10 minutes are within what clocks may differ
    server.now = lambda: clock() + 3600
    feed = feed_of(source)
    reason = feed.poll().refused[rv_name(60)]
    assert "in the future" in reason and "+60 min" in reason and here() == [rv_name(-5), rv_name(10)]
    clock.seconds += 3600
    feed.poll()
    assert rv_name(60) in here()


def test_a_redirect_to_another_host_is_refused(server, source, feed_of, scans, here):
    scans(-10, -5)
    with serving() as other:
        other.files[DIRECTORY + rv_name(-5)] = small_bz2("foreign")
        server.faults[DIRECTORY + rv_name(-5)] = [status(302, Location=other.url + DIRECTORY + rv_name(-5))]
        poll = feed_of(source).poll()
        assert here() == [rv_name(-10)] and other.asked == [] and "may ask only" in poll.refused[rv_name(-5)]
        server.faults[DIRECTORY + rv_name(-5)] = [status(302, Location=other.url + DIRECTORY + rv_name(-5))]
        poll = feed_of(Dwd(url=server.url + DIRECTORY, origins=(other.url,))).poll()  # trusted now
        assert [path.name for path in poll.arrived] == [rv_name(-5)] and poll.arrived[0].read_bytes() == small_bz2("foreign")


def test_redirects_that_go_in_a_circle_end(server, source, feed_of, scans):
    scans(-5)
    server.faults[DIRECTORY + rv_name(-5)] = [status(302, Location=DIRECTORY + rv_name(-5))] * 20
    assert rv_name(-5) in feed_of(source).poll().refused and len(server.asked) < 8


def test_a_listing_that_lies(server, source, feed_of, here):
    with serving() as other:
        other.files["/" + rv_name(-15)] = small_bz2("foreign")
        links = [
            f"{other.url}/{rv_name(-15)}",
            rv_name(-10),
            "DE1200_RV9913991399.tar.bz2",
            "../../../etc/passwd",
            "..%2F..%2Fevil",
            "//[bad",
        ]
        links += ["file:///etc/passwd", "javascript:alert(1)", "DE1200_RV_LATEST.tar.bz2", rv_name(-5), f"./{rv_name(-5)}"]
        server.pages[DIRECTORY] = "".join(f'<a href="{link}">x</a>' for link in links).encode() + b"<a href='"
        server.files[DIRECTORY + rv_name(-5)] = small_bz2(-5)
        poll = feed_of(source).poll()
    assert here() == [rv_name(-5)] and other.asked == []
    assert set(poll.refused) == {rv_name(-15), rv_name(-10), "DE1200_RV9913991399.tar.bz2"}
    assert "may ask only" in poll.refused[rv_name(-15)] and "404" in poll.refused[rv_name(-10)]


def test_a_listing_that_is_not_there(source, feed_of, server):
    server.faults[DIRECTORY] = [status(404)] * 3
    with pytest.raises(SourceError, match="404"):
        feed_of(source).poll()
    assert len(server.asked) == 1  # asking again would change nothing


def test_a_server_that_is_not_there(feed_of):
    with serving() as gone:
        url = gone.url
    with pytest.raises(BusyError, match="no whole answer"):
        feed_of(Dwd(url=url + DIRECTORY)).poll()


def test_requests_keep_to_the_rate(source, feed_of, scans, clock):
    scans(-15, -10, -5)
    feed_of(source, monotonic=clock, limits={"requests_per_second": 0.5}).poll()
    assert clock.pauses == [2.0, 2.0, 2.0]


def test_only_the_newest_scans(source, feed_of, scans, here):
    scans(-20, -15, -10, -5)
    feed = feed_of(source)
    assert [path.name for path in feed.poll(newest=2).here] == here() == [rv_name(-10), rv_name(-5)]
    assert len(feed.poll().arrived) == 2  # and then the rest


def test_a_file_that_was_moved_away_comes_again_only_if_asked(source, feed_of, scans, here, tmp_path):
    scans(-5)
    feed = feed_of(source)
    feed.poll()
    (tmp_path / "here" / rv_name(-5)).unlink()
    scans(0)
    assert [path.name for path in feed.poll().arrived] == here() == [rv_name(0)]
    assert [path.name for path in feed.poll(refill=True).arrived] == [rv_name(-5)]


def test_old_files_are_tidied_away(source, feed_of, scans, here, clock, tmp_path):
    scans(-5)
    feed = feed_of(source, keep_hours=4.0)
    feed.poll()
    (tmp_path / "here" / "own.txt").write_text("not the feed's")
    clock.seconds += 5 * 3600
    scans(300)
    feed.poll()
    assert here() == [rv_name(300), "own.txt"]


def test_a_cursor_that_is_broken_is_begun_anew(source, feed_of, scans, here, tmp_path, server):
    scans(-5)
    feed_of(source).poll()
    for broken in ("{", "[]", '{"format": 99}', '{"format": 1, "taken": {"a": 3}, "memory": {}}'):
        (tmp_path / "here" / ".cursor.json").write_text(broken)
        with pytest.warns(UserWarning, match="begins anew"):
            feed_of(source).poll()
        assert here() == [rv_name(-5)]
        assert list(json.loads((tmp_path / "here" / ".cursor.json").read_text())["taken"]) == [rv_name(-5)]


def test_the_loop_goes_on_after_a_failure_and_ends_when_it_is_told(server, source, feed_of, scans):
    scans(-5)
    server.faults[DIRECTORY] = [status(403)]
    told, stop = [], threading.Event()

    def tell(what):
        told.append(what)
        if len(told) == 3:
            stop.set()

    feed_of(source).run(every=0.01, stop=stop, tell=tell)
    assert isinstance(told[0], SourceError) and len(told[1].arrived) == 1 and told[2].arrived == ()


def test_settings_that_make_no_sense(source, feed_of):
    with pytest.raises(ConfigError, match="keep_hours"):
        feed_of(source, hours=3.0, keep_hours=1.0)
    with pytest.raises(ConfigError, match="hours above 0"):
        feed_of(source, hours=0.0)
    with pytest.raises(ConfigError, match="attempts"):
        Limits(attempts=0)
