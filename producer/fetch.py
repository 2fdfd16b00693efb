"""The desk's own HTTP client: it asks a provider for the balance, and looks at media. It buys nothing.

Media are asked for with a GET and never with HEAD, which many servers refuse and which no signed link allows: with the
ETag of what was read before, its answer to that is as short.
"""

import threading
import time
from http import HTTPStatus
from typing import BinaryIO, Final, NamedTuple

import httpx

from config.links import LinkRefused, NoSuchHost, PublicOnly, trusting
from jobs.errors import Refused
from jobs.visible import visible
from producer.columns import Wrong
from providers.accounts import Account
from providers.contract import Answer, Balance

#: Seconds for one question.
TIMEOUT_S: Final = 10.0
#: Seconds for a connection, its own and to be given one.
CONNECT_S: Final = 5.0
POOL_S: Final = 30.0
#: Bytes that are read at a time.
BLOCK_BYTES: Final = 64 * 1024

#: Seconds after which what may pass is tried again; a plan of thousands of files meets some such thing.
AGAIN_S: Final = (0.5, 2.0)

#: Answers that may be another one next time.
_PASSING: Final = frozenset({408, 425, 429})


class Unfetchable(Exception):
    """The file cannot be had: `wrong` says why, and what would be right; `passing` that it may be had in a moment."""

    def __init__(self, wrong: Wrong, *, passing: bool = False) -> None:
        super().__init__(wrong.problem)
        self.wrong = wrong
        self.passing = passing


class Fetched(NamedTuple):
    """What a server answered: whether it has sent the file, which it need not where that still has the ETag that was
    named; and the file's ETag, where that stands for its very bytes.
    """

    sent: bool
    etag: str | None


class Web:
    """Files on web addresses; safe to use from many threads. `public_only` refuses addresses of private networks."""

    def __init__(self, *, public_only: bool) -> None:
        self.stopping = threading.Event()
        self._client = httpx.Client(
            transport=PublicOnly() if public_only else _anywhere(),
            headers={"Accept-Encoding": "identity"},
            timeout=httpx.Timeout(TIMEOUT_S, connect=CONNECT_S, pool=POOL_S),
            follow_redirects=True,
            max_redirects=5,
        )

    def close(self) -> None:
        """Let the connections go."""
        self._client.close()

    def download(
        self, url: str, to: BinaryIO, *, most_bytes: int, too_large: Wrong, within_s: float, etag: str | None = None
    ) -> Fetched:
        """Write the whole file at that address, unless it is still the one with this ETag.

        A server that stumbles is asked again. Raises Unfetchable for a file that is not there, too large or too slow.
        """
        until = time.monotonic() + within_s
        for wait_s in AGAIN_S:
            try:
                return self._downloaded(url, to, most_bytes, too_large, until, etag)
            except Unfetchable as error:
                if not error.passing or time.monotonic() + wait_s > until or self.stopping.wait(wait_s):
                    raise
                to.seek(0)
                to.truncate()
        return self._downloaded(url, to, most_bytes, too_large, until, etag)

    def _downloaded(
        self, url: str, to: BinaryIO, most_bytes: int, too_large: Wrong, until: float, etag: str | None
    ) -> Fetched:
        response = self._send(url, {"If-None-Match": etag} if etag else {})
        try:
            status = response.status_code
            if status == HTTPStatus.NOT_MODIFIED:
                return Fetched(sent=False, etag=etag)
            if status != HTTPStatus.OK:
                raise Unfetchable(_status_said(status), passing=_passes(status))
            told = response.headers.get("content-length", "")
            size = 0
            if told.isdigit() and int(told) > most_bytes:
                raise Unfetchable(too_large)
            for chunk in response.iter_bytes(BLOCK_BYTES):
                size += len(chunk)
                if size > most_bytes:
                    raise Unfetchable(too_large)
                if time.monotonic() > until or self.stopping.is_set():
                    raise Unfetchable(_slow())
                to.write(chunk)
        except httpx.HTTPError as error:
            raise _unfetchable(error) from error
        finally:
            response.close()
        return Fetched(sent=True, etag=_strong(response.headers.get("etag")))

    def _send(self, url: str, headers: dict[str, str]) -> httpx.Response:
        try:
            return self._client.send(self._client.build_request("GET", url, headers=headers), stream=True)
        except LinkRefused as error:
            fix = "put the file where the provider can reach it (a public https address)"
            raise Unfetchable(Wrong(f"the provider cannot reach it: {error}", fix)) from error
        except (NoSuchHost, httpx.HTTPError, httpx.InvalidURL, UnicodeError) as error:
            raise _unfetchable(error) from error


def balance(account: Account) -> tuple[Balance | None, str | None]:
    """What is left on the account, and why it is not known: one of the two is None.

    Where the provider has no door for it, or opens it to other keys only, the reason says so. Raises Refused, in the
    provider's own words, when it refuses the key.
    """
    call = account.provider.balance_call(account.endpoint)
    if call is None:
        return None, f"{account.facts.title} tells no balance to an API key"
    try:
        response = httpx.request(
            call.method, call.url, headers=dict(call.headers), timeout=TIMEOUT_S, verify=trusting()
        )
    except httpx.HTTPError as error:
        return None, f"{account.facts.title} cannot be reached: {type(error).__name__}"
    headers = {name.lower(): value for name, value in response.headers.items()}
    answer = Answer(response.status_code, headers, response.content)
    told = account.provider.read_balance(answer)
    refused = told is None and answer.status in (HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN)
    if refused and (scope := account.provider.balance_scope):
        return None, f"{account.facts.title} tells it only to a key of scope {scope} ({answer.status})"
    if refused:
        raise Refused(
            f"{account.facts.title} refuses the key: {answer.status} {response.text[:200]}",
            f"set {account.facts.key_variables[0]} to a key that works; nothing was bought",
        )
    if told is None:
        return None, f"{account.facts.title} answered {answer.status}: {response.text[:200]}"
    return told, None


def _anywhere() -> httpx.HTTPTransport:
    return httpx.HTTPTransport(verify=trusting(), limits=httpx.Limits(max_connections=64))


def _strong(etag: str | None) -> str | None:
    """The ETag if it stands for the file's very bytes: a weak one may stay while they change."""
    return etag if etag and etag.startswith('"') else None


def _passes(status: int) -> bool:
    return status in _PASSING or status >= HTTPStatus.INTERNAL_SERVER_ERROR


def _status_said(status: int) -> Wrong:
    if _passes(status):
        return Wrong(f"its server answers {status} just now", "this may pass: give the same command again")
    if status in (HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN):
        return Wrong(f"its server answers {status}", "make it public, or sign a link that outlives the campaign")
    return Wrong(f"its server answers {status}", "give the address of a file that is there")


def _unfetchable(error: Exception) -> Unfetchable:
    """What the error means; a line that broke, as one does that was kept open too long, may hold next time."""
    broke = isinstance(error, httpx.ReadError | httpx.WriteError | httpx.RemoteProtocolError)
    return Unfetchable(_error_said(error), passing=broke)


def _error_said(error: Exception) -> Wrong:
    if isinstance(error, httpx.TimeoutException):
        return _slow()
    if isinstance(error, httpx.TooManyRedirects):
        return Wrong("its server sends from one address to the next without end", "give the last address itself")
    if isinstance(error, httpx.UnsupportedProtocol | httpx.InvalidURL | UnicodeError):
        return Wrong("this is no web address", "write a whole one: https://example.com/shoe.jpg")
    said = visible(str(error)[:200]) or type(error).__name__
    return Wrong(f"it cannot be reached: {said}", "mend the address; if its server is only away, try again later")


def _slow() -> Wrong:
    return Wrong("its server does not answer in time", "this may pass: give the same command again")
