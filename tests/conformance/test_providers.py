"""Every provider's real code against its simulated dialect, over real HTTP: both were written from the same documents,
apart from each other.
"""

import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import httpx
import pytest

from config.facts import load_facts
from jobs.job import Job, Mode, Render
from providers.contract import (
    Accepted,
    Answer,
    Ask,
    Call,
    CheckReading,
    Endpoint,
    Failed,
    Finished,
    Kind,
    Lost,
    Open,
    Rejected,
    SubmitReading,
    Throttled,
    Unreadable,
)
from providers.provider import Provider
from providers.registry import PROVIDERS, endpoint, provider
from tests.services import Simulator

#: What makes a render of a mode, beside its prompt.
NEEDED: dict[Mode, dict[str, Any]] = {
    Mode.T2V: {},
    Mode.I2V: {"image": "https://example.com/shoe.png", "aspect_ratio": None},
    Mode.R2V: {"references": ("https://example.com/walk.mp4",)},
}

#: Bad ends of which a provider does not say whether they are billed: they are never bought again by themselves.
UNSAID: dict[str, set[Kind]] = {
    "fal": {Kind.CONTENT_REFUSED},
    "replicate": {Kind.CONTENT_REFUSED, Kind.RENDER_FAILED},
}

QUICK = ("--speed", "600", "--render-mean-s", "30")


@pytest.fixture
def client() -> Iterator[httpx.Client]:
    """A wire as plain as the worker's."""
    with httpx.Client(timeout=5) as one:
        yield one


class Counter:
    """One account at one simulated provider, and the few moves that the line makes there."""

    def __init__(self, name: str, simulator: Simulator, client: httpx.Client, key: str = "sim-conformance") -> None:
        self.name = name
        self.provider: Provider = provider(name)
        self.at: Endpoint = endpoint(name, key, simulator_url=simulator.url)
        self.simulator = simulator
        self.sends = 0
        self._client = client

    def ask(self, call: Call) -> Answer:
        """Make one call, and nothing more."""
        response = self._client.request(call.method, call.url, headers=dict(call.headers), json=call.body)
        return Answer(response.status_code, {k.lower(): v for k, v in response.headers.items()}, response.content)

    def submit(self, mode: Mode = Mode.T2V, *, mark: str | None = None, **changes: Any) -> SubmitReading:
        """Buy one video; each send has a name of its own."""
        self.sends += 1
        call = self.provider.submit_call(self.job(mode, **changes), self.at, mark or f"j:{self.sends}")
        return self.provider.read_submit(self.ask(call))

    def bought(self, mode: Mode = Mode.T2V, *, mark: str | None = None, **changes: Any) -> str:
        """Buy one video and give its task id."""
        reading = self.submit(mode, mark=mark, **changes)
        assert isinstance(reading, Accepted), reading
        return reading.task_id

    def check(self, task_id: str) -> CheckReading:
        """Look once, following the calls that an answer points to."""
        reading: CheckReading = Ask(self.provider.check_call(task_id, self.at))
        for _ in range(3):
            if isinstance(reading, Ask):
                reading = self.provider.read_check(self.ask(reading.call), task_id, self.at)
        return reading

    def end(self, task_id: str) -> CheckReading:
        """Look until there is an end, for at most ten real seconds."""
        ends = time.monotonic() + 10
        while isinstance(reading := self.check(task_id), Open):
            assert time.monotonic() < ends, "the render does not end"
            time.sleep(0.01)
        return reading

    def purchase(self, task_id: str) -> dict[str, Any]:
        """What the provider's own books say of a task."""
        (row,) = [each for each in self.simulator.purchases() if each["task_id"] == task_id]
        return row

    def job(self, mode: Mode, **changes: Any) -> Job:
        """A job that this provider sells."""
        render = Render(**{"mode": mode, "prompt": "a red shoe in the rain"} | NEEDED[mode] | changes)
        assert self.provider.complaints(render) == []
        return Job(
            job_id="j",
            variant_id="v",
            render=render,
            seed=7,
            seed_source="job",
            simulated=True,
            provider=self.name,
            account=f"simulated-{self.name}",
            price_uusd=1,
            price_as_of="2026-11-01",
        )


#: Opens an account at a simulator of its own.
Opening = Callable[..., Counter]


@pytest.fixture
def counter(simulator: Callable[..., Simulator], client: httpx.Client) -> Opening:
    """Open an account: `counter("segmind", "--balance-usd", "1")`; quick renders unless told otherwise."""

    def begin(name: str, *arguments: str, key: str = "sim-conformance") -> Counter:
        return Counter(name, simulator(*QUICK, *arguments), client, key)

    return begin


@pytest.mark.parametrize("name", PROVIDERS)
@pytest.mark.parametrize("changes", [{}, {"resolution": "1080p", "duration_s": 10, "shot_type": "multi"}], ids=str)
def test_every_mode_comes_to_a_video_at_the_listed_price(
    name: str, changes: dict[str, Any], counter: Opening, client: httpx.Client
) -> None:
    """What is sold is rendered as ordered, and costs what the price list says."""
    desk, facts = counter(name), load_facts()[name]
    # What is billed in another currency is a few per cent off: its rate moves.
    off = {"USD": Decimal(0), "CNY": Decimal("0.05")}
    for offer in facts.sold():
        order = {"mode": offer.mode, "model": offer.model, **changes}
        if "multi" not in offer.shot_types:
            order.pop("shot_type", None)
        task_id = desk.bought(**order)
        reading = desk.end(task_id)
        assert isinstance(reading, Finished), (order, reading)
        clip = client.get(reading.url)
        assert clip.status_code == 200
        assert clip.content[4:8] == b"ftyp"
        price = desk.provider.price_usd(desk.job(**order).render)
        row = desk.purchase(task_id)
        cost = Decimal(row["cost_usd"])
        assert row["state"] == "succeeded"
        # The reservation may hold seconds of a reference that the provider does not bill after all.
        seconds = desk.job(**order).render.duration_s
        fair = (cost, cost * (seconds + offer.input_s_max) / seconds)
        assert price is None or any(abs(price - most) <= most * off[facts.region().currency] for most in fair), order
        assert reading.cost_usd in {cost, None}, order
    assert desk.simulator.violations() == []


def test_segmind_tells_the_cost_and_what_is_left(counter: Opening) -> None:
    """The figures that a campaign is settled with, and a balance that agrees with them."""
    desk = counter("segmind", "--balance-usd", "2")
    reading = desk.end(desk.bought())
    assert isinstance(reading, Finished)
    assert reading.balance is not None
    assert (reading.cost_usd, reading.balance.remaining) == (Decimal("0.625"), Decimal("1.375"))
    call = desk.provider.balance_call(desk.at)
    assert call is not None
    assert desk.provider.read_balance(desk.ask(call)) == reading.balance


def test_dashscope_tells_the_seconds_it_bills(counter: Opening) -> None:
    """Seconds times the list price are what the provider's books say, reference video included."""
    desk = counter("dashscope")
    task_id = desk.bought(Mode.R2V)
    reading = desk.end(task_id)
    assert isinstance(reading, Finished)
    assert reading.cost_usd is None
    assert reading.cost_native == (Decimal(10), "seconds")
    assert Decimal(desk.purchase(task_id)["cost_usd"]) == Decimal(10) * Decimal("0.10")


@pytest.mark.parametrize("name", PROVIDERS)
def test_a_failed_render_is_an_end_and_costs_nothing(name: str, counter: Opening) -> None:
    """A render that breaks is told as failed, and as unbilled where that is said; the books agree."""
    desk = counter(name, "--p-failed", "1")
    task_id = desk.bought()
    reading = desk.end(task_id)
    assert isinstance(reading, Failed), reading
    billed = None if Kind.RENDER_FAILED in UNSAID.get(name, ()) else False
    assert (reading.why.kind, reading.billed) == (Kind.RENDER_FAILED, billed)
    assert desk.purchase(task_id)["cost_usd"] == "0"


@pytest.mark.parametrize("name", PROVIDERS)
def test_a_refused_prompt_is_content_refused(name: str, counter: Opening) -> None:
    """At the door or after a while: the kind says that it must not be bought again."""
    desk = counter(name)
    reading = desk.submit(prompt="something forbidden")
    if isinstance(reading, Accepted):
        end = desk.end(reading.task_id)
        assert isinstance(end, Failed)
        assert end.billed is (None if Kind.CONTENT_REFUSED in UNSAID.get(name, ()) else False)
        assert end.why.kind is Kind.CONTENT_REFUSED
    else:
        assert isinstance(reading, Rejected)
        assert reading.kind is Kind.CONTENT_REFUSED


@pytest.mark.parametrize("name", PROVIDERS)
def test_a_throttled_submit_bought_nothing(name: str, counter: Opening) -> None:
    """A 429 says how long to wait, when the provider says so."""
    desk = counter(name)
    desk.simulator.tell("/_simulator/next", {"on": "submit", "then": "429", "retry_after_s": 7})
    reading = desk.submit()
    assert isinstance(reading, Rejected)
    assert (reading.kind, reading.retry_after_s) == (Kind.RATE_LIMITED, 7.0)
    assert desk.simulator.purchases() == []


@pytest.mark.parametrize("name", PROVIDERS)
def test_a_throttled_poll_loses_nothing(name: str, counter: Opening) -> None:
    """The next look sees the video."""
    desk = counter(name)
    task_id = desk.bought()
    assert isinstance(desk.end(task_id), Finished)
    desk.simulator.tell("/_simulator/weather", {"p_429": 1})
    assert isinstance(desk.check(task_id), Throttled)
    desk.simulator.tell("/_simulator/weather", {"p_429": 0})
    assert isinstance(desk.check(task_id), Finished)


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


@pytest.mark.parametrize("name", PROVIDERS)
def test_a_wrong_key_parks_and_a_poll_with_it_proves_nothing(name: str, counter: Opening) -> None:
    """A key that is refused fails no job, and ends no render."""
    desk = counter(name, key="wrong-key")
    reading = desk.submit()
    assert isinstance(reading, Rejected)
    assert reading.kind is Kind.KEY_REFUSED
    assert isinstance(desk.check("2c7f59ea-13f1-402c-9353-915a2b5a2124"), Unreadable)


@pytest.mark.parametrize("name", PROVIDERS)
def test_an_empty_account_is_out_of_credit(name: str, counter: Opening) -> None:
    """406 at one, 400 at the other: the same kind."""
    reading = counter(name, "--balance-usd", "0.10").submit()
    assert isinstance(reading, Rejected)
    assert reading.kind is Kind.OUT_OF_CREDIT


@pytest.mark.parametrize("name", PROVIDERS)
def test_an_answer_that_proves_nothing_is_lost(name: str, counter: Opening) -> None:
    """Bought or not, the answer looks alike: so nobody may conclude anything from it."""
    desk = counter(name)
    bought = 0
    for then, buys in (("500", 0), ("502", 0), ("503", 0), ("504_after", 1), ("html", 1), ("garbage", 1)):
        desk.simulator.tell("/_simulator/next", {"on": "submit", "then": then})
        assert isinstance(desk.submit(), Lost), then
        bought += buys
        assert len(desk.simulator.purchases()) == bought, then


@pytest.mark.parametrize("name", PROVIDERS)
def test_a_connection_cut_after_acceptance_is_no_connect_error(name: str, counter: Opening) -> None:
    """The wire can tell "never sent" from "perhaps bought", since the error is another."""
    desk = counter(name)
    desk.simulator.tell("/_simulator/next", {"on": "submit", "then": "cut_after"})
    with pytest.raises(httpx.RemoteProtocolError):
        desk.submit()
    assert len(desk.simulator.purchases()) == 1


@pytest.mark.parametrize("name", PROVIDERS)
def test_odd_polls_are_no_news(name: str, counter: Opening) -> None:
    """Nothing but a documented end ends a render; the next plain answer does."""
    desk = counter(name)
    task_id = desk.bought()
    assert isinstance(desk.end(task_id), Finished)
    # A finished task is asked for its status first at some, for its result at once at others.
    first = desk.provider.read_check(desk.ask(desk.provider.check_call(task_id, desk.at)), task_id, desk.at)
    on = "status" if isinstance(first, Ask) else "result"
    for then in ("500", "502", "503", "html", "garbage", "truncated"):
        desk.simulator.tell("/_simulator/next", {"on": on, "then": then})
        assert isinstance(desk.check(task_id), Unreadable), then
    assert isinstance(desk.check(task_id), Finished)


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
    stranger = desk.check("00000000-0000-4000-8000-000000000000")
    assert not isinstance(stranger, Finished | Failed)


def test_dashscopes_unknown_is_no_failure(counter: Opening) -> None:
    """A day after the submit the task is UNKNOWN, as one that never was."""
    desk = counter("dashscope", "--speed", "360000")
    task_id = desk.bought()
    ends = time.monotonic() + 10
    while not isinstance(reading := desk.check(task_id), Unreadable):
        assert time.monotonic() < ends, "the task is never forgotten"
        time.sleep(0.01)
    assert "UNKNOWN" in reading.reason
