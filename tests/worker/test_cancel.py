"""A render that nobody wants any more: the provider is asked to cancel it before it is asked after."""

import asyncio
import json
from collections.abc import Sequence
from datetime import UTC, datetime

from config.accounts import Accounts
from jobs.lifecycle import Move, State
from jobs.record import Purchase
from ledger.orders import Due, Order
from providers.accounts import open_simulated
from providers.clock import REAL
from providers.contract import Answer, Call
from worker.poll import look
from worker.posting import NoAnswer
from worker.wiring import counter

RUNNING = Answer(200, {}, json.dumps({"output": {"task_status": "RUNNING", "task_id": "t"}}).encode())
CANCELLED = Answer(200, {}, b'{"request_id": "r-1"}')
TOO_LATE = Answer(400, {}, b'{"request_id": "r-1", "code": "UnsupportedOperation"}')
BOUGHT = Purchase(
    send=1, task_id="t", request_id=None, account="simulated-dashscope", submitted_at=datetime.now(UTC),
    state="rendering", cost_usd=None, cost_source="unknown", price_as_of=None,
)  # fmt: skip


class Asked:
    """The wire: answers what it was told to, and remembers who was called."""

    def __init__(self, answers: Sequence[Answer | NoAnswer]) -> None:
        self.answers = list(answers)
        self.calls: list[str] = []

    async def ask(self, call: Call) -> Answer | NoAnswer:
        """The next answer."""
        self.calls.append(f"{call.method} {call.url.rpartition('/')[2]}")
        return self.answers.pop(0)


def looked(unwanted: str, *answers: Answer | NoAnswer, provider: str = "dashscope") -> tuple[Order, list[str]]:
    """One look at a render, and the calls that it took."""
    wire = Asked(answers)
    at = counter(open_simulated(Accounts().named(provider, simulated=True), "http://127.0.0.1:1", REAL))
    due = Due("a", "rendering", "f:1", 0, "t", 0, 1, f"[{BOUGHT.model_dump_json()}]", "", unwanted)
    return asyncio.run(look(due, at, wire)), wire.calls  # type: ignore[arg-type]


def test_what_is_cancelled_there_costs_nothing() -> None:
    """The purchase is closed unbilled, and the job is out of the way."""
    order, calls = looked("1", CANCELLED)
    assert calls == ["POST cancel"]
    assert (order.move, order.to) == (Move.CANCEL, State.CANCELLED)
    (bought,) = json.loads(order.set["purchases"])
    assert (bought["state"], bought["cost_usd"]) == ("cancelled", "0")
    assert "unwanted" in order.delete


def test_what_has_begun_is_looked_after_as_usual() -> None:
    """It is billed, so it is collected; the provider is not asked a second time."""
    order, calls = looked("1", TOO_LATE, RUNNING)
    assert calls == ["POST cancel", "GET t"]
    assert order.move is Move.WAIT
    assert "unwanted" in order.delete


def test_a_busy_provider_is_asked_again() -> None:
    """No answer, a 429 and a 503 decide nothing."""
    for busy in (NoAnswer("cut"), Answer(429, {}, b""), Answer(503, {}, b"")):
        order, calls = looked("1", busy, RUNNING)
        assert calls == ["POST cancel", "GET t"]
        assert order.move is Move.WAIT
        assert "unwanted" not in order.delete


def test_a_look_that_was_under_way_forgets_nothing() -> None:
    """The cancel came while the provider was being asked after the task: the next look still has it to do."""
    order, calls = looked("", RUNNING)
    assert calls == ["GET t"]
    assert "unwanted" not in order.delete


def test_where_nothing_can_be_cancelled_nothing_is_asked() -> None:
    """Segmind documents no cancel: the render is looked after as usual."""
    order, calls = looked("1", NoAnswer("cut"), provider="segmind")
    assert len(calls) == 1
    assert order.move is Move.WAIT
