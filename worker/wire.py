"""The one HTTP client of the workshop: the POST that buys, the GETs that ask, and the download that streams.

The POST is plain httpx on a fresh connection, without redirects or retries, because only then does an error tell
"never sent" from "perhaps bought" (docs/decisions/0003). GETs are free to repeat and go through aiohttp, at a fraction
of the CPU. Bodies are bounded as sent and as unpacked; links lead only where `worker/links.py` lets them.
"""

import hashlib
import time
import zlib
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from http import HTTPStatus
from pathlib import Path

import aiohttp
import httpx
from yarl import URL

from providers.contract import Answer, Call
from worker.links import HOME, LinkRefused, PublicOnly

#: Seconds. A POST without an answer by then is lost; a worker that is told to stop waits as long for it.
POST_TIMEOUT_S = 20.0
CONNECT_TIMEOUT_S = 5.0
#: Seconds for one GET that asks after a render.
ASK_TIMEOUT_S = 10.0
#: Seconds without a byte of a video.
STALL_TIMEOUT_S = 30.0
#: Seconds for one whole video, however slowly it trickles.
DOWNLOAD_TIMEOUT_S = 900.0
#: No answer of an API is longer; more of it is not read.
LONGEST_ANSWER_BYTES = 2 * 1024 * 1024
#: No 15-second video is larger.
LARGEST_VIDEO_BYTES = 2 * 1024 * 1024 * 1024


@dataclass(frozen=True, slots=True)
class NotSent:
    """No byte of the request left this machine: nothing was bought."""

    reason: str


@dataclass(frozen=True, slots=True)
class NoAnswer:
    """The request left, or may have left, and no whole answer came back."""

    reason: str


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
    """Connections of one worker process; safe to use from many threads."""

    def __init__(self) -> None:
        fresh = httpx.Limits(max_connections=None, max_keepalive_connections=0)
        self._buyer = httpx.Client(
            transport=httpx.HTTPTransport(limits=fresh, retries=0),
            timeout=httpx.Timeout(POST_TIMEOUT_S, connect=CONNECT_TIMEOUT_S),
            follow_redirects=False,
        )
        self._fetcher = httpx.Client(
            transport=PublicOnly(),
            headers={"Accept-Encoding": "identity"},
            timeout=httpx.Timeout(STALL_TIMEOUT_S, connect=CONNECT_TIMEOUT_S),
            follow_redirects=True,
            max_redirects=5,
        )

    def close(self) -> None:
        """Let the connections go."""
        self._buyer.close()
        self._fetcher.close()

    def post(self, call: Call) -> Answer | NotSent | NoAnswer:
        """Send the one POST; every failure says whether it was sent."""
        began = time.monotonic()
        try:
            with self._buyer.stream(call.method, call.url, headers=dict(call.headers), json=call.body) as response:
                raw = b"".join(_bounded(response, LONGEST_ANSWER_BYTES, began + POST_TIMEOUT_S))
                headers = _lower(response.headers)
                return Answer(response.status_code, headers, _unpacked(headers, raw))
        except (httpx.ConnectError, httpx.ConnectTimeout) as error:
            return NotSent(f"{type(error).__name__}: {error}")
        except (httpx.HTTPError, _TooLongError) as error:
            return NoAnswer(f"{type(error).__name__}: {error}")

    def download(self, url: str, path: Path, *, home: str, stop: Callable[[], bool]) -> Download | NoDownload:
        """Stream a file to `path`, hashing on the way; raises Stopped when `stop()` says so.

        `home` is the URL at which the account calls its provider: only there may the link lead to a private address.
        """
        digest, size, until = hashlib.sha256(), 0, time.monotonic() + DOWNLOAD_TIMEOUT_S
        try:
            with self._fetcher.stream("GET", url, extensions={HOME: home}) as response, path.open("wb") as file:
                if response.status_code != HTTPStatus.OK:
                    gone = response.is_client_error and response.status_code != HTTPStatus.TOO_MANY_REQUESTS
                    return NoDownload(f"the link answers {response.status_code}", gone=gone)
                for chunk in _bounded(response, LARGEST_VIDEO_BYTES, until):
                    if stop():
                        raise Stopped
                    digest.update(chunk)
                    size += file.write(chunk)
        except httpx.InvalidURL as error:
            return NoDownload(f"the link is no URL: {error}", gone=True)
        except LinkRefused as error:
            return NoDownload(str(error), gone=True)
        except (httpx.HTTPError, _TooLongError) as error:
            return NoDownload(f"{type(error).__name__}: {error}", gone=False)
        return Download(size, digest.hexdigest())


class Asker:
    """The pump's client for GETs; lives on the pump's own event loop."""

    def __init__(self) -> None:
        self._session = aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(limit=0, ssl=httpx.create_ssl_context()),
            cookie_jar=aiohttp.DummyCookieJar(),
            headers={"Accept-Encoding": "gzip, deflate"},
            timeout=aiohttp.ClientTimeout(total=ASK_TIMEOUT_S),
            auto_decompress=False,
        )

    async def ask(self, call: Call) -> Answer | NoAnswer:
        """One GET; any failure is no news."""
        body = bytearray()
        try:
            url = URL(call.url, encoded=True)
            async with self._session.request(
                call.method, url, headers=call.headers, json=call.body, allow_redirects=False
            ) as response:
                async for chunk in response.content.iter_any():
                    body += chunk
                    if len(body) > LONGEST_ANSWER_BYTES:
                        return NoAnswer(f"more than {LONGEST_ANSWER_BYTES} bytes")
            headers = _lower(response.headers)
            return Answer(response.status, headers, _unpacked(headers, bytes(body)))
        except (aiohttp.ClientError, httpx.DecodingError, TimeoutError, ValueError, _TooLongError) as error:
            return NoAnswer(f"{type(error).__name__}: {error}")

    async def close(self) -> None:
        """Let the connections go."""
        await self._session.close()


class _TooLongError(Exception):
    """More bytes, or more time, than any honest answer takes."""


def _bounded(response: httpx.Response, most_bytes: int, until: float) -> Iterator[bytes]:
    """The body in chunks: no more than so many bytes, none after `until` on the monotonic clock."""
    total = 0
    for chunk in response.iter_raw():
        total += len(chunk)
        if total > most_bytes:
            raise _TooLongError(f"more than {most_bytes} bytes")
        if time.monotonic() > until:
            raise _TooLongError("the answer came too slowly")
        yield chunk


def _unpacked(headers: Mapping[str, str], raw: bytes) -> bytes:
    """The body without its Content-Encoding, within the same bound: a few bytes may unpack to gigabytes."""
    if headers.get("content-encoding", "identity").lower() not in ("gzip", "deflate"):
        return raw
    unpacking = zlib.decompressobj(wbits=zlib.MAX_WBITS | 32)  # either header
    try:
        body = unpacking.decompress(raw, LONGEST_ANSWER_BYTES)
    except zlib.error as error:
        raise httpx.DecodingError(f"the body cannot be unpacked: {error}") from error
    if unpacking.unconsumed_tail:
        raise _TooLongError(f"more than {LONGEST_ANSWER_BYTES} bytes, packed into {len(raw)}")
    return body


def _lower(headers: Mapping[str, str]) -> dict[str, str]:
    return {name.lower(): value for name, value in headers.items()}
