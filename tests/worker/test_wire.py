"""A link is read the quick way only where that says the same as the whole grammar of URLs."""

import httpx
import pytest

from config.links import allowed_addresses
from worker.wire import _behind, _Place

LINKS = [
    "http://127.0.0.1:8900/files/a.mp4",
    "https://localhost/v/1.mp4?Expires=1764425000&Signature=a%2Bb%2f%3D~x&Key-Pair-Id=K",
    "https://LOCALHOST:443/v.mp4",
    "http://localhost:80/v.mp4",
    "https://localhost",
    "https://localhost?x=/1",
    "https://localhost/a/../b/./v.mp4",
    "https://localhost/v.mp4#t=1",
    "https://localhost/a b/\u00fc.mp4",
    "https://localhost/100%/v.mp4",
    "https://user:word@localhost/v.mp4",
    "https://[::1]:8443/v.mp4",
    "https://localhost//double//v.mp4?a=b?c",
]


@pytest.mark.parametrize("link", LINKS)
def test_a_link_leads_to_the_same_place_however_it_is_read(link: str) -> None:
    """What is cut in two leads to the host and asks for the path that reading it whole gives."""
    whole = httpx.URL(link)
    assert _behind(link, link) == (allowed_addresses(whole, link), _Place.of(whole))
