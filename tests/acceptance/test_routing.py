"""A campaign at several accounts, with whole workers: the providers' statement says who sold what, each video once."""

import json
import signal
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from decimal import Decimal
from typing import Any

from tests.acceptance.driving import Fleet, good_videos, prompts_file, spent_usd, tasks, until
from tests.services import Valkey

#: Two keys of Segmind beside DashScope, which is cheaper and has five slots.
ACCOUNTS = """
[segmind-two]
provider = "segmind"
key_variable = "SEGMIND_TWO_API_KEY"

[simulated-segmind]
slots = 2
[simulated-segmind-two]
slots = 2
"""
ALL = "segmind,segmind-two,dashscope"


def begin(fleet: Fleet, jobs: int, *more: str) -> dict[str, str]:
    """Queue so many videos at three accounts; answers the settings that the workers need."""
    file = fleet.folder / "accounts.toml"
    file.write_text(ACCOUNTS)
    prompts_file(fleet.folder / "lamps.txt", jobs)
    env = {"WANBATCH_LIMITS": str(file), "WANBATCH_SIMULATOR_SPEED": "30"}
    asked = ("submit", "lamps.txt", "--simulate", "--provider", ALL, "--campaign", "lamps", "--budget", "100", *more)
    submitted = fleet.run(*asked, **env)
    assert submitted.code == 0, submitted.err
    return env


def sold(purchases: Sequence[Mapping[str, Any]]) -> Counter[str]:
    """How many videos each provider has sold, if none was sold twice."""
    kept = [one for one in purchases if one["state"] not in ("failed", "cancelled")]
    prompts = Counter(json.dumps(one["input"]).partition("lamp number ")[2].partition('"')[0] for one in kept)
    assert set(prompts.values()) <= {1}, prompts
    return Counter(one["provider"] for one in kept)


def test_a_provider_that_goes_down_is_made_up_for_and_comes_back(fleet: Callable[..., Fleet]) -> None:
    """The cheap one buys alone; while it answers nothing but 503, both keys of the other take over; what it renders
    stays its own, and it goes on when it is back. Nothing is bought twice, no limit is passed.
    """
    made = fleet("--speed", "30", "--render-mean-s", "60")
    env = begin(made, 50)
    made.hire(2, **env)
    until(lambda: len(made.provider.purchases()) >= 10, 60, "the first purchases")
    assert sold(made.provider.purchases()).keys() == {"dashscope"}
    made.provider.tell("/_simulator/weather", {"down_at": "dashscope"})
    until(lambda: sold(made.provider.purchases())["segmind"] >= 6, 60, "Segmind takes over")
    made.provider.tell("/_simulator/weather", {"down_at": ""})
    ended = made.run("wait", "lamps", "--timeout", "150", **env)
    assert ended.code == 0, ended.out + ended.err
    lines = made.lines("lamps")
    good_videos(lines)
    statement = made.provider.purchases()
    assert sold(statement).total() == len(lines) == 50
    assert tasks(lines) == Counter(one["task_id"] for one in statement)
    assert made.provider.violations() == []
    why = Counter((line["account"], line["route_reason"]) for line in lines)
    assert {account for account, reason in why if reason == "cheaper_down"} == {
        "simulated-segmind", "simulated-segmind-two",
    }  # fmt: skip
    assert {reason for account, reason in why if account == "simulated-dashscope"} == {"cheapest"}
    told = made.run("status", "lamps", "--json", **env).json
    assert Decimal(told["money_usd"]["spent"]) == spent_usd(lines)
    assert told["credits"].keys() == {"simulated-segmind", "simulated-segmind-two"}, "DashScope tells nobody"


def test_a_deadline_outlives_a_lost_ledger(fleet: Callable[..., Fleet], valkey: Valkey) -> None:
    """With a worker killed and everything in Redis gone, the same accounts go on at the same prices: the dear one buys
    what the cheap one cannot end in time, and each video is bought once.
    """
    made = fleet("--speed", "30", "--render-mean-s", "60")
    env = begin(made, 60, "--deadline", "10m")
    doomed, _ = made.hire(2, **env)
    until(lambda: sold(made.provider.purchases()).total() >= 12, 60, "the first purchases")
    doomed.tell(signal.SIGKILL)
    with valkey.client() as client:
        client.flushall()
    recovered = made.run("recover", "lamps", **env)
    assert recovered.code == 0, recovered.err
    ended = made.run("wait", "lamps", "--timeout", "120", **env)
    lines = made.lines("lamps")
    assert ended.code == 0, ended.out + ended.err
    good_videos(lines)
    statement = made.provider.purchases()
    by_provider = sold(statement)
    assert by_provider.total() == len(lines) == 60
    assert min(by_provider["dashscope"], by_provider["segmind"]) >= 5
    assert {line["task_id"] for line in lines} == {one["task_id"] for one in statement}
    assert made.provider.violations() == []
