"""What a person's trial at an account showed; kept in the store, and read by the workers of that account."""

from datetime import datetime

from jobs.job import Noun
from jobs.record import Money


class ReplayTrial(Noun):
    """Whether a submit that is repeated under its key buys nothing more; `model` is the provider's name of it.

    `charged_usd` is by how much the balance fell, None where it is not told.
    """

    version: int = 1
    account: str
    model: str
    proved: bool
    tried_at: datetime
    tasks: tuple[str, ...]
    charged_usd: Money | None
    reason: str
