"""Replicate's dialect against its contract, one promise a row."""

from collections.abc import Callable
from typing import Any

import httpx
import pytest

from simulator.dialects.replicate import OTHERS
from simulator.limits import Limit
from tests.simulator.conftest import Street

T2V, I2V = "wan-video/wan-2.6-t2v", "wan-video/wan-2.6-i2v"
PICTURE = "https://x/y.png"


def rep(one: Street, method: str, path: str, *, key: str = "sim-one", **request: Any) -> httpx.Response:
    """One request to Replicate with a key; `path` may be a whole URL."""
    headers = {"authorization": f"Bearer {key}", **request.pop("headers", {})}
    return one.call(method, path if path.startswith("http") else "/replicate/v1" + path, headers=headers, **request)


def order(one: Street, inputs: Any, *, model: str = T2V, **more: Any) -> httpx.Response:
    """The answer to a create."""
    return rep(one, "POST", f"/models/{model}/predictions", json={"input": inputs}, **more)


def buy(one: Street, *, prompt: str = "a cat", key: str = "sim-one", headers: Any = None, **own: Any) -> dict[str, Any]:
    """A prediction that was taken."""
    answer = order(one, {"prompt": prompt, **own}, key=key, headers=headers or {})
    assert answer.status_code == 201, answer.text
    made: dict[str, Any] = answer.json()
    return made


def look(one: Street, made: dict[str, Any]) -> dict[str, Any]:
    """The prediction as it is now."""
    body: dict[str, Any] = rep(one, "GET", made["urls"]["get"]).json()
    return body


def listed(one: Street, **asked: Any) -> list[int]:
    """The seeds on the first page of the list."""
    page = rep(one, "GET", "/predictions", params=asked).json()
    return [prediction["input"]["seed"] for prediction in page["results"]]


def test_a_prediction_runs_from_starting_to_its_output(street: Callable[..., Street]) -> None:
    """201 and starting, processing, succeeded; the input as sent, the times, and the video's address as a string."""
    one = street()
    made = buy(one, seed=7)
    assert (made["status"], made["model"], made["input"]) == ("starting", T2V, {"prompt": "a cat", "seed": 7})
    assert (made["output"], made["error"], made["started_at"], made["completed_at"]) == (None, None, None, None)
    assert len(made["id"]) == 26
    base = f"http://street/replicate/v1/predictions/{made['id']}"
    assert made["urls"] == {"get": base, "cancel": f"{base}/cancel"}
    one.real_s += 1
    assert (now := look(one, made))["status"] == "processing"
    assert now["started_at"] == "2026-11-21T12:00:01.000Z"
    one.real_s += 100
    done = look(one, made)
    assert (done["status"], done["completed_at"]) == ("succeeded", "2026-11-21T12:01:41.000Z")
    assert done["metrics"] == {"predict_time": 100.0, "total_time": 101.0}
    assert done["output"].startswith(f"http://street/clips/{made['id']}.mp4?Expires=")
    assert one.call("GET", done["output"]).status_code == 200


@pytest.mark.parametrize(
    ("model", "inputs", "cost"),
    [
        (T2V, {"prompt": "a cat"}, "0.5"),
        (T2V, {"prompt": "a cat", "size": "1080*1920", "duration": 15, "multi_shots": True}, "2.25"),
        (T2V, {"prompt": "a cat", "audio": "https://x/y.mp3", "duration": 10}, "1"),
        (I2V, {"prompt": "a cat", "image": PICTURE}, "0.5"),
        (I2V, {"prompt": "a cat", "image": "data:image/png;base64,AAAA", "resolution": "1080p"}, "0.75"),
    ],
)
def test_prices(street: Callable[..., Street], model: str, inputs: dict[str, Any], cost: str) -> None:
    """Seconds times the price of the resolution, 720p and five seconds by default."""
    one = street()
    assert order(one, inputs, model=model).status_code == 201
    one.real_s += 200
    assert [purchase["cost_usd"] for purchase in one.purchases()] == [cost]


@pytest.mark.parametrize(
    ("model", "inputs", "detail"),
    [
        (T2V, None, "- input is required\n"),
        (T2V, {}, "- input: prompt is required\n"),
        (T2V, {"prompt": 1}, "- input.prompt: Invalid type. Expected: string, given: integer\n"),
        (T2V, {"prompt": "a", "seed": None}, "- input.seed: Invalid type. Expected: integer, given: null\n"),
        (T2V, {"prompt": "a", "duration": "5"}, "- input.duration: Invalid type. Expected: integer, given: string\n"),
        (
            T2V,
            {"prompt": "a", "duration": 7},
            "- input.duration: duration must be one of the following: 5, 10, 15\n",
        ),
        (
            T2V,
            {"prompt": "a", "size": "960*960"},
            '- input.size: size must be one of the following: "1280*720", "720*1280", "1920*1080", "1080*1920"\n',
        ),
        (T2V, {"prompt": "a", "audio": "song.mp3"}, "- input.audio: Does not match format 'uri'\n"),
        (
            T2V,
            {"prompt": "a", "multi_shots": 1},
            "- input.multi_shots: Invalid type. Expected: boolean, given: integer\n",
        ),
        (I2V, {"prompt": "a"}, "- input: image is required\n"),
        (I2V, {"prompt": "a", "image": "y.png"}, "- input.image: Does not match format 'uri'\n"),
        (
            I2V,
            {"prompt": "a", "image": PICTURE, "resolution": "480p"},
            '- input.resolution: resolution must be one of the following: "720p", "1080p"\n',
        ),
    ],
)
def test_a_wrong_input_is_refused(street: Callable[..., Street], model: str, inputs: Any, detail: str) -> None:
    """422 with title, detail and status, as a problem document; nothing is bought."""
    one = street()
    answer = order(one, inputs, model=model)
    assert answer.json() == {"title": "Input validation failed", "detail": detail, "status": 422}
    assert (answer.status_code, answer.headers["content-type"]) == (422, "application/problem+json")
    assert one.purchases() == []


@pytest.mark.parametrize("body", [b"{", b"[]", b"\xff"])
def test_a_malformed_body_is_refused(street: Callable[..., Street], body: bytes) -> None:
    """Garbage never becomes a 500."""
    assert rep(street(), "POST", f"/models/{T2V}/predictions", content=body).status_code == 400


def test_unknown_models_and_predictions_are_404(street: Callable[..., Street]) -> None:
    """What is not there has one answer."""
    one = street()
    answers = [order(one, {"prompt": "a"}, model="wan-video/wan-2.6-r2v"), rep(one, "GET", "/predictions/x")]
    answers.append(rep(one, "POST", "/predictions/x/cancel"))
    assert {answer.status_code for answer in answers} == {404}
    assert {answer.json()["detail"] for answer in answers} == {"The requested resource could not be found."}


def test_keys(street: Callable[..., Street]) -> None:
    """A missing and a foreign key are 401 at every door; the old word `Token` opens it, too."""
    one = street()
    for method, path in (("POST", f"/models/{T2V}/predictions"), ("GET", "/predictions"), ("GET", "/predictions/x")):
        for headers in ({}, {"authorization": "Bearer r8_real"}, {"authorization": "sim-one"}):
            answer = one.call(method, "/replicate/v1" + path, headers=headers)
            assert (answer.status_code, answer.json()["title"]) == (401, "Unauthenticated")
    assert one.call("GET", "/replicate/v1/predictions", headers={"authorization": "Token sim-one"}).status_code == 200


def test_a_prediction_is_its_own_accounts(street: Callable[..., Street]) -> None:
    """Another key's prediction is not found, and not listed."""
    one = street()
    made = buy(one)
    assert rep(one, "GET", made["urls"]["get"], key="sim-two").status_code == 404
    assert rep(one, "GET", "/predictions", key="sim-two").json()["results"] == []


@pytest.mark.parametrize(
    ("weather", "prompt", "words"),
    [
        ({"p_failed": 1}, "a cat", "Prediction failed."),
        ({"p_refused": 1}, "a cat", "flagged as sensitive"),
        ({}, "a forbidden cat", "flagged as sensitive"),
    ],
)
def test_a_bad_end(street: Callable[..., Street], weather: dict[str, Any], prompt: str, words: str) -> None:
    """Failed, with its words, no output and no bill."""
    one = street(**weather)
    made = buy(one, prompt=prompt)
    one.real_s += 200
    ended = look(one, made)
    assert (ended["status"], ended["output"]) == ("failed", None)
    assert words in ended["error"]
    assert one.purchases()[0]["cost_usd"] == "0"


@pytest.mark.parametrize("after_s", [0, 50])
def test_cancel(street: Callable[..., Street], after_s: float) -> None:
    """What is not done is cancelled at once and free, whether it has begun or not."""
    one = street()
    made = buy(one)
    one.real_s += after_s
    assert rep(one, "POST", made["urls"]["cancel"]).json()["status"] == "canceled"
    one.real_s += 200
    assert (ended := look(one, made))["status"] == "canceled"
    assert (ended["output"], ended["error"]) == (None, None)
    assert [(row["state"], row["cost_usd"]) for row in one.purchases()] == [("cancelled", "0")]


def test_a_finished_prediction_stays_as_it_is(street: Callable[..., Street]) -> None:
    """A cancel that comes too late changes nothing."""
    one = street()
    made = buy(one)
    one.real_s += 200
    assert rep(one, "POST", made["urls"]["cancel"]).json()["status"] == "succeeded"
    assert one.purchases()[0]["cost_usd"] == "0.5"


@pytest.mark.parametrize(
    ("wish", "queue_s", "status"),
    [
        ("30s", 60, "aborted"),
        ("1m", 1, "canceled"),
        ("90", 1, "canceled"),
        ("15m", 1, "succeeded"),
        ("1h", 1, "succeeded"),
    ],
)
def test_an_order_may_bring_its_deadline(street: Callable[..., Street], wish: str, queue_s: float, status: str) -> None:
    """What is not done by then ends unbilled: aborted where it had not begun, else cancelled."""
    one = street(queue_s=queue_s)
    made = buy(one, headers={"cancel-after": wish})
    one.real_s += 300
    ended = look(one, made)
    assert (ended["status"], ended["error"]) == (status, None)
    assert (ended["started_at"] is None) == (status == "aborted")
    assert one.purchases()[0]["cost_usd"] == ("0.5" if status == "succeeded" else "0")


def test_a_malformed_deadline_is_refused(street: Callable[..., Street]) -> None:
    """A duration has a number and perhaps a unit."""
    answer = order(street(), {"prompt": "a"}, headers={"cancel-after": "soon"})
    assert (answer.status_code, answer.json()["title"]) == (422, "Invalid header")


def test_an_empty_account_is_refused(street: Callable[..., Street]) -> None:
    """402, in the words that users have posted; what still renders is reserved."""
    one = street(balance_usd=0.9)
    buy(one)
    refused = order(one, {"prompt": "a cat"})
    assert (refused.status_code, refused.json()["title"]) == (402, "Insufficient credit")
    assert refused.json()["detail"].startswith("You have insufficient credit to run this model.")


def test_the_list_pages_by_its_cursor(street: Callable[..., Street]) -> None:
    """A hundred on a page, newest first; `next` leads on, with the filters, also when newer ones have come."""
    one = street()
    made = [buy(one)["id"] for _ in range(101)]
    page = rep(one, "GET", "/predictions", params={"created_after": "2026-11-21T12:00:00Z"}).json()
    assert [row["id"] for row in page["results"]] == made[:0:-1]
    buy(one)
    assert "created_after=" in page["next"]
    last = rep(one, "GET", page["next"]).json()
    assert ([row["id"] for row in last["results"]], last["next"]) == ([made[0]], None)


@pytest.mark.parametrize(
    ("asked", "seeds"),
    [
        ({}, [3, 2, 1]),
        ({"created_after": "2026-11-21T12:03:20Z"}, [3, 2]),
        ({"created_before": "2026-11-21T12:03:20"}, [1]),
        ({"created_after": "2026-11-21T13:03:20+01:00", "created_before": "2026-11-21T12:06:40Z"}, [2]),
    ],
)
def test_the_list_filters_by_creation(street: Callable[..., Street], asked: dict[str, Any], seeds: list[int]) -> None:
    """From one instant on, and before another; without a zone it is UTC."""
    one = street()
    for seed in (1, 2, 3):
        buy(one, seed=seed)
        one.real_s += 200
    assert listed(one, **asked) == seeds


@pytest.mark.parametrize(("asked", "status"), [({"created_after": "noon"}, 400), ({"cursor": "%%"}, 404)])
def test_a_wrong_question_is_refused(street: Callable[..., Street], asked: dict[str, str], status: int) -> None:
    """A filter that cannot be read and a cursor that is not ours."""
    assert rep(street(), "GET", "/predictions", params=asked).status_code == status


def test_the_list_may_be_late(street: Callable[..., Street]) -> None:
    """Under such weather a prediction shows only after its time."""
    one = street(late_history_s=30)
    buy(one, seed=1)
    assert listed(one) == []
    one.real_s += 30
    assert listed(one) == [1]


def test_data_are_removed_after_an_hour(street: Callable[..., Street]) -> None:
    """Input and output are gone an hour after the end, and so is the file; the prediction itself is still known."""
    one = street()
    made = buy(one)
    one.real_s += 3_700
    link = look(one, made)["output"]
    assert one.call("GET", link).status_code == 200
    one.real_s += 1
    ended = look(one, made)
    assert (ended["status"], ended["input"], ended["output"], ended["data_removed"]) == ("succeeded", {}, None, True)
    assert one.call("GET", link).status_code == 403


@pytest.mark.parametrize(("given", "count"), [({}, 600), ({"submits_per_minute": 2}, 2)])
def test_the_minutes_window(street: Callable[..., Street], given: dict[str, int], count: int) -> None:
    """The create after 600 in a minute (or as many as set) is throttled, and its words say when the window opens."""
    one = street(**given)
    world, creates = one.app.state.world, Limit("creates a minute", count, 60)
    account = world.bank.tasks[buy(one)["id"]].account
    for _ in range(count - 1):
        assert world.limits.take("replicate", account, creates, world.clock.now()).passed
    one.real_s += 20
    late = order(one, {"prompt": "a cat"})
    assert late.json() == {"detail": "Request was throttled. Your rate limit resets in ~40s.", "status": 429}
    assert (late.status_code, "retry-after" in late.headers) == (429, False)
    assert rep(one, "GET", "/predictions").status_code == 200
    one.real_s += 40
    assert order(one, {"prompt": "a cat"}).status_code == 201


def test_a_look_has_a_window_of_its_own(street: Callable[..., Street]) -> None:
    """3,000 other requests a minute."""
    one = street()
    world, made = one.app.state.world, buy(one)
    for _ in range(2_999):
        assert world.limits.take("replicate", world.bank.tasks[made["id"]].account, OTHERS, world.clock.now()).passed
    assert rep(one, "GET", made["urls"]["get"]).status_code == 200
    assert rep(one, "GET", made["urls"]["get"]).status_code == 429


def test_the_line_is_held_for_who_prefers_to_wait(street: Callable[..., Street]) -> None:
    """Not done by the end of the wait is told as starting, which the official client takes for "ask again"."""
    one = street(speed=1000.0)
    made = buy(one, headers={"prefer": "wait=5"})
    assert made["status"] == "starting"
    assert len(one.purchases()) == 1


@pytest.mark.parametrize(
    ("then", "status", "detail"),
    [
        ("429", 429, "Request was throttled. Your rate limit resets in ~30s."),
        ("500", 500, "Internal Server Error"),
        ("502", 502, "Bad Gateway"),
        ("503", 503, "Service Unavailable"),
    ],
)
def test_the_weather_speaks_in_problems(street: Callable[..., Street], then: str, status: int, detail: str) -> None:
    """Throttling and server errors have a detail; nothing is bought."""
    one = street()
    one.script("submit", then)
    answer = order(one, {"prompt": "a cat"})
    assert (answer.status_code, answer.json()["detail"]) == (status, detail)
    assert one.purchases() == []


def test_a_retry_after_is_sent_when_asked_for(street: Callable[..., Street]) -> None:
    """Header and words then say the same."""
    one = street(retry_after_s=7)
    one.script("submit", "429")
    answer = order(one, {"prompt": "a cat"})
    assert (answer.headers["retry-after"], "~7s" in answer.json()["detail"]) == ("7", True)


def test_an_expired_link_can_be_had(street: Callable[..., Street]) -> None:
    """The weather's dead links are in Replicate's outputs, too."""
    one = street()
    made = buy(one)
    one.real_s += 200
    one.script("result", "expired")
    assert one.call("GET", look(one, made)["output"]).status_code == 403
