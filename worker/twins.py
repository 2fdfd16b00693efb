"""Which task of a provider's list belongs to which lost submit: pure matching, in which twins are never crossed.

Sends and tasks that may belong together are looked at together: what one of them is decides for the others.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import Enum
from typing import Any, Literal

from providers.contract import Candidate


class Fit(Enum):
    """Whether a task can be what a send bought, by all that the provider tells of it."""

    NO = "no"
    MAYBE = "maybe"
    YES = "yes"


@dataclass(frozen=True, slots=True)
class Sought:
    """One send: lost (`unknown`), given up (`freed`), or just on the wire (`sending`).

    `told` is what the provider would tell of its task; `body` is all that was sent, so that sends with one body may
    change places. The window holds the creation of its task, in the provider's time; `settles` ends the time in which
    a task may still turn up.
    """

    name: str
    kind: Literal["unknown", "freed", "sending"]
    told: Mapping[str, Any]
    body: str
    since: datetime
    until: datetime
    settles: datetime


@dataclass(frozen=True, slots=True)
class Verdict:
    """What a look says of one send: its task, or none (`missed`), or that it cannot be told: `held` where only a
    person can, else the next look may.
    """

    task: Candidate | None = None
    missed: bool = False
    held: bool = False
    reason: str = ""


@dataclass(slots=True)
class _Group:
    """Sends and tasks that hang together."""

    sends: list[Sought] = field(default_factory=list)
    tasks: list[Candidate] = field(default_factory=list)


MISSED = Verdict(missed=True, reason="the provider's list shows no task of it")


def fit(send: Sought, task: Candidate) -> Fit:
    """Whether the task can be the send's: everything told agrees, and it was created in the send's time."""
    seen = [task.told.get(key) for key in send.told]
    differs = any(was is not None and was != wanted for was, wanted in zip(seen, send.told.values(), strict=True))
    if differs or (task.created_at is not None and not send.since <= task.created_at <= send.settles):
        return Fit.NO
    if None in seen:
        # A task that does not tell what it is stands in the way only of sends of its very time.
        near = task.created_at is None or task.created_at <= send.until
        return Fit.MAYBE if near and task.state != "failed" else Fit.NO
    return Fit.YES


def judge(sends: Sequence[Sought], tasks: Iterable[Candidate]) -> dict[str, Verdict]:
    """A verdict on every lost or given-up send, by its name; `tasks` are those that no job has claimed."""
    verdicts: dict[str, Verdict] = {}
    for group in _groups(sends, tasks):
        verdicts |= _judge(group)
    return verdicts


def _groups(sends: Sequence[Sought], tasks: Iterable[Candidate]) -> Iterator[_Group]:
    """The connected parts of the graph of what may belong together."""
    groups = [_Group(sends=[send]) for send in sends]
    for task in tasks:
        near = [group for group in groups if any(fit(send, task) is not Fit.NO for send in group.sends)]
        if not near:
            continue
        first, *others = near
        first.tasks.append(task)
        for other in others:
            first.sends += other.sends
            first.tasks += other.tasks
            groups.remove(other)
    yield from groups


def _judge(group: _Group) -> dict[str, Verdict]:
    lost = [send for send in group.sends if send.kind != "sending"]
    if not group.tasks:
        return {send.name: MISSED for send in lost}
    why = _unclear(group, lost)
    if why is not None:
        return {send.name: why for send in lost}
    return _shared_out(lost, group.tasks)


def _unclear(group: _Group, lost: Sequence[Sought]) -> Verdict | None:
    """Why this group cannot be told apart now; None when it can."""
    names = ", ".join(task.task_id for task in group.tasks[:3])
    if len(lost) < len(group.sends):
        return Verdict(reason="a submit that looks alike is on the wire")
    vague = [task for task in group.tasks if any(fit(send, task) is Fit.MAYBE for send in lost)]
    if any(task.state == "open" for task in vague):
        return Verdict(reason=f"task {names} may be it, and tells what it is when it has ended")
    if vague:
        return Verdict(held=True, reason=f"task {names} may be it, but the provider does not tell what it was")
    if any(send.kind == "unknown" for send in lost) and len({send.body for send in lost}) > 1:
        return Verdict(
            held=True, reason=f"{len(lost)} submits look alike to the provider (they differ in the seed, say): {names}"
        )
    if len(group.tasks) > len(lost):
        return Verdict(held=True, reason=f"more tasks look like it than were submitted: {names}")
    return None


def _shared_out(lost: Sequence[Sought], tasks: Sequence[Candidate]) -> dict[str, Verdict]:
    """Each task to one send, unknown ones first: all have one body, so that any of them may have bought it."""
    verdicts = {send.name: MISSED for send in lost}
    free = sorted(lost, key=lambda send: (send.kind != "unknown", send.since))
    for task in sorted(tasks, key=lambda task: (sum(fit(send, task) is Fit.YES for send in lost), task.task_id)):
        send = next((send for send in free if fit(send, task) is Fit.YES), None)
        if send is None:
            return {each.name: Verdict(held=True, reason=f"task {task.task_id} fits no send alone") for each in lost}
        free.remove(send)
        verdicts[send.name] = Verdict(task=task)
    return verdicts
