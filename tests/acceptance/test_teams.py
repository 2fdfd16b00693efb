"""Two teams at one account: each under its own cap and both under one, with the provider's statement as the judge."""

import json
from collections.abc import Callable
from decimal import Decimal

from tests.acceptance.driving import Fleet, agree, billed_usd, prompts_file, statuses

#: Dollars of a video, and how many each team asks for.
PRICE, WANTED = Decimal("0.625"), 12


def billed_to(fleet: Fleet, team: str) -> Decimal:
    """What the statement has for a team's prompts."""
    return billed_usd([one for one in fleet.provider.purchases() if f" {team} " in json.dumps(one["input"])])


def test_two_teams_share_an_account_and_no_cap_is_passed(fleet: Callable[..., Fleet]) -> None:
    """Who has used up a cap waits and hinders nobody; with a higher one the same workers go on by themselves."""
    shared = fleet("--speed", "120")
    caps = {"team=growth": "2.60", "client=acme": "8"}
    for name, usd in caps.items():
        assert shared.run("budget", "set", name, "--month", usd, "--simulated").code == 0
    shared.hire(2)
    for team in ("growth", "brand"):
        matrix = prompts_file(shared.folder / f"{team}.txt", WANTED, words=f"a boat of the {team} passes the")
        labels = ("--label", f"team={team}", "--label", "client=Acme")
        assert shared.run("submit", matrix, "--simulate", *labels).code == 0
    growth, brand = (shared.run("wait", f"simulated-{team}", "--timeout", "60") for team in ("growth", "brand"))
    assert (growth.code, brand.code) == (5, 5)
    assert (billed_to(shared, "growth"), billed_to(shared, "brand")) == (4 * PRICE, 8 * PRICE)
    assert "budget of client=acme has $0.50 left of $8.00" in shared.run("status", "simulated-brand").out
    caps = json.loads(shared.run("budget", "list", "--simulated", "--json").out)["budgets"]
    told = {one["budget"]: (one["spent_usd"], one["reserved_usd"], one["in_doubt_usd"]) for one in caps}
    assert told == {"team=growth": ("2.50", "0.00", "0.00"), "client=acme": ("7.50", "0.00", "0.00")}
    assert shared.run("budget", "set", "client=acme", "--month", "100", "--simulated").code == 0
    brand = shared.run("wait", "simulated-brand", "--timeout", "60")
    assert brand.code == 0, brand.out + brand.err
    assert billed_to(shared, "growth") == 4 * PRICE
    assert shared.run("budget", "remove", "team=growth", "--simulated").code == 0
    assert shared.run("wait", "simulated-growth", "--timeout", "60").code == 0
    lines = [*shared.lines("simulated-growth"), *shared.lines("simulated-brand")]
    assert statuses(lines) == {"done": 2 * WANTED}
    assert {(line["labels"]["client"], line["labels"]["team"]) for line in lines} == {
        ("Acme", "growth"),
        ("Acme", "brand"),
    }
    agree(shared.provider, lines)
    spent = json.loads(shared.run("spend", "--by", "team", "--simulated", "--json").out)["groups"]
    assert {one["team"]: Decimal(one["spent_usd"]) for one in spent} == dict.fromkeys(
        ("growth", "brand"), WANTED * PRICE
    )
