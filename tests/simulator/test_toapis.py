"""ToAPIs' dialect against its contract, one promise a row."""

from collections.abc import Callable
from typing import Any

import httpx
import pytest

from tests.simulator.conftest import NOON, Street

GENERATIONS = "/v1/videos/generations"
PICTURE, VIDEO = ["https://x/y.png"], {"reference_urls": ["https://x/y.mp4"]}
T2V = {"model": "wan2.6", "prompt": "a cat"}
FLASH = {"model": "wan2.6-flash", "image_urls": PICTURE}


def buy(one: Street, body: dict[str, Any] | None = None, **more: Any) -> httpx.Response:
    """Order a video."""
    return one.gateway("toapis", "POST", GENERATIONS, json=(body or T2V) | more)


def ask(one: Street, task: str, **request: Any) -> httpx.Response:
    """One look."""
    return one.gateway("toapis", "GET", f"{GENERATIONS}/{task}", **request)


def test_a_task_runs_from_queue_to_video(street: Callable[..., Street]) -> None:
    """queued, in_progress, completed, with a progress that grows, times in Unix seconds and a link for a day."""
    one = street()
    bought = buy(one, aspect_ratio="9:16").json()
    task = bought["id"]
    assert bought == {
        "id": task, "object": "generation.task", "model": "wan2.6", "status": "queued", "progress": 0,
        "created_at": NOON, "metadata": {"aspect_ratio": "9:16"},
    }  # fmt: skip
    assert task.startswith("video_")
    seen = []
    for wait_s in (0, 1, 50, 50):
        one.real_s += wait_s
        seen.append(ask(one, task).json())
    assert [body["status"] for body in seen] == ["queued", "in_progress", "in_progress", "completed"]
    assert [body["progress"] for body in seen] == [0, 0, 49, 100]
    assert (seen[3]["completed_at"], seen[3]["expires_at"]) == (NOON + 101, NOON + 101 + 86_400)
    (video,) = seen[3]["result"]["data"]
    assert (seen[3]["result"]["type"], video["format"]) == ("video", "mp4")
    assert one.call("GET", video["url"]).content[4:8] == b"ftyp"
    one.real_s += 86_400
    assert one.call("GET", video["url"]).status_code == 403


@pytest.mark.parametrize(
    ("body", "cost"),
    [
        (T2V, "0.75"),
        (T2V | {"resolution": "720p", "duration": 15}, "1.5"),
        (T2V | {"audio": False}, "0.75"),
        (T2V | {"metadata": VIDEO, "aspect_ratio": "1:1"}, "0.75"),
        ({"model": "wan2.6", "image_urls": PICTURE}, "0.75"),
        (FLASH, "0.35"),
        (FLASH | {"resolution": "720p", "audio": False}, "0.105"),
        ({"model": "wan2.6-flash", "metadata": VIDEO, "duration": 10}, "0.7"),
    ],
)
def test_prices_and_defaults(street: Callable[..., Street], body: dict[str, Any], cost: str) -> None:
    """Five seconds of 1080p by default; sound is part of wan2.6, and silence is cheaper at the flash model alone."""
    one = street()
    assert buy(one, body).status_code == 200
    one.real_s += 200
    assert [purchase["cost_usd"] for purchase in one.purchases()] == [cost]


@pytest.mark.parametrize(
    ("body", "words"),
    [
        (T2V | {"model": "wan9"}, "wan9"),
        ({"prompt": "x"}, "model"),
        ({"model": "wan2.6"}, "prompt"),
        (T2V | {"prompt": 5}, "prompt"),
        (T2V | {"duration": 7}, "duration"),
        (T2V | {"duration": "5"}, "duration"),
        (T2V | {"resolution": "480p"}, "resolution"),
        (T2V | {"aspect_ratio": "21:9"}, "aspect_ratio"),
        (T2V | {"seed": -1}, "seed"),
        (T2V | {"seed": 2**31}, "seed"),
        (T2V | {"audio": "https://x/y.mp3"}, "audio"),
        (T2V | {"audio_url": "https://x/y.mp3"}, "audio_url"),
        (T2V | {"watermark": "no"}, "watermark"),
        (T2V | {"shot_type": "multi", "prompt_extend": False}, "shot_type"),
        (T2V | {"image_urls": PICTURE, "shot_type": "multi"}, "shot_type"),
        (T2V | {"image_urls": PICTURE, "aspect_ratio": "16:9"}, "aspect_ratio"),
        (T2V | {"image_urls": PICTURE, "metadata": VIDEO}, "image_urls"),
        (T2V | {"image_urls": PICTURE * 2}, "image_urls"),
        (T2V | {"image_urls": ["data:image/png;base64,AAAA"]}, "image_urls"),
        (T2V | {"image_urls": "https://x/y.png"}, "image_urls"),
        (T2V | {"metadata": {"reference_urls": ["https://x/y.mp4"] * 4}}, "reference_urls"),
        (T2V | {"metadata": {"hats": 1}}, "hats"),
        ({"model": "wan2.6-flash", "prompt": "x"}, "wan2.6-flash"),
        (T2V | {"size": "1280*720"}, "size"),
    ],
)
def test_wrong_orders(street: Callable[..., Street], body: dict[str, Any], words: str) -> None:
    """What is not sold, or excludes each other, is a 400 that names it and buys nothing."""
    one = street()
    answer = one.gateway("toapis", "POST", GENERATIONS, json=body)
    assert (answer.status_code, answer.json()["error"]["code"]) == (400, "invalid_request")
    assert words in answer.json()["error"]["message"]
    assert set(answer.json()["error"]) == {"code", "message", "type"}
    assert one.purchases() == []


def test_a_webhook_needs_a_setup(street: Callable[..., Street]) -> None:
    """No token here has a webhook: a callback_url is refused by the documented code."""
    answer = buy(street(), callback_url="https://x/y")
    assert (answer.status_code, answer.json()["error"]["code"]) == (400, "webhook_not_configured")


def test_garbage_is_a_400(street: Callable[..., Street]) -> None:
    """A body that is no object is refused, never a 500."""
    one = street()
    for content in (b"{", b"[]", b"\xff"):
        assert one.gateway("toapis", "POST", GENERATIONS, content=content).status_code == 400


def test_a_clients_own_name_is_echoed_once(street: Callable[..., Street]) -> None:
    """client_business_id comes back at the submit, is not found at the poll, and buys twice when sent twice."""
    one = street()
    bought = [buy(one, client_business_id="order-1").json() for _ in range(2)]
    assert [body["client_business_id"] for body in bought] == ["order-1"] * 2
    assert "client_business_id" not in ask(one, bought[0]["id"]).json()
    assert len(one.purchases()) == 2


def test_keys_and_unknown_tasks(street: Callable[..., Street]) -> None:
    """A wrong key is a 401; an unknown or foreign task is a 404 with a number for a code."""
    one = street()
    task = buy(one).json()["id"]
    for path in (f"{GENERATIONS}/{task}", "/v1/balance"):
        for headers in ({}, {"authorization": "Bearer real"}):
            answer = one.call("GET", "/toapis" + path, headers=headers)
            assert (answer.status_code, answer.json()["error"]["code"]) == (401, "unauthorized")
    for answer in (ask(one, "nobody"), ask(one, task, key="sim-two")):
        assert (answer.status_code, answer.json()["error"]["code"]) == (404, 404)
        assert answer.json()["error"]["type"] == "not_found_error"


def test_the_content_check(street: Callable[..., Street]) -> None:
    """A refused prompt is a 422 at the submit; what the check finds in the video fails the task, unbilled."""
    one, gloomy = street(), street(p_refused=1)
    answer = buy(one, prompt="a forbidden cat")
    assert (answer.status_code, answer.json()["error"]["code"]) == (422, "content_policy_violation")
    assert one.purchases() == []
    task = buy(gloomy).json()["id"]
    gloomy.real_s += 200
    body = ask(gloomy, task).json()
    assert (body["status"], body["error"]["code"]) == ("failed", "content_policy_violation")
    assert gloomy.purchases()[0]["cost_usd"] == "0"


def test_a_failed_task_is_a_200(street: Callable[..., Street]) -> None:
    """A failure has a code and words, and no result."""
    one = street(p_failed=1)
    task = buy(one).json()["id"]
    one.real_s += 200
    answer = ask(one, task)
    assert answer.status_code == 200
    assert answer.json()["error"] == {
        "code": "generation_failed",
        "message": "Generation failed after internal retries",
    }
    assert "result" not in answer.json()


def test_credit_and_balance(street: Callable[..., Street]) -> None:
    """An account without money is a 402; the balance is told in dollars and in credits, 200 a dollar."""
    one = street(balance_usd=1.0)
    assert [buy(one).status_code for _ in range(2)] == [200, 402]
    assert buy(one).json()["error"]["code"] == "insufficient_quota"
    one.real_s += 200
    for path in ("/v1/balance", "/v1/user/balance"):
        assert one.gateway("toapis", "GET", path).json() == {
            "success": True, "remain_balance": 0.25, "used_balance": 0.75, "unlimited_quota": False,
            "remain_credits": 50.0, "used_credits": 150.0,
        }  # fmt: skip


def test_submits_are_limited_by_the_minute_and_by_ten_seconds(street: Callable[..., Street]) -> None:
    """50 in ten seconds and 300 in a minute pass; the next is a 429 that says in headers when to come again."""
    one = street()
    answers = [buy(one) for _ in range(51)]
    assert [answer.status_code for answer in answers] == [200] * 50 + [429]
    names = ("x-ratelimit-limit", "x-ratelimit-remaining", "x-ratelimit-reset", "x-ratelimit-category")
    assert [answers[0].headers[name] for name in names] == ["300", "299", str(int(NOON) + 60), "async_submit"]
    assert answers[50].json()["error"]["code"] == "rate_limit_exceeded"
    assert (answers[50].headers["retry-after"], answers[50].headers["x-ratelimit-remaining"]) == ("10", "0")
    for _ in range(5):
        one.real_s += 10
        assert {buy(one).status_code for _ in range(50)} == {200}
    one.real_s += 9.5
    late = buy(one)
    assert (late.status_code, late.headers["x-ratelimit-limit"], late.headers["retry-after"]) == (429, "300", "1")
    assert one.call("GET", "/_simulator/violations").json()["count"] == 2


def test_refused_orders_count_in_the_window(street: Callable[..., Street]) -> None:
    """Business failures count against the limit, as documented; a 429 does not."""
    one = street()
    codes = [buy(one, duration=7).status_code for _ in range(51)]
    assert codes == [400] * 50 + [429]


def test_queries_are_limited_apart(street: Callable[..., Street]) -> None:
    """500 queries in ten seconds pass, whatever was submitted; an option lifts that."""
    one, lifted = street(), street(no_query_limits=True)
    codes = [ask(one, "x") for _ in range(501)]
    assert [answer.status_code for answer in codes] == [404] * 500 + [429]
    assert (codes[0].headers["x-ratelimit-limit"], codes[0].headers["x-ratelimit-category"]) == ("3000", "async_query")
    assert 429 not in {ask(lifted, "x").status_code for _ in range(501)}


def test_the_limiters_own_trouble_says_when_to_come_again(street: Callable[..., Street]) -> None:
    """A 503 is rate_limit_unavailable with Retry-After, and buys nothing."""
    one = street(down=True)
    answer = buy(one)
    assert (answer.status_code, answer.json()["error"]["code"]) == (503, "rate_limit_unavailable")
    assert answer.headers["retry-after"] == "1"
    assert one.purchases() == []
