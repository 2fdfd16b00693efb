"""Where a provider's links may lead: http and https, to public addresses, or back to where the provider itself lives.

The address is looked up once and then connected to, so that no second look-up can answer otherwise; every redirect
comes through here too.
"""

import ipaddress
import os
import socket
import ssl
from functools import lru_cache

import httpx

#: Prefix under which networks without IPv4 reach it: the last four bytes are the address that counts.
_NAT64 = ipaddress.IPv6Network("64:ff9b::/96")

IPAddress = ipaddress.IPv4Address | ipaddress.IPv6Address


class NoSuchHost(Exception):
    """Nobody knows an address of the host: nothing was sent."""


class LinkRefused(Exception):
    """The link leads where no video of a provider lies; following it could show it our own network."""


class PublicOnly(httpx.BaseTransport):
    """Carries requests over the public network only, redirects included; raises LinkRefused before anything is sent.

    It connects to the very address that was checked. A kept connection would be shared by names that share an address,
    so none is kept.
    """

    def __init__(self) -> None:
        self._inner = httpx.HTTPTransport(verify=trusting(), limits=httpx.Limits(max_keepalive_connections=0))

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        """Send the request to the first of its host's addresses; name and certificate stay the host's."""
        address, *_ = allowed_addresses(request.url, "")
        pinned = httpx.Request(
            request.method,
            request.url.copy_with(host=str(address)),
            headers=request.headers,
            stream=request.stream,
            extensions={**request.extensions, "sni_hostname": request.url.host},
        )
        return self._inner.handle_request(pinned)

    def close(self) -> None:
        """Let the connections go."""
        self._inner.close()


def trusting() -> ssl.SSLContext:
    """The TLS of every client; reading the authorities costs more than many connections, so it is done once."""
    return _trusted(os.environ.get("SSL_CERT_FILE"), os.environ.get("SSL_CERT_DIR"))


def allowed_addresses(url: httpx.URL, home: str) -> list[IPAddress]:
    """Where the URL's host lies, if a link may lead there. Raises LinkRefused, or NoSuchHost for an unknown host."""
    if url.scheme not in ("http", "https"):
        raise LinkRefused(f"the link is no http(s) address but {url.scheme[:20] or 'a bare path'!r}")
    addresses = _look_up(url.host)
    foreign = [address for address in addresses if not is_public(address)]
    if foreign and not set(foreign) <= set(_look_up(_host_of(home)) if home else ()):
        raise LinkRefused(f"the link leads to {foreign[0]}, an address of a private network")
    return addresses


def is_reachable(url: str) -> bool:
    """Whether the URL leads to the public network, where a provider can follow it."""
    try:
        return bool(allowed_addresses(httpx.URL(url), ""))
    except (LinkRefused, NoSuchHost, httpx.InvalidURL):
        return False


def is_public(address: IPAddress) -> bool:
    """Whether the address is anyone's to reach: not this machine, a private network, or a way around to them."""
    if isinstance(address, ipaddress.IPv6Address):
        inner = address.ipv4_mapped or address.sixtofour
        if address in _NAT64:
            inner = ipaddress.IPv4Address(address.packed[-4:])
        if inner is not None:
            return is_public(inner)
    return address.is_global and not address.is_multicast


@lru_cache(maxsize=64)
def _host_of(home: str) -> str:
    """An account has one home, and reading a URL costs more than most links."""
    return httpx.URL(home).host


@lru_cache(maxsize=1)
def _trusted(*_authorities: str | None) -> ssl.SSLContext:
    return httpx.create_ssl_context()


def _look_up(host: str) -> list[IPAddress]:
    """All addresses of a host, each once, in the resolver's order; a host that is an address is its own."""
    if (address := _address(host)) is not None:
        return [address]
    try:
        found = socket.getaddrinfo(host, None, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError) as error:
        raise NoSuchHost(f"no address of {host[:100]!r} is known: {error}") from error
    texts = (str(place[0]).partition("%")[0] for *_, place in found)
    return [address for text in dict.fromkeys(texts) if (address := _address(text)) is not None]


@lru_cache(maxsize=1024)
def _address(text: str) -> IPAddress | None:
    """The address that a text is; None where it is a name. The same few come with every link."""
    try:
        return ipaddress.ip_address(text)
    except ValueError:
        return None
