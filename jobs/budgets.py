"""Budgets that campaigns share: of a label, of who submitted, or of all; their names, and their caps a day and month.

Upper and lower case and blanks make no difference in a name, so that no spelling passes a cap by.
"""

import re
from collections.abc import Mapping
from typing import Final, Literal

from jobs.job import Noun
from jobs.record import Money

Period = Literal["day", "month"]
PERIODS: Final[tuple[Period, ...]] = ("day", "month")
#: The budget of all money of one world, and the label that every campaign has.
ALL: Final = "all"
SUBMITTED_BY: Final = "submitted_by"
#: Columns of rows that count to budgets whether or not a campaign names them as its labels.
ALWAYS: Final = ("client", "team")


class Budget(Noun):
    """The most that may be spent on what has a label, in a day and in a month; None is no cap."""

    name: str
    day_usd: Money | None = None
    month_usd: Money | None = None

    @property
    def label(self) -> str:
        """The label whose value it is of; `all` for all."""
        return self.name.partition("=")[0]

    def usd(self, period: Period) -> Money | None:
        """The cap of a period."""
        return self.day_usd if period == "day" else self.month_usd


def label_key(name: str) -> str:
    """A label's name as it is compared."""
    return re.sub(r"[\s-]+", "_", name.strip()).casefold()


def budget_name(label: str, value: str) -> str:
    """The name of the budget of a label's value."""
    return f"{label_key(label)}={' '.join(value.split()).casefold()}"


def budget_names(labels: Mapping[str, str], submitted_by: str, *, simulated: bool) -> str:
    """The budgets to which something counts that has these labels: names with tabs between, as the ledger has them."""
    own = sorted({budget_name(*label) for label in labels.items() if label[1].strip()})
    return "\t".join(
        world_of(simulated=simulated) + name for name in (ALL, budget_name(SUBMITTED_BY, submitted_by), *own)
    )


def world_of(*, simulated: bool) -> str:
    """How names of budgets begin in the ledger: simulated and real money have none in common."""
    return "simulated/" if simulated else ""
