"""Segmind's dialect against its contract, one promise a row."""

from collections.abc import Callable
from typing import Any

import pytest

from tests.simulator.conftest import Street

T2V = {"prompt": "a cat", "size": "1280*720", "duration": 5}
I2V = {"prompt": "a cat", "image": "https://x/y.png", "resolution": "720p", "duration": 5}


def test_a_request_runs_from_queue_to_video(street: Callable[..., Street]) -> None:
    """QUEUED, PROCESSING, COMPLETED; the result holds the link, the cost and what is left, in body and headers."""
    one = street()
    bought = one.buy_segmind().json()
    task = bought["request_id"]
    assert bought["status"] == "QUEUED"
    assert bought["status_url"] == f"http://street/segmind/v2/requests/{task}/status"
    assert bought["response_url"] == f"http://street/segmind/v2/requests/{task}"
    assert "poll_url" in bought
    seen = []
    for wait_s in (0, 1, 99, 1):
        one.real_s += wait_s
        seen.append(one.call("GET", bought["status_url"], headers={"x-api-key": "sim-one"}).json())
    assert [body["status"] for body in seen] == ["QUEUED", "PROCESSING", "PROCESSING", "COMPLETED"]
    assert seen[0]["metrics"] == {}
    assert seen[3]["metrics"] == {"inference_time": 100.0}
    answer = one.segmind("GET", f"/v2/requests/{task}")
    body = answer.json()
    assert (body["status"], body["error"]) == ("COMPLETED", None)
    assert body["output"].startswith(f"http://street/clips/{task}.mp4?Expires=")
    assert body["metrics"] == {
        "inference_time": 100.0, "queue_time": 1.0, "total_time": 101.0, "cost": 0.625, "remaining_credits": 9999.375,
    }  # fmt: skip
    assert (answer.headers["x-cost"], answer.headers["x-remaining-credits"]) == ("0.625", "9999.375000")
    assert one.segmind("GET", "/v1/get-user-credits").json() == {"credits": 9999.375, "free-credits": 0.0}


def test_an_open_request_has_no_output(street: Callable[..., Street]) -> None:
    """The result of a request that still renders says so, with null output."""
    one = street()
    task = one.buy_segmind().json()["request_id"]
    body = one.segmind("GET", f"/v2/requests/{task}").json()
    assert body == {"status": "QUEUED", "error": None, "metrics": {}, "output": None}


@pytest.mark.parametrize(
    ("slug", "inputs", "cost"),
    [
        ("wan-2.6-t2v", {}, "0.625"),
        ("wan-2.6-t2v", {"duration": 10}, "1.25"),
        ("wan-2.6-t2v", {"duration": 15, "size": "720*1280"}, "1.875"),
        ("wan-2.6-t2v", {"size": "1920*1080"}, "0.9375"),
        ("wan-2.6-t2v", {"duration": 15, "size": "1080*1920"}, "2.8125"),
        ("wan-2.6-t2v", {"size": None, "duration": None}, "0.625"),
        ("wan-2.6-i2v", {"resolution": "720p"}, "0.625"),
        ("wan-2.6-i2v", {"resolution": "1080p", "duration": 15}, "2.8125"),
    ],
)
def test_prices(street: Callable[..., Street], slug: str, inputs: dict[str, Any], cost: str) -> None:
    """A second costs $0.125 at 720p and $0.1875 at 1080p; defaults are 720p and 5 s."""
    one = street()
    assert one.segmind("POST", f"/v2/{slug}", json=(T2V if "t2v" in slug else I2V) | inputs).status_code == 200
    one.real_s += 200
    assert [purchase["cost_usd"] for purchase in one.purchases()] == [cost]


@pytest.mark.parametrize(
    ("slug", "inputs", "status", "words"),
    [
        ("wan-2.6-r2v", T2V, 404, "not found"),
        ("wan-2.6-t2v", T2V | {"prompt": ""}, 400, "prompt"),
        ("wan-2.6-t2v", {"duration": 5}, 400, "prompt"),
        ("wan-2.6-t2v", T2V | {"size": "960*960"}, 406, "size"),
        ("wan-2.6-t2v", T2V | {"duration": 7}, 406, "duration"),
        ("wan-2.6-t2v", T2V | {"duration": "5"}, 400, "duration"),
        ("wan-2.6-t2v", T2V | {"seed": True}, 400, "seed"),
        ("wan-2.6-t2v", T2V | {"multi_shots": "yes"}, 400, "multi_shots"),
        ("wan-2.6-i2v", T2V, 400, "image"),
        ("wan-2.6-i2v", I2V | {"resolution": "480p"}, 406, "resolution"),
    ],
)
def test_wrong_orders(
    street: Callable[..., Street], slug: str, inputs: dict[str, Any], status: int, words: str
) -> None:
    """What is not sold is refused with the documented code, names the field, and buys nothing."""
    one = street()
    answer = one.segmind("POST", f"/v2/{slug}", json=inputs)
    assert answer.status_code == status
    assert words in answer.json()["error"]
    assert one.purchases() == []


@pytest.mark.parametrize("body", [b"{", b"[]", b"\xff", b""])
def test_a_body_that_is_no_object_is_a_400(street: Callable[..., Street], body: bytes) -> None:
    """Garbage is refused politely."""
    headers = {"x-api-key": "sim-one", "content-type": "application/json"}
    assert street().call("POST", "/segmind/v2/wan-2.6-t2v", headers=headers, content=body).status_code == 400


def test_another_content_type_is_a_406(street: Callable[..., Street]) -> None:
    """A form is not read; the code is the one for missing credit, the words are not."""
    answer = street().segmind("POST", "/v2/wan-2.6-t2v", data={"prompt": "a cat"})
    assert (answer.status_code, answer.json()) == (406, {"error": "Invalid content type"})


def test_keys(street: Callable[..., Street]) -> None:
    """A missing key and a foreign key are 401 everywhere, with different words; a Bearer is not accepted."""
    one = street()
    for path in ("/v2/requests/x/status", "/v1/get-user-credits", "/spotprod/inference-request/request-history"):
        missing = one.call("GET", "/segmind" + path, headers={"authorization": "Bearer sim-one"})
        foreign = one.segmind("GET", path, key="SG_real")
        assert (missing.status_code, foreign.status_code) == (401, 401)
        assert "Missing" in missing.json()["error"]
        assert "invalid" in foreign.json()["error"]
    assert one.segmind("POST", "/v2/wan-2.6-t2v", key="sim-", json=T2V).status_code == 401


def test_a_failed_render_is_a_422_and_free(street: Callable[..., Street]) -> None:
    """Both endpoints answer 422 with a terminal body that holds no billing fields."""
    one = street(p_failed=1)
    task = one.buy_segmind().json()["request_id"]
    one.real_s += 200
    for path in (f"/v2/requests/{task}/status", f"/v2/requests/{task}"):
        answer = one.segmind("GET", path)
        assert (answer.status_code, answer.json()["status"]) == (422, "FAILED")
        assert set(answer.json()["metrics"]) == {"inference_time", "queue_time", "total_time"}
    assert [(bought["state"], bought["cost_usd"]) for bought in one.purchases()] == [("failed", "0")]
    assert one.segmind("GET", "/v1/get-user-credits").json()["credits"] == 10_000


def test_a_refused_prompt_fails_and_says_why(street: Callable[..., Street]) -> None:
    """A forbidden word, or the weather, ends the render with the words of the content check."""
    worded, weather = street(), street(p_refused=1)
    for one, prompt in ((worded, "a Forbidden cat"), (weather, "a cat")):
        task = one.buy_segmind(prompt).json()["request_id"]
        one.real_s += 200
        answer = one.segmind("GET", f"/v2/requests/{task}/status")
        assert (answer.status_code, "moderation" in answer.json()["error"]) == (422, True)


def test_credit_runs_out(street: Callable[..., Street]) -> None:
    """What still renders counts as spent: the balance never goes below zero, and a failure gives it back."""
    one = street(balance_usd=1.3)
    codes = [one.buy_segmind(prompt) for prompt in "abc"]
    assert [answer.status_code for answer in codes] == [200, 200, 406]
    assert codes[2].json() == {"error": "Insufficient credits"}
    assert one.buy_segmind(key="sim-two").status_code == 200
    one.real_s += 200
    assert one.segmind("GET", "/v1/get-user-credits").json()["credits"] == 0.05


def test_a_record_is_forgotten_after_an_hour(street: Callable[..., Street]) -> None:
    """An hour after its submit a request is a 404, while the history still knows it; another key sees neither."""
    one = street()
    task = one.buy_segmind().json()["request_id"]
    one.real_s += 3_599
    assert one.segmind("GET", f"/v2/requests/{task}/status").status_code == 200
    assert one.segmind("GET", f"/v2/requests/{task}/status", key="sim-two").status_code == 404
    one.real_s += 1
    answer = one.segmind("GET", f"/v2/requests/{task}/status")
    assert (answer.status_code, answer.json()) == (404, {"error": f"Request {task} not found"})
    row = one.segmind("GET", f"/spotprod/inference-request/request-history/{task}").json()
    assert (row["model_status"], row["credits_deduction"], row["request_body"]) == ("COMPLETED", 0.625, T2V)
    assert one.call("GET", row["generation_url"]).status_code == 200
    path = f"/spotprod/inference-request/request-history/{task}"
    assert one.segmind("GET", path, key="sim-two").status_code == 404


def test_the_history_lists_everything(street: Callable[..., Street]) -> None:
    """Newest first, by page, by status, by model; rows of open requests are PENDING and free so far."""
    one = street()
    for number in range(25):
        one.buy_segmind(f"p{number}")
    one.real_s += 200
    one.buy_segmind("open")

    def rows(query: str = "") -> list[dict[str, Any]]:
        listed: list[dict[str, Any]] = one.segmind(
            "GET", f"/spotprod/inference-request/request-history?{query}"
        ).json()["data"]
        return listed

    assert [row["request_body"]["prompt"] for row in rows()][:2] == ["open", "p24"]
    assert len(rows()) == 20
    assert len(rows("page=2")) == 6
    assert len(rows("per_page=100")) == 26
    assert [row["credits_deduction"] for row in rows("status=PENDING")] == [None]
    assert rows("status=FAILED") == []
    assert rows("model_name=i2v") == []
    assert rows("sort_order=asc")[0]["request_body"]["prompt"] == "p0"
    assert rows("from_date=2026-11-22&to_date=2026-11-23") == []


@pytest.mark.parametrize(
    "query",
    ["page=0", "per_page=101", "from_date=yesterday", "from_date=2026-01-01",
     "to_date=2026-11-01&from_date=2026-11-02"],
)  # fmt: skip
def test_wrong_history_questions(street: Callable[..., Street], query: str) -> None:
    """Pages, sizes and windows outside the contract are a 400."""
    assert street().segmind("GET", f"/spotprod/inference-request/request-history?{query}").status_code == 400


def test_history_rows_can_come_late(street: Callable[..., Street]) -> None:
    """With late rows, a fresh request is in neither list nor single row until the delay is over."""
    one = street(late_history_s=60.0)
    task = one.buy_segmind().json()["request_id"]
    base = "/spotprod/inference-request/request-history"
    assert one.segmind("GET", base).json() == {"data": []}
    assert one.segmind("GET", f"{base}/{task}").status_code == 404
    one.real_s += 60
    assert len(one.segmind("GET", base).json()["data"]) == 1
