"""Words and links out of answers: bounded, in one line, and harmless to look at."""

import pytest

from providers import fields


@pytest.mark.parametrize(
    ("said", "kept"),
    [
        ("<html><body>\n  <h1>502</h1>\n", "<html><body> <h1>502</h1>"),
        ("oops\r\n\x1b[2J all is well\u202e", "oops \\x1b[2J all is well\\u202e"),
        ("\x00", "\\x00"),
        ("x" * 10_000, "x" * fields.WORDS_MAX),
        ("\ud83d", "?"),
    ],
)
def test_words_are_one_bounded_line(said: str, kept: str) -> None:
    """A page of HTML, control characters and ten thousand letters are cut down to what a person can read."""
    assert fields.words(said) == kept


@pytest.mark.parametrize(
    "link", ["file:///etc/passwd", "gopher://x", "//x/y", "javascript:x", "http://x/\nSet-Cookie: a", 7, None, [], ""]
)
def test_only_web_addresses_are_links(link: object) -> None:
    """What is no http(s) address is no link; the render then has no video yet."""
    assert fields.url(link) is None
