"""The simulator's clock is asked for once at start; where none answers, the message says what to do."""

import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from http.server import BaseHTTPRequestHandler, HTTPServer

import pytest

from config.simulator import simulator_clock
from jobs.errors import Refused
from tests.services import Simulator, free_ports

Serve = Callable[[int, bytes], str]


@pytest.fixture
def serve() -> Iterator[Serve]:
    """Start HTTP servers with one answer to everything; answers their URLs."""
    with ExitStack() as running:

        def begin(status: int, body: bytes) -> str:
            class Handler(BaseHTTPRequestHandler):
                def do_GET(self) -> None:
                    self.send_response(status)
                    self.send_header("Content-Length", str(len(body)))
                    self.end_headers()
                    self.wfile.write(body)

                def log_message(self, *_: object) -> None:
                    """Say nothing."""

            server = HTTPServer(("127.0.0.1", 0), Handler)
            thread = threading.Thread(target=server.serve_forever, args=(0.01,))
            thread.start()
            running.callback(server.server_close)
            running.callback(thread.join)
            running.callback(server.shutdown)
            return f"http://127.0.0.1:{server.server_port}"

        yield begin


def test_the_simulator_tells_its_clock(simulator: Callable[..., Simulator]) -> None:
    """Speed and epoch, also where the address ends in a slash."""
    one = simulator("--speed", "120")
    speed, epoch = simulator_clock(one.url + "/")
    assert speed == 120
    assert epoch > 1_700_000_000


def test_where_no_simulator_answers_nothing_is_queued() -> None:
    """A refused connection is told with the address and the next step."""
    (port,) = free_ports(1)
    with pytest.raises(Refused, match=rf"no simulator answers at http://127.0.0.1:{port}(?s:.)*wanbatch simulate"):
        simulator_clock(f"http://127.0.0.1:{port}")


@pytest.mark.parametrize(
    ("status", "body"),
    [(404, b"{}"), (500, b""), (200, b"<html>"), (200, b"{}"), (200, b"[]"), (200, b'{"speed": "fast", "epoch": 1}')],
)
def test_another_server_is_no_simulator(serve: Serve, status: int, body: bytes) -> None:
    """Whatever else answers there is refused and not half believed."""
    with pytest.raises(Refused, match="no simulator answers"):
        simulator_clock(serve(status, body))


@pytest.mark.parametrize("url", ["file:///etc/passwd", "ftp://127.0.0.1/", "127.0.0.1:80"])
def test_only_http_is_asked(url: str) -> None:
    """A URL that is no http address is refused before anything is opened."""
    with pytest.raises(Refused, match="must begin with http"):
        simulator_clock(url)
