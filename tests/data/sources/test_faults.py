"""Every source against every way in which a feed fails: whatever happens, in the end each scan is here, whole and once."""

from typing import NamedTuple

import pytest

from stormcell.data.sources import SourceError
from tests.data.sources.benches import BENCHES, Bench, FolderBench


class Fault(NamedTuple):
    """How two looks at a feed go when attempts at a scan fail: at once means that the driver tried again within the first."""

    how: str
    times: int
    at_once: bool
    reason: str = ""


FILES = [
    Fault("slow", 3, False, "too slow|still being written"),
    Fault("cut off", 2, True),
    Fault("cut off", 3, False, "were announced|cannot be copied"),
    Fault("404", 1, False, "404|has gone"),
    Fault("503", 2, True),
    Fault("503", 3, False, "503|cannot be copied"),
    Fault("wrong length", 2, True),
    Fault("wrong length", 3, False, "cut off|no end|the listing says"),
]
LISTINGS = [
    Fault("slow", 3, False, "too slow"),
    Fault("cut off", 2, True),
    Fault("404", 1, False, "404"),
    Fault("503", 2, True),
    Fault("503", 3, False, "503"),
]


def words(fault: Fault) -> str:
    return f"{fault.how} x {fault.times}"


@pytest.fixture(params=BENCHES)
def bench(request, server, clock, tmp_path, monkeypatch) -> Bench:
    make = BENCHES[request.param]
    return FolderBench(tmp_path / "inbox", clock, monkeypatch) if make is FolderBench else make(server)


@pytest.fixture
def feed(request, bench, feed_of, clock):
    """Impatient only where the server is slow, so that a busy machine is not taken for a slow server."""
    slow = request.node.callspec.params.get("fault", ("",))[0] == "slow"
    return feed_of(bench.source, monotonic=clock, limits={"transfer_seconds": 0.3 if slow else 20.0, "silence_seconds": 20.0})


@pytest.fixture
def ends(bench, feed, here, clock, tmp_path):
    """Looks again until all is here, and says what is wrong with it."""

    def check(*minutes: int, arrived: tuple = ()) -> None:
        came = [path.name for path in arrived]
        for _ in range(2):
            clock.seconds += 60
            came += [path.name for path in feed.poll().arrived]
        names = [bench.name_of(minute) for minute in minutes]
        assert sorted(came) == here() == sorted(names), "each once, and nothing else"
        assert all((tmp_path / "here" / bench.name_of(minute)).read_bytes() == bench.content_of(minute) for minute in minutes)

    return check


@pytest.mark.parametrize("fault", FILES, ids=words)
def test_a_scan_that_fails_comes_whole_and_holds_up_no_other(fault, bench, feed, here, ends):
    bench.put(-10, -5, 0)
    bench.fail(-5, fault.how, fault.times)
    poll = feed.poll()
    names = [bench.name_of(minute) for minute in (-10, -5, 0) if fault.at_once or minute != -5]
    assert here() == names and [path.name for path in poll.arrived] == names
    assert list(poll.refused) == ([] if fault.at_once else [bench.name_of(-5)])
    if not fault.at_once:
        assert any(word in poll.refused[bench.name_of(-5)] for word in fault.reason.split("|")), poll.refused
    ends(-10, -5, 0, arrived=poll.arrived)


@pytest.mark.parametrize("bench", [name for name, one in BENCHES.items() if one is not FolderBench], indirect=True)
@pytest.mark.parametrize("fault", LISTINGS, ids=words)
def test_a_listing_that_fails_is_read_when_it_is_there(fault, bench, feed, ends):
    bench.put(-10, -5)
    bench.fail_listing(fault.how, fault.times)
    if fault.at_once:
        ends(-10, -5, arrived=feed.poll().arrived)
        return
    with pytest.raises(SourceError, match=fault.reason):
        feed.poll()
    ends(-10, -5)


def test_what_is_listed_twice_or_under_a_new_date_comes_once(bench, feed, ends):
    bench.put(-10, -5)
    bench.list_again(-10, -5, -10, -5)
    poll = feed.poll()
    bench.touch(-5)
    ends(-10, -5, arrived=poll.arrived)


def test_scans_out_of_order_come_in_order_and_late_ones_late(bench, feed, ends):
    bench.put(0, -10, -5)
    poll = feed.poll()
    assert [path.name for path in poll.arrived] == [bench.name_of(minute) for minute in (-10, -5, 0)]
    bench.put(-20, -15)
    ends(-20, -15, -10, -5, 0, arrived=poll.arrived)


def test_a_clock_that_is_wrong(bench, server, feed, here, clock, ends):
    """An hour ahead: the scan waits until its time has come; in a folder, where nothing tells a scan's time, until it stands still."""
    server.now = lambda: clock() + 3600
    bench.put(-5, 60)
    poll = feed.poll()
    assert here() == [bench.name_of(-5)]
    if not isinstance(bench, FolderBench):
        reason = poll.refused[bench.name_of(60)]
        assert "in the future" in reason and "the server's clock is +60 min" in reason
        clock.seconds += 3500
    ends(-5, 60, arrived=poll.arrived)
