"""The provider's own list of tasks, read whole, and what it says of each lost send. Questions go by the poll rate."""

import asyncio
import time
from collections.abc import Sequence
from datetime import datetime, timedelta
from http import HTTPStatus
from itertools import pairwise

from providers.contract import Answer, Candidate, Found
from worker.lookup import Look
from worker.twins import Fit, Sought, Verdict, fit, judge
from worker.wire import Asker

#: Pages of an account's lists that are read at most; longer ones prove nothing.
MOST_PAGES = 200

UNREAD = Verdict(reason="the provider's list of tasks did not answer")
NO_LIST = Verdict(held=True, reason="the provider has no list of its tasks")
FORGOTTEN = Verdict(held=True, reason="it is older than the provider's list of tasks goes back")


async def listed(look: Look, asker: Asker, since_ms: int) -> dict[str, Candidate] | None:
    """The account's tasks since then, as far back as its list goes; None when there is none, or not the whole of it."""
    account = look.counter.account
    until = look.theirs(look.asked_ms)
    since = max(_limit(look), look.theirs(since_ms) - look.slack())
    calls = list(account.provider.find_calls(since, until, account.endpoint))
    tasks: dict[str, Candidate] = {}
    pages = 0
    while calls and pages < MOST_PAGES:
        call = calls.pop()
        pages += 1
        await token(look)
        answer = await asker.ask(call)
        found = account.provider.read_find(answer, call) if isinstance(answer, Answer) else answer
        if not isinstance(found, Found):
            return None
        tasks |= {row.task_id: row for row in found.rows}
        if found.following is not None and not _reaches(found.rows, since):
            calls.append(found.following)
    return tasks if pages and not calls else None


async def verdicts(
    look: Look, asker: Asker, sends: Sequence[Sought], tasks: dict[str, Candidate] | None
) -> dict[str, Verdict]:
    """A verdict on each send, by its name."""
    if not look.counter.account.provider.memory_s:
        return {send.name: NO_LIST for send in sends}
    free = None if tasks is None else await _unclaimed(look, asker, sends, tasks)
    if free is None:
        return {send.name: UNREAD for send in sends}
    # That a list shows no task of a send which is older than it proves nothing.
    forgotten = {send.name: FORGOTTEN for send in sends if send.since < _limit(look)}
    return judge(sends, free) | forgotten


async def _unclaimed(
    look: Look, asker: Asker, sends: Sequence[Sought], tasks: dict[str, Candidate]
) -> list[Candidate] | None:
    """The tasks that no job has, with all that is told of those that may matter; None when that was not answered."""
    owners = await asyncio.to_thread(look.lost.owners, look.counter.name, list(tasks))
    free = []
    for task in (task for task_id, task in tasks.items() if task_id not in owners):
        detailed: Candidate | None = task
        if any(fit(send, task) is Fit.MAYBE for send in sends):
            detailed = await _detailed(look, asker, task)
        if detailed is None:
            return None
        free.append(detailed)
    return free


async def _detailed(look: Look, asker: Asker, task: Candidate) -> Candidate | None:
    """The task with what the provider tells of it beyond its list; None when it did not answer."""
    account = look.counter.account
    call = account.provider.detail_call(task, account.endpoint)
    if call is None:
        return task
    await token(look)
    answer = await asker.ask(call)
    if not isinstance(answer, Answer) or answer.status != HTTPStatus.OK:
        return None
    return account.provider.read_detail(answer, task)


async def token(look: Look) -> None:
    """Wait until the poll rate lets one more question out."""
    while True:
        wait_s = await asyncio.to_thread(look.lost.poll_wait_s, look.counter.name, look.counter.policy)
        look.step_at = time.monotonic()
        if not wait_s:
            return
        await asyncio.sleep(wait_s)


def _limit(look: Look) -> datetime:
    """The oldest task that the provider's list can show."""
    return look.theirs(look.asked_ms) - timedelta(seconds=look.counter.account.provider.memory_s)


def _reaches(rows: Sequence[Candidate], since: datetime) -> bool:
    """Whether a page that is newest first goes back far enough."""
    at = [row.created_at for row in rows if row.created_at is not None]
    newest_first = len(at) == len(rows) and all(one >= other for one, other in pairwise(at))
    return newest_first and bool(at) and at[-1] < since
