"""A trial with real money: whether a submit that is repeated under its key buys nothing more, at this account.

One cheap video is ordered twice under one key, as a lost submit would be. The same task both times, and a balance that
falls by one video's cost, is the proof.
"""

import asyncio
import secrets
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal
from random import random
from typing import Literal

from jobs.backoff import poll_wait_s, waited_s
from jobs.errors import Refused
from jobs.identity import job_id, send_mark, variant_id
from jobs.job import Job, Mode, Render
from jobs.money import shown, to_uusd
from jobs.trial import ReplayTrial
from providers.accounts import Account
from providers.contract import Accepted, Answer, Ask, Call, Failed, Finished, Lost, Rejected
from worker.posting import NotSent
from worker.wire import Asker, Wire
from worker.wiring import counter

PROMPT = "A paper boat drifts across a still pond in soft morning light"
#: Dollars by which a balance may fall beyond the video's cost, as it is told rounded.
ROUNDED_USD = Decimal("0.01")


@dataclass(frozen=True, slots=True)
class Tried:
    """What a trial showed; what is unclear is not written down."""

    verdict: Literal["proved", "refuted", "unclear"]
    reason: str
    tasks: tuple[str, ...]
    charged_usd: Decimal | None = None
    video_url: str | None = None

    def noted(self, account: Account, job: Job) -> ReplayTrial | None:
        """The same as the store keeps it."""
        if self.verdict == "unclear":
            return None
        return ReplayTrial(
            account=account.name, model=account.provider.offer(job).slug, proved=self.verdict == "proved",
            tried_at=datetime.now(UTC), tasks=self.tasks, charged_usd=self.charged_usd, reason=self.reason,
        )  # fmt: skip


def cheapest(account: Account) -> Job:
    """The cheapest video that needs no file: what a trial orders. Raises Refused where no price is known."""
    priced = [(price, render) for render in _renders(account) if (price := account.provider.price_usd(render))]
    if not priced:
        raise Refused(f"{account.facts.title} has no text-to-video with a known price", "nothing was bought")
    price, render = min(priced, key=lambda each: each[0])
    variant = variant_id(render)
    return Job(
        job_id=job_id(variant, 7, simulated=account.simulated), variant_id=variant, render=render, seed=7,
        seed_source="job", simulated=account.simulated, provider=account.facts.name, account=account.name,
        region=account.region, price_uusd=to_uusd(price), price_as_of=account.facts.price_as_of.isoformat(),
    )  # fmt: skip


def _renders(account: Account) -> Iterator[Render]:
    for offer in account.facts.sold(account.region):
        if offer.mode is Mode.T2V:
            for resolution in offer.resolutions:
                yield Render(
                    mode=Mode.T2V, model=offer.model, prompt=PROMPT, resolution=resolution,
                    aspect_ratio=offer.aspect_ratios[0], duration_s=min(offer.durations_s),
                )  # fmt: skip


async def try_replay(account: Account, job: Job, tell: Callable[[str], None]) -> Tried:
    """Order the video twice under one key, watch it to its end, and judge. Raises Refused where nothing was bought."""
    asker, wire = Asker(), Wire()
    try:
        before = await _balance(account, asker)
        mark = send_mark(job.job_id, 1, secrets.token_hex(16))
        call = account.provider.submit_call(job, account.endpoint, mark)
        first = await _post(account, wire, call)
        if isinstance(first, Rejected):
            raise Refused(f"{account.facts.title} says: {first.message}", f"{first.hint}; nothing was bought")
        if isinstance(first, Lost):
            return Tried("unclear", f"the first answer was lost ({first.reason}); it may have bought a video", ())
        tell(f"task {first.task_id} is bought; the same submit goes out again under its key")
        second = await _post(account, wire, call)
        if not isinstance(second, Accepted):
            said = second.reason if isinstance(second, Lost) else second.message
            return Tried("unclear", f"the repeat was answered without a task: {said}", (first.task_id,))
        tasks = (first.task_id, second.task_id)
        if len(set(tasks)) > 1:
            return Tried("refuted", "the repeat bought a second video", tasks)
        tell("the repeat was answered with the same task; its end shows what was charged")
        end = await _end(account, asker, first.task_id)
        return judged(job, tasks, end, before, await _balance(account, asker))
    finally:
        await asker.close()


def judged(
    job: Job, tasks: tuple[str, ...], end: Finished | Failed | None, before: Decimal | None, after: Decimal | None
) -> Tried:
    """What one task twice, its end and the balances before and after it show."""
    if not isinstance(end, Finished):
        why = end.why.message if end else "it did not end in time"
        return Tried(
            "unclear", f"the task was the same, but made no video ({why}): what it costs twice does not show", tasks
        )
    cost_usd = Decimal(job.price_uusd) / 1_000_000 if end.cost_usd is None else end.cost_usd
    if before is None or after is None:
        return Tried("proved", "the repeat was answered with the same task; no balance was told", tasks, None, end.url)
    charged_usd = before - after
    fell = f"one video costs {shown(cost_usd)}, and the balance fell by {shown(charged_usd)}"
    if charged_usd < cost_usd - ROUNDED_USD:
        return Tried("unclear", f"{fell}: it does not show all yet, or was topped up", tasks, charged_usd, end.url)
    if charged_usd > cost_usd + ROUNDED_USD:
        reason = f"{fell}: charged twice, or something else was bought meanwhile"
        return Tried("refuted", reason, tasks, charged_usd, end.url)
    return Tried("proved", f"the repeat was answered with the same task, charged once: {shown(charged_usd)}", tasks,
                 charged_usd, end.url)  # fmt: skip


async def _post(account: Account, wire: Wire, call: Call) -> Accepted | Rejected | Lost:
    """One POST; one that never left is a refusal of ours."""
    answer = await asyncio.to_thread(wire.post, call)
    if isinstance(answer, NotSent):
        raise Refused(f"{account.facts.title} cannot be reached ({answer.reason})", "see to it, and try again")
    return account.provider.read_submit(answer) if isinstance(answer, Answer) else Lost(answer.reason)


async def _balance(account: Account, asker: Asker) -> Decimal | None:
    """What is left in dollars; None where it is not told, or in another unit."""
    call = account.provider.balance_call(account.endpoint)
    answer = None if call is None else await asker.ask(call)
    left = account.provider.read_balance(answer) if isinstance(answer, Answer) else None
    return left.remaining if left and left.unit == "USD" else None


async def _end(account: Account, asker: Asker, task_id: str) -> Finished | Failed | None:
    """How the render ended; None where it has not by its deadline."""
    cadence = counter(account).cadence
    call = account.provider.check_call(task_id, account.endpoint)
    polls = 0
    while waited_s(cadence, polls) <= cadence.deadline_s:
        await asyncio.sleep(poll_wait_s(cadence, polls, random()))
        polls += 1
        answer = await asker.ask(call)
        reading = account.provider.read_check(answer, task_id, account.endpoint) if isinstance(answer, Answer) else None
        if isinstance(reading, Finished | Failed):
            return reading
        if isinstance(reading, Ask):
            call = reading.call
    return None
