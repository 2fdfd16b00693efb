"""Words and links out of answers: bounded, in one line, and harmless to look at."""

import pytest

from jobs.job import SEED_MAX
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
    ("told", "kept"), [(SEED_MAX, SEED_MAX), (str(SEED_MAX), SEED_MAX), (0, 0), (1.5, None), (-1, None), (2**60, None)]
)
def test_whole_numbers_hold_every_seed(told: object, kept: int | None) -> None:
    """The largest seed is more than an amount of money may be; what JSON does not tell exactly is not known."""
    assert fields.whole(told) == kept


@pytest.mark.parametrize(
    ("begun", "ended", "span_s"),
    [
        ("2025-09-29 14:18:52.331", "2025-09-29 14:21:59.831", 187.5),
        ("2026-11-21T07:10:00.000Z", "2026-11-21T08:13:00+01:00", 180.0),
        (1768380224, 1768380411, 187.0),
        (0, 1768380411, None),
        (1768380411, 1768380411, None),
        ("2025-09-29 14:18:52", None, None),
        (["2025"], "soon", None),
        (float("nan"), 1e300, None),
    ],
)
def test_a_span_is_known_or_it_is_not(begun: object, ended: object, span_s: float | None) -> None:
    """A provider's two instants, in whatever form, tell how long a render took; zeros and garbage tell nothing."""
    assert fields.span_s(begun, ended) == span_s


@pytest.mark.parametrize(
    "link", ["file:///etc/passwd", "gopher://x", "//x/y", "javascript:x", "http://x/\nSet-Cookie: a", 7, None, [], ""]
)
def test_only_web_addresses_are_links(link: object) -> None:
    """What is no http(s) address is no link; the render then has no video yet."""
    assert fields.url(link) is None


@pytest.mark.parametrize(
    ("message", "wait_s"),
    [
        ("Request was throttled. Your rate limit resets in ~30s.", 30.0),
        ("Too many requests, retry after 5 seconds", 5.0),
        ("Try again in 12 sec", 12.0),
        ("again in 5 minutes", None),
        ("again in 9999999s", None),
        ("5 s", None),
        ("", None),
    ],
)
def test_a_wait_that_is_said_in_words(message: str, wait_s: float | None) -> None:
    """Seconds are taken from a sentence only where it says what they are for; a header goes before."""
    assert fields.retry_after({}, message) == (wait_s, None)
    assert fields.retry_after({"retry-after": "2"}, message) == (2.0, None)
