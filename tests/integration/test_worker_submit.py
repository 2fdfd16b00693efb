"""The step that buys, against a real ledger, store and simulator: whatever goes wrong, nothing is bought twice."""

import json
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from math import inf
from pathlib import Path

import pytest

from jobs.errors import StoreRefused
from jobs.identity import send_mark
from jobs.job import Job
from jobs.lifecycle import Move, State
from jobs.messages import SUBMIT, VERSION
from jobs.outcome import Done, Retry, Stop, Unknown, Wait
from ledger.lost import LostSends, Watched
from ledger.orders import Claim, Order
from ledger.shelf import Intent
from providers.contract import Answer, Call
from tests.books import Rate, gates
from tests.lost import foreign_intent
from tests.services import Simulator, free_ports
from tests.workbench import CAMPAIGN, Workbench
from worker import pump, tasks, wire
from worker import submit as submitting
from worker.posting import NoAnswer, NotSent, Posting
from worker.submit import submit
from worker.wire import Wire


def meet(work: Workbench, then: str, *, on: str = "submit", times: int = 1, retry_after_s: float | None = None) -> None:
    """Put a fault in the simulator's line."""
    body = {"on": on, "then": then, "times": times, "retry_after_s": retry_after_s}
    work.simulator.tell("/_simulator/next", body)


def answer_with(work: Workbench, monkeypatch: pytest.MonkeyPatch, answer: Answer | NoAnswer) -> list[Call]:
    """Let the next POSTs meet this answer instead of the wire; answers what was sent."""
    sent: list[Call] = []

    class Said(Posting):
        def __init__(self, call: Call) -> None:
            self._call = call

        def close(self) -> None:
            """No connection was made."""

        def is_open(self) -> bool:
            return True

        def send(self, *, not_after: float = inf) -> Answer | NoAnswer | NotSent:
            if time.monotonic() > not_after:
                return NotSent("too late")
            sent.append(self._call)
            return answer

    monkeypatch.setattr(Wire, "ready", lambda _, call: Said(call))
    return sent


def refusing(status: int, message: str) -> Answer:
    """A definite no in Segmind's dialect."""
    return Answer(status, {"content-type": "application/json"}, json.dumps({"error": message}).encode())


def break_store(work: Workbench) -> None:
    """Put a file where the store's folder is: nothing can be written there any more."""
    root = Path(work.shop.store.url.removeprefix("file://"))
    if root.exists():
        root.rename(root.with_name("store-away"))
    root.write_text("in the way")


def mend_store(work: Workbench) -> None:
    """Take the file away again."""
    root = Path(work.shop.store.url.removeprefix("file://"))
    root.unlink()
    if root.with_name("store-away").exists():
        root.with_name("store-away").rename(root)


def test_an_accepted_submit_is_written_down_three_times(work: Workbench) -> None:
    """The intent before, the ledger after, then the receipt; the money is reserved and the next look is set."""
    (job,) = work.order()
    claim, outcome = work.submit()
    assert outcome == Done()
    row, (purchase,) = work.row(job.job_id), work.bought(job)
    assert (row["state"], row["task"], row["attempts"], row["sends"]) == ("rendering", purchase["task_id"], "1", "1")
    assert "owed" not in row
    intent = Intent.model_validate_json(work.shop.store.get(work.shelf.job_key(job.job_id, "intent.1.json")))
    receipt = work.shelf.receipt(job.job_id, 1)
    assert receipt is not None
    assert (receipt.outcome, receipt.task_id, receipt.token) == ("accepted", purchase["task_id"], intent.token)
    assert (intent.epoch, intent.account) == (work.ledger.epoch, work.account)
    assert intent.written_at < intent.send_by
    assert work.money() == (job.price_uusd, 0, 0)
    assert work.buy(claim) == Stop("the claim is gone"), "a doubled doorbell does nothing"
    assert len(work.bought(job)) == 1


def test_a_bad_request_is_the_end(work: Workbench) -> None:
    """What the provider does not sell ends as failed, with its words, and costs nothing."""
    (job,) = work.order(aspect_ratio="1:1")
    _, outcome = work.submit()
    assert outcome == Done()
    record = work.record(job.job_id)
    assert (work.state(job.job_id), record.status, record.attempts, record.purchases) == ("failed", "failed", 1, ())
    assert record.error is not None
    assert record.error.kind == "bad_request"
    assert "Invalid value for size" in record.error.message
    assert work.receipt(job.job_id) == "rejected"
    assert work.money() == (0, 0, 0)
    assert work.bought(job) == []


def test_a_refused_prompt_is_the_end(work: Workbench, monkeypatch: pytest.MonkeyPatch) -> None:
    """A content refusal ends as refused and is never sent again by itself."""
    (job,) = work.order()
    sent = answer_with(work, monkeypatch, refusing(422, "the prompt was flagged by moderation"))
    work.submit()
    record = work.record(job.job_id)
    assert (work.state(job.job_id), record.status) == ("refused", "refused")
    assert record.error is not None
    assert record.error.kind == "content_refused"
    assert len(sent) == 1
    assert work.ledger.claim(work.account, work.counter.policy, most=5, most_waiting=9) == []


@pytest.mark.parametrize("retry_after_s", [None, 1200.0])
def test_a_429_holds_the_account_and_spends_no_attempt(work: Workbench, retry_after_s: float | None) -> None:
    """With Retry-After for so long in the provider's time, without for as long as its reset says; then it goes on."""
    (job,) = work.order()
    meet(work, "429", retry_after_s=retry_after_s)
    _, outcome = work.submit()
    assert isinstance(outcome, Wait)
    row = work.row(job.job_id)
    assert (row["state"], row.get("attempts", "0"), row["sends"]) == ("queued", "0", "1")
    assert work.receipt(job.job_id) == "rejected"
    held = work.redis.hgetall(f"wb:a:{work.account}")
    assert held["factor"] == "0.5"
    assert "parked_kind" not in held
    if retry_after_s is not None:
        seconds, micros = work.redis.time()
        left_s = int(held["hold_ms"]) / 1000 - seconds - micros / 1e6
        assert 1 < left_s <= 2, "1,200 seconds of the provider's time are two of ours"
        assert work.ledger.claim(work.account, work.counter.policy, most=1, most_waiting=9) == []
    work.redis.hdel(f"wb:a:{work.account}", "hold_ms")
    _, outcome = work.submit()
    assert outcome == Done()
    assert work.row(job.job_id)["attempts"] == "1"
    assert len(work.bought(job)) == 1


@pytest.mark.parametrize(("account", "a_minute"), [("simulated-segmind", "5"), ("simulated-toapis", "30")])
def test_a_smaller_plan_is_learned_from_the_first_answer(
    open_worker: Callable[..., Workbench], simulator: Callable[..., Simulator], account: str, a_minute: str
) -> None:
    """The headers tell what is left of the window: the gate goes by it from then on."""
    work = open_worker(simulator("--submits-per-minute", a_minute), account)
    work.order()
    work.submit()
    assert work.redis.hget(f"wb:a:{account}", "told") == a_minute


def test_an_empty_account_parks_and_fails_no_job(
    open_worker: Callable[..., Workbench], simulator: Callable[..., Simulator]
) -> None:
    """Out of credit stops buying with a sentence for a person; the job is still there to be bought."""
    work = open_worker(simulator("--speed", "600", "--balance-usd", "0.1"))
    (job,) = work.order()
    work.submit()
    assert work.state(job.job_id) == "queued"
    told = work.ledger.status(CAMPAIGN)
    assert told is not None
    assert told.parked_kind == "out_of_credit"
    assert told.parked is not None
    assert "Insufficient credits" in told.parked
    assert "add credits" in told.parked
    assert work.money() == (0, 0, 0)


def test_a_refused_key_parks_and_fails_no_job(work: Workbench) -> None:
    """A wrong key is a matter of the account: nothing is bought with it until a person acts."""
    (job,) = work.order()
    work.at(key="stolen")
    work.submit()
    assert work.state(job.job_id) == "queued"
    told = work.ledger.status(CAMPAIGN)
    assert told is not None
    assert told.parked_kind == "key_refused"
    assert "stolen" not in str(told.parked)


@pytest.mark.parametrize(
    "then", ["cut_after", "reset_after", "504_after", "html", "truncated", "garbage", "hang_after"]
)
def test_a_lost_answer_is_held_unknown(work: Workbench, monkeypatch: pytest.MonkeyPatch, then: str) -> None:
    """It was bought, but nobody was told: the money is in doubt, the slot held, and nobody buys it again."""
    monkeypatch.setattr(wire, "POST_TIMEOUT_S", 0.5)
    work.shop.wire = Wire()
    (job,) = work.order()
    meet(work, then)
    _, outcome = work.submit()
    assert isinstance(outcome, Unknown)
    row = work.row(job.job_id)
    (purchase,) = json.loads(row["purchases"])
    assert (row["state"], purchase["state"], purchase["task_id"], purchase["cost_usd"]) == (
        "unknown", "unknown", None, None,
    )  # fmt: skip
    assert row["trouble"] == outcome.reason
    assert work.receipt(job.job_id) is None
    assert work.money() == (0, job.price_uusd, 0)
    assert len(work.bought(job)) == 1
    assert work.ledger.claim(work.account, work.counter.policy, most=1, most_waiting=9) == []
    assert work.redis.smembers(f"wb:slots:{work.account}") == {job.job_id}


@pytest.mark.parametrize("then", ["500", "503"])
def test_a_5xx_is_no_proof_that_nothing_was_bought(work: Workbench, then: str) -> None:
    """A server that is in trouble may have taken the order: held unknown, though here it was not bought."""
    (job,) = work.order()
    meet(work, then)
    work.submit()
    assert work.state(job.job_id) == "unknown"
    assert work.bought(job) == []


def test_an_unreachable_provider_was_sent_nothing(work: Workbench) -> None:
    """The job goes back, the account waits, and no attempt is spent."""
    (job,) = work.order()
    (port,) = free_ports(1)
    work.at(base_url=f"http://127.0.0.1:{port}")
    _, outcome = work.submit()
    assert isinstance(outcome, Retry)
    assert "cannot be reached" in outcome.reason
    row = work.row(job.job_id)
    assert (row["state"], row.get("attempts", "0")) == ("queued", "0")
    assert work.receipt(job.job_id) == "not_sent"
    assert work.money() == (0, 0, 0)
    assert work.ledger.claim(work.account, work.counter.policy, most=1, most_waiting=9) == []


def test_a_worker_that_was_held_up_sends_nothing(work: Workbench, monkeypatch: pytest.MonkeyPatch) -> None:
    """Past the time in its intent the POST may not leave any more."""
    (job,) = work.order()
    sent = answer_with(work, monkeypatch, NoAnswer("must not be sent"))
    monkeypatch.setattr(submitting, "SEND_WITHIN_S", -1.0)
    _, outcome = work.submit()
    assert isinstance(outcome, Retry)
    assert sent == []
    assert (work.state(job.job_id), work.receipt(job.job_id)) == ("queued", "not_sent")


def bought_elsewhere(work: Workbench, job: Job) -> str:
    """Another ledger over the same store has bought the job's first send; answers its task."""
    account = work.counter.account
    theirs = work.shop.wire.post(account.provider.submit_call(job, account.endpoint, "another:1"))
    assert isinstance(theirs, Answer)
    task = str(theirs.fields()["request_id"])
    foreign_intent(work, job.job_id, outcome="accepted", task_id=task)
    return task


def test_another_ledgers_intent_is_never_bought_over(work: Workbench, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without a receipt nobody knows whether the other one bought: no POST, and the money is held."""
    (job,) = work.order()
    foreign_intent(work, job.job_id)
    sent = answer_with(work, monkeypatch, NoAnswer("must not be sent"))
    _, outcome = work.submit()
    assert isinstance(outcome, Unknown)
    assert sent == []
    assert (work.state(job.job_id), work.row(job.job_id)["token"]) == ("unknown", "theirs")
    assert work.receipt(job.job_id) is None


def test_another_store_at_the_same_account_buys_its_own(
    fast_simulator: Simulator, open_worker: Callable[..., Workbench]
) -> None:
    """The same first send of the same job, out of another store: its key is another one, and so is the task."""
    work = open_worker(fast_simulator, "simulated-apimart")
    (job,) = work.order()
    account = work.counter.account
    mark = send_mark(job.job_id, 1, "theirs")
    theirs = work.shop.wire.post(account.provider.submit_call(job, account.endpoint, mark))
    assert isinstance(theirs, Answer)
    assert work.submit()[1] == Done()
    assert work.row(job.job_id)["task"] != theirs.fields()["data"]["id"]
    assert len(work.bought(job)) == 2


def test_another_ledgers_purchase_is_adopted(work: Workbench) -> None:
    """Its receipt names the task: the video is followed to its end, and bought once."""
    (job,) = work.order()
    task = bought_elsewhere(work, job)
    _, outcome = work.submit()
    assert outcome == Done()
    assert (work.state(job.job_id), work.row(job.job_id)["task"]) == ("rendering", task)
    assert len(work.bought(job)) == 1
    work.watch(job.job_id)
    assert work.collect(job.job_id) == Done()


def claim_in_vain(work: Workbench) -> None:
    """A claim that ends before its intent, as under a worker that is killed in between."""
    assert work.shop.ledger.move(Order(move=Move.RELEASE, to=State.QUEUED, claim=work.claim())).ok


def test_a_claim_that_meant_nothing_hides_no_purchase_of_another_ledger(work: Workbench) -> None:
    """This ledger has counted a send that it never meant; the other one's first send is followed, not bought over."""
    (job,) = work.order()
    claim_in_vain(work)
    task = bought_elsewhere(work, job)
    _, outcome = work.submit()
    assert outcome == Done()
    assert (work.state(job.job_id), work.row(job.job_id)["task"]) == ("rendering", task)
    assert work.row(job.job_id)["sends"] == "1"
    assert len(work.bought(job)) == 1


def test_a_number_that_nobody_used_is_given_up_before_the_next_one_buys(work: Workbench) -> None:
    """Another ledger that counts from one finds that number taken, and looks on."""
    (job,) = work.order()
    claim_in_vain(work)
    assert work.submit()[1] == Done()
    assert work.row(job.job_id)["sends"] == "2"
    gap = work.shelf.receipt(job.job_id, 1)
    assert gap is not None
    assert (gap.outcome, work.shelf.intent(job.job_id, 1) is not None) == ("not_sent", True)


def test_an_earlier_send_of_another_ledger_is_waited_for(work: Workbench, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its receipt is missing, and this ledger has a higher number: nobody knows yet, so no POST leaves."""
    (job,) = work.order()
    claim_in_vain(work)
    foreign_intent(work, job.job_id)
    sent = answer_with(work, monkeypatch, NoAnswer("must not be sent"))
    assert isinstance(work.submit()[1], Unknown)
    assert sent == []
    assert (work.state(job.job_id), work.row(job.job_id)["token"]) == ("unknown", "theirs")


def test_a_person_may_go_on_after_another_ledgers_send(work: Workbench) -> None:
    """Whoever buys a followed send anew has decided: it is not waited for again."""
    (job,) = work.order()
    foreign_intent(work, job.job_id)
    assert isinstance(work.submit()[1], Unknown)
    row = work.row(job.job_id)
    watched = Watched(job.job_id, 1, int(row["sent_ms"]), row["token"], row["job"], doubt_uusd=job.price_uusd)
    again = LostSends(work.shop.ledger).retry(
        job.job_id, State.UNKNOWN, job=row["job"], purchases="[]", revision=1, sends=1, watch=watched
    )
    assert again
    assert work.submit()[1] == Done()
    assert (work.row(job.job_id)["sends"], len(work.bought(job))) == ("2", 1)


def test_two_threads_never_hold_one_claim(work: Workbench) -> None:
    """A doorbell that was doubled is answered by many threads at once: one buys, the others find the claim gone."""
    (job,) = work.order()
    claim = work.claim()
    with ThreadPoolExecutor(8) as pool:
        outcomes = list(pool.map(lambda _: work.buy(claim), range(8)))
    assert sorted(map(str, outcomes)) == sorted(map(str, [Done(), *[Stop("the claim is gone")] * 7]))
    assert (work.state(job.job_id), work.receipt(job.job_id), len(work.bought(job))) == ("rendering", "accepted", 1)
    assert work.shop.held.now() == []


def test_another_ledgers_refusal_frees_the_job(work: Workbench) -> None:
    """Its receipt says that nothing was bought: the next send is this ledger's own."""
    (job,) = work.order()
    foreign_intent(work, job.job_id, outcome="rejected", kind="rate_limited")
    _, outcome = work.submit()
    assert isinstance(outcome, Retry)
    assert work.state(job.job_id) == "queued"
    _, outcome = work.submit()
    assert outcome == Done()
    assert (work.row(job.job_id)["sends"], len(work.bought(job))) == ("2", 1)


def ring(work: Workbench, claim: Claim, version: int = VERSION) -> None:
    """The doorbell as the Celery task answers it."""
    tasks.answer(SUBMIT, submit, [claim.job_id], [claim.fence], version, work.shop)


def test_nothing_is_bought_while_the_store_is_away(work: Workbench, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without a durable intent no POST leaves; the claim comes back by its lease and is bought later."""
    (job,) = work.order()
    sent = answer_with(work, monkeypatch, NoAnswer("must not be sent"))
    break_store(work)
    ring(work, work.claim())
    assert sent == []
    assert work.state(job.job_id) == "claimed"
    assert not work.shop.store_is_well()
    assert work.shop.held.now() == []
    mend_store(work)
    monkeypatch.undo()
    work.redis.zadd(f"wb:due:{work.account}", {job.job_id: 1})
    work.ledger.lease(work.account, work.counter.policy, most=9, rings=9)
    _, outcome = work.submit()
    assert outcome == Done()
    assert len(work.bought(job)) == 1


def breaking(work: Workbench, monkeypatch: pytest.MonkeyPatch, answer: Answer | None = None) -> None:
    """Let the store break while the POST is on the wire."""
    real = Posting.send

    def send(one: Posting, **within: float) -> object:
        answered = real(one, **within)
        if isinstance(answered, NotSent):
            return answered
        break_store(work)
        return answer or answered

    monkeypatch.setattr(Posting, "send", send)


def test_a_receipt_that_cannot_be_written_is_owed(work: Workbench, monkeypatch: pytest.MonkeyPatch) -> None:
    """The purchase is in the ledger first; the pump pays the receipt when the store is back."""
    (job,) = work.order()
    breaking(work, monkeypatch)
    ring(work, work.claim())
    row = work.row(job.job_id)
    assert row["state"] == "rendering"
    assert row["owed"]
    mend_store(work)
    pump._pay(work.lease(job.job_id), work.shop, work.counter)
    work.deliver()
    assert work.receipt(job.job_id) == "accepted"
    assert "owed" not in work.row(job.job_id)


@pytest.mark.parametrize("status", [400, 402, 422, 429])
def test_a_definite_no_is_never_in_doubt(work: Workbench, monkeypatch: pytest.MonkeyPatch, status: int) -> None:
    """Though the store breaks while the answer comes: nothing was bought, so the job is free and no money is held."""
    (job,) = work.order()
    breaking(work, monkeypatch, refusing(status, "no: flagged by moderation" if status == 422 else "no"))
    claim = work.claim()
    with pytest.raises(StoreRefused):
        work.buy(claim)
    mend_store(work)
    assert work.state(job.job_id) == "queued"
    assert work.money() == (0, 0, 0)


def test_a_worker_serves_only_its_own_accounts(work: Workbench) -> None:
    """A claim of an account that this worker has no key for goes back at once."""
    (job,) = work.order()
    claim = work.claim()
    del work.shop.counters[work.account]
    assert work.buy(claim) == Stop(f"this worker does not serve the account {work.account}")
    assert work.state(job.job_id) == "queued"


def test_waiting_for_a_token_gives_the_claim_back_when_the_worker_leaves(work: Workbench) -> None:
    """A worker that was told to go does not wait out its turn, and nothing is sent."""
    first, second = work.order(count=2)
    slow = gates(submits=[Rate(1, 5)])
    work.shop.counters[work.account] = replace(work.counter, policy=slow)
    work.submit()
    assert work.state(first.job_id) == "rendering"
    work.shop.stopping.set()
    _, outcome = work.submit()
    assert isinstance(outcome, Wait)
    assert work.state(second.job_id) == "queued"
    assert (work.receipt(second.job_id), work.bought(second)) == ("not_sent", [])


def test_a_newer_doorbell_is_left_to_newer_workers(work: Workbench, caplog: pytest.LogCaptureFixture) -> None:
    """What this version may misunderstand it does not touch."""
    (job,) = work.order()
    ring(work, work.claim(), VERSION + 1)
    assert work.state(job.job_id) == "claimed"
    assert "newer" in caplog.text
