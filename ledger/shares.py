"""What share of its account a campaign gets: a weight, and a priority that doubles it step by step."""

from decimal import Decimal

from pydantic import Field

from jobs.errors import ObjectNotFound
from jobs.job import Noun
from jobs.money import to_uusd
from ledger.jobs import Ledger
from ledger.shelf import Shelf

FILE = "share.json"


class Share(Noun):
    """A campaign of twice the weight, or of one priority more, gets twice as much of an account that it shares."""

    version: int = 1
    weight: float = Field(1.0, gt=0, le=1000)
    priority: int = Field(0, ge=-10, le=10)


def adjust(
    ledger: Ledger,
    campaign: str,
    *,
    weight: float | None = None,
    priority: int | None = None,
    budget_usd: Decimal | None = None,
) -> bool:
    """Change what is given, from the next claim of any worker on. False where the ledger has no such campaign."""
    budget = "" if budget_usd is None else to_uusd(budget_usd)
    given = ("" if value is None else str(value) for value in (weight, priority))
    return bool(ledger.call("adjust", campaign, *given, budget))


def read_share(shelf: Shelf, campaign: str) -> Share:
    """The share that the store remembers."""
    try:
        return Share.model_validate_json(shelf.store.get(shelf.campaign_key(campaign, FILE)))
    except ObjectNotFound:
        return Share()


def write_share(shelf: Shelf, campaign: str, share: Share) -> None:
    """Make a share outlive the ledger."""
    shelf.store.put(shelf.campaign_key(campaign, FILE), share.model_dump_json().encode())
