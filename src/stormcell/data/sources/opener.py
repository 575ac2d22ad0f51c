"""urllib's opener with two more rules: redirects go only where they may, and every connection can be cut from outside.

A time-out of a socket bounds the silence between two bytes, not the time of all of them, so a server could hold a reader for hours with
a header of one byte now and then. `Cutter` shuts the sockets of a request when its time is over, whatever the reader waits for.
"""

import http.client
import socket
import threading
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from email.message import Message
from typing import IO, Any

__all__ = ["Cutter", "opener_for"]


class Cutter:
    """The sockets of one request at a time.

    Attributes:
        cut: whether the time of the last request ran out.
    """

    def __init__(self) -> None:
        self.cut = False
        self._sockets: list[socket.socket] = []

    @contextmanager
    def within(self, seconds: float) -> Iterator[None]:
        """Sockets that are opened here are shut when so many seconds are over."""
        self.cut, self._sockets = False, []
        timer = threading.Timer(seconds, self._shut)
        timer.daemon = True
        timer.start()
        try:
            yield
        finally:
            timer.cancel()
            self._sockets = []

    def add(self, opened: socket.socket) -> None:
        """A socket of the request; shut at once if its time is over."""
        self._sockets.append(opened)
        if self.cut:
            self._shut()

    def _shut(self) -> None:
        self.cut = True
        for one in self._sockets:
            with suppress(OSError):  # it may be closed by now
                socket.socket.shutdown(one, socket.SHUT_RDWR)


def opener_for(check: Callable[[str], None], cutter: Cutter) -> urllib.request.OpenerDirector:
    """An opener for http and https.

    Args:
        check: raises for an address to which no redirect may lead.
        cutter: is told of every socket.
    """

    class Plain(http.client.HTTPConnection):
        def connect(self) -> None:
            super().connect()
            cutter.add(self.sock)

    class Secure(http.client.HTTPSConnection):
        def connect(self) -> None:
            super().connect()
            cutter.add(self.sock)

    class PlainHandler(urllib.request.HTTPHandler):
        def http_open(self, req: urllib.request.Request) -> http.client.HTTPResponse:
            return self.do_open(Plain, req)

    class SecureHandler(urllib.request.HTTPSHandler):
        def https_open(self, req: urllib.request.Request) -> http.client.HTTPResponse:
            return self.do_open(Secure, req)

    return urllib.request.build_opener(_Redirects(check), PlainHandler(), SecureHandler())


class _Redirects(urllib.request.HTTPRedirectHandler):
    """Follows a few redirects, each checked first."""

    max_redirections = 3
    max_repeats = 2

    def __init__(self, check: Callable[[str], None]) -> None:
        self._check = check

    def redirect_request(
        self, req: urllib.request.Request, fp: IO[bytes], code: int, msg: str, headers: Message, newurl: str
    ) -> urllib.request.Request | None:
        self._check(newurl)
        answer: Any = headers
        return super().redirect_request(req, fp, code, msg, answer, newurl)
