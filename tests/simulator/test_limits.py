"""The documented limits and the judge of them."""

from collections.abc import Callable

from simulator.limits import KEPT, Limit, Limits
from tests.simulator.conftest import Street

FIVE_A_SECOND = Limit("submits a second", 5, 1)


def test_the_window_slides() -> None:
    """A double burst at the seam of two fixed windows is over the limit, at whatever phase."""
    limits = Limits()
    early = [limits.take("p", "a", FIVE_A_SECOND, 0.9 + number / 100).passed for number in range(5)]
    late = [limits.take("p", "a", FIVE_A_SECOND, 1.1 + number / 100).passed for number in range(5)]
    assert early == [True] * 5
    assert late == [False] * 5
    assert limits.count == 5
    assert limits.take("p", "a", FIVE_A_SECOND, 1.9).passed


def test_a_refused_request_uses_nothing_up() -> None:
    """What remains and when the window opens follow from what was granted alone."""
    limits = Limits()
    for number in range(5):
        grant = limits.take("p", "a", FIVE_A_SECOND, number / 10)
        assert grant.remaining == 4 - number
    over = limits.take("p", "a", FIVE_A_SECOND, 0.5)
    assert (over.passed, over.remaining, over.reset_at) == (False, 0, 1.0)
    assert "0.500 s too early" in limits.violations[0]["detail"]


def test_accounts_and_kinds_have_windows_of_their_own() -> None:
    """Another key, provider or kind of request is not held up."""
    limits = Limits()
    for number in range(5):
        limits.take("p", "a", FIVE_A_SECOND, number / 10)
    assert limits.take("p", "b", FIVE_A_SECOND, 0.5).passed
    assert limits.take("q", "a", FIVE_A_SECOND, 0.5).passed
    assert limits.take("p", "a", Limit("lists a second", 20, 1), 0.5).passed


def test_a_flood_of_violations_is_counted_but_not_kept() -> None:
    """Memory is bounded; the count is whole."""
    limits = Limits()
    for _ in range(KEPT + 50):
        limits.violated("p", "a", "x", 0, "")
    assert (len(limits.violations), limits.count) == (KEPT, KEPT + 50)


def test_segmind_takes_fifty_a_minute(street: Callable[..., Street]) -> None:
    """The 51st submit of a minute meets a 429 without Retry-After, which says when the window opens."""
    one = street()
    answers = [one.buy_segmind(f"p{number}") for number in range(51)]
    assert [answer.status_code for answer in answers] == [200] * 50 + [429]
    assert answers[0].headers["x-rate-limit-remaining"] == "49"
    assert answers[50].headers["x-rate-limit-remaining"] == "0"
    assert answers[50].headers["x-rate-limit-reset-at-utc"] == "2026-11-21T12:01:00.000Z"
    assert "retry-after" not in answers[50].headers
    seen = one.call("GET", "/_simulator/violations").json()
    assert seen["count"] == 1
    assert seen["violations"][0]["limit"] == "requests a minute"
    one.real_s += 60
    assert one.buy_segmind("later").status_code == 200


def test_the_window_is_simulated_time(street: Callable[..., Street]) -> None:
    """At sixty times the speed, the minute is over in a second."""
    one = street(speed=60)
    for number in range(50):
        one.buy_segmind(f"p{number}")
    one.real_s += 1
    assert one.buy_segmind("later").status_code == 200


def test_segmind_polls_count_only_where_asked(street: Callable[..., Street]) -> None:
    """It is not documented whether polls count; by default they do not."""
    for count, last in ((False, 200), (True, 429)):
        one = street(segmind_polls_count=count)
        task = one.buy_segmind().json()["request_id"]
        polls = [one.segmind("GET", f"/v2/requests/{task}/status").status_code for _ in range(50)]
        assert polls == [200] * 49 + [last]


def test_dashscope_takes_five_a_second(street: Callable[..., Street]) -> None:
    """The sixth submit of a second meets Throttling.RateQuota."""
    one = street(slots=100)
    answers = [one.buy_dashscope(f"p{number}") for number in range(6)]
    assert [answer.status_code for answer in answers] == [200] * 5 + [429]
    assert answers[5].json()["code"] == "Throttling.RateQuota"
    one.real_s += 1
    assert one.buy_dashscope("later").status_code == 200


def test_dashscope_refuses_the_sixth_task_in_flight(street: Callable[..., Street]) -> None:
    """Five tasks fill the account; a task that ends makes room."""
    one = street()
    for number in range(5):
        assert one.buy_dashscope(f"p{number}").status_code == 200
    one.real_s += 2
    sixth = one.buy_dashscope("sixth")
    assert (sixth.status_code, sixth.json()["code"]) == (429, "Throttling")
    assert one.call("GET", "/_simulator/violations").json()["violations"][0]["limit"] == "tasks in flight"
    one.real_s += 100
    assert one.buy_dashscope("sixth").status_code == 200
    assert one.call("GET", "/_simulator/stats").json()["dashscope"]["peak_in_flight"] == 5


def test_dashscope_answers_twenty_queries_a_second(street: Callable[..., Street]) -> None:
    """Queries, lists and cancels each have twenty a second, which an option lifts."""
    one, lifted = street(), street(no_query_limits=True)
    for path, method in (("/api/v1/tasks/x", "GET"), ("/api/v1/tasks/", "GET"), ("/api/v1/tasks/x/cancel", "POST")):
        codes = [one.dashscope(method, path).status_code for _ in range(21)]
        assert codes.count(429) == 1
        assert codes[20] == 429
        assert 429 not in [lifted.dashscope(method, path).status_code for _ in range(21)]


def test_limits_can_be_lifted_or_moved(street: Callable[..., Street]) -> None:
    """Without limits nothing is refused or counted; with other limits, those hold."""
    free = street(no_limits=True)
    assert {free.buy_dashscope(f"p{number}").status_code for number in range(12)} == {200}
    assert free.call("GET", "/_simulator/violations").json() == {"violations": [], "count": 0}
    tight = street(submits_per_minute=1, submits_per_second=2, slots=1)
    assert [tight.buy_segmind(prompt).status_code for prompt in "ab"] == [200, 429]
    assert [tight.buy_dashscope(prompt).json().get("code") for prompt in "abc"] == [
        None, "Throttling", "Throttling.RateQuota",
    ]  # fmt: skip


def test_retry_after_is_sent_where_asked(street: Callable[..., Street]) -> None:
    """With the option, every 429 says how long to wait, in simulated seconds."""
    one = street(submits_per_minute=1, retry_after_s=7.0)
    assert [one.buy_segmind(prompt).headers.get("retry-after") for prompt in "ab"] == [None, "7"]
