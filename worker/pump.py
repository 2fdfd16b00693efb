"""The pump: a thread in every worker that leases what is due, polls it, admits queued jobs, rings for short tasks.

Any number of workers run one. What a dead worker held falls due again, and some pump takes it up.
"""

import asyncio
import logging
import os
import signal
import threading
import time
from collections.abc import Sequence
from contextlib import suppress

import redis
import uvloop

from jobs.errors import WanbatchError
from jobs.messages import COLLECT, SUBMIT
from ledger.jobs import Ledger
from ledger.orders import Ask, Claim, Due, Paid, Told
from ledger.shelf import Receipt
from worker.balance import Inquiry
from worker.doorbells import Bells, Ring
from worker.poll import look
from worker.quotas import Quotas
from worker.reconcile import look_up
from worker.wire import Asker
from worker.wiring import Counter, Workshop

#: Seconds between two visits to the ledger (docs/decisions/0012): the lateness of a poll, whatever a provider's clock.
TICK_S = 0.1
#: Seconds between two heartbeats.
BEAT_S = 1.0
#: Jobs leased on one account in one look, and polls on the wire at once.
MOST_LEASED = 500
MOST_POLLS = 256
#: Seconds for which the pump keeps away from a Redis that does not answer.
REDIS_AWAY_S = 0.5
#: Seconds without an answer to any look after which the ledger hears that a provider is not to be reached.
SILENT_S = 5.0
#: Seconds that polls on the wire get to end when the worker leaves.
LEAVE_WITHIN_S = 2.0

log = logging.getLogger(__name__)


class Pump:
    """Runs on a thread of its own, with an event loop of its own; `start` and `stop` are its whole surface."""

    def __init__(self, shop: Workshop, ring: Ring) -> None:
        self._shop = shop
        self._bells = Bells(ring, shop.hands)
        self._thread = threading.Thread(target=self._main, name="pump", daemon=True)
        self._polls: set[asyncio.Task[None]] = set()
        self._asked: dict[Claim, float] = {}
        self._seeking: dict[str, asyncio.Task[None]] = {}
        self._inquiry = Inquiry(shop)
        self._quotas = Quotas(shop)
        self._served: list[Counter] = []
        self._strange = ""
        self._away = ""
        self._fleet_threads = shop.settings.threads
        self._leave = threading.Event()
        self._died = True

    def start(self) -> None:
        """Begin to look."""
        self._thread.start()

    def stop(self) -> None:
        """Claim nothing more, let polls on the wire end, give every lease back; returns when that is done."""
        self._leave.set()
        self._thread.join(LEAVE_WITHIN_S + 1.0)

    def _main(self) -> None:
        try:
            uvloop.run(self._run())
        finally:
            if self._died:
                # Without its heartbeat this worker counts as dead, so it must not go on buying.
                log.critical("the pump died, so this worker ends")
                os.kill(os.getpid(), signal.SIGTERM)

    async def _run(self) -> None:
        asker, loop = Asker(), asyncio.get_running_loop()
        visits = asyncio.create_task(asyncio.to_thread(self._keep_visiting, loop, asker))
        beat = asyncio.create_task(self._beat(asker))
        try:
            ended, _ = await asyncio.wait((visits, beat), return_when=asyncio.FIRST_COMPLETED)
            for task in ended:
                # Visits end when the worker is told to go; whatever else ends them, or the beat, is a fault.
                task.result()
            await self._give_back()
        finally:
            self._died = not self._leave.is_set()
            self._leave.set()
            beat.cancel()
            await asker.close()

    def _keep_visiting(self, loop: asyncio.AbstractEventLoop, asker: Asker) -> None:
        """Visit the ledger once an instant until told to go; the loop of the pump is woken only to begin looks."""
        while not self._leave.is_set():
            try:
                renders = self._visit()
            except redis.RedisError as error:
                self._tell_away(str(error))
                self._leave.wait(REDIS_AWAY_S)
                continue
            self._tell_away("")
            if renders:
                loop.call_soon_threadsafe(self._begin, renders, asker)
            self._leave.wait(TICK_S)

    def _begin(self, renders: Sequence[tuple[Counter, Due]], asker: Asker) -> None:
        """Begin to look at them."""
        for counter, due in renders:
            if due.state != "rendering":
                self._look_for_lost(counter, asker)
                continue
            task = asyncio.create_task(self._look(due, counter, asker))
            self._polls.add(task)
            task.add_done_callback(self._looked)

    def _tell_away(self, reason: str) -> None:
        """Say once that the ledger does not serve, and once that it does again."""
        if reason and not self._away:
            log.warning("the ledger does not serve; nothing is bought meanwhile", extra={"reason": reason})
        elif self._away and not reason:
            log.warning("the ledger serves again")
        self._away = reason

    def _visit(self) -> list[tuple[Counter, Due]]:
        """Visit the ledger once, on one thread: bring what waits there, ring, and answer the renders to look at."""
        if not self._served:
            self._look_around()
        served = self._served
        told = self._deliver([self._ask(counter) for counter in served])
        renders = [pair for counter, one in zip(served, told, strict=True) for pair in self._sort(counter, one)]
        self._bells.ring()
        return renders

    def _deliver(self, asks: Sequence[Ask]) -> list[Told]:
        """Bring the ledger what waits for it, and ask."""
        mail = self._shop.outbox.take()
        try:
            moved, told = self._shop.ledger.visit(mail.orders, asks, mail.paid)
        except redis.RedisError:
            # The same orders go again: a move that happened all the same is not made twice.
            self._shop.outbox.give_back(mail)
            raise
        for order, one in zip(mail.orders, moved, strict=True):
            if not one.ok:
                log.info("a move came too late", extra={"job_id": order.claim.job_id, "found": one.detail})
        return told

    def _ask(self, counter: Counter) -> Ask:
        """What is asked of the ledger for one account: as much as this worker, and the fleet, can take up soon."""
        shop, threads = self._shop, self._fleet_threads
        # Half of the threads fetch, so that others can buy.
        most_collects = max(1, threads // 2) * shop.hands[COLLECT].claims_a_bell
        a_bell = shop.hands[SUBMIT].claims_a_bell
        buys = not shop.stopping.is_set() and shop.store_is_well()
        return Ask(
            counter.name,
            counter.policy,
            most_due=max(1, min(MOST_LEASED, MOST_POLLS - len(self._polls))),
            most_collects=most_collects,
            most_claims=max(shop.settings.threads, a_bell) if buys else 0,
            most_waiting=threads * max(2, a_bell),
        )

    def _sort(self, counter: Counter, told: Told) -> list[tuple[Counter, Due]]:
        """Put what is ready and what was admitted into doorbells; answer what is to be looked at."""
        ready = [Claim(each.job_id, each.fence) for each in told.due if each.state in ("ready", "collecting")]
        self._bells.add(COLLECT, counter.name, ready)
        self._bells.add(SUBMIT, counter.name, told.claims)
        return [(counter, each) for each in told.due if each.state in ("rendering", "unknown", "freed")]

    def _look_around(self) -> None:
        """Which accounts have had jobs that this worker can serve, and how many threads the living workers have."""
        ledger, counters = self._shop.ledger, self._shop.counters
        founded = ledger.is_founded()
        if ledger.strange != self._strange:
            self._strange = ledger.strange
            what = "the ledger is left alone" if ledger.strange else "the ledger is served again"
            log.warning(what, extra={"reason": ledger.strange})
        if not founded:
            self._served = []
        else:
            self._served = [counters[name] for name in sorted(ledger.accounts()) if name in counters]
            self._fleet_threads = threads_of(ledger) or self._shop.settings.threads

    async def _look(self, due: Due, counter: Counter, asker: Asker) -> None:
        if due.owed:
            await asyncio.to_thread(_pay, due, self._shop, counter)
        claim = Claim(due.job_id, due.fence)
        self._asked[claim] = time.monotonic()
        try:
            order = await look(due, counter, asker)
        finally:
            del self._asked[claim]
        self._shop.outbox.move(order)

    def _look_for_lost(self, counter: Counter, asker: Asker) -> None:
        """One look serves all lost submits of an account; while one is under way, no other begins."""
        if counter.name not in self._seeking:
            task = asyncio.create_task(self._seek(counter, asker))
            self._seeking[counter.name] = task
            task.add_done_callback(self._looked)
            task.add_done_callback(lambda _: self._seeking.pop(counter.name))

    async def _seek(self, counter: Counter, asker: Asker) -> None:
        try:
            await look_up(counter, asker, self._shop)
        except (redis.RedisError, WanbatchError) as error:
            log.warning("lost submits are looked for later", extra={"account": counter.name, "reason": str(error)})

    def _looked(self, task: "asyncio.Task[None]") -> None:
        """A look that failed for a reason of our own is told; its lease brings the job back."""
        self._polls.discard(task)
        if not task.cancelled() and (error := task.exception()) is not None:
            log.error("a look failed", exc_info=error)

    async def _beat(self, asker: Asker) -> None:
        """Tell the ledger that this worker lives, stretch the leases of what it holds, look around, learn, and ask."""
        while True:
            with suppress(redis.RedisError):
                await asyncio.to_thread(self._live, self._in_hand())
                self._inquiry.look_after(asker)
                self._quotas.look_after(self._served, asker)
            await asyncio.sleep(BEAT_S)

    def _live(self, in_hand: Sequence[Claim]) -> None:
        """One heartbeat: first the look, since the ledger may have been recovered under a new epoch."""
        self._look_around()
        if self._shop.ledger.epoch and not self._strange:
            able = {counter.name: counter.able() for counter in self._served}
            self._shop.ledger.renew(self._shop.name, in_hand, able)
            self._learn()
            self._tell_silent()

    def _tell_silent(self) -> None:
        """Tell of accounts whose provider answers no look, so that others may buy in their place."""
        for counter in self._served:
            silent_s = counter.patience.silent_s()
            if silent_s > SILENT_S:
                self._shop.ledger.hold(counter.name, down_s=silent_s)

    def _learn(self) -> None:
        """Wait from now on by what has ended meanwhile."""
        for counter in self._served:
            counter.patience.renew(self._shop.ledger)

    def _in_hand(self) -> list[Claim]:
        """What the threads hold, and the polls that have lasted a heartbeat: most end sooner than their lease."""
        slow = time.monotonic() - BEAT_S
        return self._shop.held.now() + [claim for claim, since in self._asked.items() if since < slow]

    async def _give_back(self) -> None:
        """The worker leaves: polls that end in time count, the others fall due at their lease's end."""
        if self._polls:
            await asyncio.wait(self._polls, timeout=LEAVE_WITHIN_S)
        await asyncio.to_thread(self._go)

    def _go(self) -> None:
        """The last visit; doorbells that waited are for others now."""
        self._deliver([])
        self._bells.ring(last=True)
        self._shop.ledger.leave(self._shop.name)


def threads_of(ledger: Ledger) -> int:
    """Threads of all living workers."""
    return sum(int(name.rpartition("/")[2]) for name in ledger.workers())


def _pay(due: Due, shop: Workshop, counter: Counter) -> None:
    """Write the receipt that the submit could not."""
    try:
        receipt = Receipt.model_validate_json(due.owed)
        shop.shelf(simulated=counter.account.simulated).write_receipt(receipt)
        shop.outbox.pay(Paid(due.job_id, receipt.send))
    except WanbatchError as error:
        log.warning("a receipt is still owed", extra={"job_id": due.job_id, "reason": error.message})
