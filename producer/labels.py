"""Labels of a campaign: what stands in a column where a row says nothing, and to which budgets a row counts by them."""

import json
from collections.abc import Iterable, Iterator, Mapping
from typing import Final

from jobs.budgets import ALL, ALWAYS, SUBMITTED_BY, Budget, budget_names, label_key
from jobs.errors import BadInput
from ledger.budgets import read_budgets
from ledger.campaignfile import CampaignFile
from ledger.shelf import Shelf
from producer.columns import KNOWN, REASON, Wrong, control_character, resolve
from producer.spending import FACTS

#: Names that mean something else where labels are used.
TAKEN: Final = frozenset({ALL, SUBMITTED_BY, *FACTS})
#: Characters of a label's value; budgets are called by it.
VALUE_MAX: Final = 200


def label_wrong(name: str, value: str) -> Wrong | None:
    """What is wrong with a label."""
    key, wrong = resolve(name)
    if wrong is not None:
        return wrong
    if key in KNOWN or key == REASON:
        return Wrong(
            f"`{name}` is a setting of a video", "a label changes nothing that is bought: give it another name"
        )
    if not key or "=" in key or control_character(key):
        return Wrong(f"`{name}` is no name for a column", "write for example client=acme")
    if label_key(key) in TAKEN:
        fix = (
            "who submits is told by WANBATCH_SUBMITTED_BY" if label_key(key) == SUBMITTED_BY else "give it another name"
        )
        return Wrong(f"`{name}` means something else", fix)
    if not value.strip() or len(value) > VALUE_MAX:
        return Wrong(f"the label `{name}` has {'no value' if not value.strip() else 'too long a value'}", "client=acme")
    if "|" in value:
        return Wrong(f"`{value}` holds several values", "a label has one; several are an axis of the matrix")
    return control_character(value)


def read_labels(pairs: Iterable[tuple[str, str]]) -> dict[str, str]:
    """Labels as they were given to a command; BadInput for the first that cannot be one."""
    found: dict[str, str] = {}
    for name, value in pairs:
        wrong = label_wrong(name, value)
        if wrong is None and label_key(name) in map(label_key, found):
            wrong = Wrong(
                f"the label `{name}` is given twice", "a campaign has one value of it; rows may have their own"
            )
        if wrong is not None:
            raise BadInput(f"--label {name}={value}: {wrong.problem}", hint=wrong.fix)
        found[name.strip()] = value.strip()
    return found


def over(labels: Mapping[str, str], below: Mapping[str, str]) -> dict[str, str]:
    """Labels, with others below them: those that are not named above, however they are spelt."""
    keys = set(map(label_key, labels))
    return {**{name: value for name, value in below.items() if label_key(name) not in keys}, **labels}


class RowBudgets:
    """To which budgets a campaign's rows count.

    Labels of the campaign do, `client` and `team`, and every label that has a budget; a row's own column of the same
    name goes before its campaign's label.
    """

    def __init__(self, file: CampaignFile, budgets: Iterable[Budget]) -> None:
        asked = {label_key(name) for name in (*ALWAYS, *file.campaign_labels)} | {one.label for one in budgets}
        self.keys: Final = frozenset(asked - {ALL, SUBMITTED_BY})
        self._file = file
        self._columns = [name for name in (*file.axes, *file.labels) if label_key(name) in self.keys]
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
        file = self._file
        return budget_names(over(own, file.campaign_labels), file.submitted_by, simulated=file.simulated)

    def facts(self) -> Iterator[tuple[str, str]]:
        """What the ledger is told of the campaign: its labels, the usual budgets, and which columns of rows count."""
        yield "labels", json.dumps(self._file.campaign_labels)
        yield "budgets", self.usual
        yield "counts", " ".join(sorted(self.keys))


def counted_of(file: CampaignFile, shelf: Shelf) -> RowBudgets:
    """To which budgets the rows of a stored campaign count."""
    return RowBudgets(file, read_budgets(shelf).budgets)
