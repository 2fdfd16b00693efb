"""What can go wrong, as a tree; each leaf's docstring says what it means for the person who meets it.

WanbatchError              exit code 1 unless a leaf says otherwise
+-- BadInput               2  the matrix or the command's words are wrong; nothing was queued
+-- Refused                4  refused before starting; nothing was bought
|   +-- BudgetMissing      4  real money, and no budget was named
|   +-- PriceMissing       4  what a video costs is not known, and unknown is not 0
|   +-- ProviderNotNamed   4  spending was not asked for by name
|   +-- KeyMissing         4  the provider's key is not set
|   +-- CampaignConflict   4  the name, the world or the owner does not fit
|   +-- PlanChanged        4  a saved plan is to be bought, and what it was made of has changed
|   +-- StoreUnnamed       4  no store was named, and another one has some of the videos
|   +-- Unconfirmed        4  a large sum of real money, and nobody at a terminal to type it
|   +-- LedgerRefused      4  Redis is unreachable, foreign, or unfit to hold money
|   +-- NewerVersion       4  a newer wanbatch wrote what would have to be read
|   +-- StoreDamaged       4  an object of the store is cut off, or was changed
|   +-- StoreRefused       4  the object store will not serve us until a person acts
+-- StoreUnavailable       1  the object store did not answer; worth another try
+-- ObjectNotFound         1  no such object in the store
+-- LedgerLost             1  the ledger stopped answering in the middle of a run
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

from jobs.visible import visible

_LONG_QUOTE: Final = re.compile("`([^`]{100})[^`]{20,}`")


@dataclass(frozen=True, slots=True)
class Problem:
    """One thing wrong in an input: where it is, what it says, what is wrong and what would be right.

    `line` counts physical lines from 1; `column` is the column's name, empty for the whole line.
    """

    file: str
    line: int
    column: str
    text: str
    problem: str
    fix: str

    def __post_init__(self) -> None:
        """Quote no cell of ten megabytes: of what stands between backticks the beginning is enough."""
        for name in ("column", "problem", "fix"):
            object.__setattr__(self, name, _LONG_QUOTE.sub(r"`\1...`", getattr(self, name)))

    def __str__(self) -> str:
        """`file:line: column: what is wrong, and what would be right`."""
        where = f"{self.file}:{self.line}: " + (f"{self.column}: " if self.column else "")
        return visible(where + self.problem + (f"; {self.fix}" if self.fix else ""))


def problems_json(problems: Sequence[Problem]) -> list[dict[str, Any]]:
    """Problems in the shape that `--json` prints."""
    return [{name: getattr(problem, name) for name in problem.__slots__} for problem in problems]


class WanbatchError(Exception):
    """Something that wanbatch can explain; the message is for the person, the hint is the next step."""

    exit_code = 1

    def __init__(self, message: str, hint: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint

    def __str__(self) -> str:
        return f"{self.message}\n{self.hint}" if self.hint else self.message


class BadInput(WanbatchError):
    """The matrix or the command line is wrong; every problem is named at once and nothing was queued.

    `count` is how many there are, where not all are kept; `warnings` are what else was seen, and refuses nothing.
    """

    exit_code = 2

    def __init__(
        self,
        message: str,
        problems: Sequence[Problem] = (),
        hint: str = "",
        *,
        warnings: Sequence[Problem] = (),
        count: int | None = None,
    ) -> None:
        super().__init__(message, hint)
        self.problems = tuple(problems)
        self.warnings = tuple(warnings)
        self.count = len(self.problems) if count is None else count


class Refused(WanbatchError):
    """Refused before starting: nothing was queued and nothing was bought."""

    exit_code = 4


class BudgetMissing(Refused):
    """A run with real money needs a budget; the message holds the sum and the flag to paste."""


class PriceMissing(Refused):
    """The provider's price list does not say what this video costs; `--price` names it."""


class ProviderNotNamed(Refused):
    """Spending is asked for by name: say `--provider NAME` or `--simulate`."""


class KeyMissing(Refused):
    """The provider's key variable is not set."""


class CampaignConflict(Refused):
    """The campaign's name is in use for another plan, another world or another ledger."""


class PlanChanged(Refused):
    """The matrix, the prices or what is bought are not what they were when the plan was saved."""


class Unconfirmed(Refused):
    """Only a person can mean it (a large sum, shots that no video will have), and `--yes` says so; or one said no."""


class StoreUnnamed(Refused):
    """No store was named, and another one that this user bought into has some of the videos: `--store` says which."""


class LedgerRefused(Refused):
    """Redis cannot be used as the ledger: unreachable, another store's, a cluster, or able to evict keys."""


class NewerVersion(Refused):
    """A newer wanbatch wrote what lies in the store; this one leaves it alone rather than misread it."""


class StoreRefused(Refused):
    """The object store refuses us (wrong key, missing bucket, disk full); a person has to act."""


class StoreDamaged(Refused):
    """An object of the store is not what was written: cut off, or changed by hand; a person has to bring it back."""


class StoreUnavailable(WanbatchError):
    """The object store did not answer or answered 5xx; the work waits and tries again."""


class ObjectNotFound(WanbatchError):
    """The store holds no object under that key."""


class LedgerLost(WanbatchError):
    """The ledger stopped answering; nothing is bought until it is back. The same command goes on."""
