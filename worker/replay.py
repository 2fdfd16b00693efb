"""Lost submits sent once more under their own key, where a person has proved that this buys nothing twice.

Only an acceptance decides: it names the task that the key has bought, before or now. Any other answer is about the
repeat and proves nothing of the first send.
"""

import asyncio
import time
from dataclasses import dataclass, field
from typing import Final

from jobs.lifecycle import State
from jobs.media import media_of, stored_parts
from jobs.trial import ReplayTrial
from ledger.orders import Leave
from providers.contract import Accepted, Answer, Kind, Lost
from worker.attempt import job_of
from worker.grant import Unused, post_when_granted
from worker.lookup import Look
from worker.submit import hold_s
from worker.twins import Verdict

#: Seconds in which a repeat must have its connection and its instant; else it is for a later look.
SEND_WITHIN_S: Final = 5.0
#: Refusals that pass by themselves.
_PASSING = frozenset({Kind.RATE_LIMITED, Kind.PROVIDER_DOWN})

FILES = Verdict(held=True, reason="its key cannot be used again: a file of one's own would go along as another link")


@dataclass
class Repeated:
    """What came of it, by job id: the tasks that the keys have bought, and why others are still unknown."""

    accepted: dict[str, Accepted] = field(default_factory=dict)
    undecided: dict[str, Verdict] = field(default_factory=dict)


async def repeated(look: Look) -> Repeated:
    """Send every lost submit of the account once more that may be; the others are not in the answer."""
    outcome = Repeated()
    if not look.counter.account.facts.replay_life_s:
        return outcome
    rows = await asyncio.to_thread(look.sent)
    lost = {job_id: row for job_id, row in rows.items() if row["state"] == State.UNKNOWN}
    trials = await asyncio.to_thread(look.shelf.trials, look.counter.name) if lost else {}
    for job_id, row in lost.items():
        found = await asyncio.to_thread(_repeat, look, job_id, row, trials) if trials else None
        if isinstance(found, Accepted):
            outcome.accepted[job_id] = found
        elif found is not None:
            outcome.undecided[job_id] = found
    return outcome


def _repeat(look: Look, job_id: str, row: dict[str, str], trials: dict[str, ReplayTrial]) -> Accepted | Verdict | None:
    """The same POST once more; None where its key is too old, or nobody has proved what a repeat does."""
    account, job = look.counter.account, job_of(row)
    trial = trials.get(account.provider.offer(job).slug)
    age_s = (look.lost.now_ms() - int(row["sent_ms"])) / 1000
    if trial is None or not trial.proved or age_s >= account.clock.ours_s(account.facts.replay_life_s):
        return None
    if any(stored_parts(uri) for _, uri in media_of(job.render)):
        return FILES
    call = look.counter.submit_call(job, int(row["sends"]), row["token"])

    policy = look.counter.policy.of(job.render.mode, job.render.model)

    def gate(late: str, _told: str) -> Leave:
        return look.lost.resend(job_id, row["fence"], policy, late=late)

    answer = post_when_granted(
        call, look.shop.wire, gate, send_by=time.monotonic() + SEND_WITHIN_S, stopping=look.shop.stopping
    )
    if isinstance(answer, Leave) and answer.word == "stop":
        return Verdict(held=True, reason=f"it is not sent again under its key: {answer.why}")
    if isinstance(answer, Leave | Unused):
        return Verdict(reason="it is sent again under its key when the account's rate allows it")
    reading = account.provider.read_submit(answer) if isinstance(answer, Answer) else Lost(answer.reason)
    if isinstance(reading, Accepted):
        return reading
    if isinstance(reading, Lost):
        return Verdict(reason=f"sent again under its key, and not answered either: {reading.reason}")
    if reading.kind in _PASSING:
        look.shop.ledger.hold(look.counter.name, hold_s=hold_s(reading, look.counter))
    told = f"sent again under its key, and told: {reading.message}"
    return Verdict(held=reading.kind not in _PASSING, reason=told)
