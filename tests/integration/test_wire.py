"""The wire tells what was never sent from what may have been bought, and nothing that a server does can stall it."""

import gzip
import socket
import struct
import time
import zlib
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing
from pathlib import Path

import pytest
import uvloop

from providers.contract import Answer, Call
from tests.rawserver import Behaviour, RawServer
from tests.services import free_ports
from tests.tls import TlsDoor, self_signed
from worker import wire
from worker.body import LONGEST_ANSWER_BYTES
from worker.posting import NoAnswer, NotSent
from worker.wire import Asker, Download, NoDownload, Stopped, Wire

#: Where the provider of these tests lives, so that its links may lead to loopback.
HOME = "http://127.0.0.1/"
BODY = {"prompt": "a red shoe", "padding": "x" * 2000}
WHOLE = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nX-Cost: 1\r\nContent-Length: 2\r\n\r\n{}"
CHUNKED = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1\r\n{\r\n1;x=y\r\n}\r\n0\r\n\r\n"


@pytest.fixture
def serve() -> Iterator[Callable[[Behaviour], RawServer]]:
    """Start raw servers that end with the test."""
    with ExitStack() as running:

        def begin(behave: Behaviour) -> RawServer:
            server = RawServer(behave)
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
    with closing(Wire()) as one:
        yield one


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


def hang_up_on_the_next(one: socket.socket) -> None:
    """Read another request, and close."""
    read_request(one)


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


def drip_head(one: socket.socket) -> None:
    """The same, within the head."""
    read_request(one)
    one.sendall(b"HTTP/1.1 200 OK\r\nX-Slow: ")
    while True:
        one.sendall(b"o")
        time.sleep(0.05)


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
    "a head byte by byte": drip_head,
    "a head without end": answering(b"HTTP/1.1 200 OK\r\n" + b"X-More: of the same\r\n" * 10_000),
    "half a chunk": answering(CHUNKED[:-9]),
    "all but the last chunk": answering(CHUNKED[:-5]),
    "all but the last line": answering(CHUNKED[:-2]),
    "a chunk without a size": answering(CHUNKED.replace(b"1\r\n", b"x\r\n", 1)),
    "a chunk longer than its size": answering(CHUNKED.replace(b"{", b"{ ", 1)),
    "two lengths": answering(WHOLE.replace(b"\r\n\r\n", b"\r\nContent-Length: 1\r\n\r\n")),
    "a length that is none": answering(WHOLE.replace(b": 2", b": -2")),
    "a header that is none": answering(WHOLE.replace(b"X-Cost: 1", b"X-Cost 1")),
    "only what goes before an answer": answering(b"HTTP/1.1 103 Early Hints\r\nLink: </x>\r\n\r\n"),
}


#: What only the POST takes for no answer.
UNREADABLE: dict[str, Behaviour] = {
    "a coding nobody knows": answering(CHUNKED.replace(b"chunked", b"zipped")),
    "another protocol": answering(b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\n\r\n" + WHOLE),
    "a length of many digits": answering(WHOLE.replace(b": 2", b": " + b"2" * 5000)),
}


@pytest.mark.usefixtures("impatient")
@pytest.mark.parametrize("behave", [*UNANSWERED.values(), *UNREADABLE.values()], ids=[*UNANSWERED, *UNREADABLE])
def test_whatever_happens_after_the_connection_may_have_bought(
    client: Wire, serve: Callable[[Behaviour], RawServer], behave: Behaviour
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
    assert answer.reason.startswith("ConnectionRefusedError")


@pytest.mark.usefixtures("impatient")
def test_a_connection_that_is_never_made_is_not_sent(client: Wire) -> None:
    """A timeout before the connection bought nothing."""
    held, url = never_accepts()
    with held:
        answer = client.post(post(url))
    assert isinstance(answer, NotSent)
    assert answer.reason.startswith("TimeoutError")


def test_a_post_comes_on_a_connection_of_its_own(client: Wire, serve: Callable[[Behaviour], RawServer]) -> None:
    """No connection is kept for the next POST, since a dead one cannot be told from a lost answer."""
    server = serve(answering(WHOLE))
    for _ in range(3):
        answer = client.post(post(server.url))
        assert answer == Answer(200, {"content-type": "application/json", "x-cost": "1", "content-length": "2"}, b"{}")
    assert server.connections == 3


def test_a_post_follows_no_redirect(client: Wire, serve: Callable[[Behaviour], RawServer]) -> None:
    """A redirect could buy twice: it is an answer like any other."""
    elsewhere = serve(answering(WHOLE))
    moved = f"HTTP/1.1 307 Moved\r\nLocation: {elsewhere.url}\r\nContent-Length: 0\r\n\r\n".encode()
    answer = client.post(post(serve(answering(moved)).url))
    assert isinstance(answer, Answer)
    assert answer.status == 307
    assert elsewhere.connections == 0


HONEST = pytest.mark.parametrize(
    ("data", "headers"),
    [
        (CHUNKED, {"transfer-encoding": "chunked"}),
        (CHUNKED[:-2] + b"X-Trailer: 1\r\n\r\n", {"transfer-encoding": "chunked"}),
        (b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early\r\nLink: <x>\r\n\r\n" + WHOLE, {"x-cost": "1"}),
        (WHOLE.replace(b"X-Cost: 1", b"X-Cost: 1\r\nx-cost: 2"), {"x-cost": "1, 2"}),
        (WHOLE.replace(b"X-Cost: 1", b"X-Cost: 1\r\n of 3"), {"x-cost": "1 of 3"}),
        (WHOLE.replace(b"\r\n", b"\n"), {"x-cost": "1"}),
        (CHUNKED.replace(b"\r\n\r\n", b"\r\nContent-Length: 9\r\n\r\n", 1), {"content-length": "9"}),
        (b"HTTP/1.0 200\r\n\r\n{}", {}),
    ],
    ids=[
        "chunked",
        "trailers",
        "hints before it",
        "a header twice",
        "a folded header",
        "bare line ends",
        "chunks and a length",
        "no length",
    ],
)


@HONEST
def test_every_honest_form_of_an_answer_is_read(
    client: Wire, serve: Callable[[Behaviour], RawServer], data: bytes, headers: dict[str, str]
) -> None:
    """What HTTP/1.1 allows is understood, since an answer that is not read is a purchase in doubt."""
    answer = client.post(post(serve(answering(data)).url))
    assert isinstance(answer, Answer), answer
    assert (answer.status, answer.body) == (200, b"{}")
    assert headers.items() <= answer.headers.items()


@pytest.mark.parametrize(
    ("url", "headers"),
    [
        ("http://127.0.0.1:1/", {"x-api-key": "a\r\nX-Evil: 1"}),
        ("http://127.0.0.1:1/", {"x-api-key": "Evil\u2013key"}),
        ("ftp://127.0.0.1/", {}),
        ("nowhere", {}),
    ],
    ids=["a key of two lines", "a key with a dash from a letter", "another scheme", "no address"],
)
def test_what_cannot_be_asked_is_not_sent(client: Wire, url: str, headers: dict[str, str]) -> None:
    """A request that no HTTP can carry is refused before there is a connection, and its key is not told."""
    answer = client.post(Call("POST", url, headers, BODY))
    assert isinstance(answer, NotSent)
    assert "Evil" not in answer.reason


@pytest.mark.usefixtures("impatient")
@pytest.mark.parametrize("behave", [hang_up, reset, stall, answering(WHOLE)], ids=lambda one: str(one.__name__))
def test_a_connection_that_is_never_encrypted_is_not_sent(
    client: Wire, serve: Callable[[Behaviour], RawServer], behave: Behaviour
) -> None:
    """As long as TLS does not stand, no byte of the request has left."""
    server = serve(behave)
    answer = client.post(post(server.url.replace("http:", "https:")))
    assert isinstance(answer, NotSent), answer
    assert server.connections == 1


def test_a_stranger_with_a_certificate_of_its_own_is_sent_nothing(
    client: Wire, serve: Callable[[Behaviour], RawServer], tmp_path: Path
) -> None:
    """A key goes only to whom an authority vouches for; with one that does, the answer is read through TLS."""
    server = serve(answering(WHOLE))
    certificate = self_signed(tmp_path)
    with closing(TlsDoor(certificate, int(server.url.rstrip("/").rpartition(":")[2]))) as door:
        answer = client.post(post(f"https://localhost:{door.port}/"))
        assert isinstance(answer, NotSent)
        assert "certificate" in answer.reason
        with pytest.MonkeyPatch.context() as patched:
            patched.setenv("SSL_CERT_FILE", str(certificate))
            trusting = Wire()
        assert isinstance(trusting.post(post(f"https://localhost:{door.port}/")), Answer)


@pytest.mark.usefixtures("impatient")
@pytest.mark.parametrize("name", ["reads, then closes", "reads, then stalls", "half its body"])
def test_what_breaks_off_under_tls_may_have_bought(
    serve: Callable[[Behaviour], RawServer], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    """The request went out encrypted, so whatever becomes of the answer is no "not sent"."""
    server = serve(UNANSWERED[name])
    certificate = self_signed(tmp_path)
    monkeypatch.setenv("SSL_CERT_FILE", str(certificate))
    with closing(TlsDoor(certificate, int(server.url.rstrip("/").rpartition(":")[2]))) as door:
        assert isinstance(Wire().post(post(f"https://localhost:{door.port}/")), NoAnswer)


def ask_all(*calls: Call) -> list[Answer | NoAnswer]:
    """Questions one after the other, as the pump asks them, on its kind of loop."""

    async def all_of_them() -> list[Answer | NoAnswer]:
        asker, answers = Asker(), []
        try:
            for call in calls:
                answers.append(await asker.ask(call))  # noqa: PERF401 - one after the other
        finally:
            await asker.close()
        return answers

    return uvloop.run(all_of_them())


def ask(url: str) -> Answer | NoAnswer:
    """One GET."""
    return ask_all(Call("GET", url))[0]


@pytest.mark.usefixtures("impatient")
@pytest.mark.parametrize("behave", UNANSWERED.values(), ids=UNANSWERED)
def test_a_question_without_an_answer_is_no_news(serve: Callable[[Behaviour], RawServer], behave: Behaviour) -> None:
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


def test_an_answer_is_read_whole(serve: Callable[[Behaviour], RawServer]) -> None:
    """Status, headers in lower case, and the body."""
    answer = ask(serve(answering(WHOLE)).url)
    assert isinstance(answer, Answer)
    assert (answer.status, answer.headers["x-cost"], answer.body) == (200, "1", b"{}")


@HONEST
def test_every_honest_form_of_an_answer_to_a_question_is_read(
    serve: Callable[[Behaviour], RawServer], data: bytes, headers: dict[str, str]
) -> None:
    """A question is read by the same grammar as the POST."""
    answer = ask(serve(answering(data)).url)
    assert isinstance(answer, Answer), answer
    assert (answer.status, answer.body) == (200, b"{}")
    assert headers.items() <= answer.headers.items()


@pytest.mark.parametrize("packed", [gzip.compress(b"{}"), zlib.compress(b"{}")], ids=["gzip", "deflate"])
def test_a_packed_answer_is_unpacked(serve: Callable[[Behaviour], RawServer], packed: bytes) -> None:
    """Both codings that are asked for are understood."""
    head = f"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: {len(packed)}\r\n\r\n".encode()
    answer = ask(serve(answering(head + packed)).url)
    assert isinstance(answer, Answer)
    assert answer.body == b"{}"


def test_few_bytes_that_unpack_to_many_are_no_news(serve: Callable[[Behaviour], RawServer]) -> None:
    """The bound holds for the body as unpacked, too."""
    packed = gzip.compress(bytes(LONGEST_ANSWER_BYTES + 1))
    head = f"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: {len(packed)}\r\n\r\n".encode()
    answer = ask(serve(answering(head + packed)).url)
    assert isinstance(answer, NoAnswer)
    assert "packed into" in answer.reason


def test_a_question_follows_no_redirect(serve: Callable[[Behaviour], RawServer]) -> None:
    """A key must not be led elsewhere: a redirect is an answer like any other."""
    elsewhere = serve(answering(WHOLE))
    moved = f"HTTP/1.1 302 Found\r\nLocation: {elsewhere.url}\r\nContent-Length: 0\r\n\r\n".encode()
    answer = ask(serve(answering(moved)).url)
    assert isinstance(answer, Answer)
    assert (answer.status, elsewhere.connections) == (302, 0)


def test_questions_share_a_connection(serve: Callable[[Behaviour], RawServer]) -> None:
    """As long as the server keeps it, the next question goes out on it."""
    server = serve(answering(WHOLE, answering(WHOLE, answering(WHOLE))))
    answers = ask_all(*[Call("GET", server.url)] * 3)
    assert [isinstance(answer, Answer) for answer in answers] == [True] * 3
    assert server.connections == 1


@pytest.mark.parametrize(
    "data",
    [
        WHOLE.replace(b"\r\n\r\n", b"\r\nConnection: close\r\n\r\n"),
        WHOLE + WHOLE,
        WHOLE + b"and more",
        CHUNKED.replace(b"\r\n\r\n", b"\r\nContent-Length: 9\r\n\r\n", 1),
    ],
    ids=["it says so", "an answer that nobody asked for", "garbage after it", "two ways to end"],
)
def test_a_connection_that_may_be_out_of_step_is_not_kept(serve: Callable[[Behaviour], RawServer], data: bytes) -> None:
    """No answer is ever taken for that of the next question."""
    server = serve(answering(data))
    answers = ask_all(*[Call("GET", server.url)] * 2)
    assert [isinstance(answer, Answer) and answer.body for answer in answers] == [b"{}"] * 2
    assert server.connections == 2


def test_a_question_on_a_dead_connection_is_asked_once_more(serve: Callable[[Behaviour], RawServer]) -> None:
    """A server may let go of a kept connection while the next question is on its way: nothing of it is news."""
    server = serve(answering(WHOLE, hang_up_on_the_next))
    answers = ask_all(*[Call("GET", server.url)] * 3)
    assert [isinstance(answer, Answer) for answer in answers] == [True] * 3
    assert server.connections == 3


def test_an_answer_that_breaks_off_is_not_asked_for_again(serve: Callable[[Behaviour], RawServer]) -> None:
    """Only where nothing came is it the connection's fault."""
    server = serve(answering(WHOLE, answering(WHOLE[:-1])))
    first, second = ask_all(*[Call("GET", server.url)] * 2)
    assert isinstance(first, Answer)
    assert isinstance(second, NoAnswer)
    assert server.connections == 1


def test_what_may_not_be_asked_twice_has_a_connection_of_its_own(serve: Callable[[Behaviour], RawServer]) -> None:
    """A cancel is not put on a kept connection, which may break off, and so never sent again by the wire."""
    asked: list[bytes] = []

    def behave(one: socket.socket) -> None:
        asked.append(read_request(one))
        one.sendall(WHOLE)
        one.settimeout(0.3)
        asked.append(read_request(one))

    server = serve(behave)
    first, second = ask_all(Call("GET", server.url), Call("POST", server.url, body={}))
    assert isinstance(first, Answer)
    assert isinstance(second, Answer)
    assert [request.split()[0] for request in asked] == [b"GET", b"POST"]
    assert server.connections == 2


def test_a_question_travels_encrypted(
    serve: Callable[[Behaviour], RawServer], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Only to whom an authority vouches for."""
    server = serve(answering(WHOLE))
    certificate = self_signed(tmp_path)
    with closing(TlsDoor(certificate, int(server.url.rstrip("/").rpartition(":")[2]))) as door:
        stranger = ask(f"https://localhost:{door.port}/")
        assert isinstance(stranger, NoAnswer)
        assert "certificate" in stranger.reason
        monkeypatch.setenv("SSL_CERT_FILE", str(certificate))
        assert isinstance(ask(f"https://localhost:{door.port}/"), Answer)


@pytest.mark.parametrize("url", ["ftp://127.0.0.1/", "nowhere", "http://127.0.0.1:1/a b", "http://[::1/"])
def test_what_cannot_be_asked_is_no_news(url: str) -> None:
    """An address that no HTTP can carry breaks nothing."""
    assert isinstance(ask(url), NoAnswer)


def never() -> bool:
    """Nobody tells the worker to stop."""
    return False


def test_a_file_comes_whole_with_its_hash(
    client: Wire, serve: Callable[[Behaviour], RawServer], tmp_path: Path
) -> None:
    """Size and SHA-256 are those of the bytes on disk."""
    got = client.download(serve(answering(WHOLE)).url, tmp_path / "v", home=HOME, stop=never)
    assert got == Download(2, "44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8a")
    assert (tmp_path / "v").read_bytes() == b"{}"


@pytest.mark.usefixtures("impatient")
@pytest.mark.parametrize("name", UNANSWERED)
def test_a_file_that_breaks_off_may_come_again(
    client: Wire, serve: Callable[[Behaviour], RawServer], tmp_path: Path, name: str
) -> None:
    """Half a file is no file; the same link may still work."""
    got = client.download(serve(UNANSWERED[name]).url, tmp_path / "v", home=HOME, stop=never)
    assert isinstance(got, NoDownload)
    assert not got.gone


def fetch(client: Wire, url: str, path: Path, times: int) -> list[Download | NoDownload]:
    """The same link, so often."""
    return [client.download(url, path, home=HOME, stop=never) for _ in range(times)]


def test_downloads_share_a_connection(client: Wire, serve: Callable[[Behaviour], RawServer], tmp_path: Path) -> None:
    """As long as the server keeps it, the next video comes on it; a server that says so is left alone."""
    server = serve(answering(WHOLE, answering(CHUNKED, answering(WHOLE))))
    assert [isinstance(got, Download) for got in fetch(client, server.url, tmp_path / "v", 3)] == [True] * 3
    assert server.connections == 1
    closing_one = serve(answering(WHOLE.replace(b"\r\n\r\n", b"\r\nConnection: close\r\n\r\n")))
    assert [isinstance(got, Download) for got in fetch(client, closing_one.url, tmp_path / "v", 2)] == [True] * 2
    assert closing_one.connections == 2


@pytest.mark.parametrize("then", [None, hang_up_on_the_next], ids=["at once", "at the next question"])
def test_a_download_on_a_dead_connection_comes_on_a_new_one(
    client: Wire, serve: Callable[[Behaviour], RawServer], tmp_path: Path, then: Behaviour | None
) -> None:
    """A server may let go of a kept connection at any moment: the video comes all the same."""
    server = serve(answering(WHOLE, then))
    assert [isinstance(got, Download) for got in fetch(client, server.url, tmp_path / "v", 3)] == [True] * 3
    assert server.connections == 3


@pytest.mark.parametrize("data", [WHOLE + WHOLE, WHOLE + b"and more"], ids=["another answer", "garbage"])
def test_a_download_that_may_be_out_of_step_is_not_followed(
    client: Wire, serve: Callable[[Behaviour], RawServer], tmp_path: Path, data: bytes
) -> None:
    """No bytes are ever taken for those of the next video."""
    server = serve(answering(data, hang_up_on_the_next))
    assert [isinstance(got, Download) for got in fetch(client, server.url, tmp_path / "v", 2)] == [True] * 2
    assert (tmp_path / "v").read_bytes() == b"{}"
    assert server.connections == 2


def test_a_video_that_breaks_off_on_a_kept_connection_is_no_file(
    client: Wire, serve: Callable[[Behaviour], RawServer], tmp_path: Path
) -> None:
    """Only where nothing came is it the connection's fault."""
    server = serve(answering(WHOLE, answering(WHOLE[:-1])))
    first, second = fetch(client, server.url, tmp_path / "v", 2)
    assert isinstance(first, Download)
    assert isinstance(second, NoDownload)
    assert not second.gone
    assert server.connections == 1


@pytest.mark.parametrize(("status", "gone"), [(403, True), (404, True), (410, True), (429, False), (500, False)])
def test_a_refused_link_says_whether_it_is_dead(
    client: Wire, serve: Callable[[Behaviour], RawServer], tmp_path: Path, status: int, *, gone: bool
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
    client: Wire, serve: Callable[[Behaviour], RawServer], tmp_path: Path
) -> None:
    """A long download does not hold a worker that was told to go."""
    with pytest.raises(Stopped):
        client.download(serve(endless).url, tmp_path / "v", home=HOME, stop=lambda: True)


def test_no_file_is_endless(
    client: Wire, serve: Callable[[Behaviour], RawServer], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A stream without end is given up at the size that no video has."""
    monkeypatch.setattr(wire, "LARGEST_VIDEO_BYTES", 1_000_000)
    got = client.download(serve(endless).url, tmp_path / "v", home=HOME, stop=never)
    assert got == NoDownload("more than 1000000 bytes", gone=False)
    assert (tmp_path / "v").stat().st_size <= 1_000_000
