"""Budgets in force: a ledger is told the store's caps, and what was bought before its time; then it keeps their sums.

One ledger at a time keeps them, since no two could hold one cap together: another one is refused until it takes over.
"""

from collections import Counter
from collections.abc import Iterator, Sequence
from datetime import datetime
from typing import Final

from jobs.budgets import PERIODS, Budget, label_key, world_of
from jobs.errors import CampaignConflict, LedgerRefused
from jobs.money import to_uusd
from jobs.record import purchases_of
from ledger.budgets import (
    FIRST_VERSION,
    Budgets,
    Standing,
    begin_of,
    caps_in,
    date_in,
    end_of,
    founding,
    is_told,
    now_of,
    read_budgets,
    tell_budgets,
    write_budgets,
)
from ledger.campaignfile import CampaignFile
from ledger.jobs import Ledger
from ledger.shelf import Shelf, plan_ids
from producer.counting import PlannedRow, batched_rows, counted_of
from producer.lines import BATCH

#: Campaigns that are named one by one.
NAMED: Final = 3


def keep(shelf: Shelf, ledger: Ledger) -> None:
    """Have the ledger keep what the store remembers, before a campaign comes in. Raises CampaignConflict.

    What was bought before its time is added up from the records, where a day or month that began before is not over.
    """
    kept = read_budgets(shelf)
    if kept.budgets and kept.epoch not in ("", ledger.epoch):
        raise CampaignConflict(
            "another ledger keeps the sums of this store's budgets, and no two can hold one cap: "
            + _some([one.name for one in kept.budgets]),
            "use that ledger's --redis; if it is lost: `wanbatch recover --all`, or, where no campaign was under way, "
            "`wanbatch budget set` anew has this ledger keep them; nothing was queued",
        )
    if kept.budgets and not kept.epoch:
        take(shelf, ledger, kept.budgets)
        return
    told = is_told(ledger, kept.budgets, now_of(ledger), simulated=shelf.simulated)
    before = {} if told else bought_before(shelf, ledger, kept.budgets)
    tell_budgets(ledger, kept.budgets, before, simulated=shelf.simulated)


def take(shelf: Shelf, ledger: Ledger, budgets: Sequence[Budget]) -> None:
    """Have this ledger keep these budgets from now on, whoever kept them before. A second time changes nothing.

    Raises CampaignConflict where money is under way that this ledger does not know, or rows whose labels it does not.
    """
    founded, version = founding(ledger)
    if budgets and version < FIRST_VERSION:
        raise LedgerRefused(
            f"an older wanbatch founded this ledger on {founded:%Y-%m-%d}, and its claims do not count to budgets",
            "let its campaigns end, empty that Redis (or name another with --redis), then `wanbatch recover --all`",
        )
    if budgets and (others := list(_elsewhere(shelf, ledger))):
        raise CampaignConflict(
            f"{_some(others)} of this store belong to another ledger and have not ended: what they spend would pass "
            "every cap by",
            "use that ledger's --redis; if it is lost: `wanbatch recover --all`",
        )
    # The store first: whoever submits from now on goes by it, and whoever did before is looked at below.
    before = read_budgets(shelf)
    write_budgets(shelf, Budgets(epoch=ledger.epoch, budgets=tuple(budgets)))
    fresh = {one.label for one in budgets} - {one.label for one in before.budgets}
    if unknown := list(_uncounted(shelf, ledger, fresh)):
        write_budgets(shelf, before)
        names, labels = zip(*unknown, strict=True)
        raise CampaignConflict(
            f"the rows of {_some(names)} have a column `{labels[0]}`, and were queued when nothing had a budget by it",
            "let it end or cancel it first, then set the budget; or submit it again with "
            f"--label {labels[0]}=none, after which its rows count",
        )
    tell_budgets(ledger, budgets, bought_before(shelf, ledger, budgets), simulated=shelf.simulated)


def bought_before(shelf: Shelf, ledger: Ledger, budgets: Sequence[Budget]) -> dict[tuple[str, str], int]:
    """What claims that are not this ledger's cost in the present day and month: micro-USD by date and budget."""
    return _sums(shelf, ledger, budgets, now_of(ledger))


def recorded(shelf: Shelf, budgets: Sequence[Budget], now: datetime) -> list[Standing]:
    """Where the caps stand by the store's records alone: what is under way, only a ledger knows."""
    sums = _sums(shelf, None, budgets, now)
    return [
        Standing(budget, period, when, cap, sums[when, budget.name], None, None, end_of(period, now))
        for budget, period, when, cap in caps_in(budgets, now)
    ]


def _sums(shelf: Shelf, ledger: Ledger | None, budgets: Sequence[Budget], now: datetime) -> dict[tuple[str, str], int]:
    places = [(one.name, date_in(period, now)) for one in budgets for period in PERIODS]
    sums: Counter[tuple[str, str]] = Counter()
    if budgets:
        wanted = {one.name for one in budgets}
        for at, names, uusd in _others(shelf, ledger, begin_of("month", now)):
            for name in names & wanted:
                sums.update({(date_in(period, at), name): uusd for period in PERIODS})
    return {(when, name): sums[when, name] for name, when in places}


def _others(shelf: Shelf, ledger: Ledger | None, since: datetime) -> Iterator[tuple[datetime, set[str], int]]:
    """Every purchase since then that no claim of this ledger counts: when, for which budgets, and its micro-USD."""
    founded = founding(ledger)[0] if ledger else since
    rows = _Rows(shelf)
    for batch in _shelves(shelf):
        fields = ledger.fields(batch, "purse", "first_send", "purchases") if ledger else [(None,) * 3] * len(batch)
        for job_id, record, (purse, first, live) in zip(batch, shelf.records(batch), fields, strict=True):
            told = record.purchases if record else purchases_of(live)
            for one in told:
                here = purse and (one.send >= int(first) if first else one.submitted_at >= founded)
                if one.submitted_at >= since and not here:
                    row, names = rows.of(job_id, record.buyer if record else None)
                    yield (
                        one.submitted_at,
                        names,
                        row.price_at(one.account) if one.cost_usd is None else to_uusd(one.cost_usd),
                    )


def _shelves(shelf: Shelf) -> Iterator[list[str]]:
    batch: list[str] = []
    for job_id in shelf.store.shelves(shelf.key("jobs")):
        batch.append(job_id)
        if len(batch) == BATCH:
            yield batch
            batch = []
    yield batch


class _Rows:
    """The rows of campaigns as their plans have them, with the budgets to which each counts."""

    def __init__(self, shelf: Shelf) -> None:
        self._shelf = shelf
        self._read: dict[str, dict[str, tuple[PlannedRow, set[str]]]] = {}

    def of(self, job_id: str, buyer: str | None) -> tuple[PlannedRow, set[str]]:
        """A job's row in the campaign that paid; in any that asks for it, where its record does not say who did."""
        for name in [buyer] if buyer else self._shelf.campaigns():
            if found := self._campaign(name).get(job_id):
                return found
        raise CampaignConflict(
            f"no plan in {self._shelf.store.url} has the job {job_id}, which was bought: out of which budget?",
            f"bring back what is missing of {self._shelf.key('campaigns')}/{buyer or ''}",
        )

    def _campaign(self, name: str) -> dict[str, tuple[PlannedRow, set[str]]]:
        if name not in self._read:
            file = self._shelf.campaign(name)
            self._read[name] = dict(self._rows(file)) if file else {}
        return self._read[name]

    def _rows(self, file: CampaignFile) -> Iterator[tuple[str, tuple[PlannedRow, set[str]]]]:
        counted, world = counted_of(file, self._shelf), world_of(simulated=file.simulated)
        for key in self._shelf.store.list(self._shelf.campaign_key(file.campaign, "plans") + "/"):
            with self._shelf.plan(file.campaign, key.rpartition("/")[2].removesuffix(".jsonl")) as plan:
                for batch in batched_rows(plan, counted):
                    for row in batch:
                        names = (row.budgets or counted.usual).split("\t")
                        yield row.id, (row, {name.removeprefix(world) for name in names})


def _elsewhere(shelf: Shelf, ledger: Ledger) -> Iterator[str]:
    """Campaigns of other ledgers that may have something under way."""
    for name in shelf.campaigns():
        file = shelf.campaign(name)
        if file is None or file.epoch == ledger.epoch:
            continue
        with shelf.plan(name, file.plan_sha256) as plan:
            ids = list(plan_ids(plan))
        left = set(ids) - shelf.ended(ids)
        if any(file.state != "cancelled" or shelf.begun(job_id) for job_id in left):
            yield name


def _uncounted(shelf: Shelf, ledger: Ledger, labels: set[str]) -> Iterator[tuple[str, str]]:
    """Campaigns under way in whose rows a label may stand that the ledger was not told of, with the label."""
    for name in ledger.campaigns():
        file, status = shelf.campaign(name), ledger.status(name)
        if file is None or status is None or status.ended == status.total:
            continue
        counts = (ledger.client.hget(f"wb:c:{name}", "counts") or "").split(" ")
        columns = {label_key(column): column for column in (*file.axes, *file.labels)}
        yield from ((name, columns[label]) for label in sorted(labels & columns.keys()) if label not in counts)


def _some(names: Sequence[str]) -> str:
    return ", ".join(names[:NAMED]) + (f" and {len(names) - NAMED:,} more" if len(names) > NAMED else "")
