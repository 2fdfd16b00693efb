"""Errors speak to the person who meets them, and the exit code says what kind of person that is."""

import inspect
import re

import pytest

from jobs import errors
from jobs.errors import BadInput, LedgerLost, ObjectNotFound, Problem, Refused, StoreUnavailable, WanbatchError

TREE = [one for _, one in inspect.getmembers(errors, inspect.isclass) if issubclass(one, WanbatchError)]


@pytest.mark.parametrize("leaf", [one for one in TREE if one is not WanbatchError], ids=lambda leaf: leaf.__name__)
def test_each_error_has_its_line_in_the_tree(leaf: type[WanbatchError]) -> None:
    """The drawing at the top of the file holds every class, as deep as its parents say, with its exit code."""
    pattern = rf"^((?:\|   )*\+-- ){leaf.__name__} +(\d) "
    ((indent, code),) = re.findall(pattern, errors.__doc__ or "", re.MULTILINE)
    depth = leaf.__mro__.index(WanbatchError)
    assert (len(indent) // 4, int(code)) == (depth, leaf.exit_code)
    assert leaf.__doc__


def test_whatever_is_refused_before_starting_exits_4() -> None:
    """Scripts tell "nothing was bought, mend the settings" by one code."""
    assert {one.exit_code for one in TREE if issubclass(one, Refused)} == {4}
    assert BadInput.exit_code == 2
    assert {one.exit_code for one in (StoreUnavailable, ObjectNotFound, LedgerLost)} == {1}


def test_the_hint_follows_the_message() -> None:
    """What happened on the first line, what to do on the next."""
    assert str(Refused("the key is wrong", "set it anew")) == "the key is wrong\nset it anew"
    assert str(Refused("the key is wrong")) == "the key is wrong"


def test_a_problem_says_where_what_and_what_would_be_right() -> None:
    """`file:line: column: what, and what would be right`; whole-line problems name no column."""
    problem = Problem("a.csv", 3, "duration", "7", "7 is not sold", "choose 5, 10 or 15")
    assert str(problem) == "a.csv:3: duration: 7 is not sold; choose 5, 10 or 15"
    assert str(Problem("a.csv", 3, "", "x", "this is no row", "")) == "a.csv:3: this is no row"
    assert BadInput("bad", [problem]).problems == (problem,)
