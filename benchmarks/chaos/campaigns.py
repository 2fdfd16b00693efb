"""Campaigns for the workers: every job has a prompt of its own, and some have a twin that differs by its seed."""

import threading
from dataclasses import dataclass
from pathlib import Path

import redis

from benchmarks.chaos.cast import Stage
from jobs.errors import WanbatchError
from jobs.money import to_uusd
from ledger.shelf import Shelf, plan_ids
from producer.enqueue import submit
from producer.plan import Plan, PlanOptions, make_plan
from providers.registry import facts, provider

#: One job in so many has a twin. DashScope never tells a seed, so there twins matter most.
TWIN_EVERY = {"segmind": 10, "dashscope": 4}


@dataclass(frozen=True, slots=True)
class Campaign:
    """A submitted campaign: the matrix's videos, and exactly what they cost by the list as its budget."""

    name: str
    jobs: int
    budget_uusd: int
    job_ids: tuple[str, ...]
    matrix: Path


def open_campaign(stage: Stage, name: str, jobs: int) -> Campaign:
    """Submit one matrix by two producers at once; both succeed, and every job is queued once."""
    matrix, twin_every = stage.folder / f"{name}.csv", TWIN_EVERY[stage.provider]
    rows = [f'"{name} shot {number - 1 if number % twin_every == 1 else number}",{number}' for number in range(jobs)]
    matrix.write_text("prompt,seed\n" + "\n".join(rows) + "\n")
    plans = [_plan(stage, matrix, number) for number in range(2)]
    budget = plans[0].cost_high_usd
    errors: list[Exception] = []

    def produce(plan: Plan) -> None:
        ledger = stage.ledger()
        try:
            submit(
                plan, ledger=ledger, shelf=Shelf(stage.store, simulated=True), budget_usd=budget, submitted_by="chaos"
            )
        except (WanbatchError, redis.RedisError) as error:
            errors.append(error)
        finally:
            ledger.close()

    producers = [threading.Thread(target=produce, args=(plan,)) for plan in plans]
    for one in producers:
        one.start()
    for one in producers:
        one.join()
    if errors:
        raise errors[0]
    return Campaign(plans[0].campaign, jobs, to_uusd(budget), tuple(plan_ids(plans[0].path)), matrix)


def _plan(stage: Stage, matrix: Path, number: int) -> Plan:
    spool = stage.folder / f"spool-{number}"
    spool.mkdir(exist_ok=True)
    return make_plan(
        matrix,
        options=PlanOptions(simulated=True),
        provider=provider(stage.provider, None),
        facts=facts(stage.provider),
        bought=Shelf(stage.store, simulated=True).ended,
        spool=spool,
    )
