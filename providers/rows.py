"""A provider's list of tasks: where a page keeps its rows, and what of a row a look for lost submits needs."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal

from providers import fields
from providers.contract import Answer, Candidate

Standing = Literal["open", "succeeded", "failed"]


@dataclass(frozen=True, slots=True)
class Rows:
    """`held` names the page's field with the rows, the others fields of a row; `good` and `bad` are words of ends."""

    held: str
    task_id: str
    created: str
    state: str
    good: tuple[str, ...] = ()
    bad: tuple[str, ...] = ()
    read_created: Callable[[Any], datetime | None] = fields.instant

    def on(self, answer: Answer) -> list[dict[str, Any]] | None:
        """The rows of a page; None where the answer is no page."""
        rows = answer.fields().get(self.held)
        return [fields.obj(row) for row in rows] if answer.status // 100 == 2 and isinstance(rows, list) else None  # noqa: PLR2004

    def standing(self, row: Mapping[str, Any]) -> Standing:
        """Where the row's task stands; a word that is no end is open."""
        word = fields.words(row.get(self.state))
        return "succeeded" if word in self.good else "failed" if word in self.bad else "open"

    def candidate(
        self, row: Mapping[str, Any], told: Mapping[str, Any], standing: Standing | None = None, **cost: Any
    ) -> Candidate | None:
        """The row as a candidate with what it tells of the input; None for a row without a usable id."""
        task_id = fields.task_id(row.get(self.task_id))
        if task_id is None:
            return None
        created_at = self.read_created(row.get(self.created))
        return Candidate(task_id, created_at, standing or self.standing(row), told, **cost)
