"""The wire tells what was never sent from what may have been bought, and nothing that a server does can stall it."""

import asyncio
import socket
import struct
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from providers.contract import Answer, Call
from tests.services import free_ports
from worker import wire
from worker.wire import Asker, Download, NoAnswer, NoDownload, NotSent, Stopped, Wire

#: Where the provider of these tests lives, so that its links may lead to loopback.
HOME = "http://127.0.0.1/"
BODY = {"prompt": "a red shoe", "padding": "x" * 2000}
WHOLE = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nX-Cost: 1\r\nContent-Length: 2\r\n\r\n{}"

Behaviour = Callable[[socket.socket], None]


class Server:
    """A raw server on loopback that treats each connection as it is told; `connections` counts them."""

    def __init__(self, behave: Behaviour) -> None:
        self._door = socket.create_server(("127.0.0.1", 0))
        self._behave = behave
        self._thread = threading.Thread(target=self._serve, daemon=True)
        self.connections = 0
        self.url = f"http://127.0.0.1:{self._door.getsockname()[1]}/"
        self._thread.start()

    def _serve(self) -> None:
        while True:
            try:
                one, _ = self._door.accept()
            except OSError:
                return
            self.connections += 1
            with one:
                one.settimeout(5)
                try:
                    self._behave(one)
                except OSError:
                    continue

    def close(self) -> None:
        """End the thread; a connection at hand is let go by its client."""
        self._door.shutdown(socket.SHUT_RDWR)
        self._door.close()
        self._thread.join()


@pytest.fixture
def serve() -> Iterator[Callable[[Behaviour], Server]]:
    """Start raw servers that end with the test."""
    with ExitStack() as running:

        def begin(behave: Behaviour) -> Server:
            server = Server(behave)
            running.callback(server.close)
            return server

        yield begin


@pytest.fixture
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    """A fifth of a second instead of the real patience; asked for before the client is made."""
    for name in ("POST_TIMEOUT_S", "CONNECT_TIMEOUT_S", "ASK_TIMEOUT_S", "STALL_TIMEOUT_S", "DOWNLOAD_TIMEOUT_S"):
        monkeypatch.setattr(wire, name, 0.2)


@pytest.fixture
def client() -> Iterator[Wire]:
    """The wire under test."""
    one = Wire()
    yield one
    one.close()


def post(url: str) -> Call:
    """The POST that buys."""
    return Call("POST", url, {"x-api-key": "secret"}, BODY)


def read_request(one: socket.socket) -> bytes:
    """All of a request with a body of known length."""
    data = b""
    while b"\r\n\r\n" not in data:
        data += received(one)
    head, _, body = data.partition(b"\r\n\r\n")
    lengths = [int(line.split(b":")[1]) for line in head.split(b"\r\n") if line.lower().startswith(b"content-length")]
    while len(body) < sum(lengths):
        body += received(one)
    return head + b"\r\n\r\n" + body


def received(one: socket.socket) -> bytes:
    """What comes next; ConnectionResetError once the client has hung up."""
    if more := one.recv(65536):
        return more
    raise ConnectionResetError


def hang_up(_: socket.socket) -> None:
    """Close, as the server does when its behaviour ends."""


def reset(one: socket.socket) -> None:
    """Let the close send a RST; not before a first byte came, or the connection might not have been made at all."""
    one.recv(1)
    reset_now(one)


def reset_now(one: socket.socket) -> None:
    """Let the close send a RST, now that all was read."""
    one.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))


def stall(one: socket.socket) -> None:
    """Say nothing until the client hangs up."""
    while one.recv(65536):
        pass


def answering(data: bytes, then: Behaviour | None = None) -> Behaviour:
    """Read the request, send these bytes, then do `then` or close."""

    def behave(one: socket.socket) -> None:
        read_request(one)
        one.sendall(data)
        if then:
            then(one)

    return behave


def drip(one: socket.socket) -> None:
    """A byte now and then, for ever: no single read ever waits long."""
    read_request(one)
    one.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 100000\r\n\r\n")
    while True:
        one.sendall(b" ")
        time.sleep(0.05)


def endless(one: socket.socket) -> None:
    """As many bytes as the client will take."""
    read_request(one)
    one.sendall(b"HTTP/1.1 200 OK\r\n\r\n")
    while True:
        one.sendall(b"x" * 65536)


def never_accepts() -> tuple[ExitStack, str]:
    """A door whose queue is full: a connection is begun and never made."""
    held = ExitStack()
    door = held.enter_context(socket.socket())
    door.bind(("127.0.0.1", 0))
    door.listen(0)
    for _ in range(2):
        waiting = held.enter_context(socket.socket())
        waiting.settimeout(0)
        waiting.connect_ex(door.getsockname())
    return held, f"http://127.0.0.1:{door.getsockname()[1]}/"


#: What a server may do before it has answered whole.
UNANSWERED: dict[str, Behaviour] = {
    "closes at once": hang_up,
    "resets at once": reset,
    "reads, then closes": answering(b""),
    "reads, then resets": answering(b"", reset_now),
    "reads, then stalls": answering(b"", stall),
    "never reads": stall,
    "half a status line": answering(b"HTTP/1."),
    "half its headers": answering(b"HTTP/1.1 200 OK\r\nContent-"),
    "half its body": answering(WHOLE[:-1]),
    "half its body, then resets": answering(WHOLE[:-1], reset_now),
    "half its body, then stalls": answering(WHOLE[:-1], stall),
    "no HTTP at all": answering(b"220 mail.example ESMTP\r\n"),
    "a body without end": endless,
    "a body byte by byte": drip,
}


@pytest.mark.usefixtures("impatient")
@pytest.mark.parametrize("behave", UNANSWERED.values(), ids=UNANSWERED)
def test_whatever_happens_after_the_connection_may_have_bought(
    client: Wire, serve: Callable[[Behaviour], Server], behave: Behaviour
) -> None:
    """Once there was a connection, no failure is ever taken for "not sent", and none is tried again."""
    server = serve(behave)
    began = time.monotonic()
    answer = client.post(post(server.url))
    assert isinstance(answer, NoAnswer), answer
    assert answer.reason
    assert server.connections == 1
    assert time.monotonic() - began < 4


def test_nobody_there_is_not_sent(client: Wire) -> None:
    """A refused connection bought nothing, and the reason says so."""
    (port,) = free_ports(1)
    answer = client.post(post(f"http://127.0.0.1:{port}/"))
    assert isinstance(answer, NotSent)
    assert answer.reason.startswith("ConnectError")


@pytest.mark.usefixtures("impatient")
def test_a_connection_that_is_never_made_is_not_sent(client: Wire) -> None:
    """A timeout before the connection bought nothing."""
    held, url = never_accepts()
    with held:
        answer = client.post(post(url))
    assert isinstance(answer, NotSent)
    assert answer.reason.startswith("ConnectTimeout")


def test_a_post_comes_on_a_connection_of_its_own(client: Wire, serve: Callable[[Behaviour], Server]) -> None:
    """No connection is kept for the next POST, since a dead one cannot be told from a lost answer."""
    server = serve(answering(WHOLE))
    for _ in range(3):
        answer = client.post(post(server.url))
        assert answer == Answer(200, {"content-type": "application/json", "x-cost": "1", "content-length": "2"}, b"{}")
    assert server.connections == 3


def test_a_post_follows_no_redirect(client: Wire, serve: Callable[[Behaviour], Server]) -> None:
    """A redirect could buy twice: it is an answer like any other."""
    elsewhere = serve(answering(WHOLE))
    moved = f"HTTP/1.1 307 Moved\r\nLocation: {elsewhere.url}\r\nContent-Length: 0\r\n\r\n".encode()
    answer = client.post(post(serve(answering(moved)).url))
    assert isinstance(answer, Answer)
    assert answer.status == 307
    assert elsewhere.connections == 0


def ask(url: str) -> Answer | NoAnswer:
    """One GET as the pump sends it."""

    async def once() -> Answer | NoAnswer:
        asker = Asker()
        try:
            return await asker.ask(Call("GET", url))
        finally:
            await asker.close()

    return asyncio.run(once())


@pytest.mark.usefixtures("impatient")
@pytest.mark.parametrize("behave", UNANSWERED.values(), ids=UNANSWERED)
def test_a_question_without_an_answer_is_no_news(serve: Callable[[Behaviour], Server], behave: Behaviour) -> None:
    """Nothing that a server does can break the pump's loop, fill its memory or hold it up."""
    began = time.monotonic()
    assert isinstance(ask(serve(behave).url), NoAnswer)
    assert time.monotonic() - began < 4


@pytest.mark.usefixtures("impatient")
def test_a_question_that_reaches_nobody_is_no_news() -> None:
    """Refused and never made connections alike."""
    (port,) = free_ports(1)
    assert isinstance(ask(f"http://127.0.0.1:{port}/"), NoAnswer)
    held, url = never_accepts()
    with held:
        assert isinstance(ask(url), NoAnswer)


def test_an_answer_is_read_whole(serve: Callable[[Behaviour], Server]) -> None:
    """Status, headers in lower case, and the body."""
    answer = ask(serve(answering(WHOLE)).url)
    assert isinstance(answer, Answer)
    assert (answer.status, answer.headers["x-cost"], answer.body) == (200, "1", b"{}")


def never() -> bool:
    """Nobody tells the worker to stop."""
    return False


def test_a_file_comes_whole_with_its_hash(client: Wire, serve: Callable[[Behaviour], Server], tmp_path: Path) -> None:
    """Size and SHA-256 are those of the bytes on disk."""
    got = client.download(serve(answering(WHOLE)).url, tmp_path / "v", home=HOME, stop=never)
    assert got == Download(2, "44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8a")
    assert (tmp_path / "v").read_bytes() == b"{}"


@pytest.mark.usefixtures("impatient")
@pytest.mark.parametrize("name", UNANSWERED)
def test_a_file_that_breaks_off_may_come_again(
    client: Wire, serve: Callable[[Behaviour], Server], tmp_path: Path, name: str
) -> None:
    """Half a file is no file; the same link may still work."""
    got = client.download(serve(UNANSWERED[name]).url, tmp_path / "v", home=HOME, stop=never)
    assert isinstance(got, NoDownload)
    assert not got.gone


@pytest.mark.parametrize(("status", "gone"), [(403, True), (404, True), (410, True), (429, False), (500, False)])
def test_a_refused_link_says_whether_it_is_dead(
    client: Wire, serve: Callable[[Behaviour], Server], tmp_path: Path, status: int, *, gone: bool
) -> None:
    """A 4xx will not come back by waiting; too many requests and a server's own trouble will."""
    refused = f"HTTP/1.1 {status} No\r\nContent-Length: 0\r\n\r\n".encode()
    got = client.download(serve(answering(refused)).url, tmp_path / "v", home=HOME, stop=never)
    assert got == NoDownload(f"the link answers {status}", gone=gone)


def test_a_link_that_is_no_url_is_dead(client: Wire, tmp_path: Path) -> None:
    """Garbage in place of a link is asked for anew, not fetched for ever."""
    got = client.download("http://127.0.0.1:door/", tmp_path / "v", home=HOME, stop=never)
    assert isinstance(got, NoDownload)
    assert got.gone


def test_a_leaving_worker_stops_in_the_middle(
    client: Wire, serve: Callable[[Behaviour], Server], tmp_path: Path
) -> None:
    """A long download does not hold a worker that was told to go."""
    with pytest.raises(Stopped):
        client.download(serve(endless).url, tmp_path / "v", home=HOME, stop=lambda: True)


def test_no_file_is_endless(
    client: Wire, serve: Callable[[Behaviour], Server], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A stream without end is given up at the size that no video has."""
    monkeypatch.setattr(wire, "LARGEST_VIDEO_BYTES", 1_000_000)
    got = client.download(serve(endless).url, tmp_path / "v", home=HOME, stop=never)
    assert got == NoDownload("_TooLongError: more than 1000000 bytes", gone=False)
    assert (tmp_path / "v").stat().st_size <= 1_000_000
