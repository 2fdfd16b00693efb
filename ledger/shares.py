"""A campaign's share of its account, and its budget, changed while it runs; the share outlives the ledger."""

from decimal import Decimal

from jobs.errors import ObjectNotFound
from jobs.money import to_uusd
from jobs.share import Share
from ledger.jobs import Ledger
from ledger.shelf import Shelf

FILE = "share.json"


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
