"""A ledger rebuilt from the store alone: each trail on a job's shelf leads to one state, and the money comes back."""

import json
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
import redis

from jobs.errors import CampaignConflict, LedgerRefused, NewerVersion
from jobs.job import Job, Mode, PlanLine, Render
from jobs.lifecycle import Move, State
from jobs.record import JobRecord, Purchase
from ledger import recovery
from ledger.campaignfile import CampaignFile
from ledger.files import FileStore
from ledger.halt import halt
from ledger.jobs import Ledger
from ledger.lost import LostSends
from ledger.lots import Lot
from ledger.orders import Claim, Order
from ledger.shelf import Intent, Receipt, Shelf
from producer.recover import check_lost, recover
from tests.books import FREE, faults
from tests.services import Valkey

ACCOUNT = "simulated-segmind"
PRICE = 250_000
BEGAN = datetime(2026, 11, 21, 8, tzinfo=UTC)


def job(name: str) -> Job:
    """A job of that name."""
    return Job(
        job_id=name, variant_id=name, render=Render(mode=Mode.T2V, prompt=name), seed=1, seed_source="job",
        simulated=True, provider="segmind", account=ACCOUNT, price_uusd=PRICE, price_as_of="2026-11-01",
    )  # fmt: skip


@dataclass
class Ruin:
    """A store whose ledger is lost, and an empty Redis to rebuild it in."""

    valkey: Valkey
    shelf: Shelf
    folder: Path
    redis: Any

    def campaign(self, *names: str, name: str = "spring", **facts: Any) -> CampaignFile:
        """A campaign that asks for these jobs, submitted to a ledger that is gone."""
        plan = self.folder / "plan.jsonl"
        lines = [PlanLine(job=job(each), source_lines=(n,)) for n, each in enumerate(names, start=2)]
        plan.write_text("".join(line.model_dump_json() + "\n" for line in lines))
        sha256 = f"{name}-{len(names)}-{names[0]}"
        self.shelf.write_plan(name, plan, sha256)
        file = CampaignFile.model_validate(
            {
                "campaign": name, "simulated": True, "provider": "segmind", "account": ACCOUNT,
                "budget_usd": Decimal(10), "state": "running", "epoch": "lost", "submitted_by": "anna@desk",
                "created_at": BEGAN, "run_id": "run-1", "plan_sha256": sha256, "jobs": len(names),
                "source": "spring.csv", **facts,
            }
        )  # fmt: skip
        self.shelf.write_campaign(file)
        return file

    def intent(self, name: str, send: int = 1, account: str = ACCOUNT) -> None:
        """Somebody meant to buy it."""
        at = BEGAN + timedelta(minutes=send)
        self.shelf.write_intent(
            Intent(
                job_id=name, send=send, token=f"t{send}", account=account, epoch="lost", written_at=at,
                send_by=at + timedelta(seconds=10), worker="w/8",
            )
        )  # fmt: skip

    def answer(self, name: str, outcome: str, send: int = 1, **told: str) -> None:
        """A send with its definite answer."""
        self.intent(name, send)
        at = BEGAN + timedelta(minutes=send, seconds=1)
        receipt = {"job_id": name, "send": send, "token": f"t{send}", "answered_at": at, "outcome": outcome, **told}
        self.shelf.write_receipt(Receipt.model_validate(receipt))

    def end(self, name: str, status: str = "done", *, cost: str | None = "0.2", send: int = 1, **more: Any) -> None:
        """A record of a job that one task made, or failed to."""
        purchase = Purchase(
            send=send, task_id=f"task-{name}", request_id=None, account=ACCOUNT,
            submitted_at=BEGAN + timedelta(minutes=1),
            state="succeeded" if status == "done" else "failed", cost_usd=None if cost is None else Decimal(cost),
            cost_source="provider", price_as_of="2026-11-01",
        )  # fmt: skip
        self.answer(name, "accepted", send, task_id=f"task-{name}")
        self.shelf.write_record(
            JobRecord.model_validate(
                {
                    "tool_version": "0", "job_id": name, "status": status, "attempts": 1, "polls": 1,
                    "provider": "segmind", "account": ACCOUNT, "region": None, "purchases": (purchase,),
                    "task_id": purchase.task_id, "submitted_at": BEGAN, "completed_at": BEGAN, "stored_at": BEGAN,
                    "queue_wait_s": 0, "render_s": 1, **more,
                }
            )
        )  # fmt: skip

    def set_aside(self, name: str) -> None:
        """A person wants it bought anew."""
        record = self.shelf.record(name)
        assert record is not None
        self.shelf.set_aside(record)

    def rebuilt(self, *files: CampaignFile) -> Ledger:
        """The ledger after all of them were recovered."""
        ledger = Ledger.connect(self.valkey.url, store_url=self.shelf.store.url)
        recovery.begin(ledger)
        for file in files:
            recover(file, ledger, self.shelf)
        recovery.end(ledger)
        assert list(faults(self.redis)) == []
        # The rate of the lost ledger is given a moment; these tests need none.
        assert int(self.redis.hget(f"wb:a:{ACCOUNT}", "hold_ms")) > time.time() * 1000
        self.redis.hdel(f"wb:a:{ACCOUNT}", "hold_ms")
        return ledger

    def money(self, name: str = "spring") -> tuple[int, int, int]:
        """Reserved, in doubt and spent, in micro-USD."""
        held = self.redis.hmget(f"wb:c:{name}", "reserved", "doubt", "spent")
        return tuple(int(each or 0) for each in held)  # type: ignore[return-value]


@pytest.fixture
def ruin(valkey: Valkey, tmp_path: Path) -> Iterator[Ruin]:
    """An empty store and an empty Redis."""
    client = redis.Redis(port=valkey.port, decode_responses=True)
    yield Ruin(valkey, Shelf(FileStore(str(tmp_path / "store")), simulated=True), tmp_path, client)
    client.close()


Trail = Callable[[Ruin], None]


def both(first: Trail, second: Trail) -> Trail:
    """One after the other."""

    def lay(ruin: Ruin) -> None:
        first(ruin)
        second(ruin)

    return lay


#: What lies on a job's shelf, where the job stands by it, and the money that follows: reserved, in doubt, spent.
TRAILS: dict[str, tuple[Trail, State, tuple[int, int, int]]] = {
    "nothing": (lambda _: None, State.QUEUED, (0, 0, 0)),
    "a good record": (lambda ruin: ruin.end("a"), State.DONE, (0, 0, 200_000)),
    "a bad record": (lambda ruin: ruin.end("a", "failed", cost="0"), State.FAILED, (0, 0, 0)),
    "a bad record of unknown cost": (lambda ruin: ruin.end("a", "failed", cost=None), State.FAILED, (0, 0, PRICE)),
    "a refused record": (lambda ruin: ruin.end("a", "refused", cost="0"), State.REFUSED, (0, 0, 0)),
    "accepted": (lambda ruin: ruin.answer("a", "accepted", task_id="task-1"), State.RENDERING, (PRICE, 0, 0)),
    "no answer": (lambda ruin: ruin.intent("a"), State.UNKNOWN, (0, PRICE, 0)),
    "accepted at another account": (
        both(
            lambda ruin: ruin.intent("a", account="another"),
            lambda ruin: ruin.answer("a", "accepted", task_id="task-1"),
        ),
        State.UNKNOWN,
        (0, PRICE, 0),
    ),
    "throttled": (lambda ruin: ruin.answer("a", "rejected", kind="rate_limited"), State.QUEUED, (0, 0, 0)),
    "out of credit": (lambda ruin: ruin.answer("a", "rejected", kind="out_of_credit"), State.QUEUED, (0, 0, 0)),
    "not sent": (lambda ruin: ruin.answer("a", "not_sent"), State.QUEUED, (0, 0, 0)),
    "proved absent": (lambda ruin: ruin.answer("a", "absent"), State.QUEUED, (0, 0, 0)),
    "content refused": (lambda ruin: ruin.answer("a", "rejected", kind="content_refused"), State.REFUSED, (0, 0, 0)),
    "request refused": (lambda ruin: ruin.answer("a", "rejected", kind="bad_request"), State.FAILED, (0, 0, 0)),
    "throttled, then accepted": (
        both(
            lambda ruin: ruin.answer("a", "rejected", kind="rate_limited"),
            lambda ruin: ruin.answer("a", "accepted", 2, task_id="t2"),
        ),
        State.RENDERING,
        (PRICE, 0, 0),
    ),
    "failed, then no answer": (
        both(lambda ruin: ruin.answer("a", "accepted", task_id="task-1"), lambda ruin: ruin.intent("a", 2)),
        State.UNKNOWN,
        (0, PRICE, 0),
    ),
    "a bad record, set aside to be bought anew": (
        both(lambda ruin: ruin.end("a", "failed", cost="0.1"), lambda ruin: ruin.set_aside("a")),
        State.QUEUED,
        (0, 0, 100_000),
    ),
    "no answer, given up by a person, then throttled": (
        both(lambda ruin: ruin.intent("a"), lambda ruin: ruin.answer("a", "rejected", 2, kind="rate_limited")),
        State.QUEUED,
        (0, 0, 0),
    ),
    "a bad record, then bought anew": (
        both(
            lambda ruin: ruin.end("a", "failed", cost="0.1"),
            lambda ruin: ruin.answer("a", "accepted", 2, task_id="t2"),
        ),
        State.RENDERING,
        (PRICE, 0, 100_000),
    ),
}


@pytest.mark.parametrize("what", TRAILS)
def test_the_shelf_says_where_a_job_stands(ruin: Ruin, what: str) -> None:
    """Each trail has its state and its money."""
    lay, state, money = TRAILS[what]
    file = ruin.campaign("a", "b")
    lay(ruin)
    ledger = ruin.rebuilt(file)
    row = ledger.job("a")
    assert row["state"] == state
    assert ruin.money() == money
    ledger.close()


def test_the_purchases_come_back(ruin: Ruin) -> None:
    """A task that was bought again had failed unbilled; the last one is looked at, at once, under the new epoch."""
    file = ruin.campaign("a")
    ruin.answer("a", "accepted", task_id="first")
    ruin.answer("a", "accepted", 2, task_id="second")
    ledger = ruin.rebuilt(file)
    (due,) = ledger.lease(ACCOUNT, FREE, most=9, rings=9)
    assert (due.task_id, due.attempts, due.state) == ("second", 2, "rendering")
    assert due.fence.startswith(f"{ledger.epoch}:")
    bought = [Purchase.model_validate(each) for each in json.loads(due.purchases)]
    assert [(one.task_id, one.state, one.cost_usd) for one in bought] == [
        ("first", "failed", Decimal(0)),
        ("second", "rendering", None),
    ]
    assert ruin.redis.hgetall(f"wb:tasks:{ACCOUNT}") == {"first": "a", "second": "a"}
    assert ledger.job("a")["sends"] == "2"
    ledger.close()


def test_a_task_that_an_unanswered_send_followed_had_failed(ruin: Ruin) -> None:
    """It cost nothing and is closed, so that neither the record nor another recovery counts its price."""
    file = ruin.campaign("a")
    ruin.answer("a", "accepted", task_id="first")
    ruin.intent("a", 2)
    ledger = ruin.rebuilt(file)
    row = ledger.job("a")
    (bought,) = [Purchase.model_validate(each) for each in json.loads(row["purchases"])]
    assert (row["state"], bought.task_id, bought.state, bought.cost_usd) == ("unknown", "first", "failed", Decimal(0))
    ledger.close()


def test_an_unanswered_send_can_still_be_answered(ruin: Ruin) -> None:
    """It is among the sends that are looked for, with what a look needs, and is due now."""
    file = ruin.campaign("a")
    ruin.intent("a", 3)
    ledger = ruin.rebuilt(file)
    row = ledger.job("a")
    assert (row["sends"], row["token"]) == ("3", "t3")
    assert int(row["sent_ms"]) == int((BEGAN + timedelta(minutes=3)).timestamp() * 1000)
    assert ruin.redis.smembers(f"wb:sent:{ACCOUNT}") == {"a"}
    assert ruin.redis.zscore(f"wb:due:{ACCOUNT}", "a") <= time.time() * 1000
    ledger.close()


def test_sends_that_were_given_up_are_still_looked_for(ruin: Ruin, monkeypatch: pytest.MonkeyPatch) -> None:
    """A task may turn up for them after the job was bought anew, even if that has ended well; days later none will."""
    monkeypatch.setattr("producer.recover.WATCHED_FOR", datetime.now(UTC) - BEGAN + timedelta(hours=1))
    file = ruin.campaign("a", "b", "c")
    ruin.answer("a", "absent")
    ruin.answer("a", "accepted", 2, task_id="second")
    ruin.end("b", send=2)
    ruin.answer("b", "absent")
    ruin.answer("c", "rejected", kind="rate_limited")
    ledger = ruin.rebuilt(file)
    assert ledger.job("b")["state"] == State.DONE
    watched = {one.name: one for one in LostSends(ledger).watched(ACCOUNT)}
    assert set(watched) == {"a:1", "b:1"}
    assert watched["b:1"].sent_ms == int((BEGAN + timedelta(minutes=1)).timestamp() * 1000)
    assert Job.model_validate_json(watched["b:1"].job) == job("b")
    due = ledger.lease(ACCOUNT, FREE, most=9, rings=9)
    assert {each.state for each in due} == {"rendering", "freed"}
    ledger.close()
    monkeypatch.setattr("producer.recover.WATCHED_FOR", timedelta(days=1))
    ruin.redis.flushall()
    again = ruin.rebuilt(ruin.shelf.campaign("spring") or file)
    assert LostSends(again).watched(ACCOUNT) == []
    again.close()


def test_a_refusal_without_its_record_gets_one(ruin: Ruin) -> None:
    """The worker died between receipt and record: refused stays refused, also for those who read only the store."""
    file = ruin.campaign("a")
    ruin.answer("a", "rejected", kind="content_refused", message="no faces")
    ruin.rebuilt(file).close()
    record = ruin.shelf.record("a")
    assert record is not None
    assert record.error is not None
    assert (record.status, record.error.message) == ("refused", "no faces")


def test_budget_pause_and_cancel_come_back(ruin: Ruin) -> None:
    """The campaign is what it was: a paused one does not buy, a cancelled one has an empty queue."""
    paused = ruin.campaign("a", "b", state="paused")
    cancelled = ruin.campaign("c", "d", name="summer", state="cancelled")
    ruin.answer("d", "accepted", task_id="t")
    ledger = ruin.rebuilt(paused, cancelled)
    spring, summer = ledger.status("spring"), ledger.status("summer")
    assert spring is not None
    assert summer is not None
    assert (spring.budget_usd, spring.parked_kind, spring.submitted_by) == (Decimal(10), "paused", "anna@desk")
    assert spring.created_at == BEGAN
    assert (summer.states[State.CANCELLED], summer.states[State.RENDERING]) == (1, 1)
    assert ledger.claim(ACCOUNT, FREE, most=9, most_waiting=9) == []
    halt(ledger, "resume", "campaign", "spring")
    assert len(ledger.claim(ACCOUNT, FREE, most=9, most_waiting=9)) == 2
    ledger.close()


def test_only_ones_own_purchases_are_spent(ruin: Ruin) -> None:
    """A video that was there before, or that another campaign paid, costs this one nothing."""
    ruin.end("before")
    ruin.end("theirs", buyer="winter")
    ruin.end("ours", buyer="spring")
    file = ruin.campaign("before", "theirs", "ours", created_at=BEGAN + timedelta(hours=1))
    ruin.rebuilt(file).close()
    assert ruin.money() == (0, 0, 200_000)


def test_what_a_newer_plan_left_out_is_still_looked_after(ruin: Ruin) -> None:
    """A render of an older plan is collected; what was only wanted then is not bought."""
    ruin.campaign("a", "old", "older", "oldest")
    ruin.answer("old", "accepted", task_id="t")
    ruin.answer("older", "rejected", kind="rate_limited")
    ledger = ruin.rebuilt(ruin.campaign("a", "b"))
    states = {name: ledger.job(name).get("state") for name in ("a", "b", "old", "older", "oldest")}
    assert states == {"a": "queued", "b": "queued", "old": "rendering", "older": "cancelled", "oldest": None}
    ledger.close()


def test_two_campaigns_share_a_recovered_job(ruin: Ruin) -> None:
    """The first one buys it, the other waits for it."""
    first, second = ruin.campaign("a"), ruin.campaign("a", "b", name="summer")
    ruin.answer("a", "accepted", task_id="t")
    ruin.rebuilt(first, second).close()
    assert ruin.money("spring") == (PRICE, 0, 0)
    assert ruin.money("summer") == (0, 0, 0)
    assert ruin.redis.hget("wb:j:a", "campaigns") == "spring\nsummer"


def test_nothing_is_bought_until_it_is_done_and_a_second_one_finishes_it(ruin: Ruin) -> None:
    """A recovery that broke off leaves buying stopped; repeated, it counts nothing twice."""
    file = ruin.campaign("a", "b")
    ruin.end("a")
    ledger = Ledger.connect(ruin.valkey.url, store_url=ruin.shelf.store.url)
    recovery.begin(ledger)
    recover(file, ledger, ruin.shelf)
    epoch = ledger.epoch
    assert ledger.claim(ACCOUNT, FREE, most=9, most_waiting=9) == []
    status = ledger.status("spring")
    assert status is not None
    assert status.parked_kind == "recovering"
    again = ruin.rebuilt(file)
    assert again.epoch == epoch
    assert ruin.money() == (0, 0, 200_000)
    (claim,) = again.claim(ACCOUNT, FREE, most=9, most_waiting=9)
    assert claim.job_id == "b"
    assert again.send(claim, FREE, token="t", send=1)[:2] == ("go", "")
    again.close()
    ledger.close()


def test_whoever_worked_for_the_lost_ledger_matches_nothing(ruin: Ruin) -> None:
    """An old claim is stale, under the old epoch and under the new one; a living ledger object finds the new epoch."""
    old = Ledger.connect(ruin.valkey.url, store_url=ruin.shelf.store.url, found=True)
    file = ruin.campaign("a", epoch=old.epoch)
    old.open_campaign("spring", ACCOUNT, budget_uusd=None, facts={})
    old.enqueue("spring", [Lot(ACCOUNT, [("a", 0, PRICE, job("a").model_dump_json(), "queued")])])
    (claim,) = old.claim(ACCOUNT, FREE, most=1, most_waiting=9)
    ruin.redis.flushall()
    assert old.is_founded() is False
    assert "`wanbatch recover --all`" in old.strange
    new = ruin.rebuilt(file)
    assert new.epoch != old.epoch
    assert old.send(claim, FREE, token="t", send=1)[0] == "stop"
    with pytest.raises(redis.ResponseError, match="FOREIGN"):
        old.claim(ACCOUNT, FREE, most=1, most_waiting=9)
    assert old.is_founded() is True
    assert old.epoch == new.epoch
    assert old.send(claim, FREE, token="t", send=1)[:2] == ("stop", "the claim is gone")
    (fresh,) = old.claim(ACCOUNT, FREE, most=1, most_waiting=9)
    assert fresh != claim
    new.close()
    old.close()


def test_a_whole_ledger_is_not_recovered(ruin: Ruin) -> None:
    """What would only lose what the ledger knows better is refused."""
    file = ruin.campaign("a")
    ledger = ruin.rebuilt(file)
    mine = ruin.shelf.campaign("spring")
    assert mine is not None
    assert mine.epoch == ledger.epoch
    with pytest.raises(CampaignConflict, match="nothing to recover"):
        check_lost(mine, ledger)
    ledger.close()


def test_another_stores_ledger_is_not_recovered_into(ruin: Ruin) -> None:
    """One ledger, one store."""
    Ledger.connect(ruin.valkey.url, store_url="file:///elsewhere", found=True).close()
    ledger = Ledger(redis.Redis(port=ruin.valkey.port, decode_responses=True), epoch="", store_url="file:///here")
    with pytest.raises(LedgerRefused, match="file:///elsewhere"):
        recovery.begin(ledger)
    assert not recovery.under_way(ledger)
    ledger.close()


def test_what_a_newer_version_wrote_is_not_misread(ruin: Ruin) -> None:
    """Recovery stops with the reason, and buying stays stopped."""
    file = ruin.campaign("a")
    ruin.answer("a", "accepted", task_id="t")
    key = ruin.shelf.job_key("a", "receipt.1.json")
    newer = {**json.loads(ruin.shelf.store.get(key)), "version": 9, "sealed_with": "wax"}
    ruin.shelf.store.put(key, json.dumps(newer).encode())
    with pytest.raises(NewerVersion, match=r"Receipt \(version 9"):
        ruin.rebuilt(file)
    assert ruin.redis.hget("wb:meta", "recovering") == "1"


def test_an_ordinary_life_goes_on_after_a_recovery(ruin: Ruin) -> None:
    """The recovered render is finished, collected and settled, and its price becomes its cost."""
    file = ruin.campaign("a")
    ruin.answer("a", "accepted", task_id="t")
    ledger = ruin.rebuilt(file)
    (due,) = ledger.lease(ACCOUNT, FREE, most=9, rings=9)
    claim = Claim(due.job_id, due.fence)
    for move, to, more in (
        (Move.FINISH, State.READY, {"due_s": 9.0}),
        (Move.COLLECT, State.COLLECTING, {"due_s": 9.0}),
        (Move.SETTLE, State.DONE, {"cost_uusd": 210_000, "bad": False}),
    ):
        assert ledger.move(Order(move=move, to=to, claim=claim, **more)).ok
    assert ruin.money() == (0, 0, 210_000)
    assert list(faults(ruin.redis)) == []
    ledger.close()


def test_ten_thousand_jobs_are_back_in_well_under_a_minute(ruin: Ruin) -> None:
    """Four hundred of them here; the time a job takes is what is held to."""
    names = [f"job-{n}" for n in range(400)]
    file = ruin.campaign(*names)
    for name in names[:300]:
        ruin.answer(name, "accepted", task_id=f"task-{name}")
    began = time.monotonic()
    ruin.rebuilt(file).close()
    assert time.monotonic() - began < 2
