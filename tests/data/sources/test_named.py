"""Sources by name, by a file of settings and from other packages; the newest scans as a forecast wants them."""

import re
import subprocess
import sys
from datetime import timedelta
from importlib.metadata import EntryPoint
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from stormcell.data.read import read
from stormcell.data.sources import SOURCES, About, Feed, Remote, SourceError, bring_inputs, latest, source_named
from stormcell.data.sources import named as module
from stormcell.data.sources.source import safe_name
from stormcell.data.sources.web import origin_of
from stormcell.errors import ConfigError, ReadError
from tests.data.radar_files import fmi
from tests.data.sources.conftest import DIRECTORY, NOON, rv_name
from tests.data.sources.server import status

SETTINGS = {"dwd": {}, "mrms": {}, "folder": {"path": "inbox"}, "index": {"url": "https://example.org/", "pattern": r".*\.h5"}}


@pytest.mark.parametrize("name", sorted(SOURCES))
def test_each_source_says_whom_it_asks_and_makes_no_request_for_it(name):
    about = source_named(name, **SETTINGS[name]).about
    assert isinstance(about, About) and (about.watch is None) == bool(about.origins)
    assert all(origin_of(origin) == origin and origin.startswith("https://") for origin in about.origins)


@pytest.mark.parametrize("name", sorted(SOURCES))
def test_settings_that_a_source_does_not_take(name):
    with pytest.raises(ConfigError, match="it takes"):
        source_named(name, **SETTINGS[name], colour="red")


def test_a_file_of_settings(tmp_path):
    file = tmp_path / "my-feed.toml"
    file.write_text('source = "index"\nurl = "https://example.org/"\npattern = "x"\norigins = ["https://data.example.org:8443"]\n')
    assert source_named(str(file)).about.origins == {"https://example.org", "https://data.example.org:8443"}
    for broken in ("source = 5", "url = 'x'", "source = 'index'", "source = 'index'\nurl = 5\npattern = 'x'", "source = ["):
        file.write_text(broken)
        with pytest.raises((ConfigError, SourceError)):
            source_named(str(file))
    with pytest.raises(ConfigError, match="expected one of dwd, folder, index, mrms"):
        source_named("nexrad")
    with pytest.raises(ConfigError, match="TOML"):
        source_named(str(tmp_path / "not-there.toml"))


class Rows:
    """The smallest source that another package may publish: two files out of memory."""

    def __init__(self, *, words: tuple[str, ...]) -> None:
        self.words = words

    about = About(licence="CC0-1.0")

    def new(self, web, *, since, until, memory):
        return [Remote(f"scan-{word}", word) for word in self.words]

    def fetch(self, web, remote, into):
        into.write_text(remote.address)


def test_a_source_of_another_package(monkeypatch, tmp_path):
    point = EntryPoint("rows", "tests.data.sources.test_named:Rows", "stormcell.sources")
    monkeypatch.setattr(module, "entry_points", lambda group: [point] if group == "stormcell.sources" else [])
    module._published.cache_clear()
    try:
        source = source_named("rows", words=["a", "b"])
        paths = latest(source, 5, tmp_path / "here")
        assert [path.read_text() for path in paths] == ["a", "b"]
    finally:
        module._published.cache_clear()


def test_the_newest_scans_of_dwd_become_frames(server, source, rv_archive, tmp_path, radar_data):
    """A real archive of DWD through a real server: what is read is what the file holds."""
    time = np.datetime64("2022-10-18T07:00")
    server.files[DIRECTORY + "DE1200_RV2210180700.tar.bz2"] = rv_archive
    server.files[DIRECTORY + "DE1200_RV_LATEST.tar.bz2"] = rv_archive
    now = (time + np.timedelta64(3, "m")).astype("M8[s]").astype(float)
    (path,) = latest(source, 4, tmp_path / "here", now=lambda: float(now))
    assert path.read_bytes() == rv_archive
    frames = read([path])
    assert frames["time"].values[0] == time and frames.shape == (1, 1200, 1100) and float(frames.max()) > 1.0


def test_latest_takes_no_more_than_is_wanted_and_leaves_out_what_is_bad(server, source, scans, tmp_path, clock):
    scans(-20, -15, -10, -5)
    options = {"now": clock, "sleep": clock.sleep}
    assert [path.name for path in latest(source, 2, tmp_path / "here", **options)] == [rv_name(-10), rv_name(-5)]
    server.faults[DIRECTORY + rv_name(-15)] = [status(403)]
    with pytest.warns(UserWarning, match="left out .*403"):
        assert [path.name for path in latest(source, 3, tmp_path / "here", **options)] == [rv_name(-10), rv_name(-5)]
    asked = len(server.asked)
    assert len(latest(source, 2, tmp_path / "here", **options)) == 2
    assert server.paths()[asked:] == [DIRECTORY]  # they are here already


def test_latest_counts_scans_and_not_files(server, tmp_path, clock):
    times = [f"{NOON + timedelta(minutes=minutes):%Y%m%d%H%M}" for minutes in (-15, -10, -5)]
    for time in times:
        content = fmi(tmp_path / "scan.gz", time=time).read_bytes()
        server.files[f"/data/{time}_a.pgm.gz"] = server.files[f"/data/{time}_b.pgm.gz"] = content
    source = source_named("index", url=server.url + "/data/", pattern=r"(?P<time>\d{12})_.\.pgm\.gz")
    paths = latest(source, 2, tmp_path / "here", now=clock)
    assert [path.name for path in paths] == [f"{time}_b.pgm.gz" for time in times[1:]]
    assert read(paths).sizes["time"] == 2


def test_latest_says_that_there_is_nothing(server, source, scans, tmp_path, clock):
    with pytest.raises(ReadError, match=r"^http://127.*has no scan of the last 1.17 hours"):
        latest(source, 4, tmp_path / "here", now=clock)
    with pytest.raises(ReadError, match="at least 1"):
        latest(source, 0, tmp_path / "here")


def test_latest_keeps_files_in_the_cache_of_the_user(server, scans, tmp_path, monkeypatch, clock):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    (tmp_path / "mirror.toml").write_text(f'source = "dwd"\nurl = "{server.url}{DIRECTORY}"\n')
    scans(-5)
    (path,) = latest(str(tmp_path / "mirror.toml"), 1, now=clock)
    assert path == tmp_path / "cache" / "stormcell" / "sources" / "mirror" / rv_name(-5)


def test_inputs_that_name_feeds(server, scans, tmp_path, monkeypatch, clock):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setattr("stormcell.data.sources.inputs.latest", lambda name, steps: latest(name, steps, now=clock))
    (tmp_path / "mirror.toml").write_text(f'source = "dwd"\nurl = "{server.url}{DIRECTORY}"\n')
    scans(-15, -10, -5)
    inputs, about = bring_inputs(["own/*.h5", f"source:{tmp_path}/mirror.toml", Path("more")], 2)
    assert [Path(item).name for item in inputs] == ["*.h5", rv_name(-10), rv_name(-5), "more"]
    assert about == {"licence": "CC-BY-4.0", "attribution": "Source: Deutscher Wetterdienst"}
    assert bring_inputs(["own"], 2) == (["own"], {})
    inputs, _ = bring_inputs([f"source:{tmp_path}/mirror.toml"], lambda step: int(np.timedelta64(15, "m") / step))
    assert len(inputs) == 3, "of a feed with a scan every 5 minutes"


def test_the_example_of_a_source_works(server, tmp_path):
    """The class in docs/sources.md, with the server of the test for the radar's."""
    page = (Path(__file__).parents[3] / "docs" / "sources.md").read_text()
    block = next(block for block in re.findall(r"```python\n(.*?)```", page, re.DOTALL) if "class Tower" in block)
    scope: dict[str, Any] = {}
    exec(block.replace("https://radar.example.org", server.url), scope)
    server.pages["/list.txt"], server.files["/a.h5"], server.files["/b.h5"] = b"a.h5\nb.h5\n", b"first", b"second"
    feed = Feed(scope["Tower"](), tmp_path / "here")
    assert [path.read_bytes() for path in feed.poll().arrived] == [b"first", b"second"]
    assert feed.poll().arrived == () and "if-none-match" in server.asked[-1][1]


@pytest.mark.parametrize("name", ["", ".", "..", ".hidden", "a/b", "a\\b", "a b", "a\n", "ä", "x" * 300, "-rf /", "a\0"])
def test_names_that_lead_elsewhere(name):
    with pytest.raises(SourceError, match="plain file name"):
        safe_name(name)


@pytest.mark.parametrize(
    "url", ["", "x", "http://", "https://a b/", "https://[::1", "https://host:port/", "gopher://a/", "https://u@h/", "https://h\n/"]
)
def test_addresses_that_are_none(url):
    with pytest.raises(SourceError):
        origin_of(url)


def test_importing_has_no_effect(tmp_path: Path):
    code = (
        "import stormcell.data.sources, sys, os; assert not os.listdir('.'); "
        "assert not {'watchfiles', 'torch', 'boto3', 's3fs'} & set(sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=tmp_path, capture_output=True, text=True, timeout=60)
    assert done.returncode == 0 and done.stdout == done.stderr == ""
