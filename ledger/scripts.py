"""The Lua scripts beside this file, each with the ground they share in front; a move is one call of one of them."""

import hashlib
import re
from collections.abc import Iterable, Iterator, Sequence
from contextlib import closing
from functools import cache
from importlib.resources import files
from typing import Any, NamedTuple

from redis.exceptions import NoScriptError

from ledger.trips import Trips


class Script(NamedTuple):
    """A script's text, and the SHA-1 that Redis knows it by."""

    text: str
    sha: str


#: What each script has in front, in this order; and what some have besides.
GROUND = ("ground", "gates")
BESIDES = {"claim": ("routes",)}

#: Every script of the ledger.
NAMES = (
    "found",
    "campaign",
    "enqueue",
    "withdraw",
    "claim",
    "send",
    "resend",
    "move",
    "lease",
    "renew",
    "hold",
    "quota",
    "paid",
    "token",
    "surplus",
    "hint",
    "watch",
    "retry",
    "halt",
    "adjust",
    "budgets",
    "cancel",
    "recover",
    "restore",
)


def part(name: str) -> str:
    """The text of `<name>.lua`."""
    return (files("ledger") / f"{name}.lua").read_text(encoding="utf-8")


@cache
def script(name: str) -> Script:
    """The script `<name>.lua` with what it stands on in front of it.

    Of that only what it needs, directly or not: each call defines all of it anew, and Redis, which walks over whatever
    its scripts define while it collects garbage, is held up by that for every fiftieth call (docs/performance.md).
    """
    text = part(name)
    wanted = _words(text)
    for each in reversed((*GROUND, *BESIDES.get(name, ()))):
        # What stands further down uses what stands above it.
        for names, piece in reversed(_pieces(part(each))):
            if names & wanted:
                text = piece + text
                wanted |= _words(piece)
    return Script(text, hashlib.sha1(text.encode(), usedforsecurity=False).hexdigest())


def _pieces(text: str) -> list[tuple[set[str], str]]:
    """What a file that others stand on defines, in its order: the names, and the text from one to the next."""
    starts = [found.start() for found in re.finditer(r"^local ", text, re.MULTILINE)]
    pieces = [text[start:end] for start, end in zip(starts, [*starts[1:], len(text)], strict=True)]
    return [(_words(re.split(r"[=(]", piece, maxsplit=1)[0]) - {"local", "function"}, piece) for piece in pieces]


def _words(text: str) -> set[str]:
    """All words outside comments."""
    return set(re.findall(r"\w+", re.sub(r"--.*", "", text)))


def load_all(trips: Trips) -> None:
    """Make all scripts known to this Redis; needed anew after it restarted."""
    _outcome(trips.ask([("SCRIPT", "LOAD", script(name).text) for name in NAMES]))


def call(name: str, *args: str | int) -> tuple[str | int, ...]:
    """The command that calls a script."""
    return "EVALSHA", script(name).sha, 0, *args


def run(trips: Trips, name: str, *args: str | int) -> Any:
    """Call a script, loading all of them first where Redis does not know it."""
    return run_all(trips, [call(name, *args)])[0]


def run_all(trips: Trips, commands: Sequence[tuple[str | int, ...]]) -> list[Any]:
    """Send calls of scripts, and other commands among them, in one round trip; the answers are in their order.

    A Redis that knows no script is taught them and asked everything again: scripts are known all or none, so none had
    run. What one of the commands raises is raised when all have run.
    """
    if not commands:
        return []
    answers = trips.ask(commands)
    if any(isinstance(answer, NoScriptError) for answer in answers):
        load_all(trips)
        answers = trips.ask(commands)
    return _outcome(answers)


def stream(trips: Trips, name: str, calls: Iterable[tuple[str | int, ...]]) -> Iterator[Any]:
    """Call a script with each of these arguments, the next call being made while Redis is at the one before."""
    made = iter(calls)
    for first in made:
        # Before any other: it teaches Redis the scripts if need be.
        yield run(trips, name, *first)
        break
    with closing(trips.stream(call(name, *args) for args in made)) as answers:
        for answer in answers:
            yield _outcome([answer])[0]


def _outcome(answers: list[Any]) -> list[Any]:
    for answer in answers:
        if isinstance(answer, Exception):
            raise answer
    return answers
