"""The one HTTP client of the workshop: the POST that buys, the GETs that ask, and the download that streams.

The POST is an exchange on a connection of its own (`worker/exchange.py`), because only then does a failure tell "never
sent" from "perhaps bought" (docs/decisions/0009). GETs are free to repeat, so the connections of questions
(`worker/lines.py`) and of downloads (`worker/kept.py`) are kept. Bodies are bounded as
sent and as unpacked; links lead only where `config/links.py` lets them.
"""

import asyncio
import hashlib
import json
import re
import time
from collections.abc import Callable
from contextlib import closing, suppress
from dataclasses import dataclass
from functools import cache, lru_cache
from http import HTTPStatus
from pathlib import Path

import httpx

from config.links import IPAddress, LinkRefused, NoSuchHost, allowed_addresses, trusting
from config.version import tool_version
from providers.contract import Answer, Call
from worker.body import LONGEST_ANSWER_BYTES, Unreadable, bounded, unpacked
from worker.exchange import BrokenOff, Exchange, Unreachable, connect
from worker.http1 import Garbled, request_of
from worker.kept import Kept, Way
from worker.lines import Door, Lines
from worker.posting import NoAnswer, NotSent, Posting

#: Seconds. A POST without an answer by then is lost; a worker that is told to stop waits as long for it.
POST_TIMEOUT_S = 20.0
CONNECT_TIMEOUT_S = 5.0
#: Seconds for one GET that asks after a render.
ASK_TIMEOUT_S = 10.0
#: Seconds without a byte of a video.
STALL_TIMEOUT_S = 30.0
#: Seconds for one whole video, however slowly it trickles.
DOWNLOAD_TIMEOUT_S = 900.0
#: Redirects that one link may lead through.
MOST_REDIRECTS = 5
REDIRECTS = frozenset({301, 302, 303, 307, 308})
#: No 15-second video is larger.
LARGEST_VIDEO_BYTES = 2 * 1024 * 1024 * 1024
#: A link that says the same however it is read: whose it is, and what is asked for. Reading a whole URL costs more.
_PLAIN_LINK = re.compile(r"(https?://[a-z0-9.-]+(?::[0-9]+)?)(/(?:[A-Za-z0-9._~!$&'()*+,;=:@/?-]|%[0-9A-Fa-f]{2})*)")


#: Bodies as they are sent; making an encoder costs more than a body.
_ENCODE = json.JSONEncoder(ensure_ascii=False, separators=(",", ":"), allow_nan=False).encode


@dataclass(frozen=True, slots=True)
class Download:
    """A file that came whole: its size and SHA-256."""

    size_bytes: int
    sha256: str


@dataclass(frozen=True, slots=True)
class NoDownload:
    """The file did not come. `gone`: the link has expired or leads nowhere, so the same link will not help."""

    reason: str
    gone: bool


class Stopped(Exception):
    """The worker was told to stop in the middle of a download."""


class Wire:
    """What one worker process sends in its threads' names. What may be bought is sent on a connection of its own."""

    def __init__(self) -> None:
        self._tls = trusting()
        self._kept = Kept()

    def close(self) -> None:
        """Let the connections go that are kept."""
        self._kept.close()

    def ready(self, call: Call, *, within_s: float | None = None) -> Posting | NotSent:
        """All of the one POST but its sending: the request made up, and a connection of its own."""
        within_s = within_s or POST_TIMEOUT_S
        try:
            place, request = _said(call, last=True)
            return Posting(self._open(place.way(place.host), request, stall_s=within_s), within_s)
        except (Unreachable, httpx.InvalidURL, ValueError) as error:
            return NotSent(str(error))

    def post(self, call: Call, *, within_s: float | None = None) -> Answer | NotSent | NoAnswer:
        """Send the one POST; every failure says whether it was sent."""
        posting = self.ready(call, within_s=within_s)
        if isinstance(posting, NotSent):
            return posting
        with closing(posting):
            return posting.send()

    def download(self, url: str, path: Path, *, home: str, stop: Callable[[], bool]) -> Download | NoDownload:
        """Stream a file to `path`, hashing on the way; raises Stopped when `stop()` says so.

        `home` is the URL at which the account calls its provider: only there may the link lead to a private address.
        """
        until = time.monotonic() + DOWNLOAD_TIMEOUT_S
        try:
            for _ in range(MOST_REDIRECTS + 1):
                way, exchange = self._follow(url, home, until)
                try:
                    location = exchange.headers.get("location")
                    if exchange.status not in REDIRECTS or location is None:
                        return _saved(exchange, path, stop)
                    url = str(httpx.URL(url).join(location))
                finally:
                    self._kept.give(way, exchange)
        except httpx.InvalidURL as error:
            return NoDownload(f"the link is no URL: {error}", gone=True)
        except LinkRefused as error:
            return NoDownload(str(error), gone=True)
        except (NoSuchHost, Unreachable, BrokenOff, Unreadable, ValueError) as error:
            return NoDownload(str(error), gone=False)
        return NoDownload(f"the link leads through more than {MOST_REDIRECTS} others", gone=False)

    def _follow(self, link: str, home: str, until: float) -> tuple[Way, Exchange]:
        """Ask for what lies behind a link, at the first of its host's addresses that takes the connection."""
        addresses, place = _behind(link, home)
        headers = {"Host": place.host_header, **_ourselves(), "Accept-Encoding": "identity"}
        request = request_of("GET", place.target, headers, last=False)
        *others, last = (place.way(str(address)) for address in addresses)
        for way in others:
            with suppress(Unreachable):
                return way, self._asked(way, request, until)
        return last, self._asked(last, request, until)

    def _asked(self, way: Way, request: bytes, until: float) -> Exchange:
        """Ask on a kept connection, or on a new one."""
        exchange = self._kept.ask(way, request, until=until)
        if exchange is None:
            exchange = self._open(way, request, stall_s=STALL_TIMEOUT_S)
            try:
                exchange.ask(until=until)
            except BrokenOff:
                exchange.close()
                raise
        return exchange

    def _open(self, way: Way, request: bytes, *, stall_s: float) -> Exchange:
        tls = self._tls if way.encrypted else None
        connection = connect(way.address, way.port, within_s=CONNECT_TIMEOUT_S, tls=tls, name=way.name)
        return Exchange(connection, request, stall_s=stall_s)


class Asker:
    """The pump's client for GETs; lives on the pump's own event loop."""

    def __init__(self) -> None:
        self._tls = trusting()
        self._lines = Lines(most_bytes=LONGEST_ANSWER_BYTES)

    async def ask(self, call: Call) -> Answer | NoAnswer:
        """One question, asked twice only if it is a GET; any failure is no news."""
        try:
            place, request = _said(call, last=False)
            door = Door(place.host, place.port, self._tls if place.encrypted else None)
            async with asyncio.timeout(ASK_TIMEOUT_S):
                heard = await self._lines.ask(door, request, again=call.method == "GET")
            return Answer(heard.status, heard.headers, unpacked(heard.headers, heard.body))
        except (OSError, ValueError, httpx.InvalidURL, Garbled, Unreadable) as error:
            return NoAnswer(f"{type(error).__name__}: {error}")

    async def close(self) -> None:
        """Let the connections go."""
        self._lines.close()


@dataclass(frozen=True, slots=True)
class _Place:
    """Where a URL leads, and what is asked for there."""

    encrypted: bool
    host: str
    port: int
    host_header: str
    target: str

    def way(self, address: str) -> Way:
        """The connection that leads there by one of its host's addresses."""
        return Way(address, self.port, self.encrypted, self.host)

    @classmethod
    def of(cls, url: httpx.URL) -> "_Place":
        """Raises ValueError for what is no http(s) URL."""
        if url.scheme not in ("http", "https") or not url.host:
            raise ValueError("the address is no http(s) URL")
        encrypted = url.scheme == "https"
        port = url.port or (443 if encrypted else 80)
        return cls(encrypted, url.raw_host.decode(), port, url.netloc.decode(), url.raw_path.decode())


@lru_cache(maxsize=64)
def _origin(text: str) -> tuple[httpx.URL, _Place]:
    """Where calls and links go, remembered: an account has the same few hosts."""
    url = httpx.URL(text)
    return url, _Place.of(url)


def _behind(link: str, home: str) -> tuple[list[IPAddress], _Place]:
    """The addresses of a link's host, if it may lead there, and what is asked for. A plain link, as nearly all are, is
    cut in two; others are read whole. Raises LinkRefused, NoSuchHost, ValueError or httpx.InvalidURL.
    """
    plain = _PLAIN_LINK.fullmatch(link)
    if plain is None or "/." in link:
        url = httpx.URL(link)
        return allowed_addresses(url, home), _Place.of(url)
    origin, place = _origin(plain[1])
    addresses = allowed_addresses(origin, home)
    return addresses, _Place(place.encrypted, place.host, place.port, place.host_header, plain[2])


def _said(call: Call, *, last: bool) -> tuple[_Place, bytes]:
    """Where a call goes, and all that is sent there. Raises ValueError or httpx.InvalidURL for what cannot be said."""
    scheme, _, rest = call.url.partition("://")
    host, slash, path = rest.partition("/")
    _, place = _origin(f"{scheme}://{host}/")
    headers = {"Host": place.host_header, **_ourselves(), **call.headers}
    body = call.content
    if call.body is not None:
        headers.setdefault("Content-Type", "application/json")
        body = _ENCODE(call.body).encode()
    return place, request_of(call.method, slash + path or "/", headers, body, last=last)


@cache
def _ourselves() -> dict[str, str]:
    """The headers that every call has."""
    return {"User-Agent": f"wanbatch/{tool_version()}", "Accept": "*/*", "Accept-Encoding": "gzip, deflate"}


def _saved(exchange: Exchange, path: Path, stop: Callable[[], bool]) -> Download | NoDownload:
    """The file behind a link, hashed on its way to the disk."""
    status = exchange.status
    if status != HTTPStatus.OK:
        gone = 400 <= status < 500 and status != HTTPStatus.TOO_MANY_REQUESTS  # noqa: PLR2004
        return NoDownload(f"the link answers {status}", gone=gone)
    digest, size = hashlib.sha256(), 0
    with path.open("wb") as file:
        for chunk in bounded(exchange, LARGEST_VIDEO_BYTES):
            if stop():
                raise Stopped
            digest.update(chunk)
            size += file.write(chunk)
    return Download(size, digest.hexdigest())
