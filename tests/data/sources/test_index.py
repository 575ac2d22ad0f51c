"""Index pages and STAC collections."""

import hashlib
import json

import pytest

from stormcell.data.sources import SourceError
from stormcell.data.sources.index import Index
from stormcell.errors import ConfigError
from tests.data.sources.conftest import small_bz2
from tests.data.sources.server import serving, status

PATTERN = r"radar_(?P<time>\d{12})\.bz2"


def item(*names: str, **more: object) -> dict:
    return {
        "type": "Feature",
        "properties": {"datetime": "2026-07-01T11:50:00Z"},
        "assets": {name: {"href": name, **more} for name in names},
    }


def collection(*items: object, following: str | None = None) -> bytes:
    links = [{"rel": "self", "href": "."}] + ([{"rel": "next", "href": following}] if following else [])
    return json.dumps({"type": "FeatureCollection", "features": items, "links": links}).encode()


@pytest.fixture
def name(server):
    """Puts a file on the server and gives its name."""

    def put(minute: int) -> str:
        server.files[f"/data/radar_2026070111{minute:02d}.bz2"] = small_bz2(minute)
        return f"radar_2026070111{minute:02d}.bz2"

    return put


def test_a_stac_collection_of_several_pages(server, name, feed_of, here):
    server.pages["/data/items"] = collection(item(name(50), name(45)), following="items2")
    server.pages["/data/items2"] = collection(item(name(40), "readme.txt"), None, {"assets": 5}, {"assets": {"a": 1, "b": {"href": 2}}})
    feed = feed_of(Index(url=server.url + "/data/items", pattern=PATTERN))
    feed.poll()
    assert here() == [f"radar_2026070111{minute}.bz2" for minute in (40, 45, 50)]
    server.pages["/data/items2"] = collection(item(name(35)))
    assert len(feed.poll().arrived) == 1  # that the first page is unchanged does not hide the second


def test_a_stac_item_with_sizes_and_checksums(server, name, feed_of, here):
    content = small_bz2(50)
    good = {"file:size": len(content), "file:checksum": "1220" + hashlib.sha256(content).hexdigest()}
    server.pages["/data/item"] = json.dumps(item(name(50), **good)).encode()
    source = Index(url=server.url + "/data/item", pattern=PATTERN)
    assert not feed_of(source).poll().refused and len(here()) == 1
    other = {"file:checksum": good["file:checksum"]}
    server.pages["/data/item"] = json.dumps(item(name(45), **other)).encode()
    assert "checksum" in next(iter(feed_of(source).poll().refused.values()))
    server.pages["/data/item"] = json.dumps(item(name(40), **{"file:size": 3})).encode()
    assert "the listing says 3 bytes" in next(iter(feed_of(source).poll().refused.values()))


def test_the_time_of_the_item_counts_where_the_name_tells_none(server, feed_of, here):
    server.files["/data/a.bz2"] = small_bz2("a")
    server.pages["/data/items"] = json.dumps(item("a.bz2")).encode()
    source = Index(url=server.url + "/data/items", pattern=r".*\.bz2")
    feed_of(source, hours=0.1).poll()
    assert here() == []
    feed_of(source, hours=0.2).poll()
    assert here() == ["a.bz2"]


@pytest.mark.parametrize(
    "page", [b"{", b'{"type": "Feature"', b"[1, 2]", b"{" * 100_000, b'{"links": 5, "assets": null}', b"<a href=", b"\xff\xfe\x00"]
)
def test_pages_that_are_no_listing(page, server, feed_of, here):
    server.pages["/data/items"] = page
    try:
        feed_of(Index(url=server.url + "/data/items", pattern=PATTERN)).poll()
    except SourceError as error:
        assert "STAC" in str(error)
    else:
        assert here() == []


def test_pages_in_a_circle_and_without_end(server, feed_of):
    server.pages["/data/items"] = collection(following="items")
    with pytest.raises(SourceError, match="after itself"):
        feed_of(Index(url=server.url + "/data/items", pattern=PATTERN)).poll()
    for number in range(30):
        server.pages[f"/data/{number}"] = collection(following=f"{number + 1}")
    with pytest.raises(SourceError, match="more than 20 pages"):
        feed_of(Index(url=server.url + "/data/0", pattern=PATTERN)).poll()


def test_a_next_page_on_another_host_is_refused(server, feed_of):
    with serving() as other:
        server.pages["/data/items"] = collection(following=other.url + "/items")
        with pytest.raises(SourceError, match="may ask only"):
            feed_of(Index(url=server.url + "/data/items", pattern=PATTERN)).poll()
        assert other.asked == []


def test_a_page_for_each_day(server, feed_of, here, clock):
    clock.seconds += 13 * 3600  # one o'clock of the next day
    source = Index(url=server.url + "/%Y%m%d/", pattern=PATTERN)
    server.files["/20260701/radar_202607012355.bz2"] = small_bz2("late")
    server.files["/20260702/radar_202607020005.bz2"] = small_bz2("early")
    feed_of(source).poll()
    assert here() == ["radar_202607012355.bz2", "radar_202607020005.bz2"]
    assert [path for path in server.paths() if path.endswith("/")] == ["/20260701/", "/20260702/"]


def test_a_day_without_a_page_is_no_error(server, feed_of, here, clock):
    clock.seconds += 13 * 3600
    server.pages["/20260701.html"] = b"<a href='/data/radar_202607012355.bz2'>x</a>"
    server.files["/data/radar_202607012355.bz2"] = small_bz2("late")
    feed_of(Index(url=server.url + "/%Y%m%d.html", pattern=PATTERN)).poll()
    assert here() == ["radar_202607012355.bz2"]


@pytest.mark.parametrize(
    "settings",
    [
        {"pattern": "("},
        {"url": "ftp://example.org/"},
        {"url": "https://user:secret@example.org/"},
        {"url": "file:///etc"},
        {"url": "https:///x"},
    ],
)
def test_settings_that_are_refused(settings):
    with pytest.raises((ConfigError, SourceError)) as refusal:
        Index(**{"url": "https://example.org/", "pattern": "x", **settings})
    assert "secret" not in str(refusal.value)


def test_a_failure_after_a_page_that_changed_does_not_hide_what_was_on_it(server, feed_of, here, clock):
    clock.seconds += 13 * 3600
    source = Index(url=server.url + "/%Y%m%d/", pattern=PATTERN)
    server.files["/20260701/radar_202607012350.bz2"] = small_bz2(50)
    server.files["/20260702/radar_202607020005.bz2"] = small_bz2(5)
    feed = feed_of(source)
    feed.poll()
    server.files["/20260701/radar_202607012355.bz2"] = small_bz2(55)
    server.faults["/20260702/"] = [status(503)]
    assert [path.name for path in feed.poll().arrived] == ["radar_202607012355.bz2"]
