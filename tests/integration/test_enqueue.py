"""A plan on its way into the ledger: once is once, a newer plan changes what it changes, a name is one campaign's."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from jobs.errors import CampaignConflict
from jobs.job import Job
from jobs.lifecycle import State
from jobs.record import JobRecord
from ledger.files import FileStore
from ledger.gates import Limited, policy
from ledger.jobs import Ledger
from ledger.shelf import Shelf
from producer.counting import batched_rows, counted_of
from producer.enqueue import Submitted, submit
from producer.plan import Plan, PlanOptions, iter_plan, make_plan
from providers import registry
from tests.services import Valkey

Make = Callable[..., Plan]


@pytest.fixture
def shelf(tmp_path: Path) -> Shelf:
    """The simulated shelves of a store on disk."""
    return Shelf(FileStore(str(tmp_path / "store")), simulated=True)


@pytest.fixture
def ledger(valkey: Valkey, shelf: Shelf) -> Iterator[Ledger]:
    """A ledger founded for that store."""
    one = Ledger.connect(valkey.url, store_url=shelf.store.url, found=True)
    yield one
    one.close()


@pytest.fixture
def plan(tmp_path: Path) -> Make:
    """Plan a matrix of these prompts."""

    def make(prompts: Sequence[str], *, provider: str = "segmind", priority: int = 0, **options: Any) -> Plan:
        matrix = tmp_path / "spring.csv"
        matrix.write_text("prompt,priority\n" + "".join(f"{prompt},{priority}\n" for prompt in prompts))
        named: dict[str, Any] = {"simulated": True, "campaign": "spring", **options}
        chosen = PlanOptions(**named)
        return make_plan(
            matrix, options=chosen, provider=registry.provider(provider), facts=registry.facts(provider),
            bought=lambda _ids: set(), spool=tmp_path / "spool",
        )  # fmt: skip

    return make


def put(plan: Plan, ledger: Ledger, shelf: Shelf, budget: str | None = "100", *, again: bool = False) -> Submitted:
    """Submit it as ada."""
    usd = None if budget is None else Decimal(budget)
    return submit(plan, ledger=ledger, shelf=shelf, budget_usd=usd, submitted_by="ada", again=again)


def told(one: Submitted) -> tuple[int, int, int, int, int]:
    """The counts in their order."""
    return one.queued, one.known, one.joined, one.ended, one.withdrawn


def states(ledger: Ledger, name: str = "spring") -> dict[str, int]:
    """The campaign's jobs by state, without zeros."""
    status = ledger.status(name)
    assert status is not None
    return {state.value: count for state, count in status.states.items() if count}


def record(plan: Plan, place: int) -> JobRecord:
    """The end of one of the plan's jobs."""
    job = list(iter_plan(plan.path))[place].job
    return JobRecord(
        tool_version="1", job_id=job.job_id, status="done", attempts=1, polls=3, provider=job.provider,
        account=job.account, region=job.region, purchases=(), task_id="t", submitted_at=None, completed_at=None,
        stored_at=None, queue_wait_s=None, render_s=None,
    )  # fmt: skip


def test_a_plan_twice_queues_once(ledger: Ledger, shelf: Shelf, plan: Make) -> None:
    """The same command again finds all its jobs known, and buys nothing."""
    one = plan(["a", "b", "c"])
    first, second = put(one, ledger, shelf), put(one, ledger, shelf)
    assert told(first) == (3, 0, 0, 0, 0)
    assert told(second) == (0, 3, 0, 0, 0)
    assert (first.new_campaign, second.new_campaign) == (True, False)
    assert first.run_id != second.run_id
    assert states(ledger) == {"queued": 3}


def test_what_waits_is_fetched_from_where_the_newest_plan_has_it(ledger: Ledger, shelf: Shelf, plan: Make) -> None:
    """A job that nobody has claimed is sent as it was asked for last; one of another price, or claimed, as it was."""
    put(plan(["a", "b", "c"]), ledger, shelf)
    (claim,) = ledger.claim("simulated-segmind", policy(Limited(), longest_render_s=60), most=1, most_waiting=1)
    newer = plan(["a", "b", "c"], priority=3)
    put(newer, ledger, shelf)
    told = [Job.model_validate_json(ledger.job(line.job.job_id)["job"]).priority for line in iter_plan(newer.path)]
    assert (claim.job_id, told) == (next(iter_plan(newer.path)).job.job_id, [0, 3, 3])


def test_the_campaigns_facts_outlive_the_ledger(ledger: Ledger, shelf: Shelf, plan: Make) -> None:
    """Budget, owner, plan and jobs lie in the store: enough to rebuild the ledger from."""
    one = plan(["a", "b"])
    put(one, ledger, shelf, "12.5")
    facts = shelf.campaign("spring")
    assert facts is not None
    assert (facts.budget_usd, facts.epoch, facts.submitted_by) == (Decimal("12.5"), ledger.epoch, "ada")
    assert (facts.account, facts.jobs, facts.state) == ("simulated-segmind", 2, "running")
    with shelf.plan("spring", facts.plan_sha256) as kept:
        assert kept.read_bytes() == one.path.read_bytes()
    put(one, ledger, shelf, "20")
    again = shelf.campaign("spring")
    assert again is not None
    assert (again.budget_usd, again.created_at) == (Decimal(20), facts.created_at)


def test_what_has_a_record_is_never_queued(ledger: Ledger, shelf: Shelf, plan: Make) -> None:
    """Bought before, by whatever ledger: it is counted as ended."""
    one = plan(["a", "b", "c"])
    shelf.write_record(record(one, 1))
    assert told(put(one, ledger, shelf)) == (2, 0, 0, 1, 0)
    assert states(ledger) == {"queued": 2, "done": 1}


def test_a_newer_plan_withdraws_what_it_no_longer_asks_for(ledger: Ledger, shelf: Shelf, plan: Make) -> None:
    """Rows that went are withdrawn, rows that came are queued; the old plan asked for again brings its rows back."""
    put(plan(["a", "b", "c"]), ledger, shelf)
    assert told(put(plan(["a", "b", "d"]), ledger, shelf)) == (1, 2, 0, 0, 1)
    assert states(ledger) == {"queued": 3, "cancelled": 1}
    assert told(put(plan(["a", "b", "c"]), ledger, shelf)) == (1, 2, 0, 0, 1)


def test_another_campaign_joins_what_is_being_bought(ledger: Ledger, shelf: Shelf, plan: Make) -> None:
    """The same video in two campaigns is one purchase."""
    put(plan(["a", "b"]), ledger, shelf)
    assert told(put(plan(["b", "c"], campaign="summer"), ledger, shelf)) == (1, 0, 1, 0, 0)
    assert states(ledger, "summer") == {"queued": 2}


def test_a_name_in_use_for_something_else_is_refused(ledger: Ledger, shelf: Shelf, plan: Make) -> None:
    """A plan that shares under half of its jobs is another campaign: refused with who, when and from which file."""
    put(plan(["a", "b", "c", "d"]), ledger, shelf)
    with pytest.raises(
        CampaignConflict, match=r"in use: ada submitted 4 jobs from .*spring.csv on .* shares 1 of them"
    ):
        put(plan(["d", "e", "f"]), ledger, shelf)
    assert states(ledger) == {"queued": 4}


def test_a_file_that_is_read_again_may_change_as_it_likes(ledger: Ledger, shelf: Shelf, plan: Make) -> None:
    """Where the caller knows that the name is its own, the same file is the same campaign, and another one is not."""
    put(plan(["a", "b", "c", "d"]), ledger, shelf)
    changed = plan(["d", "e", "f"])
    with pytest.raises(CampaignConflict, match="shares 1 of them"):
        put(replace(changed, source="elsewhere.csv"), ledger, shelf, again=True)
    assert told(put(changed, ledger, shelf, again=True)) == (2, 1, 0, 0, 3)


def test_a_key_tells_the_campaign_apart(ledger: Ledger, shelf: Shelf, plan: Make) -> None:
    """However much of it has changed, what its key knows again is the same campaign; what it does not know is not."""
    put(plan(["a", "b", "c", "d"]), ledger, shelf)
    with pytest.raises(CampaignConflict, match="shares 1 of them"):
        put(replace(plan(["d", "e", "f"]), key=("prompt",)), ledger, shelf)
    assert told(put(replace(plan(["e", "f"]), key=("priority",)), ledger, shelf)) == (2, 0, 0, 0, 4)


def test_a_plan_that_only_grew_or_shrank_is_the_same_campaign(ledger: Ledger, shelf: Shelf, plan: Make) -> None:
    """A matrix that became much longer, or much shorter, still shares its jobs."""
    put(plan(["a"]), ledger, shelf)
    put(plan(["a", "b", "c", "d", "e"]), ledger, shelf)
    assert told(put(plan(["e"]), ledger, shelf)) == (0, 1, 0, 0, 4)


def test_the_other_worlds_name_is_refused(ledger: Ledger, shelf: Shelf, plan: Make) -> None:
    """A rehearsal and the real thing never share a campaign."""
    put(plan(["a"]), ledger, shelf)
    real = plan(["a"], simulated=False)
    with pytest.raises(CampaignConflict, match=r"in use for simulated work, from .*spring.csv by ada"):
        put(real, ledger, shelf.other_world())


def test_another_ledgers_campaign_is_refused(ledger: Ledger, shelf: Shelf, plan: Make, valkey: Valkey) -> None:
    """Two ledgers over one store would buy twice; when every job has ended, there is nothing left to buy."""
    one = plan(["a", "b"])
    put(one, ledger, shelf)
    with valkey.client() as client:
        client.flushall()
    other = Ledger.connect(valkey.url, store_url=shelf.store.url, found=True)
    with pytest.raises(CampaignConflict, match="belongs to another ledger, where ada runs it"):
        put(one, other, shelf)
    for place in range(2):
        shelf.write_record(record(one, place))
    assert told(put(one, other, Shelf(shelf.store, simulated=True))) == (0, 0, 0, 2, 0)
    other.close()


def test_another_account_is_refused_while_jobs_are_under_way(ledger: Ledger, shelf: Shelf, plan: Make) -> None:
    """Jobs queued at one provider are not mixed into the queue of another one."""
    put(plan(["a", "b"]), ledger, shelf)
    elsewhere = plan(["a", "b"], provider="dashscope")
    with pytest.raises(CampaignConflict, match=r"buys at simulated-segmind.* 2 of its jobs have not ended"):
        put(elsewhere, ledger, shelf)
    assert ledger.withdraw("spring", [line.job.job_id for line in iter_plan(elsewhere.path)]) == 2
    assert told(put(elsewhere, ledger, shelf)) == (2, 0, 0, 0, 0)
    assert ledger.counts("simulated-dashscope")["queued"] == 2
    status = ledger.status("spring")
    assert status is not None
    assert status.account == "simulated-dashscope"


def test_batches_hold_the_plans_own_text(ledger: Ledger, shelf: Shelf, plan: Make) -> None:
    """A job goes into the ledger as the plan wrote it; a priority goes before every place in the matrix."""
    one = plan([f"p{n}" for n in range(1201)], priority=2)
    put(one, ledger, shelf)
    file = shelf.campaign("spring")
    assert file is not None
    batches = list(batched_rows(one.path, counted_of(file, shelf)))
    assert [len(batch) for batch in batches] == [500, 500, 201]
    line = next(iter_plan(one.path))
    job_id, seq, price_uusd, text, budgets, account, lane = batches[0][0]
    assert budgets == ""
    assert (job_id, price_uusd, account, lane) == (line.job.job_id, 625_000, "simulated-segmind", "")
    assert seq == -20_000_000
    assert line.job.model_validate_json(text) == line.job


def test_a_paused_campaign_stays_paused(ledger: Ledger, shelf: Shelf, plan: Make) -> None:
    """Submitting again does not resume what a person stopped."""
    one = plan(["a"])
    put(one, ledger, shelf)
    facts = shelf.campaign("spring")
    assert facts is not None
    shelf.write_campaign(facts.model_copy(update={"state": "paused"}))
    put(one, ledger, shelf)
    kept = shelf.campaign("spring")
    assert kept is not None
    assert kept.state == "paused"
    assert states(ledger) == {State.QUEUED: 1}
