"""A render: what was ordered, when it starts and ends, and what becomes of it. Its fate is known from the start."""

import dataclasses
from dataclasses import dataclass, field
from typing import Any, Literal

State = Literal["rendering", "succeeded", "failed", "cancelled"]


@dataclass(frozen=True, slots=True)
class Order:
    """What a dialect understood of a submit: the clip to make and the price in micro-USD.

    `broken` is `(code, message)` for an order that is taken and can only fail. `deadline_s` are simulated seconds from
    the submit after which the provider ends it unbilled, as the order asked; its failure's code is then `deadline`.
    """

    width: int
    height: int
    duration_s: int
    price_uusd: int
    audio: bool = True
    input_video_s: int = 0
    prompt: str = ""
    broken: tuple[str, str] | None = None
    deadline_s: float | None = None


@dataclass(slots=True)
class Task:
    """One accepted order. Instants are simulated seconds since 1970; money is micro-USD.

    `input` is the body as received; `key` names the order in the same words in every run; `failure` is
    `(code, message)` or None for a good end; `notes` are what the dialect remembers of the submit.
    """

    task_id: str
    provider: str
    account: str
    model: str
    input: dict[str, Any]
    key: str
    order: Order
    at: float
    starts_at: float
    ends_at: float
    failure: tuple[str, str] | None = None
    state: State = "rendering"
    cost_uusd: int | None = None
    remaining_uusd: int | None = None
    polls: int = 0
    results: int = 0
    found: bool = False
    notes: dict[str, str] = field(default_factory=dict)

    def started(self, now: float) -> bool:
        """Whether it has left the queue."""
        return now >= self.starts_at

    def accepted_entry(self) -> dict[str, Any]:
        """The journal's line for the purchase."""
        skipped = ("state", "cost_uusd", "remaining_uusd", "polls", "results", "found", "order")
        plain = {spec.name: getattr(self, spec.name) for spec in dataclasses.fields(self) if spec.name not in skipped}
        return {"kind": "accepted", **plain, "order": dataclasses.asdict(self.order)}

    def ended_entry(self) -> dict[str, Any]:
        """The journal's line for the end and the bill."""
        return {
            "kind": "ended", "task_id": self.task_id, "state": self.state, "ends_at": self.ends_at,
            "cost_uusd": self.cost_uusd, "remaining_uusd": self.remaining_uusd,
        }  # fmt: skip

    def found_entry(self, now: float) -> dict[str, Any]:
        """The journal's line for the first look that came after the end."""
        return {"kind": "found", "task_id": self.task_id, "at": now, "polls": self.polls}


def task_of(entry: dict[str, Any]) -> Task:
    """The task of an `accepted_entry`, read back."""
    fields = {name: value for name, value in entry.items() if name != "kind"}
    order, failure = fields.pop("order"), fields.pop("failure")
    order["broken"] = tuple(order["broken"]) if order["broken"] else None
    return Task(order=Order(**order), failure=tuple(failure) if failure else None, **fields)
