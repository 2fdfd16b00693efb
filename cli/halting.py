"""What pause, resume, cancel and recover share: whom they are for, and a ledger to act on.

The ledger is told first, because its word stops the next claim of any worker; then the store, so that the wish outlives
the ledger. A crash in between is mended by repeating the command.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import click

from cli.options import together
from cli.places import ledger_url
from cli.progress import ask, tell
from cli.stack import Stack, ledger_folder
from config.accounts import Accounts
from config.settings import Settings
from jobs.errors import BadInput, CampaignConflict, LedgerRefused
from ledger.campaignfile import CampaignFile
from ledger.jobs import Ledger
from ledger.objects import ObjectStore
from producer.stored import known

#: Whom the command is for; exactly one of the three.
whom = together(
    [
        click.argument("campaign", required=False),
        click.option("--all", "everything", is_flag=True, help="Everything, on every machine of this ledger."),
        click.option("--provider", metavar="NAME", help="Everything at this provider, or account."),
    ]
)


@dataclass(frozen=True, slots=True)
class Whom:
    """One campaign, one provider, or everything."""

    campaign: str | None
    everything: bool
    provider: str | None
    known: Accounts

    def __post_init__(self) -> None:
        if [bool(self.campaign), self.everything, bool(self.provider)].count(True) != 1:
            raise BadInput("say whom it is for", hint="name a CAMPAIGN, or --provider NAME, or --all")

    def accounts(self) -> list[str]:
        """The accounts of the provider, or the one of that name, real and simulated. BadInput for a stranger."""
        return [account.name for account in self.known.of_provider(self.provider or "")]

    def campaigns(self, ledger: Ledger) -> list[str]:
        """The campaigns meant, newest first. BadInput when the ledger does not have the one that is named."""
        names = ledger.campaigns()
        if self.campaign:
            if self.campaign not in names:
                hint = f"it has {', '.join(names[:5])}" if names else "it has none; was it emptied? `wanbatch recover`"
                raise BadInput(f"the ledger has no campaign {self.campaign!r}", hint=hint)
            return [self.campaign]
        if self.everything:
            return names
        accounts = set(self.accounts())
        return [
            name for name in names if (held := ledger.status(name)) and accounts & {one.name for one in held.accounts}
        ]


@contextmanager
def opened(settings: Settings, store: ObjectStore, command: str) -> Iterator[Ledger]:
    """The ledger that is configured or running, else the one that a run left behind, started for this command alone."""
    url = ledger_url(settings)
    if url is None and not (ledger_folder(settings.store) / "valkey.conf").exists() and command != "recover":
        raise LedgerRefused(
            f"`wanbatch {command}` needs a ledger; none is configured, running, or left by a run on {settings.store}",
            "name one: --redis redis://host:6379/0 (or WANBATCH_REDIS)",
        )
    if url is not None:
        yield from _connected(url, store)
        return
    with Stack(settings, account="", simulated=False, tell=tell, work=False) as stack:
        yield from _connected(stack.redis_url, store)


def _connected(url: str, store: ObjectStore) -> Iterator[Ledger]:
    ledger = Ledger.connect(url, store_url=store.url)
    try:
        yield ledger
    finally:
        ledger.close()


def owned(store: ObjectStore, name: str, ledger: Ledger) -> CampaignFile | None:
    """The campaign's lasting facts; None where the store lost them. CampaignConflict when another ledger has it."""
    campaign = known(store, name)
    if campaign is None:
        return None
    if campaign.file.epoch != ledger.epoch:
        raise CampaignConflict(
            f"the campaign {name!r} belongs to another ledger",
            f"use that ledger's --redis; if it is lost: `wanbatch recover {name}`",
        )
    return campaign.file


def keep(store: ObjectStore, name: str, ledger: Ledger, **facts: Any) -> None:
    """Make a change of the campaign's facts durable."""
    campaign = known(store, name)
    if campaign is not None and owned(store, name, ledger) is not None:
        campaign.shelf.write_campaign(campaign.file.model_copy(update=facts))


def confirm(question: str, *, yes: bool, interactive: bool, refuse: Callable[[], Exception]) -> None:
    """Ask a person at the terminal; where there is none, only --yes will do."""
    if yes:
        return
    if not interactive:
        raise refuse()
    ask(question)
