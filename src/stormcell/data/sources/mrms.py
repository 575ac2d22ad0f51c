"""MRMS of NOAA in an S3 bucket, which is asked without credentials: one file every two minutes.

Keys are CONUS/PrecipRate_00.00/20260701/MRMS_PrecipRate_00.00_20260701-120000.grib2.gz. One folder a day, and keys in order of time,
so a listing may start after the key of the earliest scan that is wanted: late files are still found, old ones are not listed.
An object's ETag is the MD5 of its bytes unless it was uploaded in parts (then it holds a dash).
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from urllib.parse import quote, urlencode
from xml.etree import ElementTree

import numpy as np

from stormcell.data.sources.failure import SourceError
from stormcell.data.sources.source import About, Remote
from stormcell.data.sources.web import Web, origin_of
from stormcell.data.timestamp import utc
from stormcell.errors import ConfigError

__all__ = ["Mrms"]

_SECOND, _DAY = np.timedelta64(1, "s"), np.timedelta64(1, "D")


@dataclass(frozen=True)
class Mrms:
    """A bucket with the layout of MRMS.

    Args:
        bucket: its name.
        endpoint: address of the bucket, with {bucket} in place of its name: "https://{bucket}.s3.amazonaws.com", or in the path,
            "http://127.0.0.1:9000/{bucket}".
        domain: first part of the keys: CONUS, ALASKA, CARIB, GUAM, HAWAII.
        product: second part, with the height.
    """

    bucket: str = "noaa-mrms-pds"
    endpoint: str = "https://{bucket}.s3.amazonaws.com"
    domain: str = "CONUS"
    product: str = "PrecipRate_00.00"

    def __post_init__(self) -> None:
        for name in ("bucket", "domain", "product"):
            if not re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9._-]{0,99}", getattr(self, name)):
                raise ConfigError(f"mrms: {name} {getattr(self, name)!r}: expected letters, digits and . _ -")
        origin_of(self._address)

    @property
    def about(self) -> About:
        """The endpoint alone."""
        return About(frozenset({origin_of(self._address)}), None, "Source: NOAA, Multi-Radar Multi-Sensor (MRMS) system", 2.0)

    @property
    def _address(self) -> str:
        return self.endpoint.replace("{bucket}", self.bucket).rstrip("/")

    def new(self, web: Web, *, since: np.datetime64, until: np.datetime64, memory: dict[str, str]) -> Iterator[Remote]:
        """The objects of each day between the two times, from the earliest scan on."""
        name = re.compile(rf"MRMS_{re.escape(self.product)}_(\d{{8}}-\d{{6}})\.grib2\.gz")
        ends = until + np.timedelta64(int(web.limits.ahead_seconds), "s")
        for day in np.arange(since.astype("M8[D]"), ends.astype("M8[D]") + _DAY):
            prefix = f"{self.domain}/{self.product}/{day.astype(datetime):%Y%m%d}/"
            first = max(since, day.astype("M8[s]")) - _SECOND
            start = f"{prefix}MRMS_{self.product}_{first.astype('M8[s]').astype(datetime):%Y%m%d-%H%M%S}.grib2.gz"
            for entry in self._objects(web, prefix, start):
                key = entry.get("Key", "")
                match = name.fullmatch(key.removeprefix(prefix))
                if key.startswith(prefix) and match:
                    remote = self._remote(key, match, entry)
                    if remote.time is None or remote.time >= since:
                        yield remote

    def fetch(self, web: Web, remote: Remote, into: Path) -> None:
        """Download the object."""
        web.save(remote.address, into)

    def _remote(self, key: str, match: re.Match[str], entry: dict[str, str]) -> Remote:
        address, etag = f"{self._address}/{quote(key)}", entry.get("ETag", "").strip('"').lower()
        try:
            time, size = utc(*datetime.strptime(match[1], "%Y%m%d-%H%M%S").timetuple()[:6]), int(entry.get("Size", ""))
        except ValueError as error:
            problem = f"{address}: the listing is not understood: time {match[1]}, size {entry.get('Size', '')[:40]!r} ({error})"
            return Remote(match[0], address, problem=problem)
        checksum = ("md5", etag) if re.fullmatch(r"[0-9a-f]{32}", etag) else None
        return Remote(match[0], address, time, etag or entry.get("LastModified", ""), size, checksum)

    def _objects(self, web: Web, prefix: str, start: str) -> Iterator[dict[str, str]]:
        """What ListObjectsV2 tells of each object, page by page."""
        token = None
        for _ in range(web.limits.listing_pages):
            asked = {"list-type": "2", "prefix": prefix, "start-after": start} | ({"continuation-token": token} if token else {})
            url = f"{self._address}?{urlencode(asked)}" if "/" in self._address.split("://")[1] else f"{self._address}/?{urlencode(asked)}"
            root = _parsed(url, web.page(url) or b"")
            space = root.tag.partition("}")[0] + "}" if root.tag.startswith("{") else ""
            for entry in root.iter(f"{space}Contents"):
                yield {child.tag.removeprefix(space): (child.text or "").strip() for child in entry}
            if root.findtext(f"{space}IsTruncated", "").strip() != "true":
                return
            before, token = token, root.findtext(f"{space}NextContinuationToken")
            if not token or token == before:
                raise SourceError(f"{url}: the listing says that it goes on, but not where")
        raise SourceError(f"{url}: the listing has more than {web.limits.listing_pages} pages; ask for less time, or raise the limit")


def _parsed(url: str, page: bytes) -> ElementTree.Element:
    """The XML of a listing. What could define entities is refused before it is parsed, so nothing can expand."""
    if b"<!" in page or b"\0" in page or page.startswith((b"\xfe\xff", b"\xff\xfe")):
        raise SourceError(f"{url}: expected the plain XML of a listing in UTF-8, got one with declarations or in another encoding")
    try:
        root = ElementTree.fromstring(page)
    except (ElementTree.ParseError, ValueError, LookupError) as error:
        raise SourceError(f"{url}: expected the XML of a listing, got something else ({error}); check endpoint and bucket") from error
    if root.tag.rpartition("}")[2] != "ListBucketResult":
        raise SourceError(f"{url}: expected a ListBucketResult, got {root.tag[:80]}; check endpoint and bucket")
    return root
