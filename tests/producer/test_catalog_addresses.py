"""Catalogs on the web: feeds and shared Sheets are fetched through the guarded door, and named without secrets."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from jobs.errors import BadInput
from producer.catalogs import address
from producer.catalogs.address import export_address, fetched, shown_address
from tests.mediaserver import MediaServer, serving

SHEET = "https://docs.google.com/spreadsheets/d/1AbC-d_9"


@pytest.fixture(scope="module")
def server() -> Iterator[MediaServer]:
    """A web server on loopback."""
    with serving() as running:
        yield running


@pytest.mark.parametrize(
    ("link", "export"),
    [
        (f"{SHEET}/edit?usp=sharing", f"{SHEET}/export?format=csv&gid=0"),
        (f"{SHEET}/edit#gid=77", f"{SHEET}/export?format=csv&gid=77"),
        (f"{SHEET}/edit?gid=77#gid=78", f"{SHEET}/export?format=csv&gid=78"),
        (SHEET.replace("/d/", "/u/1/d/") + "/view", f"{SHEET}/export?format=csv&gid=0"),
        (
            "https://docs.google.com/spreadsheets/d/e/2PACX-1v/pubhtml?gid=5&single=true",
            "https://docs.google.com/spreadsheets/d/e/2PACX-1v/pub?output=csv&gid=5",
        ),
        ("https://shop.example/feed.xml?key=1", "https://shop.example/feed.xml?key=1"),
    ],
)
def test_a_link_to_a_sheet_leads_to_its_export(link: str, export: str) -> None:
    """Whatever way the link was copied, the tab that it shows is asked for as CSV."""
    assert export_address(link) == export


def test_a_feed_is_fetched_under_its_own_name(server: MediaServer, tmp_path: Path) -> None:
    """The whole file, byte by byte, also after a redirect; its name is the campaign's."""
    data = b"id,title\n" + b"1,x\n" * 100_000
    server.hold("/shop/spring%20feed.csv", data)
    moved = server.hold("/moved.csv", b"", to="/shop/spring%20feed.csv")
    for url, name in ((f"{server.url}/shop/spring%20feed.csv?key=s3cret", "spring-feed.csv"), (moved, "moved.csv")):
        here = fetched(url, tmp_path, campaign=None, public_only=False)
        assert (here.name, here.read_bytes()) == (name, data)


def test_what_cannot_be_had_is_told_without_secrets(server: MediaServer, tmp_path: Path) -> None:
    """Gone, private, or no address at all; nothing of the query is shown."""
    gone = f"{server.url}/gone.csv?key=s3cret"
    with pytest.raises(BadInput, match="cannot be fetched: its server answers 404") as caught:
        fetched(gone, tmp_path, campaign=None, public_only=False)
    assert "s3cret" not in str(caught.value)
    with pytest.raises(BadInput, match="an address of a private network") as told:
        fetched(server.hold("/in.csv", b"id\n1\n"), tmp_path, campaign=None, public_only=True)
    assert told.value.hint == "where real money is spent none is asked: save it, and give the file; nothing was queued"
    assert server.times("/in.csv") == 0
    assert shown_address("https://me:pw@shop.example/feed.xml?key=1") == "https://shop.example/feed.xml"


def test_a_file_without_end_is_given_up(server: MediaServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """No more is taken than a catalog may hold."""
    monkeypatch.setattr(address, "MOST_BYTES", 100_000)
    with pytest.raises(BadInput, match="more than 100,000 bytes"):
        fetched(server.hold("/endless.csv", b"x" * 200_000), tmp_path, campaign=None, public_only=False)


def test_a_sheet_needs_a_name_for_its_campaign(tmp_path: Path) -> None:
    """A link to a Sheet says none, and nothing is fetched before one is given."""
    with pytest.raises(BadInput, match="No campaign can be named") as caught:
        fetched(f"{SHEET}/edit", tmp_path, campaign=None, public_only=True)
    assert "--campaign" in caught.value.hint
