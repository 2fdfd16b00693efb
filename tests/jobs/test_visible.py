"""Foreign text is shown as text: it moves no cursor, forges no line and turns no words around."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jobs.errors import Problem
from jobs.visible import visible


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("\x1b[2J\x1b[31mall is well", "\\x1b[2J\\x1b[31mall is well"),
        ("a\nwanbatch: paid", "a\\x0awanbatch: paid"),
        ("exe\u202egpj.mp4", "exe\\u202egpj.mp4"),
        ("\x9b31m\x7f", "\\x9b31m\\x7f"),
        ("\ud83d", "\\ud83d"),
    ],
)
def test_unseen_characters_are_spelt_out(text: str, shown: str) -> None:
    """What a reader would not see is there to be read."""
    assert visible(text) == shown


@given(st.text(st.characters(categories=["L", "N", "P", "S", "Zs"])))
def test_words_of_every_script_stay(text: str) -> None:
    """Arabic, Hebrew, emoji and accents are no danger."""
    assert visible(text) == text


@given(st.text())
def test_only_what_is_kept_is_left(text: str) -> None:
    """One line comes out, unless its breaks are asked for."""
    assert len(visible(text).splitlines()) <= 1
    assert visible(text, keep="\n").count("\n") == text.count("\n")


def test_a_problem_is_one_line() -> None:
    """A column's or a file's own name cannot forge a second problem."""
    problem = Problem("m\n.csv", 3, "\x1b[1mcol\nm.csv:4", "x", "is wrong", "mend it")
    assert str(problem) == "m\\x0a.csv:3: \\x1b[1mcol\\x0am.csv:4: is wrong; mend it"
