"""A web server on loopback that holds media as real servers do: they refuse HEAD, and some lie, stall or are gone."""

import contextlib
import threading
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from email.utils import formatdate
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


@dataclass
class Held:
    """One file and the manners of its server. `status` answers with that instead, `stumbles` with 503 so
    often first; `stall` sends nothing until freed.
    """

    data: bytes
    content_type: str = "application/octet-stream"
    sized: bool = True
    etag: str | None = None
    dated: bool = False
    status: int | None = None
    stumbles: int = 0
    stall: bool = False
    cut: int | None = None
    to: str | None = None


@dataclass
class MediaServer:
    """`files` by path; `asked` counts the requests by method and path, `sent` the bytes of bodies."""

    url: str
    files: dict[str, Held] = field(default_factory=dict)
    asked: Counter[tuple[str, str, int]] = field(default_factory=Counter)
    most_at_once: int = 0
    sent: int = 0
    busy: int = 0
    lock: threading.Lock = field(default_factory=threading.Lock)
    freed: threading.Event = field(default_factory=threading.Event)

    def hold(self, path: str, data: bytes, **manners: object) -> str:
        """Put a file there; answers its address."""
        self.files[path] = Held(data, **manners)  # type: ignore[arg-type]
        return self.url + path

    def times(self, path: str) -> int:
        """How often a path was asked for."""
        return sum(number for (_, asked, _), number in self.asked.items() if asked == path)


class Handler(BaseHTTPRequestHandler):
    """Answers as the file's manners say."""

    protocol_version = "HTTP/1.1"
    shared: MediaServer

    def log_message(self, *_: object) -> None:
        """Say nothing."""

    def do_HEAD(self) -> None:
        """Refused, as signed links and many shops do."""
        self._answer(405, b"", {})

    def do_GET(self) -> None:
        """The file, or what stands in its place."""
        shared = self.shared
        with shared.lock:
            shared.busy += 1
            shared.most_at_once = max(shared.most_at_once, shared.busy)
        try:
            held = shared.files.get(self.path.partition("?")[0])
            if held is None:
                self._answer(404, b"<html>not here</html>", {"Content-Type": "text/html"})
            else:
                self._give(held)
        finally:
            with shared.lock:
                shared.busy -= 1

    def _give(self, held: Held) -> None:
        if held.stall:
            self.shared.freed.wait(60)
        date = formatdate(1_700_000_000, usegmt=True) if held.dated else None
        told = {"Content-Type": held.content_type, "ETag": held.etag, "Last-Modified": date, "Location": held.to}
        headers = {name: value for name, value in told.items() if value}
        same = held.etag and self.headers.get("If-None-Match") == held.etag
        same = same or (date and self.headers.get("If-Modified-Since") == date)
        if held.stumbles:
            held.stumbles -= 1
            self._answer(503, b"", {})
        elif held.status or held.to:
            self._answer(held.status or 302, b"", headers)
        elif same:
            self._answer(304, b"", headers)
        else:
            self._answer(200, held.data, headers, sized=held.sized, cut=held.cut)

    def _answer(
        self, status: int, data: bytes, headers: dict[str, str], *, sized: bool = True, cut: int | None = None
    ) -> None:
        with self.shared.lock:
            self.shared.asked[self.command, self.path.partition("?")[0], status] += 1
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        if sized:
            self.send_header("Content-Length", str(len(data)))
        self.close_connection = not sized or cut is not None
        if self.close_connection:
            self.send_header("Connection", "close")
        self.end_headers()
        # Counted first: whoever has the body may look at the count before this thread goes on.
        with self.shared.lock:
            self.shared.sent += len(data[:cut])
        with contextlib.suppress(OSError):
            self.wfile.write(data[:cut])


class Calm(ThreadingHTTPServer):
    """Clients that hang up are no news."""

    daemon_threads = True

    def handle_error(self, *_: object) -> None:
        """Say nothing."""


@contextlib.contextmanager
def serving() -> Iterator[MediaServer]:
    """A server that ends with the block."""
    shared = MediaServer("")
    httpd = Calm(("127.0.0.1", 0), type("Bound", (Handler,), {"shared": shared}))
    shared.url = f"http://127.0.0.1:{httpd.server_port}"
    thread = threading.Thread(target=httpd.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
    thread.start()
    try:
        yield shared
    finally:
        shared.freed.set()
        httpd.shutdown()
        httpd.server_close()
