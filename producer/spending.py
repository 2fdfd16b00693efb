"""What was paid, purchase by purchase, out of the records of all jobs of a store, and the sums of it."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from decimal import Decimal
from typing import Final

from jobs.record import Purchase
from ledger.shelf import Shelf
from producer.lines import BATCH
from producer.planfile import iter_plan
from producer.stored import Campaign

#: What spending can be told apart by, beside a label of the campaigns' own.
FACTS: Final = ("campaign", "submitted_by", "provider", "account", "day", "month")
#: The group of purchases of which the store does not say it.
UNTOLD: Final = "(not told)"


@dataclass(frozen=True, slots=True)
class Spent:
    """A purchase of a job that has ended, with the campaign that paid, who submitted that, and who made it."""

    job_id: str
    campaign: str
    submitted_by: str
    provider: str
    purchase: Purchase

    def fact(self, name: str) -> str:
        """One of FACTS; a day and a month are UTC's."""
        at = self.purchase.submitted_at.astimezone(UTC)
        if name in ("day", "month"):
            return f"{at:%Y-%m-%d}" if name == "day" else f"{at:%Y-%m}"
        told = {"account": self.purchase.account, "provider": self.provider, "submitted_by": self.submitted_by}
        return told.get(name, self.campaign)


@dataclass
class Sum:
    """A group's purchases: `unpriced` are those of which nobody knows the cost; unknown is not 0."""

    purchases: int = 0
    spent_usd: Decimal = Decimal(0)
    unpriced: int = 0
    jobs: set[str] = field(default_factory=set, repr=False)

    def add(self, spent: Spent) -> None:
        """Count one more."""
        self.purchases += 1
        self.spent_usd += spent.purchase.cost_usd or 0
        self.unpriced += spent.purchase.cost_usd is None
        self.jobs.add(spent.job_id)


def spent(shelf: Shelf, since: datetime | None = None) -> Iterator[Spent]:
    """Every purchase of every job that has ended, from an instant on; jobs come in the order of the store."""
    batch: list[str] = []
    whose: dict[str, str] = {}
    for job_id in shelf.store.shelves(shelf.job_key("x").rpartition("/")[0]):
        batch.append(job_id)
        if len(batch) == BATCH:
            yield from _of(batch, shelf, since, whose)
            batch = []
    yield from _of(batch, shelf, since, whose)


def sums(purchases: Iterator[Spent], by: str, labels: Mapping[str, str] | None = None) -> dict[str, Sum]:
    """The purchases in groups: by one of FACTS, or by what `labels` has for the job."""
    groups: dict[str, Sum] = {}
    for each in purchases:
        name = each.fact(by) if labels is None else labels.get(each.job_id, UNTOLD)
        groups.setdefault(name or UNTOLD, Sum()).add(each)
    return dict(sorted(groups.items()))


def labels_of(campaigns: Iterator[Campaign], column: str) -> dict[str, str]:
    """What each job of those campaigns has in a column of its own, in whichever plan named it last."""
    found: dict[str, str] = {}
    for campaign in campaigns:
        shelf, name = campaign.shelf, campaign.file.campaign
        for key in sorted(shelf.store.list(shelf.campaign_key(name, "plans") + "/")):
            with shelf.plan(name, key.rpartition("/")[2].removesuffix(".jsonl")) as plan:
                for line in iter_plan(plan):
                    told = line.labels.get(column) or line.variant.get(column)
                    if told:
                        found[line.job.job_id] = told
    return found


def _of(job_ids: list[str], shelf: Shelf, since: datetime | None, whose: dict[str, str]) -> Iterator[Spent]:
    """The purchases of those jobs; `whose` remembers who submitted each campaign."""
    for job_id, record in zip(job_ids, shelf.records(job_ids), strict=True):
        if record is None:
            continue
        buyer = record.buyer or ""
        if buyer not in whose:
            file = shelf.campaign(buyer) if buyer else None
            whose[buyer] = file.submitted_by if file else ""
        for purchase in record.purchases:
            if since is None or purchase.submitted_at >= since:
                yield Spent(job_id, buyer, whose[buyer], record.provider, purchase)
