"""What an account holds and has used, in dollars and in a gateway's credits, as APIMart and ToAPIs both tell it."""

from typing import Any

from simulator.bank import MICRO
from simulator.world import World


def balance(world: World, provider: str, account: str, credits_per_usd: int) -> dict[str, Any]:
    """The body of the answer; what still renders counts as used."""
    held = world.bank.account(provider, account).left_uusd / MICRO
    used = world.options.balance_usd - held
    return {
        "success": True,
        "remain_balance": held,
        "used_balance": used,
        "unlimited_quota": False,
        "remain_credits": held * credits_per_usd,
        "used_credits": used * credits_per_usd,
    }
