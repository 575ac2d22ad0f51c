"""Requests to configured origins and nowhere else, each bounded in size and in time, none with credentials."""

import email.utils
import errno
import http.client
import math
import ssl
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from email.message import Message
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from stormcell.data.sources.failure import AbsentError, BusyError, SourceError
from stormcell.data.sources.limits import Limits
from stormcell.data.sources.opener import Cutter, opener_for

__all__ = ["Web", "origin_of"]

_AGENT = "stormcell (rain nowcasting)"
_FOR_NOW = frozenset({408, 421, 425, 429, 500, 502, 503, 504})
_DISK = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EROFS})  # this machine's fault, not the server's
_PIECE = 64 * 1024
_PORTS = {"http": 80, "https": 443}


def origin_of(url: str) -> str:
    """Scheme, host and port of an address, the port only where it is not the scheme's own.

    Raises:
        SourceError: the address is none of http or https, holds a password, or cannot be understood.

    Example:
        >>> origin_of("https://OpenData.dwd.de:443/weather/")
        'https://opendata.dwd.de'
    """
    try:
        parts = urlsplit(url)
        host, port = parts.hostname, parts.port
    except ValueError:
        raise SourceError(f"{url[:200]!r}: expected an address such as https://opendata.dwd.de/weather/") from None
    if parts.scheme not in _PORTS or not host or any(character <= " " for character in url):
        raise SourceError(f"{url[:200]!r}: expected an address that begins with https:// or http:// and a host, without blanks")
    if parts.username is not None or parts.password is not None:
        raise SourceError(f"{parts.scheme}://{host}: the address holds a user or a password; open feeds need none, and none is ever sent")
    host = f"[{host}]" if ":" in host else host
    return f"{parts.scheme}://{host}" + (f":{port}" if port not in (None, _PORTS[parts.scheme]) else "")


@dataclass
class Web:
    """What a source asks with.

    Args:
        origins: the only ones that are asked, redirects included.
        limits: of size, time and rate.
        monotonic, sleep: the clock and the pause, replaced in tests.

    Attributes:
        skew: seconds by which the last server's clock was ahead of this machine's; None before the first answer.
    """

    origins: frozenset[str]
    limits: Limits = field(default_factory=Limits)
    monotonic: Callable[[], float] = time.monotonic
    sleep: Callable[[float], object] = time.sleep
    now: Callable[[], float] = time.time

    def __post_init__(self) -> None:
        self.skew: float | None = None
        self._free = -math.inf
        self._cutter = Cutter()
        self._opener = opener_for(self.check, self._cutter)

    def check(self, url: str) -> None:
        """Refuse an address outside the configured origins.

        Raises:
            SourceError: it is one.
        """
        if (origin := origin_of(url)) not in self.origins:
            allowed = ", ".join(sorted(self.origins)) or "no address at all"
            raise SourceError(f"{url[:200]}: leads to {origin}; this source may ask only {allowed}. Configure the host if it is trusted")

    def page(self, url: str, memory: dict[str, str] | None = None) -> bytes | None:
        """A page of a listing.

        Args:
            url: its address.
            memory: validators of earlier answers (ETag, Last-Modified); with them the server may say that nothing has changed.

        Returns:
            its bytes; None if it has not changed.

        Raises:
            SourceError: the origin is not configured, the page is larger than the limit, or the server refuses.
        """
        headers = {name: memory[f"{name} {url}"] for name in ("If-None-Match", "If-Modified-Since") if memory and f"{name} {url}" in memory}
        content = bytearray()
        with self._answer(url, headers) as answer:
            if answer is None:
                return None
            for piece in self._pieces(url, answer, self.limits.listing_bytes):
                content += piece
            if not content:
                raise BusyError(f"{url}: the page is empty; expected a listing")
            if memory is not None and (answer.chunked or "Content-Length" in answer.headers):  # only then it is known to be whole
                for name, validator in (("If-None-Match", "ETag"), ("If-Modified-Since", "Last-Modified")):
                    memory.pop(f"{name} {url}", None)
                    if (value := answer.headers.get(validator)) and len(value) <= 200:
                        memory[f"{name} {url}"] = value
        return bytes(content)

    def save(self, url: str, into: Path) -> None:
        """Write a file to a path.

        Raises:
            SourceError: as for `page`; BusyError if fewer bytes come than the server announced.
        """
        with into.open("wb") as file, self._answer(url, {}) as answer:
            if answer is None:
                raise SourceError(f"{url}: the server says that nothing changed, which was not asked")
            for piece in self._pieces(url, answer, self.limits.file_bytes):
                file.write(piece)

    @contextmanager
    def _answer(self, url: str, headers: dict[str, str]) -> Iterator[http.client.HTTPResponse | None]:
        """The open answer of the server, None for "not modified"; whatever fails becomes one of the two errors."""
        self.check(url)
        self._take_turn()
        request = urllib.request.Request(url, headers={"User-Agent": _AGENT, "Accept-Encoding": "identity", **headers})
        try:
            with (
                self._cutter.within(self.limits.transfer_seconds),
                self._opener.open(request, timeout=self.limits.silence_seconds) as answer,
            ):
                self._note_clock(answer.headers)
                yield answer
                self._check_time(url)
        except urllib.error.HTTPError as error:
            with error:
                self._note_clock(error.headers)
                if error.code != 304:
                    raise self._refusal(url, error) from None
            yield None
        except SourceError:
            raise
        except (OSError, http.client.HTTPException) as error:
            if getattr(error, "errno", None) in _DISK:
                raise
            self._check_time(url)
            reason = getattr(error, "reason", error)
            if isinstance(reason, ssl.SSLCertVerificationError):
                raise SourceError(
                    f"{url}: the server's certificate is not valid ({reason.verify_message}); check address and clock"
                ) from error
            raise BusyError(f"{url}: no whole answer came ({' '.join(str(reason).split())[:200] or type(error).__name__})") from error

    def _pieces(self, url: str, answer: http.client.HTTPResponse, most: int) -> Iterator[bytes]:
        """The body, bounded in size and time, and whole."""
        announced = answer.length
        if announced is not None and announced > most:
            raise SourceError(f"{url}: has {announced:,} bytes; expected at most {most:,}. Raise the limit if that is right")
        got = 0
        while piece := answer.read1(_PIECE):
            got += len(piece)
            if got > most:
                raise SourceError(f"{url}: sends more than {most:,} bytes, the limit; raise it if that is right")
            yield piece
        self._check_time(url)
        if announced is not None and got != announced:
            raise BusyError(f"{url}: {announced:,} bytes were announced, {got:,} came; the transfer was cut off")

    def _check_time(self, url: str) -> None:
        if self._cutter.cut:
            raise BusyError(f"{url}: no whole answer came in {self.limits.transfer_seconds:g} s; the server or the line is too slow")

    def _take_turn(self) -> None:
        """Wait until the rate limit lets another request go."""
        now = self.monotonic()
        if now < self._free:
            self.sleep(self._free - now)
        self._free = max(now, self._free) + 1.0 / self.limits.requests_per_second

    def _note_clock(self, headers: Message) -> None:
        stamp = _http_time(headers.get("Date"))
        self.skew = self.skew if stamp is None else stamp - self.now()

    def _refusal(self, url: str, error: urllib.error.HTTPError) -> SourceError:
        message = f"{url}: the server answers {error.code} {error.reason}"[:400]
        if error.code in (404, 410):
            return AbsentError(f"{message}; check the address, and whether the feed has moved")
        if error.code not in _FOR_NOW:
            return SourceError(f"{message}; check the address, and whether the feed has moved")
        text = (error.headers.get("Retry-After") or "").strip()
        wait = float(text) if text.isascii() and text.isdigit() and len(text) < 10 else None
        if wait is None and (stamp := _http_time(text)) is not None:
            wait = max(stamp - self.now(), 0.0)
        return BusyError(f"{message}; it should pass", retry_after=wait)


def _http_time(text: str | None) -> float | None:
    """Seconds since 1970 of a date as HTTP writes it; None if it is none."""
    try:
        parsed: Any = email.utils.parsedate_to_datetime(text or "")
        return float(parsed.timestamp())
    except (ValueError, TypeError, OverflowError):
        return None
