"""DashScope's dialect against its contract, one promise a row."""

from collections.abc import Callable
from typing import Any

import pytest

from tests.simulator.conftest import NOON, VIDEO_SYNTHESIS, Street

VIDEO, PICTURE = "https://x/y.mp4?sig=1", "https://x/y.png"


def ask(one: Street, task: str) -> dict[str, Any]:
    """The body of one task."""
    body: dict[str, Any] = one.dashscope("GET", f"/api/v1/tasks/{task}").json()
    return body


def test_a_task_runs_from_pending_to_video(street: Callable[..., Street]) -> None:
    """PENDING, RUNNING, SUCCEEDED; times, prompt, link and usage as documented."""
    one = street()
    bought = one.buy_dashscope().json()
    task = bought["output"]["task_id"]
    assert bought["output"] == {"task_status": "PENDING", "task_id": task}
    assert bought["request_id"]
    assert ask(one, task)["output"]["task_status"] == "PENDING"
    one.real_s += 1
    running = ask(one, task)["output"]
    assert (running["task_status"], running["scheduled_time"]) == ("RUNNING", "2026-11-21 12:00:01.000")
    one.real_s += 100
    done = ask(one, task)
    assert done["output"]["video_url"].startswith(f"http://street/clips/{task}.mp4?Expires=")
    assert done["output"]["orig_prompt"] == "a cat"
    assert (done["output"]["submit_time"], done["output"]["end_time"]) == (
        "2026-11-21 12:00:00.000", "2026-11-21 12:01:41.000",
    )  # fmt: skip
    assert done["usage"] == {
        "duration": 5, "size": "1280*720", "input_video_duration": 0, "output_video_duration": 5, "video_count": 1,
        "SR": 720,
    }  # fmt: skip


@pytest.mark.parametrize(
    ("model", "inputs", "parameters", "cost"),
    [
        ("wan2.6-t2v", {}, {}, "0.5"),
        ("wan2.6-t2v", {}, {"size": "1632*1248", "duration": 15}, "2.25"),
        ("wan2.6-t2v", {}, {"size": "832*1088", "duration": 2}, "0.2"),
        ("wan2.6-i2v", {"img_url": PICTURE}, {"resolution": "1080P"}, "0.75"),
        ("wan2.6-i2v-flash", {"img_url": PICTURE}, {}, "0.25"),
        ("wan2.6-i2v-flash", {"img_url": PICTURE}, {"audio": False}, "0.125"),
        ("wan2.6-i2v-flash", {"img_url": PICTURE}, {"resolution": "1080P", "audio": False}, "0.1875"),
        ("wan2.6-r2v", {"reference_urls": [PICTURE]}, {}, "0.5"),
        ("wan2.6-r2v", {"reference_urls": [PICTURE, VIDEO]}, {}, "1"),
        ("wan2.6-r2v", {"reference_urls": [VIDEO]}, {"duration": 10}, "1.5"),
        ("wan2.6-r2v-flash", {"reference_video_urls": [VIDEO]}, {"duration": 2}, "0.2"),
    ],
)
def test_prices(
    street: Callable[..., Street], model: str, inputs: dict[str, Any], parameters: dict[str, Any], cost: str
) -> None:
    """Seconds of output, and of reference video, times the international price; silence is half of it."""
    one = street()
    assert one.buy_dashscope(model=model, inputs=inputs, **parameters).status_code == 200
    one.real_s += 200
    assert [purchase["cost_usd"] for purchase in one.purchases()] == [cost]


@pytest.mark.parametrize(
    ("model", "inputs", "parameters", "status", "code"),
    [
        ("wan9", {}, {}, 404, "ModelNotFound"),
        ("wan2.6-t2v", {"prompt": ""}, {}, 400, "InvalidParameter"),
        ("wan2.6-t2v", {}, {"duration": 1}, 400, "InvalidParameter"),
        ("wan2.6-t2v", {}, {"duration": 16}, 400, "InvalidParameter"),
        ("wan2.6-t2v", {}, {"duration": 5.0}, 400, "InvalidParameter"),
        ("wan2.6-t2v", {}, {"seed": -1}, 400, "InvalidParameter"),
        ("wan2.6-t2v", {}, {"seed": 2**31}, 400, "InvalidParameter"),
        ("wan2.6-t2v", {}, {"shot_type": "many"}, 400, "InvalidParameter"),
        ("wan2.6-t2v", {}, {"prompt_extend": 1}, 400, "InvalidParameter"),
        ("wan2.6-t2v-us", {}, {"duration": 7}, 400, "InvalidParameter"),
        ("wan2.6-i2v", {}, {}, 400, "InvalidParameter"),
        ("wan2.6-i2v", {"img_url": PICTURE}, {"resolution": "480P"}, 400, "InvalidParameter"),
        ("wan2.6-r2v", {}, {}, 400, "InvalidParameter"),
        ("wan2.6-r2v", {"reference_urls": [PICTURE] * 6}, {}, 400, "InvalidParameter"),
        ("wan2.6-r2v", {"reference_urls": [PICTURE]}, {"duration": 11}, 400, "InvalidParameter"),
        ("wan2.6-t2v", {"prompt": "a forbidden cat"}, {}, 400, "DataInspectionFailed"),
    ],
)
def test_wrong_orders(
    street: Callable[..., Street],
    model: str,
    inputs: dict[str, Any],
    parameters: dict[str, Any],
    status: int,
    code: str,
) -> None:
    """What is not sold is refused with code, message and request id, and buys nothing."""
    one = street()
    answer = one.buy_dashscope(model=model, inputs=inputs, **parameters)
    assert (answer.status_code, answer.json()["code"]) == (status, code)
    assert set(answer.json()) == {"code", "message", "request_id"}
    assert one.purchases() == []


@pytest.mark.parametrize("body", [b"{", b"[]", b'{"model": "wan2.6-t2v", "input": 1}', b'{"model": ["x"]}'])
def test_a_malformed_body_is_refused(street: Callable[..., Street], body: bytes) -> None:
    """Garbage never becomes a 500."""
    headers = {"authorization": "Bearer sim-one", "x-dashscope-async": "enable"}
    assert street().call("POST", VIDEO_SYNTHESIS, headers=headers, content=body).status_code in {400, 404}


def test_an_unknown_size_fails_as_a_task(street: Callable[..., Street]) -> None:
    """As documented: the order is taken, and ends FAILED under HTTP 200, unbilled."""
    one = street()
    task = one.buy_dashscope(size="1000*1000").json()["output"]["task_id"]
    one.real_s += 200
    output = ask(one, task)["output"]
    assert (output["task_status"], output["code"]) == ("FAILED", "InvalidParameter")
    assert output["message"] == "The size is not match 1000*1000"
    assert one.purchases()[0]["cost_usd"] == "0"


def test_a_synchronous_call_is_refused(street: Callable[..., Street]) -> None:
    """Without its header the call is a 403 AccessDenied."""
    answer = street().dashscope("POST", VIDEO_SYNTHESIS.removeprefix("/dashscope"), json={"model": "wan2.6-t2v"})
    assert (answer.status_code, answer.json()["code"]) == (403, "AccessDenied")


def test_keys(street: Callable[..., Street]) -> None:
    """A missing and a foreign key are 401 InvalidApiKey on every path."""
    one = street()
    for method, path in (("GET", "/api/v1/tasks/x"), ("GET", "/api/v1/tasks/"), ("POST", "/api/v1/tasks/x/cancel")):
        for headers in ({}, {"authorization": "Bearer sk-real"}, {"authorization": "sim-one"}):
            answer = one.call(method, "/dashscope" + path, headers=headers)
            assert (answer.status_code, answer.json()["code"]) == (401, "InvalidApiKey")
    assert one.buy_dashscope(key="sk-real").status_code == 401


@pytest.mark.parametrize(
    ("weather", "code"), [({"p_failed": 1}, "InternalError.Algo"), ({"p_refused": 1}, "DataInspectionFailed")]
)
def test_a_failed_task_is_a_200_and_free(street: Callable[..., Street], weather: dict[str, Any], code: str) -> None:
    """A bad end lies inside the output, and is not billed."""
    one = street(**weather)
    task = one.buy_dashscope().json()["output"]["task_id"]
    one.real_s += 200
    body = ask(one, task)
    assert (body["output"]["task_status"], body["output"]["code"]) == ("FAILED", code)
    assert "usage" not in body
    assert one.purchases()[0]["state"] == "failed"


def test_credit_runs_out(street: Callable[..., Street]) -> None:
    """An account without money is a 400 Arrearage."""
    one = street(balance_usd=0.7)
    assert one.buy_dashscope().status_code == 200
    answer = one.buy_dashscope("two")
    assert (answer.status_code, answer.json()["code"]) == (400, "Arrearage")


def test_tasks_are_unknown_after_a_day(street: Callable[..., Street]) -> None:
    """UNKNOWN means expired, foreign or never there, and is no proof of failure."""
    one = street()
    task = one.buy_dashscope().json()["output"]["task_id"]
    one.real_s += 86_399
    assert ask(one, task)["output"]["task_status"] == "SUCCEEDED"
    foreign = one.dashscope("GET", f"/api/v1/tasks/{task}", key="sim-two").json()
    one.real_s += 1
    for body in (ask(one, task), ask(one, "nobody"), foreign):
        assert body["output"]["task_status"] == "UNKNOWN"


def test_only_a_waiting_task_can_be_cancelled(street: Callable[..., Street]) -> None:
    """PENDING ends CANCELED, unbilled and out of its slot; a running one is 400 UnsupportedOperation."""
    one = street(slots=1)
    task = one.buy_dashscope().json()["output"]["task_id"]
    assert one.dashscope("POST", f"/api/v1/tasks/{task}/cancel").status_code == 200
    assert ask(one, task)["output"]["task_status"] == "CANCELED"
    assert [(bought["state"], bought["cost_usd"]) for bought in one.purchases()] == [("cancelled", "0")]
    other = one.buy_dashscope("two").json()["output"]["task_id"]
    one.real_s += 1
    late = one.dashscope("POST", f"/api/v1/tasks/{other}/cancel")
    assert (late.status_code, late.json()["code"]) == (400, "UnsupportedOperation")
    one.real_s += 200
    assert ask(one, task)["output"]["task_status"] == "CANCELED"


def test_the_list_holds_a_day(street: Callable[..., Street]) -> None:
    """Newest first, by page, filter and window; rows are dated in milliseconds and hold no prompt."""
    one = street(no_limits=True)
    tasks = [one.buy_dashscope(f"p{number}").json()["output"]["task_id"] for number in range(12)]
    one.real_s += 200
    fresh = one.buy_dashscope("fresh").json()["output"]["task_id"]

    def listed(query: str = "") -> dict[str, Any]:
        body: dict[str, Any] = one.dashscope("GET", f"/api/v1/tasks/?{query}").json()
        return body

    first = listed()
    assert (first["total"], first["total_page"], first["page_no"], first["page_size"]) == (13, 2, 1, 10)
    assert first["data"][0]["task_id"] == fresh
    assert first["data"][1]["gmt_create"] == NOON * 1000
    assert "prompt" not in str(first)
    assert len(listed("page_no=2")["data"]) == 3
    assert len(listed("page_size=100")["data"]) == 13
    assert [row["task_id"] for row in listed("status=PENDING")["data"]] == [fresh]
    assert [row["task_id"] for row in listed(f"task_id={tasks[3]}")["data"]] == [tasks[3]]
    assert listed("model_name=wan2.6-i2v")["total"] == 0
    assert listed("start_time=20261121120100&end_time=20261121130000")["total"] == 1
    one.real_s += 86_300
    assert listed()["total"] == 1


@pytest.mark.parametrize(
    "query",
    ["start_time=20261101000000", "start_time=soon", "page_no=0", "page_size=x",
     "end_time=20200101000000&start_time=20210101000000"],
)  # fmt: skip
def test_wrong_list_questions(street: Callable[..., Street], query: str) -> None:
    """Windows over 24 hours and broken numbers are a 400 InvalidParameter."""
    answer = street().dashscope("GET", f"/api/v1/tasks/?{query}")
    assert (answer.status_code, answer.json()["code"]) == (400, "InvalidParameter")


def test_tasks_can_show_late(street: Callable[..., Street]) -> None:
    """With late rows, a fresh task is known by its id but not yet in the list."""
    one = street(late_history_s=60.0)
    task = one.buy_dashscope().json()["output"]["task_id"]
    assert one.dashscope("GET", "/api/v1/tasks/").json()["total"] == 0
    assert ask(one, task)["output"]["task_status"] == "PENDING"


def test_long_prompts_are_cut(street: Callable[..., Street]) -> None:
    """What is beyond 1,500 characters is silently lost."""
    one = street()
    task = one.buy_dashscope("x" * 2_000).json()["output"]["task_id"]
    one.real_s += 200
    assert len(ask(one, task)["output"]["orig_prompt"]) == 1_500


def test_the_limits_are_listed(street: Callable[..., Street]) -> None:
    """For each model: requests, their period, and tasks in flight."""
    listed = street(slots=7).dashscope("GET", "/api/v1/quotas?name=t2v").json()["output"]
    assert [row["model"] for row in listed["quotas"]] == ["wan2.6-t2v", "wan2.6-t2v-us"]
    limit = listed["quotas"][0]["model_limit"]
    assert (limit["request_limit"], limit["request_limit_period"], limit["async_user_concurrency_limit"]) == (5, 1, 7)


def test_a_rate_that_grows_too_quickly_is_refused(street: Callable[..., Street]) -> None:
    """So many more than in the second before, also under the limit."""
    one = street(ramp=2, slots=99)
    assert [one.buy_dashscope().status_code for _ in range(3)] == [200, 200, 429]
    assert one.buy_dashscope().json()["code"] == "Throttling.BurstRate"
    one.real_s += 1
    assert [one.buy_dashscope().status_code for _ in range(5)] == [200, 200, 200, 200, 429]
    one.real_s += 5
    assert [one.buy_dashscope().status_code for _ in range(3)] == [200, 200, 429]
