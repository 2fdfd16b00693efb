"""A provider's link may lead to the public network or back to the provider, and nowhere else, redirects included."""

import gzip
import ipaddress
import socket
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing
from pathlib import Path
from typing import Any

import httpx
import pytest

from config.links import LinkRefused, allowed_addresses, is_public
from providers.contract import Call
from tests.rawserver import RawServer
from worker import body
from worker.posting import NoAnswer
from worker.wire import Download, NoDownload, Wire

Script = Callable[[bytes], bytes]


class Server(RawServer):
    """Keeps every request's head, and answers what `script` makes of it."""

    def __init__(self, script: Script) -> None:
        self._script = script
        self.heads: list[bytes] = []
        super().__init__(self._answer)
        self.url += "v.mp4"

    def _answer(self, one: socket.socket) -> None:
        head = b""
        while not _whole(head) and (data := one.recv(65536)):
            head += data
        self.heads.append(head)
        one.sendall(self._script(head))


def _whole(request: bytes) -> bool:
    """Whether a request is all there: its head, and the body `{}` of a POST."""
    _, ended, body = request.partition(b"\r\n\r\n")
    return bool(ended) and (not request.startswith(b"POST") or bool(body))


@pytest.fixture
def serve() -> Iterator[Callable[[Script], Server]]:
    """Start servers that end with the test."""
    with ExitStack() as running:

        def begin(script: Script) -> Server:
            server = Server(script)
            running.callback(server.close)
            return server

        yield begin


@pytest.fixture
def client() -> Iterator[Wire]:
    """The wire under test."""
    with closing(Wire()) as one:
        yield one


@pytest.fixture
def names(monkeypatch: pytest.MonkeyPatch) -> dict[str, list[str]]:
    """A resolver that knows only these names; an address is its own name."""
    known: dict[str, list[str]] = {}

    def look_up(host: str, port: int | None = None, *_rest: Any, **_named: Any) -> list[Any]:
        try:
            addresses = known.get(host) or [str(ipaddress.ip_address(host))]
        except ValueError:
            raise socket.gaierror(socket.EAI_NONAME, "no such name") from None
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (address, port or 0)) for address in addresses]

    monkeypatch.setattr(socket, "getaddrinfo", look_up)
    return known


def whole(_head: bytes) -> bytes:
    """A small file."""
    return b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nvideo"


def moving(place: str) -> Script:
    """A redirect."""
    return lambda _: f"HTTP/1.1 302 Found\r\nLocation: {place}\r\nContent-Length: 0\r\n\r\n".encode()


def never() -> bool:
    """Nobody tells the worker to stop."""
    return False


PRIVATE = [
    "127.0.0.1", "10.1.2.3", "172.16.0.1", "192.168.1.1", "169.254.169.254", "100.64.0.1", "0.0.0.0", "224.0.0.1",
    "255.255.255.255", "::1", "::", "fe80::1", "fd00::1", "ff02::1", "::ffff:127.0.0.1", "64:ff9b::10.0.0.1",
    "2002:7f00:1::1",
]  # fmt: skip


@pytest.mark.parametrize("address", PRIVATE)
def test_a_private_address_is_told_however_it_is_written(address: str, names: dict[str, list[str]]) -> None:
    """Loopback, private and link-local networks, cloud metadata, and the ways around to them."""
    assert not is_public(ipaddress.ip_address(address))
    names |= {"cdn.example.com": [address], "api.example.com": ["93.184.216.35"]}
    with pytest.raises(LinkRefused, match="private network"):
        allowed_addresses(httpx.URL("https://cdn.example.com/v.mp4"), "https://api.example.com")


@pytest.mark.parametrize("address", ["93.184.216.34", "2606:4700::1111", "::ffff:93.184.216.34", "64:ff9b::5db8:d822"])
def test_a_public_address_is_let_through(address: str, names: dict[str, list[str]]) -> None:
    """Whatever the provider's storage host is called."""
    names["cdn.example.com"] = [address]
    assert allowed_addresses(httpx.URL("https://cdn.example.com/v.mp4"), "") == [ipaddress.ip_address(address)]


def test_one_private_address_among_public_ones_is_enough(names: dict[str, list[str]]) -> None:
    """A name that leads to both could be sent either way."""
    names["cdn.example.com"] = ["93.184.216.34", "10.0.0.1"]
    with pytest.raises(LinkRefused):
        allowed_addresses(httpx.URL("http://cdn.example.com/"), "")


def test_a_provider_at_home_may_be_private(names: dict[str, list[str]]) -> None:
    """A simulator's links lead back to it, under whatever name and port; to its neighbour they do not."""
    names |= {"simulator": ["172.18.0.4"], "valkey": ["172.18.0.5"], "alias": ["172.18.0.4"]}
    for url in ("http://simulator:8900/v", "http://172.18.0.4/v", "http://alias:1/v"):
        assert allowed_addresses(httpx.URL(url), "http://simulator:8900/segmind")
    with pytest.raises(LinkRefused):
        allowed_addresses(httpx.URL("http://valkey:6379/"), "http://simulator:8900/segmind")


@pytest.mark.parametrize("url", ["file:///etc/passwd", "ftp://example.com/v", "gopher://x/", "/v.mp4", "data:,x", ""])
def test_no_other_scheme_is_followed(client: Wire, tmp_path: Path, url: str) -> None:
    """A link to a file of ours, or to nothing, is dead: the provider is asked for another one."""
    got = client.download(url, tmp_path / "v", home="http://127.0.0.1/", stop=never)
    assert isinstance(got, NoDownload)
    assert got.gone
    assert "no http(s) address" in got.reason
    assert not (tmp_path / "v").exists()


def test_a_private_link_is_refused_before_anything_is_sent(
    client: Wire, serve: Callable[[Script], Server], tmp_path: Path
) -> None:
    """A provider on the public network cannot make us read our own."""
    server = serve(whole)
    got = client.download(server.url, tmp_path / "v", home="", stop=never)
    assert got == NoDownload("the link leads to 127.0.0.1, an address of a private network", gone=True)
    assert server.heads == []
    assert isinstance(client.download(server.url, tmp_path / "v", home=server.url, stop=never), Download)
    assert (tmp_path / "v").read_bytes() == b"video"


def test_a_redirect_is_looked_at_like_a_link(
    client: Wire, serve: Callable[[Script], Server], tmp_path: Path, names: dict[str, list[str]]
) -> None:
    """The first host is as it should be; where it sends us is not."""
    inside = serve(whole)
    moved = serve(moving(inside.url))
    names |= {"home": ["127.0.0.1"]}
    for place, word in ((inside.url.replace("127.0.0.1", "10.0.0.9"), "private"), ("file:///etc/passwd", "http(s)")):
        away = serve(moving(place))
        got = client.download(away.url, tmp_path / "v", home="http://home", stop=never)
        assert isinstance(got, NoDownload)
        assert word in got.reason
    assert isinstance(client.download(moved.url, tmp_path / "v", home="http://home", stop=never), Download)
    assert len(inside.heads) == 1


def test_a_download_carries_no_key(
    client: Wire, serve: Callable[[Script], Server], tmp_path: Path, names: dict[str, list[str]]
) -> None:
    """The POST's key stays with the provider's own host; a name is sent as it is, though its address is pinned."""
    names["cdn"] = ["127.0.0.1"]
    server = serve(whole)
    client.post(Call("POST", server.url, {"x-api-key": "topsecret", "Authorization": "Bearer topsecret"}, {}))
    client.download(f"http://cdn:{server.port}/v", tmp_path / "v", home=server.url, stop=never)
    assert b"topsecret" in server.heads[0]
    assert b"topsecret" not in server.heads[1]
    assert f"Host: cdn:{server.port}".encode() in server.heads[1]


@pytest.mark.parametrize(("told", "kept"), [(9, None), (3, b"vid")])
def test_a_lying_length_is_not_believed(
    client: Wire, serve: Callable[[Script], Server], tmp_path: Path, told: int, kept: bytes | None
) -> None:
    """A file shorter than it was said to be has broken off; bytes behind its end are none of it."""
    server = serve(lambda _: f"HTTP/1.1 200 OK\r\nContent-Length: {told}\r\n\r\nvideo".encode())
    got = client.download(server.url, tmp_path / "v", home=server.url, stop=never)
    if kept is None:
        assert isinstance(got, NoDownload)
        assert not got.gone
    else:
        assert (tmp_path / "v").read_bytes() == kept


def test_a_packed_bomb_is_not_unpacked(
    client: Wire, serve: Callable[[Script], Server], monkeypatch: pytest.MonkeyPatch
) -> None:
    """An answer that unpacks to more than any answer holds is no answer; an honest packed one is read."""
    monkeypatch.setattr(body, "LONGEST_ANSWER_BYTES", 10_000)

    def packed(body: bytes) -> Script:
        data = gzip.compress(body)
        head = f"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: {len(data)}\r\n\r\n"
        return lambda _: head.encode() + data

    bomb = client.post(Call("POST", serve(packed(b" " * 5_000_000)).url, {}, {}))
    assert isinstance(bomb, NoAnswer)
    assert "more than 10000 bytes" in bomb.reason
    honest = client.post(Call("POST", serve(packed(b'{"id":1}')).url, {}, {}))
    assert not isinstance(honest, NoAnswer)
    assert getattr(honest, "body", b"") == b'{"id":1}'
