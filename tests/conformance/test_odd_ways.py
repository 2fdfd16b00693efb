"""What only one provider does, at its simulated dialect."""

import time
from collections.abc import Callable
from datetime import UTC, datetime
from decimal import Decimal

from jobs.job import Mode
from providers.contract import (
    Accepted,
    Answer,
    Ask,
    CheckReading,
    Failed,
    Finished,
    Kind,
    Lost,
    Open,
    Rejected,
    Unreadable,
)
from tests.conformance.counter import Counter

Opening = Callable[..., Counter]


def test_segmind_tells_the_cost_and_what_is_left(counter: Opening) -> None:
    """The figures that a campaign is settled with, and a balance that agrees with them."""
    desk = counter("segmind", "--balance-usd", "2")
    reading = desk.end(desk.bought())
    assert isinstance(reading, Finished)
    assert reading.balance is not None
    assert (reading.cost_usd, reading.balance.remaining) == (Decimal("0.625"), Decimal("1.375"))
    assert desk.balance() == reading.balance


def test_dashscope_tells_the_seconds_it_bills(counter: Opening) -> None:
    """Seconds times the list price are what the provider's books say, reference video included."""
    desk = counter("dashscope")
    task_id = desk.bought(Mode.R2V)
    reading = desk.end(task_id)
    assert isinstance(reading, Finished)
    assert reading.cost_usd is None
    assert reading.cost_native == (Decimal(10), "seconds")
    assert Decimal(desk.purchase(task_id)["cost_usd"]) == Decimal(10) * Decimal("0.10")


def test_aimlapi_and_apimart_tell_what_was_charged(counter: Opening) -> None:
    """In dollars and in credits of their own: two million, and ten, for a dollar."""
    for name, credits_a_dollar in (("aimlapi", 2_000_000), ("apimart", 10)):
        desk = counter(name)
        task_id = desk.bought(resolution="1080p", duration_s=10)
        reading = desk.end(task_id)
        assert isinstance(reading, Finished)
        assert reading.cost_native is not None
        cost = Decimal(desk.purchase(task_id)["cost_usd"])
        assert (reading.cost_usd, reading.cost_native[0]) == (cost, cost * credits_a_dollar)


def test_segminds_minute_is_full(counter: Opening) -> None:
    """Without a Retry-After the header says when the window opens, in the provider's own time."""
    desk = counter("segmind", "--speed", "1", "--submits-per-minute", "1")
    desk.bought()
    reading = desk.submit()
    assert isinstance(reading, Rejected)
    assert (reading.kind, reading.retry_after_s) == (Kind.RATE_LIMITED, None)
    assert reading.retry_at is not None
    assert 0 < (reading.retry_at - datetime.now(UTC)).total_seconds() <= 60


def test_dashscopes_slots_are_full(counter: Opening) -> None:
    """The sixth task in flight is throttled, not failed."""
    desk = counter("dashscope", "--slots", "1", "--render-mean-s", "3000")
    desk.bought()
    reading = desk.submit()
    assert isinstance(reading, Rejected)
    assert reading.kind is Kind.RATE_LIMITED


def test_segminds_history_knows_what_its_status_forgot(counter: Opening) -> None:
    """An hour after the submit the status is gone; cost and video are still found, and a stranger's id is not."""
    desk = counter("segmind", "--speed", "36000")
    task_id = desk.bought()
    status = desk.provider.check_call(task_id, desk.at)
    ends = time.monotonic() + 10
    while desk.ask(status).status != 404:
        assert time.monotonic() < ends, "the status is never forgotten"
        time.sleep(0.01)
    reading = desk.check(task_id)
    assert isinstance(reading, Finished), reading
    assert reading.cost_usd == Decimal("0.625")
    assert not isinstance(desk.check("00000000-0000-4000-8000-000000000000"), Finished | Failed)


def test_dashscopes_unknown_is_no_failure(counter: Opening) -> None:
    """A day after the submit the task is UNKNOWN, as one that never was."""
    desk = counter("dashscope", "--speed", "360000")
    reading = desk.until(desk.bought(), lambda seen: isinstance(seen, Unreadable))
    assert isinstance(reading, Unreadable)
    assert "UNKNOWN" in reading.reason


def test_apimarts_key_gives_the_same_task_again_and_refuses_another_order(counter: Opening) -> None:
    """A send that comes twice buys once; under one key, another order is no purchase and no proof of one."""
    desk = counter("apimart")
    first, again = desk.submit(mark="j:1"), desk.submit(mark="j:1")
    assert isinstance(first, Accepted)
    assert isinstance(again, Accepted)
    assert again.task_id == first.task_id
    assert isinstance(desk.submit(mark="j:1", prompt="another"), Lost)
    assert len(desk.purchases()) == 1


def test_fals_list_knows_a_request_that_its_queue_forgot(counter: Opening) -> None:
    """A forgotten request, of whichever endpoint, is found with its video; a stranger's id is no end."""
    desk = counter("fal")
    gone = Answer(404, {}, b'{"detail": "Request not found"}')

    def looked_up(task_id: str) -> CheckReading:
        asked = desk.provider.read_check(gone, task_id, desk.at)
        assert isinstance(asked, Ask)
        return desk.provider.read_check(desk.ask(asked.call), task_id, desk.at)

    for mode, model in ((Mode.T2V, "standard"), (Mode.R2V, "flash")):
        task_id = desk.bought(mode, model=model)
        made, found = desk.end(task_id), looked_up(task_id)
        assert isinstance(made, Finished)
        assert isinstance(found, Finished), found
        assert found.seed == made.seed
    assert isinstance(looked_up("00000000-0000-4000-8000-000000000000"), Unreadable)


def test_a_cancel_frees_money_only_where_nothing_began(counter: Opening) -> None:
    """At fal what waits in the queue is unbilled for certain; what runs there or at Replicate is not."""
    desk = counter("fal", "--render-mean-s", "3000", "--slots", "1")
    running = desk.bought()
    desk.until(running, lambda seen: isinstance(seen, Open))
    waiting = desk.bought()
    confirmed = []
    for task_id in (waiting, running):
        call = desk.provider.cancel_call(task_id, desk.at)
        assert call is not None
        confirmed.append(desk.provider.read_cancel(desk.ask(call)))
    assert desk.purchase(waiting)["cost_usd"] == "0"
    other = counter("replicate", "--render-mean-s", "3000")
    call = other.provider.cancel_call(other.bought(), other.at)
    assert call is not None
    confirmed.append(other.provider.read_cancel(other.ask(call)))
    assert confirmed == [True, False, False]
