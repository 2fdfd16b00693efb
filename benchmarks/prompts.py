"""What our side of a benchmark is given: a list of prompts, planned and put on the ledger."""

from pathlib import Path

from ledger.jobs import Ledger
from ledger.objects import ObjectStore
from ledger.shelf import Shelf
from producer.enqueue import submit
from producer.plan import Plan, PlanOptions, make_plan
from providers import registry


def submit_prompts(
    jobs: int, ledger: Ledger, store: ObjectStore, folder: Path, provider: str = "segmind", words: str = "Our product"
) -> Plan:
    """Ask for so many videos at a simulated provider, in a campaign `prompts`; the plan stays in `folder`."""
    matrix = folder / "prompts.txt"
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
