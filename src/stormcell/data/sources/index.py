"""An index page or a STAC item collection whose links match a pattern: the layout of most open feeds.

STAC: https://stacspec.org (items, assets, the link "next", the file extension's size and checksum). HTML: the links of the page.
"""

import json
import re
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from html.parser import HTMLParser
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urljoin, urlsplit

import numpy as np

from stormcell.data.sources.failure import AbsentError, SourceError
from stormcell.data.sources.source import About, Remote, safe_name
from stormcell.data.sources.web import Web, origin_of
from stormcell.data.timestamp import utc
from stormcell.errors import ConfigError

__all__ = ["Index"]

_MULTIHASHES = {"1220": ("sha256", 64), "d50110": ("md5", 32)}


@dataclass(frozen=True)
class Index:
    """Files that a page links to.

    Args:
        url: of the page, or of the STAC item or item collection. It may hold strftime fields of the day, such as ".../%Y%m%d/".
        pattern: regular expression that a whole file name must match; the group `time` holds the scan's time, if the name tells it.
        time_format: of that group, as strptime has it; of several the first that fits counts.
        origins: further origins that links may lead to, such as "https://data.example.org".
        licence, attribution, step_minutes: see `About`.
    """

    url: str
    pattern: str
    time_format: str | tuple[str, ...] = "%Y%m%d%H%M"
    origins: tuple[str, ...] = ()
    licence: str | None = None
    attribution: str | None = None
    step_minutes: float | None = None

    def __post_init__(self) -> None:
        try:
            re.compile(self.pattern)
        except (re.error, TypeError) as error:
            raise ConfigError(f"index: pattern {self.pattern!r} is no regular expression ({error})") from error
        origin_of(self.url)

    @property
    def about(self) -> About:
        """The page's own origin, and the further ones."""
        origins = frozenset(origin_of(url) for url in (self.url, *self.origins))
        return About(origins, self.licence, self.attribution, self.step_minutes)

    def new(self, web: Web, *, since: np.datetime64, until: np.datetime64, memory: dict[str, str]) -> Iterator[Remote]:
        """The links of the page, or of the pages of all days between the two times if the address holds a day."""
        urls = _days(self.url, since, until)
        for key in [key for key in memory if key.partition(" ")[2] not in urls]:
            del memory[key]
        for url in urls:
            for page_url, page in _pages(web, url, memory, may_lack=len(urls) > 1):
                for found in _assets(page_url, page) if page.lstrip()[:1] in (b"{", b"[") else _links(page_url, page):
                    remote = self._matching(found)
                    if remote is not None and (remote.time is None or remote.time >= since):
                        yield remote

    def fetch(self, web: Web, remote: Remote, into: Path) -> None:
        """Download it."""
        web.save(remote.address, into)

    def _matching(self, found: Remote) -> Remote | None:
        match = re.fullmatch(self.pattern, found.name)
        if match is None:
            return None
        text = match.groupdict().get("time")
        try:
            stamp = _parsed(text, (self.time_format,) if isinstance(self.time_format, str) else self.time_format) if text else None
            return found._replace(name=safe_name(found.name), time=utc(*stamp.timetuple()[:6]) if stamp else found.time)
        except SourceError as error:
            return found._replace(problem=str(error))
        except ValueError as error:
            return found._replace(
                problem=f"{found.address}: its name should tell the time as {self.time_format} ({error}); check the pattern"
            )


def _parsed(text: str, formats: tuple[str, ...]) -> datetime:
    """The time by the first of the formats that fits; the last one's error if none does."""
    for one in formats[:-1]:
        with suppress(ValueError):
            return datetime.strptime(text, one)
    return datetime.strptime(text, formats[-1])


def _days(url: str, since: np.datetime64, until: np.datetime64) -> list[str]:
    if "%" not in url:
        return [url]
    days = np.arange(since.astype("M8[D]"), until.astype("M8[D]") + np.timedelta64(1, "D"))
    return list(dict.fromkeys(day.astype(datetime).strftime(url) for day in days))


def _pages(web: Web, url: str, memory: dict[str, str], *, may_lack: bool) -> Iterator[tuple[str, bytes]]:
    """The page, and those that a STAC collection names as the next; of a page that has not changed, or of a day without one, none."""
    seen: set[str] = set()
    while url not in seen:
        if len(seen) >= web.limits.listing_pages:
            raise SourceError(f"{url}: the listing has more than {web.limits.listing_pages} pages; narrow it, or raise the limit")
        seen.add(url)
        try:
            page = web.page(url, memory if len(seen) == 1 else None)
        except AbsentError:
            if may_lack:
                return
            raise
        if page is None:
            return
        yield url, page
        following = [] if page.lstrip()[:1] != b"{" else [link for link in _list(_json(url, page), "links") if link.get("rel") == "next"]
        if not following:
            return
        for key in [key for key in memory if key.endswith(f" {url}")]:
            del memory[key]  # an unchanged first page does not tell that the others are unchanged
        url = urljoin(url, str(following[0].get("href", "")))
    raise SourceError(f"{url}: the listing names this page as the next one after itself")


def _links(url: str, page: bytes) -> Iterator[Remote]:
    parser = _Links()
    parser.feed(page.decode("utf-8", errors="replace"))
    parser.close()
    for href, row in parser.rows:
        try:
            address = urljoin(url, href)
            name = unquote(urlsplit(address).path).rsplit("/", 1)[-1]
        except ValueError:
            continue
        yield Remote(name, address, version=" ".join("".join(row).split())[:100])


class _Links(HTMLParser):
    """The links of a page, each with the text up to the next one: there index pages show date and size."""

    def __init__(self) -> None:
        super().__init__()
        self.rows: list[tuple[str, list[str]]] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag == "a" and (href := dict(attrs).get("href")):
            self.rows.append((href.strip(), []))

    def handle_data(self, data: str) -> None:
        if self.rows:
            self.rows[-1][1].append(data)


def _assets(url: str, page: bytes) -> Iterator[Remote]:
    content = _json(url, page)
    for item in _list(content, "features") if content.get("type") == "FeatureCollection" else [content]:
        properties, assets = item.get("properties"), item.get("assets")
        stated = properties.get("datetime") if isinstance(properties, dict) else None
        for asset in assets.values() if isinstance(assets, dict) else ():
            if not isinstance(asset, dict) or not isinstance(href := asset.get("href"), str):
                continue
            address = urljoin(url, href)
            name, size = unquote(urlsplit(address).path).rsplit("/", 1)[-1], asset.get("file:size")
            checksum = _multihash(asset.get("file:checksum") or asset.get("checksum:multihash"))
            changed = str(asset.get("updated") or asset.get("file:checksum") or asset.get("checksum:multihash") or "")[:200]
            yield Remote(name, address, _rfc3339(stated), changed, size if isinstance(size, int) and size >= 0 else None, checksum)


def _json(url: str, page: bytes) -> dict[str, Any]:
    try:
        content = json.loads(page)
    except (ValueError, RecursionError) as error:
        raise SourceError(f"{url}: expected a STAC item or item collection, got broken JSON ({error})") from error
    if not isinstance(content, dict):
        raise SourceError(f"{url}: expected a STAC item or item collection, got a JSON {type(content).__name__}")
    return content


def _list(content: dict[str, Any], key: str) -> list[dict[str, Any]]:
    found = content.get(key)
    return [one for one in found if isinstance(one, dict)] if isinstance(found, list) else []


def _multihash(text: object) -> tuple[str, str] | None:
    """Algorithm and digest of a multihash in hexadecimal; None for algorithms that are not checked."""
    for prefix, (algorithm, length) in _MULTIHASHES.items():
        if isinstance(text, str) and re.fullmatch(f"{prefix}[0-9a-f]{{{length}}}", text.lower()):
            return algorithm, text.lower()[-length:]
    return None


def _rfc3339(text: object) -> np.datetime64 | None:
    try:
        stamp = datetime.fromisoformat(str(text))
        return utc(*(stamp if stamp.tzinfo is None else stamp.astimezone(UTC)).timetuple()[:6])
    except (ValueError, OverflowError):
        return None
