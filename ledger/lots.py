"""Jobs on their way into the ledger."""

from collections.abc import Mapping, Sequence
from typing import NamedTuple


class Lot(NamedTuple):
    """Jobs that go in together, at most 1,000 rows of id, place in the matrix, micro-USD, JSON and state. `budgets` has
    a job's, where not its campaign's; `lane` what each account asks (`Job.lane`; empty: this account alone).
    """

    account: str
    rows: Sequence[tuple[str, int, int, str, str]]
    budgets: Mapping[str, str] = {}
    lane: str = ""

    def text(self) -> str:
        """Six lines a row, as the script reads them."""
        return "".join(["\n".join(map(str, (*row, self.budgets.get(row[0], ""), ""))) for row in self.rows])
