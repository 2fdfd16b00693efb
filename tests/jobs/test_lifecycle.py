"""The table of moves is closed, the page that draws it says the same, and so does every script that carries it out."""

import re
from pathlib import Path

import pytest

from jobs.lifecycle import ENDS, HOLDS_SLOT, MOVES, Move, State, allowed

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "lifecycle.md").read_text(encoding="utf-8")

#: `parked` is how a queued job is shown; no job is ever stored so.
STORED = set(State) - {State.PARKED}


def test_every_reason_to_move_has_its_row() -> None:
    """No move is missing, and each says what it means."""
    assert set(MOVES) == set(Move)
    assert all(starts and ends and meaning for starts, ends, meaning in MOVES.values())


def test_every_state_can_be_reached_from_the_queue() -> None:
    """A job begins queued; walking the table visits each state but the shown one."""
    seen, frontier = {State.QUEUED}, [State.QUEUED]
    while frontier:
        here = frontier.pop()
        after = {end for starts, ends, _ in MOVES.values() if here in starts for end in ends}
        frontier += after - seen
        seen |= after
    assert seen == STORED


def test_an_end_is_an_end() -> None:
    """Only somebody who asks again leads out of an end, and never out of one with a video or a refusal."""
    out = {move for move, (starts, _, _) in MOVES.items() if ENDS & set(starts)}
    assert out == {Move.RENEW, Move.RETRY}
    assert {start for move in out for start in MOVES[move][0]} & ENDS == {State.CANCELLED, State.FAILED}


def test_from_every_other_state_there_is_a_way_to_an_end() -> None:
    """No job can be stuck by the table itself; `unknown` waits for a definite answer."""
    ways = {state: {end for starts, ends, _ in MOVES.values() if state in starts for end in ends} for state in STORED}
    good = set(ENDS)
    while grown := {state for state, after in ways.items() if after & good} - good:
        good |= grown
    assert good == STORED


def test_money_is_never_at_risk_without_a_slot_or_a_file() -> None:
    """From the claim until the provider has ended the render, the job holds its slot."""
    assert {State.CLAIMED, State.SUBMITTING, State.RENDERING, State.UNKNOWN} == HOLDS_SLOT


def test_nothing_is_bought_from_anywhere_but_the_queue() -> None:
    """`submitting` is entered from a claim alone, and a claim from the queue alone."""
    into = {move: starts for move, (starts, ends, _) in MOVES.items() if State.SUBMITTING in ends}
    assert into == {Move.SEND: (State.CLAIMED,)}
    assert MOVES[Move.CLAIM][0] == (State.QUEUED,)


def test_allowed_reads_the_table() -> None:
    """A move is allowed from its starts to its ends, and no other way."""
    assert allowed(Move.ACCEPT, State.UNKNOWN, State.RENDERING)
    assert not allowed(Move.ACCEPT, State.QUEUED, State.RENDERING)
    assert not allowed(Move.ACCEPT, State.SUBMITTING, State.DONE)


@pytest.mark.parametrize("move", Move)
def test_the_page_has_the_row_of_each_move(move: Move) -> None:
    """The table of docs/lifecycle.md is the table in the code, word for word."""
    starts, ends, meaning = MOVES[move]
    assert f"| `{move}` | {', '.join(starts)} | {', '.join(ends)} | {meaning} |" in PAGE


def test_the_page_draws_the_same_arrows() -> None:
    """The picture has each arrow of the table, and none that is not in it."""
    drawn = set(re.findall(r"^    (\w+) --> (\w+): (\w+)$", PAGE, re.MULTILINE))
    table = {(start, end, move) for move, (starts, ends, _) in MOVES.items() for start in starts for end in ends}
    assert drawn == table
    assert set(re.findall(r"^    (\w+) --> \[\*\]$", PAGE, re.MULTILINE)) == set(ENDS)
    assert "[*] --> queued" in PAGE


def test_the_page_explains_each_state() -> None:
    """Each state has its row, with whether it holds a slot."""
    for state in STORED:
        (row,) = re.findall(rf"^\| `{state}` \| .* \|$", PAGE, re.MULTILINE)
        assert row.split("|")[3].strip() == ("yes" if state in HOLDS_SLOT else "no"), state


def test_the_scripts_agree_on_who_holds_a_slot() -> None:
    """ground.lua moves slots by the same set of states."""
    ground = (ROOT / "ledger" / "ground.lua").read_text(encoding="utf-8")
    (held,) = re.findall(r"^local SLOT = \{(.*)\}$", ground, re.MULTILINE)
    assert set(re.findall(r"(\w+) = true", held)) == set(HOLDS_SLOT)


def test_the_scripts_make_only_moves_of_the_table() -> None:
    """Each literal shift in a script is an arrow of the table."""
    arrows = {(start, end) for starts, ends, _ in MOVES.values() for start in starts for end in ends}
    written = {
        pair
        for script in (ROOT / "ledger").glob("*.lua")
        for pair in re.findall(r"shift\([^)\n]+, '(\w+)', '(\w+)'\)", script.read_text(encoding="utf-8"))
    }
    assert written <= arrows
    assert ("queued", "claimed") in written
