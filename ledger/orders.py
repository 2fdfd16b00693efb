"""What is asked of the ledger and what it answers: a claim, a job that is due, an order to move, and its outcome."""

import json
import os
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from math import inf
from typing import Any, Literal, NamedTuple

from jobs.lifecycle import MOVES, Move, State
from ledger.gates import Policy


class Claim(NamedTuple):
    """A job in hand, and the fence that proves it."""

    job_id: str
    fence: str


class Leave(NamedTuple):
    """Whether a POST may leave. `go`: its first byte leaves between these two of our monotonic instants, or the grant,
    an instant of Redis, is given back. `wait`: ask again in `wait_s`, with what was `told`. `stop`: `why` says so.
    """

    word: Literal["go", "wait", "stop"]
    why: str = ""
    not_before: float = 0.0
    not_after: float = inf
    grant: str = ""
    wait_s: float = 0.0
    told: str = ""


class Due(NamedTuple):
    """A job that wants work now: poll it (rendering) or ring for its collecting (ready). `late_ms` past its time."""

    job_id: str
    state: str
    fence: str
    late_ms: int
    task_id: str
    polls: int
    attempts: int
    purchases: str
    owed: str
    #: Not empty where its campaign was cancelled: the provider is asked to cancel it before it is asked after.
    unwanted: str = ""
    #: What renders it is like; empty where an older version bought it. Then the ages at which it was last seen running
    #: and at which this look was planned, in ms from its acceptance, counted in waits.
    kind: str = ""
    ran_ms: str = ""
    look_ms: str = ""
    #: Not empty where a webhook has told of its end.
    hint_ms: str = ""


class Paid(NamedTuple):
    """The receipt of this send of the job lies in the store."""

    job_id: str
    send: int


class Ask(NamedTuple):
    """What a pump asks of one account.

    At most `most_due` jobs that are due, `most_collects` collects rung or under way in all, `most_claims` jobs claimed
    now (0: nothing is bought), and `most_waiting` claimed and not yet sent, over all workers.
    """

    account: str
    policy: Policy
    most_due: int
    most_collects: int
    most_claims: int
    most_waiting: int


class Told(NamedTuple):
    """What the ledger gave out on one account."""

    due: list[Due]
    claims: list[Claim]


class Watch(NamedTuple):
    """A send that was given up: what a later look for a task of it needs (JSON), and in how many seconds to look."""

    send: str
    text: str
    due_s: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Order:
    """One move of one job, for `Ledger.move`; `move.lua` says what each field does."""

    move: Move
    to: State
    claim: Claim
    token: str = field(default_factory=lambda: os.urandom(8).hex())
    due_s: float | None = None
    new_fence: bool = False
    set: Mapping[str, str] = field(default_factory=dict)
    delete: Sequence[str] = ()
    cost_uusd: int | None = None
    bad: bool | None = None
    unverified: bool = False
    answered: bool = False
    charge_over: bool = False
    #: A lost answer that says nothing about the account: it does not count towards parking it.
    blameless: bool = False
    task: str | None = None
    #: A render has ended: what it was like, and the cell of its length.
    lasted: tuple[str, int] | None = None
    #: The account's balance as the answer showed it (credits, credits_unit, credits_ms); the account keeps it.
    seen: Mapping[str, str] = field(default_factory=dict)
    held: bool | None = None
    #: No byte left at the grant that it had.
    unused: bool = False
    #: What the provider told of its first window, beside what is known of that.
    told: Mapping[str, int | float] | None = None
    watch: Watch | None = None
    #: The last webhook that was known (`Due.hint_ms`) and the render's age in ms by then; one that came since has the
    #: render looked at now, whatever `due_s` says.
    hint: tuple[str, int] | None = None

    def __post_init__(self) -> None:
        if self.to not in MOVES[self.move][1]:
            raise ValueError(f"{self.move} does not lead to {self.to}")

    def text(self, epoch: str) -> str:
        """The order as `move.lua` reads it."""
        body: dict[str, Any] = {
            "epoch": epoch,
            "id": self.claim.job_id,
            "fence": self.claim.fence,
            "token": self.token,
            "from": list(MOVES[self.move][0]),
            "to": self.to,
            "new_fence": self.new_fence,
            "set": dict(self.set),
            "del": list(self.delete),
            "unverified": self.unverified,
            "lost": self.move is Move.LOSE and not self.blameless,
            "answered": self.answered,
            "charge_over": self.charge_over,
            "unused": self.unused,
            **({} if self.told is None else {"told": dict(self.told)}),
        }
        if self.due_s is not None:
            body["due_ms"] = int(self.due_s * 1000)
        if self.cost_uusd is not None:
            body["cost_uusd"] = str(self.cost_uusd)
        if self.bad is not None:
            body["bad"] = self.bad
        if self.task is not None:
            body["task"] = self.task
        if self.lasted is not None:
            body["kind"], body["cell"] = self.lasted
        if self.seen:
            body["seen"] = dict(self.seen)
        if self.held is not None:
            body["held"] = self.held
        if self.hint is not None:
            body["hint"], body["age_ms"] = self.hint
        if self.watch is not None:
            body["watch"] = {"send": self.watch.send, "text": self.watch.text, "due_ms": int(self.watch.due_s * 1000)}
        return json.dumps(body)


class Moved(NamedTuple):
    """Whether a move happened, now or before; else `detail` is the state that the job was found in."""

    ok: bool
    detail: str


def read_moved(answer: Sequence[str]) -> Moved:
    """What `move.lua` answers."""
    word, detail = answer
    return Moved(word == "moved", detail)


def read_dues(rows: Iterable[Any]) -> list[Due]:
    """What `lease.lua` answers."""
    return [
        Due(job, state, fence, int(late), task, int(polls), int(attempts), *texts)
        for job, state, fence, late, task, polls, attempts, *texts in rows
    ]


def read_claims(flat: Sequence[str]) -> list[Claim]:
    """What `claim.lua` answers."""
    return [Claim(*pair) for pair in zip(flat[::2], flat[1::2], strict=True)]


def read_row(answer: Mapping[str, str] | Sequence[str]) -> dict[str, str]:
    """A whole hash: a map, or names and values in turn where Redis speaks its older protocol."""
    return dict(answer) if isinstance(answer, Mapping) else dict(zip(answer[::2], answer[1::2], strict=True))
