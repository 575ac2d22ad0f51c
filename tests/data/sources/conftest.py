"""A server with DWD's layout, and a feed whose clock and pauses are the test's."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from stormcell.data.sources import Feed, Limits, Source
from stormcell.data.sources.dwd import Dwd
from tests.conftest import _DATA
from tests.data.radar_files import radolan
from tests.data.sources.server import Server, serving

DIRECTORY = "/weather/radar/composite/rv/"
NOON = datetime(2026, 7, 1, 12, tzinfo=UTC)


@dataclass
class Clock:
    """Time that passes only in pauses."""

    seconds: float = NOON.timestamp()
    pauses: list[float] = field(default_factory=list)

    def __call__(self) -> float:
        return self.seconds

    def sleep(self, seconds: float) -> None:
        self.pauses.append(seconds)
        self.seconds += seconds


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch, clock: Clock) -> Iterator[Server]:
    for name in ("http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY"):
        monkeypatch.delenv(name, raising=False)
    with serving() as running:
        running.now = clock
        yield running


@pytest.fixture(scope="session")
def rv_archive(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    """A real RV archive of DWD; where there is none, a small composite packed in the same way."""
    import bz2
    import io
    import tarfile

    real = _DATA / "formats" / "radolan" / "DE1200_RV2210180700.tar.bz2"
    if real.is_file():
        return real.read_bytes()
    path = radolan(
        tmp_path_factory.mktemp("rv") / "rv", np.zeros((1200, 1100), "<u2"), product="RV", shape=(1200, 1100), lead=0, packed=False
    )
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w") as archive:
        archive.add(path, "DE1200_RV_000")
    return bz2.compress(packed.getvalue())


def rv_name(minutes: float) -> str:
    """The name of the archive so many minutes after noon."""
    return f"DE1200_RV{NOON + timedelta(minutes=minutes):%y%m%d%H%M}.tar.bz2"


def small_bz2(text: object) -> bytes:
    import bz2

    return bz2.compress(f"scan {text} ".encode() * 50)


@pytest.fixture
def scans(server: Server) -> Callable[..., None]:
    """Puts small packed files of these minutes on the server."""

    def put(*minutes: float) -> None:
        for minute in minutes:
            server.files[DIRECTORY + rv_name(minute)] = small_bz2(minute)

    return put


@pytest.fixture
def source(server: Server) -> Source:
    return Dwd(url=server.url + DIRECTORY)


@pytest.fixture
def feed_of(tmp_path: Path, clock: Clock) -> Callable[..., Feed]:
    """A feed into tmp_path/here: fast, patient for ten seconds, with the test's clock."""

    def make(source: Source, **options: Any) -> Feed:
        given = {"silence_seconds": 0.3, "transfer_seconds": 0.3, "requests_per_second": 1000.0, "attempts": 3, "patience_seconds": 10.0}
        limits = Limits(**{**given, **options.pop("limits", {})})
        options = {"now": clock, "sleep": clock.sleep, "chance": lambda: 1.0, **options}
        return Feed(source, tmp_path / "here", limits=limits, **options)

    return make


@pytest.fixture
def here(tmp_path: Path) -> Callable[[], list[str]]:
    """The names in the download folder, hidden files left out."""
    return lambda: sorted(path.name for path in (tmp_path / "here").iterdir() if not path.name.startswith("."))
