"""The weather and its dice."""

import math
import re
import statistics
from collections.abc import Callable

import httpx
import pytest

from simulator.weather import Fault, Sky, Weather
from tests.simulator.conftest import DIALECTS, Street


def test_renders_have_the_asked_mean_and_spread() -> None:
    """Render times are log-normal with the mean and the coefficient of variation that were asked for."""
    sky = Sky(Weather(render_mean_s=187, render_cv=0.15), seed=1)
    times = [sky.render_s(str(number)) for number in range(20_000)]
    mean = statistics.fmean(times)
    assert math.isclose(mean, 187, rel_tol=0.01)
    assert math.isclose(statistics.stdev(times) / mean, 0.15, rel_tol=0.03)
    assert math.isclose(statistics.median(times), 187 / math.sqrt(1 + 0.15**2), rel_tol=0.01)


def test_the_same_seed_makes_the_same_weather() -> None:
    """Dice depend on the seed and the question, never on who asked before."""
    one, same, other = Sky(Weather(), seed=1), Sky(Weather(), seed=1), Sky(Weather(), seed=2)
    keys = [str(number) for number in range(50)]
    assert [one.render_s(key) for key in keys] == [same.render_s(key) for key in reversed(keys)][::-1]
    assert [one.render_s(key) for key in keys] != [other.render_s(key) for key in keys]


@pytest.mark.parametrize(
    ("name", "faults"),
    [
        ("p_429", {"429"}),
        ("p_5xx", {"500", "502", "503"}),
        ("p_timeout", {"hang_before"}),
        ("p_lost", {"hang_after"}),
        ("p_cut", {"cut_after"}),
        ("p_late_accept", {"late_accept"}),
    ],
)
def test_each_loss_comes_as_often_as_asked(name: str, faults: set[str]) -> None:
    """A probability is a share of submits, and brings only its own kind of trouble."""
    sky = Sky(Weather())
    sky.change({name: 0.3})
    met = [fault.then for number in range(2_000) if (fault := sky.fault("submit", str(number)))]
    assert 500 < len(met) < 700
    assert set(met) == faults


def test_polls_meet_only_what_polls_can_meet() -> None:
    """A poll is throttled or broken, but never lost after acceptance."""
    sky = Sky(Weather(p_lost=1, p_cut=0, p_timeout=0))
    assert sky.fault("status", "x") is None
    assert sky.fault("submit", "x") == Fault("hang_after")


def test_weather_changes_at_once(street: Callable[..., Street]) -> None:
    """What is posted holds from the next request on."""
    one = street()
    assert one.call("POST", "/_simulator/weather", json={"down": True}).status_code == 200
    assert one.buy_segmind().status_code == 503
    assert one.segmind("GET", "/v1/get-user-credits").status_code == 503
    one.call("POST", "/_simulator/weather", json={"down": False, "p_429": 0})
    assert one.buy_segmind().status_code == 200


@pytest.mark.parametrize(
    "change",
    [{"p_snow": 1}, {"p_429": 2}, {"p_429": "often"}, {"down": 1}, {"render_mean_s": -1}, [], {"p_lost": True}],
)
def test_impossible_weather_is_refused(street: Callable[..., Street], change: object) -> None:
    """A wrong name or value is a 400 that names it, and changes nothing."""
    one = street()
    answer = one.call("POST", "/_simulator/weather", json=change)
    assert answer.status_code == 400
    assert answer.json()["error"]
    assert one.buy_segmind().status_code == 200


@pytest.mark.parametrize(
    "script", [{"on": "lunch", "then": "429"}, {"on": "submit", "then": "rain"}, {"on": "submit"}, [1], {"x": 1}]
)
def test_impossible_scripts_are_refused(street: Callable[..., Street], script: object) -> None:
    """A fault that does not exist is a 400, and nothing is put in line."""
    assert street().call("POST", "/_simulator/next", json=script).status_code == 400


@pytest.mark.parametrize(
    ("then", "status", "bought"),
    [("429", 429, 0), ("500", 500, 0), ("502", 502, 0), ("503", 503, 0), ("504", 504, 0), ("504_after", 504, 1),
     ("html", 200, 1), ("truncated", 200, 1), ("garbage", 200, 1)],
)  # fmt: skip
@pytest.mark.parametrize("dialect", DIALECTS)
def test_a_scripted_fault_befalls_the_next_request_only(
    street: Callable[..., Street], dialect: str, then: str, status: int, bought: int
) -> None:
    """Faults before acceptance buy nothing; faults after it have bought; the request after that is well."""
    one = street()
    one.script("submit", then)
    assert one.buy(dialect, "first").status_code == status
    assert len(one.purchases()) == bought
    assert one.buy(dialect, "second").is_success
    assert len(one.purchases()) == bought + 1


@pytest.mark.parametrize(("then", "status"), [("429", 429), ("500", 500), ("502", 502), ("503", 503), ("504", 504)])
@pytest.mark.parametrize("dialect", DIALECTS)
def test_a_look_meets_trouble_and_loses_nothing(
    street: Callable[..., Street], dialect: str, then: str, status: int
) -> None:
    """A fault of a look is that look's alone: the next one finds the video."""
    one = street()
    one.buy(dialect)
    one.real_s += 200
    one.script("result", then)
    assert one.look(dialect).status_code == status
    assert one.call("GET", link(one.look(dialect))).content[4:8] == b"ftyp"


@pytest.mark.parametrize("dialect", DIALECTS)
def test_a_link_can_be_dead_on_arrival(street: Callable[..., Street], dialect: str) -> None:
    """With expired links in the weather, what a result shows opens nothing; a script does it once."""
    one, gloomy = street(), street(p_expired_link=1)
    for each in (one, gloomy):
        each.buy(dialect)
        each.real_s += 200
    one.script("result", "expired")
    assert [one.call("GET", link(one.look(dialect))).status_code for _ in range(2)] == [403, 200]
    assert gloomy.call("GET", link(gloomy.look(dialect))).status_code == 403


@pytest.mark.parametrize("dialect", DIALECTS)
def test_the_bank_bills_good_ends_alone(street: Callable[..., Street], dialect: str) -> None:
    """Whatever the dialect, a failed render costs nothing and a good one what it was ordered for."""
    good, bad = street(), street(p_failed=1)
    for one in (good, bad):
        one.buy(dialect)
        one.real_s += 200
    assert float(good.purchases()[0]["cost_usd"]) > 0
    assert [(bought["state"], bought["cost_usd"]) for bought in bad.purchases()] == [("failed", "0")]


def link(answer: httpx.Response) -> str:
    """The first link to a clip in an answer."""
    found = re.search(r"http://street/clips/[^\"]+", answer.text)
    assert found, answer.text
    return found[0]


def test_a_scripted_429_can_hold_a_retry_after(street: Callable[..., Street]) -> None:
    """The script's own Retry-After is sent, as often as asked, and the reset header agrees with it."""
    one = street()
    one.script("submit", "429", times=2, retry_after_s=3)
    answers = [one.buy_segmind(), one.buy_segmind(), one.buy_segmind()]
    assert [answer.headers.get("retry-after") for answer in answers] == ["3", "3", None]
    assert answers[0].headers["x-rate-limit-reset-at-utc"] == "2026-11-21T12:00:03.000Z"


def test_polls_and_results_have_scripts_of_their_own(street: Callable[..., Street]) -> None:
    """A fault for results leaves status calls alone, at both dialects."""
    one = street()
    task, other = one.buy_segmind().json()["request_id"], one.buy_dashscope().json()["output"]["task_id"]
    one.script("result", "502", times=2)
    assert one.dashscope("GET", f"/api/v1/tasks/{other}").status_code == 200
    one.real_s += 200
    assert one.segmind("GET", f"/v2/requests/{task}/status").status_code == 200
    assert one.segmind("GET", f"/v2/requests/{task}").status_code == 502
    assert one.dashscope("GET", f"/api/v1/tasks/{other}").status_code == 502
    assert one.dashscope("GET", f"/api/v1/tasks/{other}").status_code == 200
