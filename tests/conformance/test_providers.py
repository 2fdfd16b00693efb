"""Every provider's real code against its simulated dialect, over real HTTP: both were written from the same documents,
apart from each other. A provider joins by its line in the registry.
"""

from collections.abc import Callable
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from config.facts import load_facts
from jobs.job import Mode
from providers.contract import (
    Accepted,
    Ask,
    Failed,
    Finished,
    Kind,
    Lost,
    Open,
    Rejected,
    Throttled,
    Unreadable,
)
from providers.registry import PROVIDERS
from tests.conformance.counter import Counter
from worker.posting import NoAnswer, NotSent
from worker.verify import Expectation, verify
from worker.wire import Download, NoDownload

#: Opens an account at a simulator.
Opening = Callable[..., Counter]

everywhere = pytest.mark.parametrize("name", PROVIDERS)
#: What is billed in another currency than dollars is a few per cent off, since its rate moves.
OFF = {"USD": Decimal(0), "CNY": Decimal("0.05")}
OFFERS = [
    pytest.param(name, number, id=f"{name}-{offer.mode}-{offer.model}")
    for name in PROVIDERS
    for number, offer in enumerate(load_facts()[name].sold())
]
#: Bad ends of which a provider does not say whether they are billed: they are never bought again by themselves.
UNSAID: dict[str, set[Kind]] = {
    "fal": {Kind.CONTENT_REFUSED},
    "replicate": {Kind.CONTENT_REFUSED, Kind.RENDER_FAILED},
}
#: Limits above this are not tried out.
MOST_TRIED = 60
#: Orders at both ends of what is sold: with sound or a track, one shot or several, the least and the most.
ORDERS: dict[str, dict[str, Any]] = {
    "plain": {},
    "dear": {"resolution": "1080p", "duration_s": 10, "shot_type": "multi"},
    "driven by a track": {"audio_track": "https://example.com/voice.mp3"},
    "silent": {"audio": False},
}


@pytest.mark.parametrize("order", ORDERS)
@pytest.mark.parametrize(("name", "number"), OFFERS)
def test_what_is_sold_comes_to_a_video_at_the_listed_price(
    name: str, number: int, order: str, counter: Opening, tmp_path: Path
) -> None:
    """Every mode and model: rendered as ordered, in frame, length and sound, and at what the price list says."""
    desk, facts = counter(name), load_facts()[name]
    offer = facts.sold()[number]
    asked = {"mode": offer.mode, "model": offer.model, **ORDERS[order]}
    if "multi" not in offer.shot_types:
        asked.pop("shot_type", None)
    render = desk.render(**asked)
    sold = (render.audio or offer.audio_switch) and (render.audio_track is None or offer.audio_track)
    assert bool(desk.provider.complaints(render)) != sold, "what is not sold is refused before money moves"
    if not sold:
        return
    task_id = desk.bought(**asked)
    reading = desk.end(task_id)
    assert isinstance(reading, Finished), reading
    got = desk.fetch(reading.url, tmp_path / "video.mp4")
    assert isinstance(got, Download), got
    width, height = render.frame or (None, None)
    assert verify(tmp_path / "video.mp4", Expectation(width, height, render.duration_s, render.audio)).problems == ()
    row = desk.purchase(task_id)
    cost, price = Decimal(row["cost_usd"]), desk.provider.price_usd(render)
    # The reservation may hold seconds of a reference that the provider does not bill after all.
    fair = (cost, cost * (render.duration_s + offer.input_s_max) / render.duration_s)
    assert price is None or any(abs(price - most) <= most * OFF[facts.region().currency] for most in fair)
    assert (row["state"], reading.cost_usd in {cost, None}) == ("succeeded", True)
    assert desk.violations() == []


@everywhere
def test_what_is_left_agrees_with_the_books(name: str, counter: Opening) -> None:
    """Where an answer or the balance call tells what is left, it is what was there less what was paid."""
    desk = counter(name, "--balance-usd", "5")
    task_id = desk.bought()
    reading = desk.end(task_id)
    assert isinstance(reading, Finished)
    left = Decimal(5) - Decimal(desk.purchase(task_id)["cost_usd"])
    told = [each.remaining for each in (reading.balance, desk.balance()) if each is not None]
    assert told == [left] * len(told)
    assert bool(told) == (desk.provider.balance_call(desk.at) is not None or reading.balance is not None)


@everywhere
def test_a_render_is_open_until_it_ends(name: str, counter: Opening) -> None:
    """A look in between waits, and the work is not thought lost."""
    desk = counter(name)
    desk.weather(render_mean_s=6000)
    assert isinstance(desk.check(desk.bought()), Open)


@everywhere
def test_a_failed_render_is_an_end_and_costs_nothing(name: str, counter: Opening) -> None:
    """A render that breaks is told as failed, and as unbilled where that is said; the books agree."""
    desk = counter(name)
    desk.weather(p_failed=1)
    task_id = desk.bought()
    reading = desk.end(task_id)
    assert isinstance(reading, Failed), reading
    billed = None if Kind.RENDER_FAILED in UNSAID.get(name, ()) else False
    assert (reading.why.kind, reading.billed) == (Kind.RENDER_FAILED, billed)
    assert reading.why.message
    assert desk.purchase(task_id)["cost_usd"] == "0"


@everywhere
def test_a_refused_prompt_is_content_refused(name: str, counter: Opening) -> None:
    """At the door or after a while: the kind says that it must not be bought again, and nothing was paid."""
    desk = counter(name)
    reading = desk.submit(prompt="something forbidden")
    why = reading
    if isinstance(reading, Accepted):
        end = desk.end(reading.task_id)
        assert isinstance(end, Failed), end
        assert end.billed is (None if Kind.CONTENT_REFUSED in UNSAID.get(name, ()) else False)
        why = end.why
    assert isinstance(why, Rejected)
    assert (why.kind, why.hint) == (Kind.CONTENT_REFUSED, "change the prompt or the media")
    assert {row["cost_usd"] for row in desk.purchases()} <= {"0"}


@everywhere
def test_a_throttled_submit_bought_nothing(name: str, counter: Opening) -> None:
    """A 429 is a definite no; how long to wait is taken from wherever the provider says it, the header first."""
    desk = counter(name)
    desk.befalls("submit", "429", retry_after_s=7)
    answer = desk.post()
    assert not isinstance(answer, NoAnswer | NotSent)
    reading = desk.provider.read_submit(answer)
    assert isinstance(reading, Rejected)
    assert reading.kind is Kind.RATE_LIMITED
    assert reading.retry_after_s == (7.0 if "retry-after" in answer.headers else None) or reading.retry_at is not None
    assert desk.purchases() == []
    assert isinstance(desk.submit(), Accepted)


@everywhere
def test_a_throttled_poll_loses_nothing(name: str, counter: Opening) -> None:
    """The next look sees the video."""
    desk = counter(name)
    task_id = desk.bought()
    assert isinstance(desk.end(task_id), Finished)
    desk.weather(p_429=1)
    assert isinstance(desk.check(task_id), Throttled)
    desk.weather(p_429=0)
    assert isinstance(desk.check(task_id), Finished)


@everywhere
def test_the_documented_limits_are_what_the_simulator_holds(name: str, counter: Opening) -> None:
    """So many submits as are documented pass, and the next is throttled; what is only chosen throttles nobody."""
    desk, limits = counter(name, "--speed", "1", "--render-mean-s", "300"), load_facts()[name].limits
    least = min([window.count for window in limits.submits] + ([limits.slots] if limits.slots else []))
    readings = [desk.submit(prompt=f"kite {n}") for n in range(min(least, MOST_TRIED) + 1)]
    assert all(isinstance(reading, Accepted) for reading in readings[:-1])
    last = readings[-1]
    assert isinstance(last, Rejected if limits.documented and least <= MOST_TRIED else Accepted)
    assert not isinstance(last, Rejected) or last.kind is Kind.RATE_LIMITED


@everywhere
def test_a_wrong_key_parks_and_a_poll_with_it_proves_nothing(name: str, counter: Opening) -> None:
    """A key that is refused fails no job, and ends no render."""
    desk = counter(name, key="wrong-key")
    reading = desk.submit()
    assert isinstance(reading, Rejected)
    assert reading.kind is Kind.KEY_REFUSED
    assert isinstance(desk.check("2c7f59ea-13f1-402c-9353-915a2b5a2124"), Unreadable)


@everywhere
def test_an_empty_account_is_out_of_credit(name: str, counter: Opening) -> None:
    """406, 403, 402 or 400: the same kind, and nothing is bought."""
    desk = counter(name, "--balance-usd", "0.04")
    reading = desk.submit()
    assert isinstance(reading, Rejected)
    assert (reading.kind, desk.purchases()) == (Kind.OUT_OF_CREDIT, [])


@everywhere
def test_an_answer_that_proves_nothing_is_lost(name: str, counter: Opening) -> None:
    """Bought or not, the answer looks alike: so nobody may conclude anything from it."""
    desk = counter(name, "--no-limits")
    bought = 0
    for then, buys in (
        ("500", 0), ("502", 0), ("503", 0), ("504", 0), ("504_after", 1), ("html", 1), ("garbage", 1), ("truncated", 1),
        ("cut_before", 0), ("reset_before", 0), ("cut_after", 1), ("reset_after", 1),
    ):  # fmt: skip
        desk.befalls("submit", then)
        assert isinstance(desk.submit(prompt=f"kite {then}"), Lost), then
        bought += buys
        assert len(desk.purchases()) == bought, then


@everywhere
def test_a_slow_answer_is_an_answer(name: str, counter: Opening) -> None:
    """Half a second is no reason to give up on a submit or on a look."""
    desk = counter(name)
    desk.weather(latency_ms=500)
    task_id = desk.bought()
    desk.weather(latency_ms=0)
    assert isinstance(desk.end(task_id), Finished)


@everywhere
def test_odd_polls_are_no_news(name: str, counter: Opening) -> None:
    """Nothing but a documented end ends a render; the next plain answer does."""
    desk = counter(name)
    task_id = desk.bought()
    assert isinstance(desk.end(task_id), Finished)
    # A finished task is asked for its status first at some, for its result at once at others.
    first = desk.provider.read_check(desk.ask(desk.provider.check_call(task_id, desk.at)), task_id, desk.at)
    on = "status" if isinstance(first, Ask) else "result"
    for then in ("500", "502", "503", "html", "garbage", "truncated"):
        desk.befalls(on, then)
        assert isinstance(desk.check(task_id), Unreadable), then
    assert isinstance(desk.check(task_id), Finished)


@everywhere
def test_a_task_that_nobody_knows_is_no_end(name: str, counter: Opening) -> None:
    """A 404, or what stands for one, proves no failure: it may be a slip of the provider's memory."""
    reading = counter(name).check("00000000-0000-4000-8000-000000000000")
    assert isinstance(reading, Unreadable | Ask), reading


@everywhere
def test_an_expired_link_is_asked_for_anew(name: str, counter: Opening, tmp_path: Path) -> None:
    """A dead link is known for what it is, and the next look has one that lives."""
    desk = counter(name)
    task_id = desk.bought()
    assert isinstance(desk.end(task_id), Finished)
    desk.befalls("result", "expired")
    dead, alive = desk.check(task_id), desk.check(task_id)
    assert isinstance(dead, Finished)
    assert isinstance(alive, Finished)
    gone = desk.fetch(dead.url, tmp_path / "dead.mp4")
    assert isinstance(gone, NoDownload)
    assert gone.gone
    assert isinstance(desk.fetch(alive.url, tmp_path / "video.mp4"), Download)


@everywhere
def test_a_video_comes_through_a_redirect_and_under_any_type(name: str, counter: Opening, tmp_path: Path) -> None:
    """Storage may be elsewhere and may call a video anything: its bytes decide."""
    desk = counter(name)
    reading = desk.end(desk.bought(mode=Mode.T2V))
    assert isinstance(reading, Finished)
    for then in ("redirect", "untyped"):
        desk.befalls("clip", then)
        got = desk.fetch(reading.url, tmp_path / f"{then}.mp4")
        assert isinstance(got, Download), (then, got)
        assert verify(tmp_path / f"{then}.mp4", Expectation(1280, 720, 5, audio=True)).problems == ()
