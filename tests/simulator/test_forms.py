"""The form that reads orders, and the desk's windows."""

from typing import Any

import pytest

from simulator.forms import (
    BOOLEAN,
    INTEGER,
    OBJECT,
    PICTURE,
    STRING,
    URL,
    URLS,
    Field,
    Form,
    Kind,
    Refused,
    Wrong,
    parsed,
)
from simulator.limits import Limit
from simulator.options import Options
from simulator.world import World

FIELDS = {
    "prompt": Field(STRING, needed=True, most=8),
    "negative": Field(STRING, "", most=3, cut=True),
    "seconds": Field(INTEGER, 5, (5, 10)),
    "seed": Field(INTEGER, least=0, most=9),
    "pictures": Field(URLS, [], most=1),
}


def say(wrong: Wrong) -> Refused:
    """The fault and its plain words."""
    return Refused(400, wrong.fault, wrong.words())


def test_what_was_not_given_has_its_default() -> None:
    """Every field has a value after reading, given or not; a text that is cut loses its end without a word."""
    assert Form(FIELDS, say).read({"prompt": "a cat", "negative": "blurry"}) == {
        "prompt": "a cat", "negative": "blu", "seconds": 5, "seed": None, "pictures": [],
    }  # fmt: skip


@pytest.mark.parametrize(
    ("given", "fault", "words"),
    [
        ({}, "missing", "prompt is required"),
        ({"prompt": ""}, "missing", "prompt is required"),
        ({"prompt": 1}, "kind", "prompt must be a string"),
        ({"prompt": None}, "kind", "prompt must be a string"),
        ({"prompt": "a longer cat"}, "bounds", "prompt must be within [None, 8]"),
        ({"prompt": "x", "seconds": 7}, "choice", "seconds must be one of 5, 10"),
        ({"prompt": "x", "seconds": 5.0}, "kind", "seconds must be an integer"),
        ({"prompt": "x", "seed": True}, "kind", "seed must be an integer"),
        ({"prompt": "x", "seed": -1}, "bounds", "seed must be within [0, 9]"),
        ({"prompt": "x", "pictures": ["https://x/y", "https://x/z"]}, "bounds", "pictures must be within [None, 1]"),
        ({"prompt": "x", "colour": "red"}, "unknown", "colour is not a known parameter"),
    ],
)
def test_the_first_fault_is_told(given: dict[str, Any], fault: str, words: str) -> None:
    """Missing, wrongly typed, not for sale, out of bounds and unknown are told apart, with the field's name."""
    with pytest.raises(Refused) as refusal:
        Form(FIELDS, say).read(given)
    assert (refusal.value.words.code, refusal.value.words.message) == (fault, words)


def test_a_lenient_form_reads_over_strange_names_and_nulls() -> None:
    """Where a dialect says so, an unknown name is read over and a null stands for the default."""
    form = Form(FIELDS, say, strict=False, null=True)
    assert form.read({"prompt": "x", "colour": "red", "seconds": None})["seconds"] == 5


@pytest.mark.parametrize(
    ("kind", "good", "bad"),
    [
        (URL, ["https://x/y.png?a=b", "http://127.0.0.1:8/x"], ["x.png", "ftp://x/y", "https://", "http://[x", "a b"]),
        (PICTURE, ["https://x/y", "data:image/png;base64,AAAA"], ["data:text/plain;base64,AA", "data:image/png,AA",
                                                                 "data:image/png;base64,"]),
        (URLS, [[], ["https://x/y"]], ["https://x/y", ["x"], [1]]),
        (BOOLEAN, [True], [1, "true", None]),
        (OBJECT, [{}], [[], None]),
    ],
)  # fmt: skip
def test_kinds(kind: Kind, good: list[Any], bad: list[Any]) -> None:
    """A URL has a scheme and a host, a picture may be a data URI, and no type stands in for another."""
    assert [kind.fits(value) for value in good] == [True] * len(good)
    assert [kind.fits(value) for value in bad] == [False] * len(bad)


@pytest.mark.parametrize("body", [b"", b"{", b"[]", b"\xff", b'"x"', b"null", b'{"x":NaN}', b'{"x":"\\uD800"}'])
def test_only_an_object_is_a_body(body: bytes) -> None:
    """Anything else that may arrive is None, never an error."""
    assert parsed(body) is None


def test_a_request_over_one_window_uses_up_no_other() -> None:
    """With two windows, the second one's refusal gives the first one's place back."""
    world, wide, narrow = World(Options(), real=lambda: 1e9), Limit("wide", 5, 60), Limit("narrow", 2, 10)
    assert [world.take("p", "a", (wide, narrow)).passed for _ in range(4)] == [True, True, False, False]
    assert world.take("p", "a", (wide,)).remaining == 2
    assert world.limits.count == 2


def test_a_word_is_refused_however_it_is_written() -> None:
    """Capitals neither in the option nor in the prompt let it pass."""
    world = World(Options(refuse_word="ACME"), real=lambda: 1e9)
    assert world.refused_word("an acme lamp")
    assert world.refused_word("an ACME lamp")
    assert not world.refused_word("a lamp")
