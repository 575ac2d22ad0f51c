"""A real HTTP server on the loopback that shows an index page of its files and fails in the ways a test asks for."""

import email.utils
import hashlib
import threading
import time
from collections import defaultdict
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

Fault = Callable[["Handler"], bool]


class Handler(BaseHTTPRequestHandler):
    server: "Server"
    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        path = self.path.partition("?")[0]
        self.server.asked.append((path, {name.lower(): value for name, value in self.headers.items()}))
        faults = self.server.faults[path]
        if faults and faults.pop(0)(self):
            return
        if path in self.server.pages:
            self.reply(self.server.pages[path], "text/html")
        elif path.endswith("/"):
            self.reply(self.listing(path), "text/html")
        elif path in self.server.files:
            self.reply(self.server.files[path])
        else:
            self.send_error(404)

    def listing(self, folder: str) -> bytes:
        rows = [
            f'<a href="{path.rsplit("/", 1)[1]}">{path.rsplit("/", 1)[1]}</a>   {self.server.stamps[path]}   {len(content)}'
            for path, content in self.server.files.items()
            if path.startswith(folder)
        ]
        return ("<html><body><a href='../'>../</a><pre>\n" + "\n".join(rows) + "\n</pre></body></html>").encode()

    def reply(self, content: bytes, kind: str = "application/octet-stream", *, announced: int | None = None) -> None:
        tag = f'"{hashlib.md5(content).hexdigest()}"'
        if self.headers.get("If-None-Match") == tag:
            self.send_response(304)
            self.end_headers()
            return
        self.send_response(200)
        self.send_header("Content-Type", kind)
        self.send_header("ETag", tag)
        self.send_header("Content-Length", str(len(content) if announced is None else announced))
        self.end_headers()
        self.wfile.write(content)

    def date_time_string(self, timestamp: float | None = None) -> str:
        return email.utils.formatdate(self.server.now() if timestamp is None else timestamp, usegmt=True)

    def log_message(self, *_: object) -> None: ...


class Server(ThreadingHTTPServer):
    """Files and pages by path; `faults` are used up one a request; `asked` is what came."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.files: dict[str, bytes] = {}
        self.pages: dict[str, bytes] = {}
        self.stamps: defaultdict[str, str] = defaultdict(lambda: "01-Jul-2026 12:00")
        self.faults: defaultdict[str, list[Fault]] = defaultdict(list)
        self.asked: list[tuple[str, dict[str, str]]] = []
        self.now: Callable[[], float] = time.time

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}"

    def handle_error(self, *_: object) -> None: ...

    def paths(self) -> list[str]:
        return [path for path, _ in self.asked]


@contextmanager
def serving() -> Iterator[Server]:
    with Server() as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True)
        thread.start()
        try:
            yield server
        finally:
            server.shutdown()
            thread.join()


def status(code: int, **headers: str) -> Fault:
    def fault(handler: Handler) -> bool:
        handler.send_response(code)
        for name, value in headers.items():
            handler.send_header(name.replace("_", "-"), value)
        handler.send_header("Content-Length", "0")
        handler.end_headers()
        return True

    return fault


def cut_off(handler: Handler) -> bool:
    content = handler.server.files.get(handler.path) or handler.listing(handler.path)
    handler.reply(content[: len(content) // 2], announced=len(content))
    handler.close_connection = True
    return True


def short(handler: Handler) -> bool:
    """Half the file, and the length of that half: only the packing or the listing shows it."""
    content = handler.server.files[handler.path]
    handler.reply(content[: len(content) // 2])
    return True


def silent(handler: Handler) -> bool:
    handler.server.silence.wait(2)  # type: ignore[attr-defined]
    handler.close_connection = True
    return True


def dripping(handler: Handler) -> bool:
    """A byte at a time: each in good time, all of them never."""
    handler.send_response(200)
    handler.send_header("Content-Length", "1000000")
    handler.end_headers()
    try:
        for _ in range(200):
            handler.wfile.write(b"x")
            time.sleep(0.01)
    except OSError:
        pass
    handler.close_connection = True
    return True


def dripping_header(handler: Handler) -> bool:
    """A header that never ends, a byte at a time."""
    try:
        handler.wfile.write(b"HTTP/1.1 200 OK\r\nX-Long: ")
        for _ in range(200):
            handler.wfile.write(b"x")
            time.sleep(0.01)
    except OSError:
        pass
    handler.close_connection = True
    return True


def cut_in_header(handler: Handler) -> bool:
    handler.wfile.write(b'HTTP/1.1 200 OK\r\nETag: "1"\r\n')
    handler.close_connection = True
    return True


def endless(handler: Handler) -> bool:
    """More than it is allowed, without saying so before."""
    handler.send_response(200)
    handler.send_header("Connection", "close")
    handler.end_headers()
    try:
        for _ in range(200):
            handler.wfile.write(bytes(65536))
    except OSError:
        pass
    handler.close_connection = True
    return True


def hang_up(handler: Handler) -> bool:
    handler.close_connection = True
    handler.connection.close()
    return True
