"""Where a command finds the ledger."""

from cli.stack import running_ledger
from config.settings import Settings
from jobs.errors import LedgerRefused
from ledger.jobs import Ledger
from ledger.objects import ObjectStore


def ledger_url(settings: Settings) -> str | None:
    """The configured ledger's URL, else that of the one which a run on this store has up now; else None."""
    return settings.redis_url or running_ledger(settings.store)


def ledger_of(settings: Settings, store: ObjectStore) -> Ledger | None:
    """The ledger that is configured or runs now; None when there is none. Raises LedgerRefused."""
    url = ledger_url(settings)
    return Ledger.connect(url, store_url=store.url) if url else None


def required_ledger_url(settings: Settings, command: str) -> str:
    """The ledger's URL for a command that cannot do without. Raises LedgerRefused saying what to do."""
    url = ledger_url(settings)
    if url is None:
        raise LedgerRefused(
            f"`wanbatch {command}` needs a ledger, and none is configured or running on {settings.store}",
            "name one: --redis redis://host:6379/0 (or WANBATCH_REDIS); or use `wanbatch run`, which brings its own",
        )
    return url
