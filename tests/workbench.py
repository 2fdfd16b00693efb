"""A worker without its Celery: one thread takes each step by hand, against a real ledger, store and simulator."""

import asyncio
import itertools
import json
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import redis

from config.settings import load_settings
from jobs.identity import job_id, variant_id
from jobs.job import Job, Mode, Render
from jobs.lifecycle import State
from jobs.messages import COLLECT, SUBMIT
from jobs.money import to_uusd
from jobs.outcome import Outcome, Stop
from jobs.record import JobRecord
from ledger.gates import unlimited
from ledger.jobs import Ledger
from ledger.lots import Lot
from ledger.orders import Claim, Due, Moved
from ledger.shelf import Shelf
from tests.services import Simulator, Valkey
from worker.collect import collect
from worker.poll import look
from worker.submit import submit
from worker.tasks import Step, take_up
from worker.wire import Asker
from worker.wiring import Counter, Workshop, build

CAMPAIGN = "spring"
#: A simulator outlives one test, so no two jobs have the same words.
NUMBERS = itertools.count(1)


@dataclass
class Workbench:
    """The workshop of one worker, an account in it, and the hands that move its jobs."""

    shop: Workshop
    simulator: Simulator
    redis: Any
    account: str
    _jobs: int = field(default=0)

    @property
    def counter(self) -> Counter:
        """The account with its gates."""
        return self.shop.counters[self.account]

    @property
    def ledger(self) -> Ledger:
        """The ledger."""
        return self.shop.ledger

    @property
    def shelf(self) -> Shelf:
        """The simulated world's shelves."""
        return self.shop.shelf(simulated=True)

    def order(self, prompt: str = "a red shoe", *, count: int = 1, **changes: Any) -> list[Job]:
        """Queue so many new videos in the campaign."""
        self.ledger.open_campaign(CAMPAIGN, self.account, budget_uusd=None, facts={"simulated": "1"})
        jobs = [self._job(f"{prompt} {next(NUMBERS)}", changes) for n in range(count)]
        rows = [
            (job.job_id, self._jobs + n, job.price_uusd, job.model_dump_json(), "queued") for n, job in enumerate(jobs)
        ]
        self.ledger.enqueue(CAMPAIGN, [Lot(self.account, rows)])
        self._jobs += count
        return jobs

    def _job(self, prompt: str, changes: dict[str, Any]) -> Job:
        render = Render.model_validate({"mode": Mode.T2V, "prompt": prompt, **changes})
        variant = variant_id(render)
        account = self.counter.account
        price_usd = account.provider.price_usd(render)
        return Job(
            job_id=job_id(variant, 7, simulated=True), variant_id=variant, render=render, seed=7, seed_source="row",
            simulated=True, provider=account.facts.name, account=account.name, region=account.region,
            price_uusd=625_000 if price_usd is None else to_uusd(price_usd),
            price_as_of=account.facts.price_as_of.isoformat(),
        )  # fmt: skip

    def claim(self) -> Claim:
        """Claim the next job."""
        (claim,) = self.ledger.claim(self.account, unlimited(self.counter.policy), most=1, most_waiting=99)
        return claim

    def submit(self) -> tuple[Claim, Outcome]:
        """Claim the next job and take the step that buys."""
        claim = self.claim()
        return claim, self.buy(claim)

    def buy(self, claim: Claim) -> Outcome:
        """Take a claim up and take the step that buys."""
        return self._work(SUBMIT, submit, claim)

    def _work(self, task: str, step: Step, claim: Claim) -> Outcome:
        """What a thread does with a claim, and the pump with what the step leaves for it."""
        taken = take_up(task, self.shop, [claim])
        if not taken:
            return Stop("the claim is gone")
        try:
            outcome = step(*taken[0], self.shop)
        finally:
            self.shop.held.drop(taken[0].claim)
        self.deliver()
        return outcome

    def deliver(self) -> None:
        """Bring the ledger what waits for the pump."""
        mail = self.shop.outbox.take()
        self.ledger.visit(mail.orders, paid=mail.paid)

    def lease(self, job: str) -> Due:
        """Let the job be due now, and lease it."""
        seconds, micros = self.redis.time()
        self.redis.zadd(f"wb:due:{self.account}", {job: seconds * 1000 + micros // 1000}, xx=True)
        policy = replace(self.counter.policy, polls="[]")
        (due,) = [each for each in self.ledger.lease(self.account, policy, most=99, rings=99) if each.job_id == job]
        return due

    def look(self, job: str) -> Moved:
        """One look at a render, and the move that it asks for."""
        due = self.lease(job)
        assert due.state == State.RENDERING

        async def once() -> Moved:
            asker = Asker()
            try:
                return self.ledger.move(await look(due, self.counter, asker))
            finally:
                await asker.close()

        return asyncio.run(once())

    def watch(self, job: str) -> None:
        """Look until the render has ended."""
        for _ in range(200):
            assert self.look(job).ok
            if self.state(job) != State.RENDERING:
                return
            self.shop.stopping.wait(0.02)
        raise AssertionError(f"{job} never ended: {self.row(job)}")

    def collect(self, job: str) -> Outcome:
        """Take the step that fetches."""
        due = self.lease(job)
        assert due.state == State.READY
        return self._work(COLLECT, collect, Claim(due.job_id, due.fence))

    def row(self, job: str) -> dict[str, str]:
        """The job as the ledger has it."""
        return self.ledger.job(job)

    def state(self, job: str) -> str:
        """Where the job stands."""
        return self.row(job)["state"]

    def record(self, job: str) -> JobRecord:
        """What became of the job."""
        found = self.shelf.record(job)
        assert found is not None
        return found

    def receipt(self, job: str, send: int = 1) -> str | None:
        """How the send ended, as the store has it."""
        found = self.shelf.receipt(job, send)
        return None if found is None else found.outcome

    def money(self) -> tuple[int, int, int]:
        """Reserved, in doubt and spent, in micro-USD."""
        held = self.redis.hmget(f"wb:c:{CAMPAIGN}", "reserved", "doubt", "spent")
        return int(held[0] or 0), int(held[1] or 0), int(held[2] or 0)

    def bought(self, job: Job) -> list[dict[str, Any]]:
        """The provider's own list of what was bought for this job."""
        return [each for each in self.simulator.purchases() if f'"{job.render.prompt}"' in json.dumps(each["input"])]

    def at(self, **changes: Any) -> None:
        """Call the provider elsewhere, or as somebody else."""
        account = replace(self.counter.account, endpoint=replace(self.counter.account.endpoint, **changes))
        self.shop.counters[self.account] = replace(self.counter, account=account)


def open_workbench(valkey: Valkey, simulator: Simulator, folder: Path, account: str) -> Workbench:
    """A founded ledger, an empty store in the folder, and a worker built as a real one is."""
    store = (folder / "store").as_uri()
    Ledger.connect(valkey.url, store_url=store, found=True).close()
    shop = build(load_settings(redis=valkey.url, store=store, simulator_url=simulator.url, threads=4))
    return Workbench(shop, simulator, redis.Redis(port=valkey.port, decode_responses=True), account)
