"""A plan for several accounts: each row at those that can make it, and how all of it is shared out."""

import json
from collections import Counter
from dataclasses import replace
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from cli.planning import plan_lines, takes_here
from cli.routing import routing_json
from config.settings import load_settings
from jobs.deadline import Deadline
from jobs.errors import BadInput, KeyMissing
from ledger.objects import open_store
from producer.plan import Plan, PlanOptions, iter_plan, make_plan
from producer.world import accounts_named, check_key, choose
from providers.registry import provider


def planned(folder: Path, names: str, *rows: dict[str, Any], limits: str = "", deadline: str | None = None) -> Plan:
    """A simulated plan of those rows at the accounts of a list."""
    source, file = folder / "m.jsonl", folder / "accounts.toml"
    source.write_text("".join(json.dumps({"prompt": f"lamp {n}"} | row) + "\n" for n, row in enumerate(rows)))
    file.write_text(limits)
    first, *also = accounts_named(names, load_settings(limits=str(file)), simulated=True)
    options = PlanOptions(simulated=True, account=first.name, deadline=Deadline.read(deadline) if deadline else None)
    return make_plan(
        source, options=options, provider=provider(first.facts.name), facts=first.facts, also=also,
        bought=lambda _: frozenset(), spool=folder / "spool",
    )  # fmt: skip


def split(plan: Plan) -> dict[str, int]:
    """How many videos are meant for each account."""
    assert plan.routing is not None
    return {share.seller.account.bare: share.makes for share in plan.routing.split}


def test_each_job_has_the_accounts_that_can_make_it_cheapest_first(tmp_path: Path) -> None:
    """In the order of what they ask; the job is as the first one makes it, and each other one is a price away."""
    plan = planned(tmp_path, "segmind,dashscope", {}, {"duration": 7}, {"provider": "segmind"})
    both, alone, named = (line.job for line in iter_plan(plan.path))
    assert [(route.account, route.price_uusd) for route in both.routes] == [
        ("simulated-dashscope", 500_000), ("simulated-segmind", 625_000),
    ]  # fmt: skip
    assert (both.account, both.provider, both.price_uusd) == ("simulated-dashscope", "dashscope", 500_000)
    there = both.at("simulated-segmind")
    assert (there.account, there.provider, there.price_uusd) == ("simulated-segmind", "segmind", 625_000)
    assert there.render == both.render
    assert [route.account for route in alone.routes] == ["simulated-dashscope"], "Segmind makes 5, 10 and 15 seconds"
    assert [route.account for route in named.routes] == ["simulated-segmind"]
    assert both.lane == "simulated-dashscope 500000\nsimulated-segmind 625000"


def test_a_row_that_nobody_makes_is_a_problem_of_all(tmp_path: Path) -> None:
    """Each account says why it cannot; nothing is planned."""
    with pytest.raises(BadInput) as caught:
        planned(tmp_path, "segmind,dashscope", {"duration": 7, "template": "x"})
    told = " ".join(str(problem) for problem in caught.value.problems)
    assert "Segmind" in told
    assert "Model Studio" in told


def test_two_keys_have_the_same_price_and_share(tmp_path: Path) -> None:
    """By their pace: one that may do three times as much makes three times as many."""
    limits = (
        '[two]\nprovider = "segmind"\nkey_variable = "TWO"\n[simulated-two]\nsubmits = [{count = 150, window_s = 60}]\n'
    )
    plan = planned(tmp_path, "segmind,two", *[{}] * 40, limits=limits)
    assert split(plan) == {"segmind": 10, "two": 30}
    assert plan.cost_high_usd == plan.most_usd == 25


def test_a_deadline_moves_what_costs_least_more(tmp_path: Path) -> None:
    """DashScope, with five slots, is cheaper; what it cannot end in time goes to Segmind, at the least difference."""
    long, short = {"duration": 10, "resolution": "1080p"}, {"duration": 5}
    usual = planned(tmp_path, "segmind,dashscope", *[long] * 20, *[short] * 20)
    assert split(usual) == {"segmind": 0, "dashscope": 40}
    quick = planned(tmp_path, "segmind,dashscope", *[long] * 20, *[short] * 20, deadline="22m")
    assert quick.routing is not None
    assert quick.routing.in_time
    moved = split(quick)["segmind"]
    assert 5 < moved < 20
    assert quick.cost_high_usd == usual.cost_high_usd + moved * Decimal("0.125"), "the long ones cost $0.375 more"
    late = planned(tmp_path, "segmind,dashscope", *[short] * 40, deadline="1m")
    assert late.routing is not None
    assert late.routing.in_time is False


def test_the_plan_says_what_each_choice_costs(tmp_path: Path) -> None:
    """For a person and for scripts: each account alone, the split, and whether it is in time."""
    settings = load_settings(store=str(tmp_path / "out"), provider="segmind,dashscope")
    world, store = choose(settings, simulate=True), open_store(settings.store)
    plan = replace(planned(tmp_path, "segmind,dashscope", *[{}] * 4, {"duration": 7}), speed=60.0)
    needs = takes_here(plan, world, store, settings)
    told = "\n".join(plan_lines(plan, world, store, needs))
    assert "SIMULATED, buys nothing (in the dialect of segmind and dashscope)" in told
    assert "  simulated-dashscope: 5 for $2.70 in about" in told
    assert "  alone: simulated-segmind: 4 for $2.50 in about" in told
    assert "which makes 4 videos of them" in told
    assert "  up to $3.20, where those that ask less cannot buy" in told
    shape = routing_json(plan, needs)
    assert [(each["account"], each["makes"], each["cost_usd"]["high"]) for each in shape["split"]] == [
        ("simulated-dashscope", 5, "2.70")
    ]
    assert Counter(each["provider"] for each in shape["alone"]) == {"segmind": 1, "dashscope": 1}
    assert shape["in_time"] is None


def test_every_account_of_a_list_needs_its_key(monkeypatch: pytest.MonkeyPatch) -> None:
    """The region that is set holds for whoever has it; a stranger is told."""
    monkeypatch.setenv("SEGMIND_API_KEY", "sg")
    world = choose(load_settings(provider=" segmind, dashscope,segmind", region="cn"), simulate=False)
    assert world.names == ("segmind", "dashscope-cn")
    assert world.said == "REAL MONEY at Segmind and Alibaba Cloud Model Studio (DashScope)"
    with pytest.raises(KeyMissing, match="DASHSCOPE_API_KEY"):
        check_key(world)
    with pytest.raises(BadInput, match='no provider "segmnd"'):
        choose(load_settings(provider="segmind,segmnd"), simulate=False)
