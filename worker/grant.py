"""The last gate before the POST: the connection first, the token last, and the first byte at the granted instant.

A grant that grew too old before the first byte left is given back and another one taken, so what the provider counts
is what was granted. Until then nothing was sent, and that is certain: the connection is let go, unused.
"""

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from threading import Event

from ledger.gates import Policy
from ledger.orders import Leave
from providers.contract import Answer, Call
from providers.provider import Provider
from providers.told import read_told
from worker.posting import NoAnswer, NotSent, Posting
from worker.wire import Wire

#: Seconds before a granted instant at which it is asked for: a trip to the ledger, and a thread that wakes late.
ASKED_AHEAD_S = 0.025

#: A window as it is known, and what was told of it (`Order.told`).
Limits = Mapping[str, int | float]

#: Asks the ledger for an instant; given the grant that was not used, and the instant that was told before.
Gate = Callable[[str, str], Leave]


def await_grant(gate: Gate, *, late: str, send_by: float, stopping: Event) -> Leave:
    """Ask until the answer is `go`, `stop`, or a `wait` that is not waited out: past `send_by`, or told to leave."""
    told = ""
    while True:
        leave = gate(late, told)
        late, told = "", leave.told
        pause_s = max(0.0, leave.wait_s - ASKED_AHEAD_S) if told else leave.wait_s
        if leave.word != "wait" or time.monotonic() + leave.wait_s > send_by or stopping.wait(pause_s):
            return leave


@dataclass(frozen=True, slots=True)
class Unused:
    """An instant was granted, and in the time of the intent no byte left. Nothing was bought."""

    reason: str


def post_when_granted(
    call: Call, wire: Wire, gate: Gate, *, send_by: float, stopping: Event
) -> Answer | NoAnswer | NotSent | Unused | Leave:
    """Send the POST at an instant that the gate grants, and answer what came of it.

    NotSent: there was no connection, and the gate was not asked. Leave: the gate does not let it go.
    """
    late = ""
    posting = wire.ready(call)
    try:
        while isinstance(posting, Posting):
            leave = await_grant(gate, late=late, send_by=send_by, stopping=stopping)
            if leave.word != "go":
                return leave
            answer = _at_its_instant(posting, leave, send_by)
            if not isinstance(answer, NotSent):
                return answer
            if time.monotonic() > send_by:
                return Unused(answer.reason)
            late = leave.grant
            if not posting.is_open():
                posting.close()
                posting = wire.ready(call)
        return Unused(posting.reason) if late else posting
    finally:
        if isinstance(posting, Posting):
            posting.close()


def _at_its_instant(posting: Posting, leave: Leave, send_by: float) -> Answer | NoAnswer | NotSent:
    ahead_s = leave.not_before - time.monotonic()
    if ahead_s > 0:
        time.sleep(ahead_s)
    if not posting.is_open():
        return NotSent("the provider closed the connection before anything was sent")
    return posting.send(not_after=min(leave.not_after, send_by))


def told_by(policy: Policy, provider: Provider, answer: Answer) -> Limits | None:
    """What the answer told of the window that its headers speak of, for the ledger to learn; None where nothing."""
    told = read_told(provider, answer)
    if told is None or policy.first is None:
        return None
    count, window_ms = policy.first
    said = {"limit": told.limit, "remaining": told.remaining}
    return {"count": count, "window_ms": window_ms, **{name: much for name, much in said.items() if much is not None}}
