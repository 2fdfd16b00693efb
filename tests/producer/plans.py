"""Plans of a few rows, as the tests of media, of stored files and of fitted pictures make them."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from config.facts import load_facts
from jobs.errors import BadInput
from producer.media import Media
from producer.plan import Plan, PlanOptions, make_plan
from providers.registry import provider


def plan_of(*rows: dict[str, Any], source: Path, dialect: str, media: Media | None = None, **options: Any) -> Plan:
    """A simulated plan of those rows, all with a prompt, written to `source`."""
    source.write_text("".join(json.dumps({"prompt": "A lamp"} | row) + "\n" for row in rows), encoding="utf-8")
    return make_plan(
        source,
        options=PlanOptions(simulated=True, **options),
        provider=provider(dialect),
        facts=load_facts()[dialect],
        bought=lambda _: frozenset(),
        spool=Path("spool"),
        media=media,
    )


def problem_of(planned: Callable[[], Plan]) -> str:
    """The one problem for which a plan is refused, as a person reads it."""
    with pytest.raises(BadInput) as caught:
        planned()
    (problem,) = caught.value.problems
    return str(problem)
