"""Matching lost submits with a provider's tasks: pure, so every odd case is a row, and no drawing crosses twins."""

from datetime import UTC, datetime, timedelta
from typing import Any, Literal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from providers.contract import Candidate
from worker.twins import MISSED, Fit, Sought, fit, judge

NOON = datetime(2026, 11, 21, 12, tzinfo=UTC)


def send(
    name: str,
    body: str = "a",
    *,
    kind: Literal["unknown", "freed", "sending"] = "unknown",
    at_s: float = 0,
    told: dict[str, Any] | None = None,
) -> Sought:
    """A send whose provider tells the prompt, which is its body here; its task may be created within 100 s."""
    sent = NOON + timedelta(seconds=at_s)
    return Sought(
        name=name,
        kind=kind,
        told={"prompt": body} if told is None else told,
        body=body,
        since=sent,
        until=sent + timedelta(seconds=10),
        settles=sent + timedelta(seconds=100),
    )


def task(
    name: str,
    prompt: str | None = "a",
    *,
    at_s: float | None = 1,
    state: Literal["open", "succeeded", "failed"] = "open",
) -> Candidate:
    """A task in the list; a prompt of None is not told."""
    created = None if at_s is None else NOON + timedelta(seconds=at_s)
    return Candidate(name, created, state, {"prompt": prompt})


@pytest.mark.parametrize(
    ("candidate", "expected"),
    [
        (task("t"), Fit.YES),
        (task("t", "b"), Fit.NO),
        (task("t", None), Fit.MAYBE),
        (task("t", None, at_s=50), Fit.NO),
        (task("t", None, at_s=None), Fit.MAYBE),
        (task("t", None, state="failed"), Fit.NO),
        (task("t", at_s=-1), Fit.NO),
        (task("t", at_s=99), Fit.YES),
        (task("t", at_s=101), Fit.NO),
        (task("t", at_s=None), Fit.YES),
    ],
)
def test_what_fits(candidate: Candidate, expected: Fit) -> None:
    """All that is told must agree, and the time; what is not told stands in the way for a short time only."""
    assert fit(send("s"), candidate) is expected


def test_one_send_and_its_task() -> None:
    """The plain case, and the plainer one without a task."""
    found = judge([send("s"), send("other", "b")], [task("t")])
    assert found["s"].task == task("t")
    assert found["other"] == MISSED


def test_sends_that_look_alike_and_differ_are_held() -> None:
    """The provider tells the prompt and no seed: one task, two tasks, it does not matter."""
    alike = [send("s", "seed 7", told={"prompt": "a"}), send("r", "seed 8", told={"prompt": "a"})]
    for tasks in ([task("t")], [task("t"), task("u")]):
        found = judge(alike, tasks)
        assert all(found[name].held and found[name].task is None for name in ("s", "r"))
    assert judge(alike, []) == {"s": MISSED, "r": MISSED}


def test_look_alikes_of_other_times_are_told_apart() -> None:
    """A task belongs to the send of its time."""
    one = send("s", "seed 7", told={"prompt": "a"})
    other = send("r", "seed 8", told={"prompt": "a"}, at_s=500)
    found = judge([one, other], [task("t"), task("u", at_s=501)])
    assert found["s"].task is not None
    assert found["r"].task is not None
    assert (found["s"].task.task_id, found["r"].task.task_id) == ("t", "u")


def test_a_task_that_does_not_tell_yet_is_waited_for() -> None:
    """It is no miss, and no match; once it has ended and still tells nothing, a person must look."""
    open_now = judge([send("s")], [task("t", None)])["s"]
    assert (open_now.task, open_now.missed, open_now.held) == (None, False, False)
    assert judge([send("s")], [task("t", None, state="succeeded")])["s"].held


def test_a_look_alike_on_the_wire_may_own_the_task() -> None:
    """So nothing is decided as long as it is there."""
    found = judge([send("s"), send("w", kind="sending")], [task("t")])
    assert set(found) == {"s"}
    assert (found["s"].task, found["s"].missed, found["s"].held) == (None, False, False)


def test_unknown_sends_come_before_those_that_were_given_up() -> None:
    """The job that still waits gets the task; a second task is the given-up send's."""
    sends = [send("old", kind="freed"), send("new")]
    found = judge(sends, [task("t")])
    assert found["new"].task == task("t")
    assert found["old"] == MISSED
    found = judge(sends, [task("t"), task("u")])
    assert all(found[name].task is not None for name in ("old", "new"))


SENDS = st.lists(st.tuples(st.sampled_from("ab"), st.sampled_from("xy"), st.integers(0, 3)), max_size=5)
TASKS = st.lists(st.tuples(st.sampled_from("ab"), st.integers(0, 400)), max_size=6)


@given(SENDS, TASKS)
def test_whatever_is_drawn_no_twin_is_crossed(drawn: list[tuple[str, str, int]], there: list[tuple[str, int]]) -> None:
    """A task goes to one send at most, to one it fits, and never where a send of another body could own it, too."""
    sends = [
        send(str(n), prompt + seed, told={"prompt": prompt}, at_s=90 * wave)
        for n, (prompt, seed, wave) in enumerate(drawn)
    ]
    tasks = [task(f"t{n}", prompt, at_s=at_s) for n, (prompt, at_s) in enumerate(there)]
    found = judge(sends, tasks)
    assert set(found) == {each.name for each in sends}
    given_out = [verdict.task.task_id for verdict in found.values() if verdict.task]
    assert len(given_out) == len(set(given_out))
    for each in sends:
        mine = found[each.name].task
        if mine is not None:
            assert fit(each, mine) is Fit.YES
            assert {other.body for other in sends if fit(other, mine) is Fit.YES} == {each.body}
        if found[each.name].missed:
            taken = [one for one in tasks if fit(each, one) is Fit.YES]
            assert all(one.task_id in given_out for one in taken), "a task of its own was overlooked"
