"""A campaign's lasting facts, `campaign.json` on its shelf: what a ledger is told of it, also after one was lost."""

from datetime import datetime
from decimal import Decimal
from typing import Literal

from pydantic import Field

from jobs.job import Noun
from jobs.record import Money


class CampaignFile(Noun):
    """A campaign's lasting facts: whose it is, what it may spend, and which ledger owns it.

    `axes` and `labels` name its columns; `campaign_labels` are what stands in one where a row says nothing.
    """

    version: int = 2
    campaign: str
    simulated: bool
    provider: str
    account: str
    budget_usd: Money | Decimal | None
    state: Literal["running", "paused", "cancelled"]
    epoch: str
    submitted_by: str
    created_at: datetime
    run_id: str
    plan_sha256: str
    jobs: int
    source: str
    axes: tuple[str, ...] = ()
    labels: tuple[str, ...] = ()
    campaign_labels: dict[str, str] = Field(default_factory=dict)
    #: All accounts at which it buys, where these are several, the first one first.
    accounts: tuple[str, ...] = ()
    #: By when it should be done, and the words in which that was asked for.
    deadline: datetime | None = None
    deadline_said: str | None = None

    @property
    def buys_at(self) -> tuple[str, ...]:
        """Every account at which it buys."""
        return self.accounts or (self.account,)
