"""What providers list of an account's limits, asked now and then: the gates go by it from then on.

One worker of all asks, once an hour of our time, by the poll rate. Where nothing is told, the documented limits stand.
"""

import asyncio
import logging
import time
from collections.abc import Iterable
from typing import Final

import redis

from jobs.errors import WanbatchError
from ledger.balance import Balances
from providers.contract import Answer
from providers.told import quota_call, read_quota
from worker.wire import Asker
from worker.wiring import Counter, Workshop

#: Seconds between two questions.
ASK_EVERY_S: Final = 3600.0

log = logging.getLogger(__name__)


class Quotas:
    """The pump's side: it asks for the accounts that are served, when it is time. Lives on the pump's loop."""

    def __init__(self, shop: Workshop) -> None:
        self._shop = shop
        self._not_before: dict[str, float] = {}
        self._asking: set[asyncio.Task[None]] = set()

    def look_after(self, counters: Iterable[Counter], asker: Asker) -> None:
        """Begin to ask for every account that is due; returns at once."""
        now = time.monotonic()
        for counter in counters:
            if now >= self._not_before.get(counter.name, 0.0):
                self._not_before[counter.name] = now + ASK_EVERY_S
                task = asyncio.create_task(self._ask(counter, asker))
                self._asking.add(task)
                task.add_done_callback(self._asking.discard)

    async def _ask(self, counter: Counter, asker: Asker) -> None:
        """No answer and a refusal are no errors: the next hour brings the next question."""
        account, ledger = counter.account, self._shop.ledger
        call = quota_call(account.provider, account.endpoint)
        if call is None:
            return
        try:
            if not await asyncio.to_thread(_begin, self._shop, counter.name):
                return
            await self._token(counter)
            answer = await asker.ask(call)
            quota = read_quota(account.provider, answer) if isinstance(answer, Answer) else None
            if quota is None:
                log.info("the quotas were not told", extra={"account": counter.name})
                return
            first = next(iter(account.facts.limits.submits), None)
            told = quota.submits is not None and first is not None
            count = max(1, int((quota.submits or 0) * first.window_s / quota.window_s)) if told and first else ""
            await asyncio.to_thread(ledger.call, "quota", counter.name, count, quota.slots or "")
        except (redis.RedisError, WanbatchError) as error:
            log.info("the quotas are asked for later", extra={"account": counter.name, "reason": str(error)})

    async def _token(self, counter: Counter) -> None:
        """Wait until the poll rate lets one more question out."""
        while True:
            wait_s = await asyncio.to_thread(Balances(self._shop.ledger).poll_wait_s, counter.name, counter.policy)
            if not wait_s:
                return
            await asyncio.sleep(wait_s)


def _begin(shop: Workshop, account: str) -> bool:
    """Become the one who asks; False when anyone has in this hour."""
    return bool(shop.ledger.client.set(f"wb:quota:{account}", "", nx=True, px=int(ASK_EVERY_S * 1000)))
