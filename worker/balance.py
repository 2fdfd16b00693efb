"""What is left on an account, asked of the provider while jobs settle whose own answers do not tell it.

One worker of all asks, at most once a minute of the provider's time, by the poll rate. A settle never waits for it: a
record carries the balance that was seen last, with its own time.
"""

import asyncio
import contextlib
import logging
import time
from datetime import datetime
from decimal import Decimal
from http import HTTPStatus
from typing import Any

import redis

from jobs.errors import WanbatchError
from ledger.balance import Balances
from providers.contract import Answer
from worker.wire import Asker
from worker.wiring import Counter, Workshop

#: Seconds of the provider's time between two questions.
ASK_EVERY_S = 60.0
#: The same after the provider refused to tell.
REFUSED_S = 600.0
#: Statuses of a key that may buy but not ask, and of a door that is not there.
_REFUSALS = frozenset({HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN, HTTPStatus.NOT_FOUND})

#: What a record tells of it.
FIELDS = ("remaining_credits", "remaining_credits_unit", "remaining_credits_at")

log = logging.getLogger(__name__)


class Inquiry:
    """The pump's side: it asks for the accounts whose jobs settle untold, when it is time. Lives on the pump's loop."""

    def __init__(self, shop: Workshop) -> None:
        self._shop = shop
        self._balances = Balances(shop.ledger)
        #: Monotonic seconds before which this worker does not even look whether it is time.
        self._not_before: dict[str, float] = {}
        self._asking: set[asyncio.Task[None]] = set()

    def look_after(self, asker: Asker) -> None:
        """Begin to ask for every account that is due; returns at once."""
        while self._shop.untold:
            self._look_after(self._shop.counters[self._shop.untold.pop()], asker)

    def _look_after(self, counter: Counter, asker: Asker) -> None:
        now = time.monotonic()
        if now < self._not_before.get(counter.name, 0.0):
            return
        self._not_before[counter.name] = now + counter.account.clock.ours_s(ASK_EVERY_S)
        task = asyncio.create_task(self._ask(counter, asker))
        self._asking.add(task)
        task.add_done_callback(self._asking.discard)

    async def _ask(self, counter: Counter, asker: Asker) -> None:
        """No answer, a refusal and a ledger that is away are no errors: the next minute brings the next question."""
        account = counter.account
        call = account.provider.balance_call(account.endpoint)
        if call is None:
            return
        try:
            if not await asyncio.to_thread(self._balances.begin, counter.name, account.clock.ours_s(ASK_EVERY_S)):
                return
            await self._token(counter)
            answer = await asker.ask(call)
            left = account.provider.read_balance(answer) if isinstance(answer, Answer) else None
            if left is not None:
                seen = str(left.remaining), left.unit, time.time()
                await asyncio.to_thread(self._balances.remember, counter.name, *seen)
                return
            if isinstance(answer, Answer) and answer.status in _REFUSALS:
                refused_s = account.clock.ours_s(REFUSED_S)
                await asyncio.to_thread(self._balances.wait, counter.name, refused_s)
                self._not_before[counter.name] = time.monotonic() + refused_s
            said = f"HTTP {answer.status}" if isinstance(answer, Answer) else answer.reason
            log.info("the balance was not told", extra={"account": counter.name, "reason": said})
        except (redis.RedisError, WanbatchError) as error:
            log.info("the balance is asked for later", extra={"account": counter.name, "reason": str(error)})

    async def _token(self, counter: Counter) -> None:
        """Wait until the poll rate lets one more question out."""
        while True:
            wait_s = await asyncio.to_thread(self._balances.poll_wait_s, counter.name, counter.policy)
            if not wait_s:
                return
            await asyncio.sleep(wait_s)


def as_seen(account: str, result: dict[str, Any] | None, finished: datetime | None, shop: Workshop) -> dict[str, Any]:
    """The fields of a record that tell the balance: as this job's answer told it, else as it was seen last.

    An answer that does not tell it makes the pump ask.
    """
    seen: tuple[Decimal, str | None, datetime | None] | None = None
    if result is not None and result.get("credits") is not None:
        seen = Decimal(result["credits"]), result.get("credits_unit"), finished
    else:
        shop.untold.add(account)
        with contextlib.suppress(redis.RedisError):
            seen = Balances(shop.ledger).seen(account)
    return {} if seen is None else dict(zip(FIELDS, seen, strict=True))
