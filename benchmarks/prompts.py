"""What a benchmark's sides are given: ours prompts, planned and put on the ledger; Celery's a message each."""

from pathlib import Path

from celery import Celery

from ledger.jobs import Ledger
from ledger.objects import ObjectStore, open_store
from ledger.shelf import Shelf
from producer.enqueue import submit
from producer.plan import Plan, PlanOptions, make_plan
from providers import registry


def submit_prompts(
    jobs: int,
    ledger: Ledger,
    store: ObjectStore,
    folder: Path,
    provider: str = "segmind",
    words: str = "Our product",
    campaign: str = "prompts",
) -> Plan:
    """Ask for so many videos at a simulated provider, in a campaign of that name; the plan stays in `folder`."""
    matrix = folder / f"{campaign}.txt"
    matrix.write_text("".join(f"{words} {number:05d}, soft morning light\n" for number in range(jobs)))
    shelf = Shelf(store, simulated=True)
    plan = make_plan(
        matrix,
        options=PlanOptions(simulated=True),
        provider=registry.provider(provider, None),
        facts=registry.facts(provider),
        bought=shelf.ended,
        spool=folder,
    )
    submit(plan, ledger=ledger, shelf=shelf, budget_usd=None, submitted_by="benchmark")
    return plan


def put_prompts(jobs: int, redis_url: str, folder: Path) -> None:
    """Found a ledger over a store in `folder`, and submit so many prompts to it."""
    store = open_store(f"file://{folder}/store")
    ledger = Ledger.connect(redis_url, store_url=store.url, found=True)
    submit_prompts(jobs, ledger, store, folder)
    ledger.close()


def send_messages(jobs: int, redis_url: str) -> None:
    """A message a job, as every tutorial has it."""
    with Celery(broker=redis_url) as app:
        for number in range(jobs):
            app.send_task("make", (number,), ignore_result=True)
