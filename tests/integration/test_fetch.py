"""The desk asks for a balance: the figure, or in a sentence why it is not known; a refused key is told as such."""

import json
from collections.abc import Callable, Iterator
from dataclasses import replace
from decimal import Decimal
from typing import Any

import httpx
import pytest

from config.accounts import Accounts
from jobs.errors import Refused
from producer import fetch
from providers.accounts import Account, open_simulated
from providers.clock import Clock
from tests.services import Simulator, free_ports, start_simulator

Respond = Callable[..., None]


def account(url: str, provider: str = "segmind", **endpoint: Any) -> Account:
    """An account at the simulator of that address."""
    one = open_simulated(Accounts().named(provider, simulated=True), url, Clock(1, 0))
    return replace(one, endpoint=replace(one.endpoint, **endpoint))


@pytest.fixture
def respond(monkeypatch: pytest.MonkeyPatch) -> Respond:
    """Let every question meet this answer."""

    def answer(status: int, body: object) -> None:
        content = body if isinstance(body, str) else json.dumps(body)
        monkeypatch.setattr(httpx, "request", lambda *_a, **_k: httpx.Response(status, text=content))

    return answer


@pytest.fixture(scope="module")
def bank(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Simulator]:
    """One simulator for this file."""
    one = start_simulator(tmp_path_factory.mktemp("bank") / "log", "--balance-usd", "12.5")
    yield one
    one.child.stop()


def test_a_balance_is_told_with_its_unit(bank: Simulator) -> None:
    """What a real server in the provider's dialect answers."""
    told, why = fetch.balance(account(bank.url))
    assert told is not None
    assert (told.remaining, told.unit, why) == (Decimal("12.5"), "USD credits", None)


def test_a_refused_key_is_refused(bank: Simulator) -> None:
    """The message holds the provider's words and the variable to set, and not the key."""
    with pytest.raises(Refused, match=r"refuses the key: 401 .*invalid(?s:.)*set SEGMIND_API_KEY") as refused:
        fetch.balance(account(bank.url, key="stolen"))
    assert "stolen" not in str(refused.value)


def test_a_provider_without_a_door_says_so() -> None:
    """No key can ask DashScope: that is no failure, and nothing is asked."""
    told, why = fetch.balance(account("http://127.0.0.1:1", "dashscope"))
    assert told is None
    assert why == "Alibaba Cloud Model Studio (DashScope) tells no balance to an API key"


def test_a_key_that_may_buy_but_not_ask_is_no_refusal(respond: Respond) -> None:
    """At fal only admin keys are shown the balance: a plain key still buys, so the balance is only not told."""
    respond(403, {"detail": "Admin API key required"})
    told, why = fetch.balance(account("http://127.0.0.1:1", "fal"))
    assert (told, why) == (None, "fal tells it only to a key of scope ADMIN (403)")


def test_an_unreachable_provider_is_unknown() -> None:
    """Not zero, and no traceback."""
    (port,) = free_ports(1)
    assert fetch.balance(account(f"http://127.0.0.1:{port}")) == (None, "Segmind cannot be reached: ConnectError")


@pytest.mark.parametrize(("status", "body"), [(200, {}), (200, "<html>"), (500, {"error": "no"}), (404, "gone")])
def test_an_answer_without_a_balance_is_unknown(respond: Respond, status: int, body: object) -> None:
    """The status and the first words are told."""
    respond(status, body)
    told, why = fetch.balance(account("http://127.0.0.1:1"))
    assert told is None
    assert why is not None
    assert why.startswith(f"Segmind answered {status}")


def test_the_desk_buys_nothing(respond: Respond, monkeypatch: pytest.MonkeyPatch) -> None:
    """The only question is a GET."""
    asked: list[str] = []

    def request(method: str, *_: Any, **__: Any) -> httpx.Response:
        asked.append(method)
        return httpx.Response(200, json={"credits": 1})

    monkeypatch.setattr(httpx, "request", request)
    fetch.balance(account("http://127.0.0.1:1"))
    assert asked == ["GET"]
