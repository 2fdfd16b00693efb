"""`wanbatch reconcile` and `retry` as a person gives them: what they say, what they ask, and how they end."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from config.settings import load_settings
from jobs.lifecycle import State
from jobs.messages import SUBMIT
from ledger.gates import unlimited
from tests.integration.conftest import Told
from tests.services import Simulator
from worker import lookup
from worker.submit import submit
from worker.tasks import take_up
from worker.wiring import Workshop, build

ACCOUNT = "simulated-dashscope"


@pytest.fixture
def told(told: Told, fast_simulator: Simulator, monkeypatch: pytest.MonkeyPatch) -> Told:
    """Commands at a simulator, whose lost answers are looked for at once."""
    monkeypatch.setenv("WANBATCH_SIMULATOR_URL", fast_simulator.url)
    monkeypatch.setattr(lookup, "ON_THE_WIRE_S", 0.2)
    return told


@pytest.fixture
def shop(told: Told, tmp_path: Path) -> Iterator[Workshop]:
    """A worker's workshop beside a campaign of two look-alikes that differ in their seeds alone."""
    (tmp_path / "twins.csv").write_text(f"prompt,seed\na kite over {tmp_path.name},1\na kite over {tmp_path.name},2\n")
    assert told("submit", "twins.csv", "--simulate", "--provider", "dashscope", "--campaign", "twins")[0] == 0
    one = build(load_settings())
    yield one
    one.ledger.close()


def send(shop: Workshop, simulator: Simulator, then: str | None = None) -> str:
    """Take the next job through its submit, and lose the answer so; answers its id."""
    counter = shop.counters[ACCOUNT]
    (claim,) = shop.ledger.claim(ACCOUNT, unlimited(counter.policy), most=1, most_waiting=9)
    if then:
        simulator.tell("/_simulator/next", {"on": "submit", "then": then})
    ((held, row),) = take_up(SUBMIT, shop, [claim])
    submit(held, row, shop)
    return claim.job_id


def test_nothing_is_lost(told: Told, shop: Workshop) -> None:
    """A campaign whose submits were all answered has nothing to look for, and nothing to retry."""
    assert told("reconcile", "twins") == (0, "twins: no submit is without its answer\n", "")
    code, out, err = told("retry", "twins", "--failed", "--yes")
    assert (code, out, err) == (0, "", "twins: no job is failed\n")


def test_a_lost_submit_is_found(told: Told, shop: Workshop, fast_simulator: Simulator) -> None:
    """While its task renders, DashScope does not tell what it is; then it is adopted, and --json has the ids."""
    job_id = send(shop, fast_simulator, "cut_after")
    code, out, _ = told("reconcile", "twins")
    if "not decided yet" in out:
        assert code == 0
    for _ in range(50):
        if shop.ledger.job(job_id)["state"] == State.RENDERING:
            break
        code, out, err = told("reconcile", "twins", "--json")
        assert code == 0, err
    assert shop.ledger.job(job_id)["state"] == State.RENDERING
    assert "1 task found" in out or json.loads(out)["adopted"] == [job_id]


def test_twins_are_held_shown_and_bought_anew(told: Told, shop: Workshop, fast_simulator: Simulator) -> None:
    """Exit 3 with the reason; retry says what may be paid twice, asks, and leaves the doubt where it was."""
    ids = [send(shop, fast_simulator, "cut_after") for _ in range(2)]
    out = ""
    for _ in range(50):
        code, out, _ = told("reconcile", "twins")
        if code == 3:
            break
    assert "2 submits held, because it cannot be proved what they bought" in out
    assert all(f"  {job_id}: 2 submits look alike to the provider" in out for job_id in ids)
    assert "`wanbatch retry twins --unknown`" in out
    code, _, err = told("retry", "twins", "--unknown")
    assert (code, "nobody is at the terminal" in err) == (4, True)
    assert "2 jobs held unknown; to buy them anew costs up to $1.00" in err
    assert "$1.00 may have been paid" in err
    assert [shop.ledger.job(job_id)["state"] for job_id in ids] == [State.UNKNOWN] * 2
    code, out, _ = told("retry", "twins", "--unknown", "--yes")
    assert (code, out) == (0, "2 videos of twins queued again\n")
    _, out, _ = told("status", "twins", "--json")
    assert json.loads(out)["money_usd"]["in_doubt"] == "1.00"
    assert {send(shop, fast_simulator) for _ in range(2)} == set(ids)


def test_a_refusal_for_content_is_not_retried(told: Told, shop: Workshop, fast_simulator: Simulator) -> None:
    """It is said so, and nothing is queued."""
    shop.ledger.client.hincrby("wb:c:twins", "n:refused", 1)
    _, _, err = told("retry", "twins", "--failed")
    assert "1 were refused for their content: change the prompt" in err
    shop.ledger.client.hincrby("wb:c:twins", "n:refused", -1)


@pytest.mark.parametrize(
    ("words", "code", "said"),
    [
        (("reconcile", "nobody"), 2, "the ledger has no campaign 'nobody'"),
        (("retry", "nobody", "--failed"), 2, "the ledger has no campaign 'nobody'"),
        (("retry", "twins"), 2, "give --failed, or --unknown"),
        (("retry", "twins", "--failed", "--unknown"), 2, "give --failed, or --unknown"),
    ],
)
def test_what_cannot_be_done_is_told(words: tuple[str, ...], code: int, said: str, told: Told, shop: Workshop) -> None:
    """With the exit code of bad input."""
    ended, _, err = told(*words)
    assert (ended, said in err) == (code, True), err


def test_a_cancelled_campaign_is_resumed_first(told: Told, shop: Workshop) -> None:
    """Nothing is bought anew for a campaign that nobody wants."""
    assert told("cancel", "twins", "--yes")[0] == 0
    code, _, err = told("retry", "twins", "--failed")
    assert (code, "`wanbatch resume twins`" in err) == (4, True)


def test_a_machine_that_cannot_ask_says_so(told: Told, shop: Workshop, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without the simulator's address, or the key, there is no list to look at."""
    monkeypatch.delenv("WANBATCH_SIMULATOR_URL")
    code, _, err = told("reconcile", "twins")
    assert (code, "WANBATCH_SIMULATOR_URL" in err) == (4, True)
