"""Workers that die or leave in the middle of a campaign: nothing is lost, and nothing is bought twice."""

import signal
import time
from collections.abc import Callable

import pytest

from tests.acceptance.driving import (
    THREADS,
    Ended,
    Fleet,
    agree,
    bought_twice,
    good_videos,
    prompts_file,
    statuses,
    tasks,
    until,
)

JOBS = 120
#: More than a worker's threads can have on the wire at once.
JOBS_ON_THE_WIRE = 2 * THREADS
#: Purchases after which a worker is taken away: the rest has still to be bought, and much of this is rendering.
MIDDLE = 50
#: Seconds by which a death may delay the rest: a lease of 5 s, a heartbeat, and the same work once more.
DELAY_S = 10.0
#: Seconds after which it is proved that a lost submit bought nothing: 30 on the wire, and 900 of the simulator's.
PROOF_S = 30 + 900 / 120
#: Renders that end quickly, and answers that take long enough for a kill to meet POSTs on the wire.
WORLD = ("--speed", "120", "--latency-ms", "40")


def make(fleet: Fleet, disturb: Callable[[], None] = lambda: None) -> tuple[Ended, float]:
    """Buy all videos, do something in the middle, and wait; the end, and the seconds that it all took."""
    prompts_file(fleet.folder / "many.txt", JOBS)
    began = time.monotonic()
    submitted = fleet.run("submit", "many.txt", "--simulate", "--campaign", "many")
    assert (submitted.code, submitted.out) == (0, "many\n"), submitted.err
    until(lambda: len(fleet.provider.purchases()) >= MIDDLE, 60, f"{MIDDLE} purchases")
    disturb()
    ended = fleet.run("wait", "many", "--timeout", "90")
    return ended, time.monotonic() - began


@pytest.fixture
def pair(fleet: Callable[..., Fleet]) -> Fleet:
    """Two workers on one ledger."""
    made = fleet(*WORLD)
    made.hire(2)
    return made


@pytest.fixture(scope="module")
def undisturbed_s() -> list[float]:
    """Filled by the first test of this file: the seconds of a run that nothing disturbs."""
    return []


def test_two_workers_share_the_jobs(pair: Fleet, undisturbed_s: list[float]) -> None:
    """Undisturbed, two workers make all of them, each bought once."""
    ended, took_s = make(pair)
    assert ended.code == 0, ended.out + ended.err
    good_videos(lines := pair.lines("many"))
    assert len(lines) == JOBS
    assert tasks(lines).keys() == {one["task_id"] for one in pair.provider.purchases()}
    assert len(pair.provider.purchases()) == JOBS
    assert pair.provider.violations() == []
    undisturbed_s.append(took_s)


def test_a_killed_worker_loses_nothing_and_nothing_is_bought_twice(pair: Fleet, undisturbed_s: list[float]) -> None:
    """SIGKILL in the middle: all is made, and soon, but for what was on the wire, which first has to be looked for."""

    def kill() -> None:
        pair.workers[0].tell(signal.SIGKILL)
        pair.workers[0].ended(within_s=5)

    ended, took_s = make(pair, kill)
    lines = pair.lines("many")
    lost = pair.workers[1].said.count("a lost submit")
    assert statuses(lines) == {"done": JOBS}
    assert lost <= THREADS
    assert ended.code == 0, ended.out + ended.err
    good_videos(lines)
    bought = pair.provider.purchases()
    assert bought_twice(bought) == {}
    assert tasks(lines).keys() == {one["task_id"] for one in bought}
    assert pair.provider.violations() == []
    assert took_s < undisturbed_s[0] + DELAY_S + (PROOF_S if lost else 0)


def test_a_worker_that_is_told_to_end_gives_its_work_back(pair: Fleet, undisturbed_s: list[float]) -> None:
    """SIGTERM in the middle: it is gone within three seconds, nothing is held, and the other worker does the rest."""
    left: list[float] = []

    def leave() -> None:
        began = time.monotonic()
        pair.workers[0].tell(signal.SIGTERM)
        assert pair.workers[0].ended(within_s=20) == 0, pair.workers[0].said
        left.append(time.monotonic() - began)

    ended, took_s = make(pair, leave)
    assert ended.code == 0, ended.out + ended.err
    good_videos(lines := pair.lines("many"))
    assert len(lines) == len(pair.provider.purchases()) == JOBS
    assert bought_twice(pair.provider.purchases()) == {}
    assert pair.provider.violations() == []
    assert left[0] < 3
    assert took_s < undisturbed_s[0] + DELAY_S


def test_a_post_on_the_wire_is_awaited(fleet: Callable[..., Fleet]) -> None:
    """Told to end while the provider takes its time, a worker hears every answer out, so nothing is held unknown."""
    made = fleet("--speed", "120", "--latency-ms", "2500")
    prompts_file(made.folder / "few.txt", JOBS_ON_THE_WIRE)
    assert made.run("submit", "few.txt", "--simulate").code == 0
    (worker,) = made.hire()
    until(made.provider.purchases, 30, "the provider has taken an order that it has not answered")
    worker.tell(signal.SIGTERM)
    assert worker.ended(within_s=20) == 0, worker.said
    bought = len(made.provider.purchases())
    made.provider.tell("/_simulator/weather", {"latency_ms": 0.0})
    made.hire()
    ended = made.run("wait", "simulated-few", "--timeout", "60")
    assert ended.code == 0, ended.out + ended.err
    good_videos(lines := made.lines("simulated-few"))
    assert len(lines) == JOBS_ON_THE_WIRE > bought > 0
    agree(made.provider, lines)
