"""Whose money: spending is asked for by name, and real money needs a budget and a key."""

from decimal import Decimal

import pytest

from config.settings import load_settings
from jobs.errors import BadInput, BudgetMissing, KeyMissing, ProviderNotNamed
from producer.world import check_money, choose


def test_nobody_named_is_simulated() -> None:
    """The usual dialect, and no money."""
    world = choose(load_settings(), simulate=False)
    assert world.simulated
    assert world.buys_at.name == "simulated-segmind"
    assert world.said.startswith("SIMULATED, buys nothing")


def test_a_named_provider_buys() -> None:
    """By flag or by setting."""
    world = choose(load_settings(provider="dashscope"), simulate=False)
    assert not world.simulated
    assert world.buys_at.name == "dashscope"
    assert world.said.startswith("REAL MONEY at Alibaba")


def test_a_rehearsal_buys_nothing() -> None:
    """--simulate with --provider is that provider's dialect, simulated."""
    world = choose(load_settings(provider="dashscope", region="cn"), simulate=True)
    assert world.simulated
    assert world.buys_at.name == "simulated-dashscope-cn"


def test_submit_wants_a_name() -> None:
    """A command that leaves jobs behind does not guess."""
    with pytest.raises(ProviderNotNamed, match=r"--provider NAME.*--simulate"):
        choose(load_settings(), simulate=False, must_name="submit")
    assert choose(load_settings(), simulate=True, must_name="submit").simulated
    assert not choose(load_settings(provider="segmind"), simulate=False, must_name="submit").simulated


def test_an_unknown_provider_is_told() -> None:
    """With the one that was probably meant."""
    with pytest.raises(BadInput, match="segmind"):
        choose(load_settings(provider="segmnd"), simulate=False)


def test_an_unknown_region_is_told() -> None:
    """Before anything is planned."""
    with pytest.raises(BadInput, match="intl"):
        choose(load_settings(provider="dashscope", region="mars"), simulate=True)


def test_real_money_needs_a_budget(monkeypatch: pytest.MonkeyPatch) -> None:
    """The refusal holds the sum, rounded up to the cent, as a flag to paste."""
    monkeypatch.setenv("SEGMIND_API_KEY", "sk")
    world = choose(load_settings(provider="segmind"), simulate=False)
    with pytest.raises(BudgetMissing, match=r"--budget 19\.07") as caught:
        check_money(world, budget_usd=None, cost_usd=Decimal("19.0625"))
    assert caught.value.exit_code == 4
    check_money(world, budget_usd=Decimal(1), cost_usd=Decimal("19.0625"))


def test_real_money_needs_a_key() -> None:
    """The refusal names the variable."""
    world = choose(load_settings(provider="segmind"), simulate=False)
    with pytest.raises(KeyMissing, match="SEGMIND_API_KEY") as caught:
        check_money(world, budget_usd=Decimal(1), cost_usd=Decimal(1))
    assert caught.value.exit_code == 4


def test_simulated_money_needs_neither() -> None:
    """Neither budget nor key."""
    check_money(choose(load_settings(), simulate=False), budget_usd=None, cost_usd=Decimal(1000))
