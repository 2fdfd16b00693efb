"""fal's dialect against its contract, one promise a row."""

from collections.abc import Callable
from typing import Any

import httpx
import pytest

from tests.simulator.conftest import Street

T2V, I2V, R2V = "wan/v2.6/text-to-video", "wan/v2.6/image-to-video", "wan/v2.6/reference-to-video"
PICTURE, CLIP = "https://x/y.png", "https://x/y.mp4"
BY_ENDPOINT = "/api/v1/models/requests/by-endpoint"


def fal(one: Street, method: str, path: str, *, key: str = "sim-one", **request: Any) -> httpx.Response:
    """One request to fal with a key; `path` may be a whole URL."""
    headers = {"authorization": f"Key {key}", **request.pop("headers", {})}
    return one.call(method, path if path.startswith("http") else "/fal" + path, headers=headers, **request)


def buy(one: Street, endpoint: str = T2V, *, key: str = "sim-one", prompt: str = "a cat", **own: Any) -> dict[str, Any]:
    """The answer to a submit that is taken."""
    answer = fal(one, "POST", f"/queue/{endpoint}", key=key, json={"prompt": prompt, "resolution": "720p", **own})
    assert answer.status_code == 200, answer.text
    taken: dict[str, Any] = answer.json()
    return taken


def status(one: Street, taken: dict[str, Any]) -> tuple[int, str]:
    """HTTP status and word of a look."""
    answer = fal(one, "GET", taken["status_url"])
    return answer.status_code, answer.json()["status"]


def listed(one: Street, **asked: Any) -> dict[str, Any]:
    """One page of an endpoint's list."""
    page: dict[str, Any] = fal(one, "GET", BY_ENDPOINT, params={"endpoint_id": T2V, **asked}).json()
    return page


def test_a_request_runs_from_the_queue_to_its_video(street: Callable[..., Street]) -> None:
    """IN_QUEUE and IN_PROGRESS under 202, COMPLETED under 200; the links leave the sub-path out."""
    one = street()
    taken = buy(one, seed=7)
    base = f"http://street/fal/queue/wan/v2.6/requests/{taken['request_id']}"
    assert taken == {
        "status": "IN_QUEUE", "request_id": taken["request_id"], "response_url": base, "status_url": f"{base}/status",
        "cancel_url": f"{base}/cancel", "queue_position": 0,
    }  # fmt: skip
    assert status(one, taken) == (202, "IN_QUEUE")
    assert fal(one, "GET", taken["response_url"]).status_code == 400
    one.real_s += 1
    assert status(one, taken) == (202, "IN_PROGRESS")
    one.real_s += 100
    done = fal(one, "GET", taken["status_url"])
    assert (done.status_code, done.json()["metrics"]) == (200, {"inference_time": 100.0})
    assert "error" not in done.json()
    result = fal(one, "GET", taken["response_url"])
    assert (result.status_code, result.headers["x-fal-request-id"]) == (200, taken["request_id"])
    body = result.json()
    assert (body["seed"], body["actual_prompt"]) == (7, "a cat")
    assert body["video"]["url"].startswith(f"http://street/clips/{taken['request_id']}.mp4?Expires=")
    assert (body["video"]["content_type"], body["video"]["width"]) == ("video/mp4", 1280)


@pytest.mark.parametrize(
    ("endpoint", "inputs", "cost", "size"),
    [
        (T2V, {"prompt": "a cat"}, "0.75", (1920, 1080)),
        (T2V, {"prompt": "a cat", "resolution": "720p", "duration": "15", "aspect_ratio": "3:4"}, "1.5", (832, 1088)),
        (T2V, {"prompt": "a cat", "aspect_ratio": "1:1", "audio_url": None}, "0.75", (1440, 1440)),
        (I2V, {"prompt": "a cat", "image_url": PICTURE, "duration": "10"}, "1.5", (1920, 1080)),
        (I2V, {"prompt": "a cat", "image_url": "data:image/png;base64,AAAA", "resolution": "720p"}, "0.5", (1280, 720)),
        (f"{I2V}/flash", {"prompt": "a cat", "image_url": PICTURE}, "0.375", (1920, 1080)),
        (f"{I2V}/flash", {"prompt": "a cat", "image_url": PICTURE, "resolution": "720p"}, "0.25", (1280, 720)),
        (R2V, {"prompt": "@Video1 runs", "video_urls": [CLIP] * 3, "duration": "10"}, "1.5", (1920, 1080)),
        (f"{R2V}/flash", {"prompt": "it runs", "image_urls": [PICTURE] * 5, "resolution": "720p"}, "0.5", (1280, 720)),
        (f"{R2V}/flash", {"prompt": "it runs", "video_urls": [CLIP], "enable_audio": False}, "0.1875", (1920, 1080)),
    ],
)
def test_prices_and_sizes(
    street: Callable[..., Street], endpoint: str, inputs: dict[str, Any], cost: str, size: tuple[int, int]
) -> None:
    """Seconds times the price of the resolution, 1080p by default; a silent flash reference costs a quarter."""
    one = street()
    taken = fal(one, "POST", f"/queue/{endpoint}", json=inputs).json()
    one.real_s += 200
    video = fal(one, "GET", taken["response_url"]).json()["video"]
    assert (video["width"], video["height"]) == size
    assert [purchase["cost_usd"] for purchase in one.purchases()] == [cost]


@pytest.mark.parametrize(
    ("endpoint", "own", "at", "kind"),
    [
        (T2V, {"prompt": ""}, "prompt", "missing"),
        (T2V, {"prompt": 1}, "prompt", "string_type"),
        (T2V, {"prompt": "x" * 801}, "prompt", "sequence_too_long"),
        (T2V, {"negative_prompt": "x" * 501}, "negative_prompt", "sequence_too_long"),
        (T2V, {"duration": 5}, "duration", "string_type"),
        (T2V, {"duration": "7"}, "duration", "one_of"),
        (T2V, {"resolution": "480p"}, "resolution", "one_of"),
        (T2V, {"aspect_ratio": "4:5"}, "aspect_ratio", "one_of"),
        (T2V, {"multi_shots": "yes"}, "multi_shots", "boolean_type"),
        (T2V, {"seed": 1.5}, "seed", "integer_type"),
        (T2V, {"audio_url": "song.mp3"}, "audio_url", "string_type"),
        (I2V, {}, "image_url", "missing"),
        (I2V, {"image_url": "y.png"}, "image_url", "string_type"),
        (R2V, {}, "video_urls", "missing"),
        (R2V, {"video_urls": [CLIP] * 4}, "video_urls", "sequence_too_long"),
        (R2V, {"video_urls": [CLIP], "duration": "15"}, "duration", "one_of"),
        (f"{R2V}/flash", {}, "video_urls", "value_error"),
        (f"{R2V}/flash", {"video_urls": [CLIP] * 3, "image_urls": [PICTURE] * 3}, "video_urls", "value_error"),
    ],
)
def test_a_faulty_input_is_taken_and_told_as_the_result(
    street: Callable[..., Street], endpoint: str, own: dict[str, Any], at: str, kind: str
) -> None:
    """The queue takes it; the status is COMPLETED with an error, the result a 422 that names the field; it is free."""
    one = street()
    taken = buy(one, endpoint, **own)
    one.real_s += 200
    ended = fal(one, "GET", taken["status_url"])
    assert (ended.status_code, ended.json()["status"], ended.json()["error_type"]) == (200, "COMPLETED", kind)
    result = fal(one, "GET", taken["response_url"])
    (detail,) = result.json()["detail"]
    assert (result.status_code, detail["loc"], detail["type"]) == (422, ["body", at], kind)
    assert detail["msg"] == ended.json()["error"]
    assert one.purchases()[0]["cost_usd"] == "0"


@pytest.mark.parametrize("body", [b"{", b"[]", b"\xff"])
def test_a_malformed_body_is_taken_and_fails(street: Callable[..., Street], body: bytes) -> None:
    """Garbage never becomes a 500; it, too, is told as the result."""
    one = street()
    taken = fal(one, "POST", f"/queue/{T2V}", content=body).json()
    one.real_s += 200
    assert fal(one, "GET", taken["response_url"]).json()["detail"][0]["type"] == "json_invalid"


def test_an_unknown_endpoint_is_a_404(street: Callable[..., Street]) -> None:
    """The prefix that third parties write is not the endpoint's name."""
    one = street()
    assert fal(one, "POST", f"/queue/fal-ai/{T2V}", json={"prompt": "a cat"}).status_code == 404
    assert one.purchases() == []


def test_a_look_with_the_sub_path_finds_nothing(street: Callable[..., Street]) -> None:
    """Only the links that were handed out lead to a request."""
    one = street()
    taken = buy(one)
    assert fal(one, "GET", f"/queue/{T2V}/requests/{taken['request_id']}/status").status_code == 405


def test_keys(street: Callable[..., Street]) -> None:
    """A missing key, a foreign one and another scheme are 401 at every door."""
    one = street()
    doors = (("POST", f"/queue/{T2V}"), ("GET", "/queue/wan/v2.6/requests/x"), ("GET", "/api/v1/account/billing"))
    for method, path in doors:
        for headers in ({}, {"authorization": "Key real"}, {"authorization": "Bearer sim-one"}):
            answer = one.call(method, "/fal" + path, headers=headers)
            assert (answer.status_code, list(answer.json())) == (401, ["detail"])


def test_a_request_is_its_own_accounts(street: Callable[..., Street]) -> None:
    """Another key's request is not found."""
    one = street()
    taken = buy(one)
    assert fal(one, "GET", taken["status_url"], key="sim-two").status_code == 404
    assert fal(one, "PUT", taken["cancel_url"], key="sim-two").json() == {"status": "NOT_FOUND"}


@pytest.mark.parametrize(("given", "running"), [({}, 2), ({"slots": 3}, 3), ({"no_limits": True}, 4)])
def test_the_excess_waits_for_a_slot(street: Callable[..., Street], given: dict[str, Any], running: int) -> None:
    """Two requests of an account run unless told otherwise; the others wait their turn, and are never refused."""
    one = street(**given)
    taken = [buy(one) for _ in range(4)]
    other = buy(one, key="sim-two")
    one.real_s += 1
    states = [status(one, each)[1] for each in taken]
    assert states == ["IN_PROGRESS"] * running + ["IN_QUEUE"] * (4 - running)
    assert fal(one, "GET", other["status_url"], key="sim-two").json()["status"] == "IN_PROGRESS"
    one.real_s += 101
    assert [status(one, each)[1] for each in taken[:running]] == ["COMPLETED"] * running
    assert "IN_QUEUE" not in [status(one, each)[1] for each in taken[: 2 * running]]
    assert one.call("GET", "/_simulator/violations").json()["count"] == 0


def test_cancel(street: Callable[..., Street]) -> None:
    """One that waits ends with an error and is free; one in progress goes on; one that is over says so."""
    one = street()
    waiting, running = buy(one), buy(one, seed=1)
    asked = fal(one, "PUT", waiting["cancel_url"])
    assert (asked.status_code, asked.json()) == (200, {"status": "OK"})
    assert fal(one, "GET", waiting["status_url"]).json()["error_type"] == "client_cancelled"
    result = fal(one, "GET", waiting["response_url"])
    assert (result.status_code, result.headers["x-fal-error-type"]) == (499, "client_cancelled")
    one.real_s += 2
    assert fal(one, "PUT", running["cancel_url"]).json() == {"status": "CANCELLATION_REQUESTED"}
    one.real_s += 200
    assert fal(one, "GET", running["response_url"]).status_code == 200
    late = fal(one, "PUT", running["cancel_url"])
    assert (late.status_code, late.json()) == (400, {"status": "ALREADY_COMPLETED"})
    assert [(row["state"], row["cost_usd"]) for row in one.purchases()] == [("cancelled", "0"), ("succeeded", "0.5")]


@pytest.mark.parametrize(
    ("weather", "prompt", "code", "kind", "loc"),
    [
        ({"p_failed": 1}, "a cat", 500, "internal_server_error", ["body"]),
        ({"p_refused": 1}, "a cat", 422, "content_policy_violation", ["body", "prompt"]),
        ({}, "a forbidden cat", 422, "content_policy_violation", ["body", "prompt"]),
    ],
)
def test_a_failed_render_is_completed_with_an_error(
    street: Callable[..., Street], weather: dict[str, Any], prompt: str, code: int, kind: str, loc: list[str]
) -> None:
    """There is no word for failure: the error lies in the status and in the result, and nothing is billed."""
    one = street(**weather)
    taken = buy(one, prompt=prompt)
    one.real_s += 200
    assert status(one, taken) == (200, "COMPLETED")
    assert fal(one, "GET", taken["status_url"]).json()["error_type"] == kind
    result = fal(one, "GET", taken["response_url"])
    (detail,) = result.json()["detail"]
    assert (result.status_code, detail["type"], detail["loc"]) == (code, kind, loc)
    assert one.purchases()[0]["cost_usd"] == "0"


def test_an_empty_account_is_locked(street: Callable[..., Street]) -> None:
    """403, and what still renders is reserved; the balance is told when it is asked for."""
    one = street(balance_usd=0.9)
    buy(one)
    refused = fal(one, "POST", f"/queue/{T2V}", json={"prompt": "a cat", "resolution": "720p"})
    assert refused.status_code == 403
    assert refused.json()["detail"].startswith("User is locked. Reason: Exhausted balance.")
    one.real_s += 200
    billing = fal(one, "GET", "/api/v1/account/billing", params={"expand": "credits"}).json()
    assert billing["credits"] == {"current_balance": 0.4, "currency": "USD"}
    assert "credits" not in fal(one, "GET", "/api/v1/account/billing").json()


def test_the_list_shows_inputs_when_payloads_are_asked_for(street: Callable[..., Street]) -> None:
    """Newest first, with the times as they are known, and the input as it was sent."""
    one = street()
    buy(one, seed=1)
    one.real_s += 200
    buy(one, seed=2)
    young, old = listed(one, expand="payloads")["items"]
    assert (young["json_input"]["seed"], old["json_input"]["seed"]) == (2, 1)
    assert (young["sent_at"], young["started_at"]) == ("2026-11-21T12:03:20.000Z", None)
    assert (old["started_at"], old["ended_at"], old["status_code"]) == (
        "2026-11-21T12:00:01.000Z", "2026-11-21T12:01:41.000Z", 200,
    )  # fmt: skip
    assert "json_input" not in listed(one)["items"][0]


def test_the_list_follows_its_cursor(street: Callable[..., Street]) -> None:
    """Every request is on one page, and the last page has no cursor."""
    one = street()
    made = [buy(one, seed=seed)["request_id"] for seed in range(5)]
    seen, cursor = [], None
    while True:
        page = listed(one, limit=2, **({"cursor": cursor} if cursor else {}))
        seen += [item["request_id"] for item in page["items"]]
        cursor = page["next_cursor"]
        assert page["has_more"] == (cursor is not None)
        if cursor is None:
            break
    assert seen == made[::-1]


@pytest.mark.parametrize(
    ("asked", "seeds"),
    [
        ({}, [3, 2, 1]),
        ({"start": "2026-11-21T12:03:20Z"}, [3, 2]),
        ({"end": "2026-11-21T12:03:20"}, [2, 1]),
        ({"status": "success"}, [2, 1]),
        ({"status": "user_error"}, []),
        ({"endpoint_id": I2V}, []),
    ],
)
def test_the_list_filters(street: Callable[..., Street], asked: dict[str, Any], seeds: list[int]) -> None:
    """By endpoint, by the time of sending and by how it ended."""
    one = street()
    for seed in (1, 2, 3):
        buy(one, seed=seed)
        one.real_s += 200 * (seed < 3)
    assert [item["json_input"]["seed"] for item in listed(one, expand="payloads", **asked)["items"]] == seeds


@pytest.mark.parametrize(
    "asked",
    [{"endpoint_id": ""}, {"status": "done"}, {"limit": 0}, {"limit": 101}, {"cursor": "x"}, {"start": "noon"}],
)
def test_a_wrong_question_is_refused(street: Callable[..., Street], asked: dict[str, Any]) -> None:
    """A filter that cannot be is a 400 with the reason."""
    params = {name: value for name, value in {"endpoint_id": T2V, **asked}.items() if value != ""}
    answer = fal(street(), "GET", BY_ENDPOINT, params=params)
    assert (answer.status_code, answer.json()["error"]["type"]) == (400, "validation_error")


def test_the_list_may_be_late(street: Callable[..., Street]) -> None:
    """Under such weather a request shows only after its time."""
    one = street(late_history_s=30)
    buy(one)
    assert listed(one)["items"] == []
    one.real_s += 30
    assert len(listed(one)["items"]) == 1


def test_files_live_as_long_as_is_wished(street: Callable[..., Street]) -> None:
    """The header sets the link's life in seconds; a malformed one is a 400."""
    one = street()
    wish = {"x-fal-object-lifecycle-preference": '{"expiration_duration_seconds": 60}'}
    taken = fal(one, "POST", f"/queue/{T2V}", json={"prompt": "a cat"}, headers=wish).json()
    one.real_s += 160
    link = fal(one, "GET", taken["response_url"]).json()["video"]["url"]
    assert one.call("GET", link).status_code == 200
    one.real_s += 1
    assert one.call("GET", link).status_code == 403
    bad = fal(one, "POST", f"/queue/{T2V}", json={"prompt": "a cat"}, headers={next(iter(wish)): "60"})
    assert (bad.status_code, bad.json()["error_type"]) == (400, "bad_request")


@pytest.mark.parametrize(
    ("then", "code", "kind"),
    [
        ("429", 429, "concurrent_requests_limit"),
        ("500", 500, "internal_error"),
        ("502", 502, "runner_incomplete_response"),
        ("503", 503, "runner_scheduling_failure"),
        ("504", 504, "request_timeout"),
    ],
)
def test_the_weather_speaks_the_platforms_words(street: Callable[..., Street], then: str, code: int, kind: str) -> None:
    """Throttling and server errors carry their type in body and header; nothing is bought."""
    one = street()
    one.script("submit", then)
    answer = fal(one, "POST", f"/queue/{T2V}", json={"prompt": "a cat"})
    assert (answer.status_code, answer.json()["error_type"], answer.headers["x-fal-error-type"]) == (code, kind, kind)
    assert one.purchases() == []


def test_an_expired_link_can_be_had(street: Callable[..., Street]) -> None:
    """The weather's dead links are in fal's results, too."""
    one = street()
    taken = buy(one)
    one.real_s += 200
    one.script("result", "expired")
    assert one.call("GET", fal(one, "GET", taken["response_url"]).json()["video"]["url"]).status_code == 403
