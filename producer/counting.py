"""To which budgets each row of a campaign counts, and the rows of a plan with that, as they go into a ledger."""

import json
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Final, NamedTuple

from jobs.budgets import ALL, ALWAYS, SUBMITTED_BY, Budget, budget_names, label_key
from jobs.job import lane_text
from ledger.budgets import read_budgets
from ledger.campaignfile import CampaignFile
from ledger.shelf import Shelf
from producer.labels import over

#: Jobs in one call of the ledger.
BATCH = 500
#: A priority moves a job before all of lower priority, whatever its place in the matrix.
PRIORITY_STEP = 10_000_000


class RowBudgets:
    """To which budgets a campaign's rows count.

    Labels of the campaign do, `client` and `team`, and every label that has a budget; a row's own column of the same
    name goes before its campaign's label.
    """

    def __init__(
        self,
        budgets: Iterable[Budget],
        *,
        columns: Iterable[str],
        labels: Mapping[str, str],
        submitted_by: str,
        simulated: bool,
    ) -> None:
        asked = {label_key(name) for name in (*ALWAYS, *labels)} | {one.label for one in budgets}
        self.keys: Final = frozenset(asked - {ALL, SUBMITTED_BY})
        self._labels, self._submitted_by, self._simulated = labels, submitted_by, simulated
        self._columns = [name for name in columns if label_key(name) in self.keys]
        self._known: dict[tuple[str, ...], str] = {}
        #: Those of a row that says nothing.
        self.usual: Final = self._names({})

    def of(self, line: str, end: int) -> str:
        """Those of a line of a plan, whose job ends there; empty where they are the usual ones."""
        if not self._columns:
            return ""
        told = json.loads("{" + line[end + 1 :])
        cells = {**told.get("labels", {}), **told.get("variant", {})}
        values = tuple(cells.get(name, "") for name in self._columns)
        if values not in self._known:
            names = self._names({name: value for name, value in zip(self._columns, values, strict=True) if value})
            self._known[values] = "" if names == self.usual else names
        return self._known[values]

    def _names(self, own: Mapping[str, str]) -> str:
        return budget_names(over(own, self._labels), self._submitted_by, simulated=self._simulated)

    def facts(self) -> Iterator[tuple[str, str]]:
        """What the ledger is told of the campaign: its labels, the usual budgets, and which columns of rows count."""
        yield "labels", json.dumps(self._labels)
        yield "budgets", self.usual
        yield "counts", " ".join(sorted(self.keys))


def counted_of(file: CampaignFile, shelf: Shelf) -> RowBudgets:
    """To which budgets the rows of a stored campaign count."""
    return RowBudgets(
        read_budgets(shelf).budgets,
        columns=(*file.axes, *file.labels),
        labels=file.campaign_labels,
        submitted_by=file.submitted_by,
        simulated=file.simulated,
    )


class PlannedRow(NamedTuple):
    """A job of a plan: its place, price in micro-USD, JSON as it stands in the line, and its budgets (names with
    tabs between; empty: those of its campaign); the account that asks least, and, where it has a choice, what each asks
    (`Job.lane`).
    """

    id: str
    seq: int
    price: int
    job: str
    budgets: str
    account: str
    lane: str

    def price_at(self, account: str) -> int:
        """What an account asks."""
        asked = dict(line.split(" ") for line in self.lane.split("\n") if line)
        return int(asked.get(account, self.price))


def batched_rows(plan: Path, counted: RowBudgets) -> Iterator[list[PlannedRow]]:
    """The jobs of a plan, so many at a time."""
    decoder = json.JSONDecoder()
    start = len('{"job":')
    with plan.open(encoding="utf-8") as lines:
        batch = []
        for place, line in enumerate(lines):
            job, end = decoder.raw_decode(line, start)
            seq = place - PRIORITY_STEP * job["priority"]
            names, text = counted.of(line, end), line[start:end]
            lane = lane_text((route["account"], route["price_uusd"]) for route in job.get("routes", ()))
            batch.append(PlannedRow(job["job_id"], seq, job["price_uusd"], text, names, job["account"], lane))
            if len(batch) == BATCH:
                yield batch
                batch = []
        if batch:
            yield batch
