"""From a plan to the ledger: the campaign's lasting facts first, then its jobs. A second time changes nothing."""

import secrets
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path, PurePath

from redis.exceptions import RedisError

from jobs.errors import CampaignConflict, LedgerLost, ObjectNotFound
from jobs.lifecycle import State
from jobs.money import to_uusd
from ledger.campaignfile import CampaignFile
from ledger.halt import halt
from ledger.jobs import Ledger
from ledger.lots import Lot
from ledger.objects import ObjectStore
from ledger.shares import adjust, read_share, write_share
from ledger.shelf import Shelf, plan_ids
from producer.budgets import keep
from producer.counting import BATCH, RowBudgets, batched_rows, counted_of
from producer.keep import keep_media
from producer.known import keep_known, known_again
from producer.plan import Plan

#: A plan that shares less of its jobs, or of what its key knows again, with what was before is another campaign.
LEAST_SHARED = 0.5


@dataclass(frozen=True, slots=True)
class Submitted:
    """What became of a plan's jobs: `queued` are to be bought, `known` were in this campaign, `joined` are bought by
    another one, `ended` had their record, `withdrawn` left the queue because this plan no longer asks for them.
    """

    run_id: str
    new_campaign: bool
    queued: int
    known: int
    joined: int
    ended: int
    withdrawn: int


def submit(
    plan: Plan, *, ledger: Ledger, shelf: Shelf, budget_usd: Decimal | None, submitted_by: str, again: bool = False
) -> Submitted:
    """Queue every job of the plan that nobody has bought.

    Raises CampaignConflict when the name belongs to another plan (`again`: of another file), world, or ledger.
    """
    before = shelf.campaign(plan.campaign)
    old_ids = _check_name(plan, before, ledger, shelf, again=again)
    keep(shelf, ledger)
    keep_media(plan, shelf)
    run_id = f"{datetime.now(UTC):%Y%m%dT%H%M%S}-{secrets.token_hex(3)}"
    if plan.key:
        keep_known(shelf, plan.campaign, plan.path, plan.key)
    shelf.write_plan(plan.campaign, plan.path, plan.sha256)
    facts = CampaignFile(
        campaign=plan.campaign,
        simulated=plan.simulated,
        provider=plan.provider,
        account=plan.account,
        budget_usd=budget_usd,
        state="running",
        epoch=ledger.epoch,
        submitted_by=submitted_by,
        created_at=datetime.now(UTC),
        run_id=run_id,
        plan_sha256=plan.sha256,
        jobs=plan.variants,
        source=plan.source,
        axes=tuple(plan.axes),
        labels=plan.labels,
        campaign_labels=dict(plan.campaign_labels),
        accounts=plan.accounts if len(plan.accounts) > 1 else (),
    )
    facts = facts.model_copy(update=_deadline(plan, before))
    if before is None and not shelf.found_campaign(facts):
        # Somebody else submitted under this name in the same moment: what holds for a known campaign holds now.
        before = shelf.campaign(plan.campaign)
        old_ids = _check_name(plan, before, ledger, shelf, again=again)
    if before is not None:
        facts = facts.model_copy(update={"state": before.state, "created_at": before.created_at})
        shelf.write_campaign(facts)
    counted = counted_of(facts, shelf)
    fresh = open_campaign(facts, counted, ledger)
    if counted_of(facts, shelf).keys != counted.keys:
        # Somebody set a budget in this moment: either they see the campaign, or it sees the budget.
        counted = counted_of(facts, shelf)
        open_campaign(facts, counted, ledger)
    if fresh and facts.state == "paused":
        halt(ledger, "pause", "campaign", plan.campaign)
    _share(plan, ledger, shelf, fresh=fresh)
    letters = enqueue_plan(plan.path, facts, counted, ledger, shelf)
    withdrawn = _withdraw(plan, old_ids, ledger)
    return Submitted(run_id, fresh, letters["n"] + letters["r"], letters["k"], letters["j"], letters["e"], withdrawn)


def _share(plan: Plan, ledger: Ledger, shelf: Shelf, *, fresh: bool) -> None:
    """Give the campaign the share that the plan asks for, or to a new ledger the one that the store remembers."""
    asks = plan.weight is not None or plan.priority is not None
    if asks or fresh:
        share = read_share(shelf, plan.campaign).with_(plan.weight, plan.priority)
        adjust(ledger, plan.campaign, weight=share.weight, priority=share.priority)
        if asks:
            write_share(shelf, plan.campaign, share)


def open_campaign(file: CampaignFile, counted: RowBudgets, ledger: Ledger, **more: str) -> bool:
    """Tell the ledger a campaign's facts, and more of its fields; True when it is new there."""
    facts = {
        "provider": file.provider,
        "simulated": "1" if file.simulated else "0",
        "run_id": file.run_id,
        "submitted_by": file.submitted_by,
    }
    if file.accounts:
        facts["accounts"] = "\n".join(file.accounts)
    if file.deadline is not None:
        facts["deadline"] = str(int(file.deadline.timestamp() * 1000))
    budget_uusd = None if file.budget_usd is None else to_uusd(file.budget_usd)
    told = {**facts, **dict(counted.facts()), **more}
    return ledger.open_campaign(file.campaign, file.account, budget_uusd=budget_uusd, facts=told)


def _deadline(plan: Plan, before: CampaignFile | None) -> dict[str, object]:
    """By when it should be done. The same command given again keeps the instant, until that has passed."""
    if plan.deadline is None:
        return {"deadline": None, "deadline_said": None}
    now, said = datetime.now(UTC), plan.deadline.said
    instant = plan.deadline.instant(now, plan.speed)
    again = before is not None and (before.plan_sha256, before.deadline_said) == (plan.sha256, said)
    if before is not None and again and before.deadline is not None and before.deadline > now:
        instant = before.deadline
    return {"deadline": instant, "deadline_said": said}


def hand_over(
    plan: Plan, ledger: Ledger, store: ObjectStore, budget_usd: Decimal | None, who: str, *, again: bool = False
) -> Submitted:
    """Put the plan's jobs on the ledger in somebody's name; `again` as for `submit`."""
    shelf = Shelf(store, simulated=plan.simulated)
    try:
        return submit(plan, ledger=ledger, shelf=shelf, budget_usd=budget_usd, submitted_by=who, again=again)
    except RedisError as error:
        raise LedgerLost(
            f"the ledger went away while it was given the jobs: {error}",
            "what it has is neither lost nor doubled: give the same command again",
        ) from error


def enqueue_plan(plan: Path, file: CampaignFile, counted: RowBudgets, ledger: Ledger, shelf: Shelf) -> Counter[str]:
    """Queue all jobs of a plan in batches, those with a record as ended; answers the ledger's letters, counted."""
    # While the ledger takes one lot, the next one is read: never more than two are in memory.
    return Counter(ledger.enqueue(file.campaign, _lots(plan, file, counted, shelf)))


def _lots(plan: Path, file: CampaignFile, counted: RowBudgets, shelf: Shelf) -> Iterator[Lot]:
    """The jobs of a plan as they go in: by batch, and within it by lane."""
    for batch in batched_rows(plan, counted):
        states = _ends(shelf, shelf.ended(row.id for row in batch))
        own = {row.id: row.budgets for row in batch if row.budgets}
        for lane in dict.fromkeys(row.lane for row in batch):
            same = [row for row in batch if row.lane == lane]
            rows = [(*row[:4], states.get(row.id, State.QUEUED)) for row in same]
            yield Lot(same[0].account if lane else file.account, rows, own, lane)


def _ends(shelf: Shelf, ended: set[str]) -> dict[str, str]:
    """The end of each job that has a record."""
    ids = sorted(ended)
    return {job: record.status for job, record in zip(ids, shelf.records(ids), strict=True) if record}


def _withdraw(plan: Plan, old_ids: set[str], ledger: Ledger) -> int:
    """Take what this plan no longer asks for out of the queue."""
    if not old_ids:
        return 0
    gone = sorted(old_ids.difference(plan_ids(plan.path)))
    return sum(ledger.withdraw(plan.campaign, gone[at : at + BATCH]) for at in range(0, len(gone), BATCH))


def _check_name(plan: Plan, before: CampaignFile | None, ledger: Ledger, shelf: Shelf, *, again: bool) -> set[str]:
    """Refuse a name that is in use for something else; answers the job ids of the last plan under it."""
    other = shelf.other_world().campaign(plan.campaign)
    if other is not None:
        raise CampaignConflict(
            f"the name {plan.campaign!r} is in use for {_world(simulated=other.simulated)}, "
            f"from {other.source} by {other.submitted_by}",
            "give this one a name of its own with --campaign; nothing was queued",
        )
    if before is not None and before.state == "cancelled":
        raise CampaignConflict(
            f"the campaign {plan.campaign!r} was cancelled",
            f"`wanbatch resume {plan.campaign}` takes it up again, and then the same command goes on; "
            "or give this one a name of its own with --campaign; nothing was queued",
        )
    _check_account(plan, before, ledger)
    if before is None or before.plan_sha256 == plan.sha256:
        _check_owner(plan, before, ledger, shelf)
        return set()
    old_ids = _old_ids(before, shelf)
    shared = sum(job_id in old_ids for job_id in plan_ids(plan.path))
    least = LEAST_SHARED * min(len(old_ids), plan.variants)
    if shared < least and plan.key:
        shared = known_again(shelf, plan.campaign, plan.path, plan.key)
    if shared < least and not (again and PurePath(before.source).name == PurePath(plan.source).name):
        raise CampaignConflict(
            f"the name {plan.campaign!r} is in use: {before.submitted_by} submitted {before.jobs} jobs from "
            f"{before.source} on {before.created_at:%Y-%m-%d %H:%M} UTC, and this plan shares {shared} of them",
            "give this one a name of its own with --campaign (`wanbatch plan` says what changed); nothing was queued",
        )
    _check_owner(plan, before, ledger, shelf)
    return old_ids


def _check_account(plan: Plan, before: CampaignFile | None, ledger: Ledger) -> None:
    """What is queued at one account is bought there; only a campaign that has ended may go on at another."""
    if before is None or set(before.buys_at) == set(plan.accounts):
        return
    status = ledger.status(plan.campaign)
    if status is not None and status.ended < status.total:
        raise CampaignConflict(
            f"the campaign {plan.campaign!r} buys at {', '.join(before.buys_at)}, where {status.total - status.ended} "
            f"of its jobs have not ended, and this plan would buy at {', '.join(plan.accounts)}",
            "let it end there, or give this one a name of its own with --campaign; nothing was queued",
        )


def _check_owner(plan: Plan, before: CampaignFile | None, ledger: Ledger, shelf: Shelf) -> None:
    """A campaign belongs to one ledger; another may take it over only when every job of it has ended."""
    if before is None or before.epoch == ledger.epoch:
        return
    ids = _old_ids(before, shelf)
    if len(shelf.ended(ids)) < len(ids):
        raise CampaignConflict(
            f"the campaign {plan.campaign!r} belongs to another ledger, where {before.submitted_by} runs it",
            "use that ledger's --redis, so that nothing is bought twice; if that ledger is lost: "
            f"`wanbatch recover {plan.campaign}`; nothing was queued",
        )


def _old_ids(before: CampaignFile, shelf: Shelf) -> set[str]:
    try:
        with shelf.plan(before.campaign, before.plan_sha256) as plan:
            return set(plan_ids(plan))
    except ObjectNotFound:
        return set()


def _world(*, simulated: bool) -> str:
    return "simulated work" if simulated else "real money"
