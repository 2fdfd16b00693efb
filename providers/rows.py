"""A provider's list of tasks: where a page keeps its rows, and what of a row a look for lost submits needs."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal

from providers import fields, rules
from providers.contract import Answer, Candidate, CheckReading, Open, Unreadable

Standing = Literal["open", "succeeded", "failed"]


@dataclass(frozen=True, slots=True)
class Rows:
    """`held` names the page's field with the rows, the others fields of a row; `good` and `bad` are words of ends.

    Where `ended` names the field with the instant of an end, the state is an HTTP status that only ended tasks have.
    """

    held: str
    task_id: str
    created: str
    state: str
    good: tuple[str, ...] = ()
    bad: tuple[str, ...] = ()
    read_created: Callable[[Any], datetime | None] = fields.instant
    ended: str = ""

    def on(self, answer: Answer) -> list[dict[str, Any]] | None:
        """The rows of a page; None where the answer is no page."""
        rows = answer.fields().get(self.held)
        return [fields.obj(row) for row in rows] if answer.status in rules.TAKEN and isinstance(rows, list) else None

    def standing(self, row: Mapping[str, Any]) -> Standing:
        """Where the row's task stands; a word that is no end is open."""
        if self.ended:
            status = fields.whole(row.get(self.state)) if row.get(self.ended) else None
            return "open" if status is None else "succeeded" if status in rules.TAKEN else "failed"
        word = fields.words(row.get(self.state))
        return "succeeded" if word in self.good else "failed" if word in self.bad else "open"

    def candidate(self, row: Mapping[str, Any], told: Mapping[str, Any], **cost: Any) -> Candidate | None:
        """The row as a candidate with what it tells of the input; None for a row without a usable id."""
        task_id = fields.task_id(row.get(self.task_id))
        if task_id is None:
            return None
        created_at = self.read_created(row.get(self.created))
        return Candidate(task_id, created_at, self.standing(row), told, **cost)

    def reading(
        self,
        rows: Iterable[dict[str, Any]],
        task_id: str,
        good: Callable[[dict[str, Any]], CheckReading],
        bad: Callable[[dict[str, Any]], CheckReading],
    ) -> CheckReading:
        """What a page tells of one task, which has a longer memory than its status; `good` and `bad` read its end."""
        row = next((row for row in rows if row.get(self.task_id) == task_id), None)
        if row is None:
            return Unreadable("the task is neither known by its id nor in the list")
        standing = self.standing(row)
        return Open() if standing == "open" else good(row) if standing == "succeeded" else bad(row)
