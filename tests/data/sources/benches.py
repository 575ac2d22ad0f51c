"""Every source beside a place that the tests fill and break: one way to put a scan there, whatever the layout."""

import errno
import gzip
import hashlib
import io
import json
import os
import shutil
import tarfile
from abc import ABC, abstractmethod
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

import pytest

from stormcell.data.sources import Source
from stormcell.data.sources.dwd import Dwd
from stormcell.data.sources.folder import Folder
from stormcell.data.sources.index import Index
from stormcell.data.sources.mrms import Mrms
from tests.data.sources.conftest import NOON, Clock, small_bz2
from tests.data.sources.server import Fault, Handler, Server, cut_off, dripping, short, status

__all__ = ["BENCHES", "Bench"]

HOW_FILES_FAIL: dict[str, Fault] = {"slow": dripping, "cut off": cut_off, "404": status(404), "503": status(503), "wrong length": short}


class Bench(ABC):
    """A source and its scans, which are named by their minutes after noon."""

    source: Source
    stamp = "%Y%m%d%H%M"
    name = "radar_{}.bz2"

    def __init__(self) -> None:
        self.listed: list[int] = []

    def name_of(self, minute: int) -> str:
        return self.name.format(f"{NOON + timedelta(minutes=minute):{self.stamp}}")

    def content_of(self, minute: int) -> bytes:
        return small_bz2(minute)

    @abstractmethod
    def list_again(self, *minutes: int) -> None:
        """Show these scans, in this order."""

    @abstractmethod
    def fail(self, minute: int, how: str, times: int) -> None:
        """So many attempts at a scan fail in this way; the next succeeds."""

    @abstractmethod
    def touch(self, minute: int) -> None:
        """The same bytes under another date."""

    def put(self, *minutes: int) -> None:
        self.listed += minutes
        self.list_again(*self.listed)


class _Served(Bench):
    """On a server; the listing is a page that a subclass writes."""

    listing = "/data/"
    folder = "/data/"

    def __init__(self, server: Server) -> None:
        super().__init__()
        self.server, self.date = server, "01-Jul-2026 12:00"

    def path_of(self, minute: int) -> str:
        return self.folder + self.name_of(minute)

    def page(self, minutes: tuple[int, ...]) -> str:
        names = [self.name_of(minute) for minute in minutes]
        return "".join(f'<a href="{name}">{name}</a> {self.date}\n' for name in names)

    def list_again(self, *minutes: int) -> None:
        self.server.files.update({self.path_of(minute): self.content_of(minute) for minute in minutes})
        self.server.pages[self.listing] = self.page(minutes).encode()

    def fail(self, minute: int, how: str, times: int) -> None:
        self.server.faults[self.path_of(minute)] = [HOW_FILES_FAIL[how]] * times

    def fail_listing(self, how: str, times: int) -> None:
        def half_a_page(handler: Handler) -> bool:
            page = handler.server.pages[self.listing]
            handler.reply(page[: len(page) // 2], announced=len(page))
            handler.close_connection = True
            return True

        faults: dict[str, Fault] = {**HOW_FILES_FAIL, "cut off": half_a_page}
        self.server.faults[self.listing] = [faults[how]] * times

    def touch(self, minute: int) -> None:
        self.date = "01-Jul-2026 12:01"
        self.list_again(*self.listed)


class DwdBench(_Served):
    stamp, name = "%Y%m%d_%H%M", "composite_rv_{}.tar"

    def __init__(self, server: Server) -> None:
        super().__init__(server)
        self.source = Dwd(url=server.url + self.listing)

    def content_of(self, minute: int) -> bytes:
        buffer = io.BytesIO()
        with tarfile.open(fileobj=buffer, mode="w") as archive:
            member = tarfile.TarInfo("composite-hd5")
            member.size = 20_000
            archive.addfile(member, io.BytesIO(f"{minute:05d}".encode() * 4000))
        return buffer.getvalue()


class IndexBench(_Served):
    def __init__(self, server: Server) -> None:
        super().__init__(server)
        self.source = Index(url=server.url + self.listing, pattern=r"radar_(?P<time>\d{12})\.bz2")


class StacBench(_Served):
    listing = "/items"

    def __init__(self, server: Server) -> None:
        super().__init__(server)
        self.source = Index(url=server.url + self.listing, pattern=r"radar_(?P<time>\d{12})\.bz2")

    def page(self, minutes: tuple[int, ...]) -> str:
        assets = [{"href": self.path_of(minute), "file:size": len(self.content_of(minute)), "updated": self.date} for minute in minutes]
        return json.dumps({"type": "FeatureCollection", "features": [{"assets": {"radar": asset}} for asset in assets]})


class MrmsBench(_Served):
    listing = "/bucket"
    stamp, name = "%Y%m%d-%H%M%S", "MRMS_PrecipRate_00.00_{}.grib2.gz"
    folder = "/bucket/CONUS/PrecipRate_00.00/20260701/"

    def __init__(self, server: Server) -> None:
        super().__init__(server)
        self.source = Mrms(bucket="bucket", endpoint=server.url + "/{bucket}")

    def content_of(self, minute: int) -> bytes:
        return gzip.compress(f"scan {minute} ".encode() * 50, mtime=0)

    def page(self, minutes: tuple[int, ...]) -> str:
        objects = [(self.path_of(minute).removeprefix("/bucket/"), self.content_of(minute)) for minute in minutes]
        entries = (
            f"<Contents><Key>{key}</Key><LastModified>{self.date}</LastModified><Size>{len(content)}</Size>"
            f"<ETag>&quot;{hashlib.md5(content).hexdigest()}&quot;</ETag></Contents>"
            for key, content in objects
        )
        return f"<ListBucketResult>{''.join(entries)}</ListBucketResult>"


class FolderBench(Bench):
    """A watched folder, in which the same things happen without a server: copies that fail, and files that are not ready."""

    def __init__(self, inbox: Path, clock: Clock, monkeypatch: pytest.MonkeyPatch) -> None:
        super().__init__()
        self.inbox, self.clock, self.failing = inbox, clock, dict[str, list[str]]()
        inbox.mkdir()
        self.source = Folder(str(inbox), settle_seconds=5.0, monotonic=clock, now=clock)
        copy = shutil.copyfile
        monkeypatch.setattr("stormcell.data.sources.folder.shutil.copyfile", lambda source, target: self._copy(copy, source, target))

    def _copy(self, copy: Callable[[str, Path], object], source: str, target: Path) -> None:
        waiting = self.failing.get(Path(source).name, [])
        how = waiting.pop(0) if waiting else None
        if how == "404":
            raise FileNotFoundError(errno.ENOENT, "gone", source)
        if how in ("503", "cut off"):
            target.write_bytes(b"half")
            raise OSError(errno.EIO, "Input/output error", source)
        copy(source, target)
        if how == "wrong length":
            os.truncate(target, target.stat().st_size // 2)
        if how == "slow":  # somebody still writes it
            os.utime(source, (self.clock(), self.clock()))

    def list_again(self, *minutes: int) -> None:
        for minute in minutes:
            path = self.inbox / self.name_of(minute)
            if not path.exists():
                path.write_bytes(self.content_of(minute))
                age = 60 if minute <= 0 else -60 * minute
                os.utime(path, (self.clock() - age, self.clock() - age))

    def fail(self, minute: int, how: str, times: int) -> None:
        self.failing[self.name_of(minute)] = [how] * (1 if how == "slow" else times)  # a file that grows is not tried again at once

    def touch(self, minute: int) -> None:
        os.utime(self.inbox / self.name_of(minute), (self.clock() - 30, self.clock() - 30))


BENCHES = {"dwd": DwdBench, "index": IndexBench, "stac": StacBench, "mrms": MrmsBench, "folder": FolderBench}
