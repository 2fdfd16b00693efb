"""Lost answers among whole processes: found, or proved to have bought nothing; held only where no list can tell."""

import json
from collections.abc import Callable

import pytest

from tests.acceptance.driving import Fleet, agree, bought_twice, good_videos, prompts_file, statuses, until

JOBS = 20
SPEED = ("--speed", "600")
#: Real seconds until a task shows in the provider's list; the proof that there is none takes longer.
LATE_S = 20


def submit(fleet: Fleet, provider: str, *faults: str) -> None:
    """Submit a campaign named after the provider, whose first submits go wrong."""
    for then in faults:
        fleet.provider.tell("/_simulator/next", {"on": "submit", "then": then})
    prompts_file(fleet.folder / f"{provider}.txt", JOBS, words=f"a lamp at {provider}, number")
    ended = fleet.run("submit", f"{provider}.txt", "--simulate", "--provider", provider, "--campaign", provider)
    assert ended.code == 0, ended.err


@pytest.mark.parametrize("provider", ["segmind", "dashscope"])
def test_lost_submits_are_decided_without_a_person(provider: str, fleet: Callable[..., Fleet]) -> None:
    """One answer is lost before the order was taken, one after it: two workers find out, and all is made once."""
    made = fleet(*SPEED)
    made.hire(2)
    submit(made, provider, "cut_after", "cut_before")
    waited = made.run("wait", provider, "--timeout", "120", "--json")
    lines = made.lines(provider)
    assert (waited.code, statuses(lines)) == (0, {"done": JOBS}), waited.out + waited.err
    good_videos(lines)
    agree(made.provider, lines)
    assert bought_twice(made.provider.purchases()) == {}
    assert len(made.provider.purchases()) == JOBS
    assert made.provider.violations() == []
    said = "".join(worker.said for worker in made.workers)
    assert said.count("a lost submit was found") == 1
    assert said.count("a lost submit bought nothing") == 1


def test_reconcile_and_retry_by_hand(fleet: Callable[..., Fleet]) -> None:
    """A list that shows a task late: reconcile says that nothing is decided yet, and retry leaves it to that."""
    made = fleet(*SPEED)
    made.hire()
    made.provider.tell("/_simulator/weather", {"late_history_s": LATE_S * 600})
    submit(made, "segmind", "cut_after")
    until(lambda: "unknown" in made.run("status", "segmind").out, 20, "a submit is lost")
    until(lambda: json.loads(made.run("status", "segmind", "--json").out)["states"]["done"] == JOBS - 1, 60, "the rest")
    looked = made.run("reconcile", "segmind")
    assert looked.code == 0, looked.err
    assert "1 submit not decided yet" in looked.out
    nothing = made.run("retry", "segmind", "--unknown")
    assert (nothing.code, "1 more are still looked for" in nothing.err) == (0, True), nothing.err
    waited = made.run("wait", "segmind", "--timeout", "120")
    assert waited.code == 0, waited.err
    settled = made.run("reconcile", "segmind", "--json")
    assert (settled.code, json.loads(settled.out)["waiting"]) == (0, {}), settled.err
    assert "no submit is without its answer" in settled.err
    assert len(made.provider.purchases()) == JOBS
    asked = made.run("retry", "segmind")
    assert (asked.code, "--failed, or --unknown" in asked.err) == (2, True), asked.err


def test_a_person_proves_a_key_and_lost_submits_need_no_person(fleet: Callable[..., Fleet]) -> None:
    """At APIMart, which lists no tasks: one trial, and from then on a lost submit is sent again and bought once."""
    made = fleet("--speed", "120", "--render-mean-s", "60")
    proved = made.run("check", "--provider", "apimart", "--prove", "--simulate")
    assert (proved.code, "proved for wan2.6" in proved.out) == (0, True), proved.err
    made.hire(2)
    submit(made, "apimart", "cut_after", "cut_before")
    waited = made.run("wait", "apimart", "--timeout", "120", "--json")
    assert (waited.code, statuses(made.lines("apimart"))) == (0, {"done": JOBS}), waited.out + waited.err
    assert bought_twice(made.provider.purchases()) == {}
    assert len(made.provider.purchases()) == JOBS + 1


def test_a_key_that_does_not_hold_is_never_relied_on(fleet: Callable[..., Fleet]) -> None:
    """The trial finds two purchases and says so; a lost submit is held, and nothing goes out again."""
    made = fleet("--speed", "120", "--render-mean-s", "60", "--keys-ignored")
    refuted = made.run("check", "--provider", "apimart", "--prove", "--simulate")
    assert (refuted.code, "refuted for wan2.6" in refuted.out) == (3, True), refuted.err
    made.hire()
    submit(made, "apimart", "cut_after")
    waited = made.run("wait", "apimart", "--timeout", "120")
    assert (waited.code, "wanbatch retry apimart --unknown" in waited.out) == (3, True), waited.out + waited.err
    assert statuses(made.lines("apimart")) == {"done": JOBS - 1, "unknown": 1}
    assert len(made.provider.purchases()) == JOBS + 2
