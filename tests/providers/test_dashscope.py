"""DashScope's dialect: what is sent in each mode and region, and what every documented or odd answer means."""

from collections.abc import Callable
from decimal import Decimal
from typing import Any

import pytest

from jobs.job import Job, Mode
from providers.contract import (
    Accepted,
    Endpoint,
    Failed,
    Finished,
    Kind,
    Lost,
    Open,
    Rejected,
    Throttled,
    Unreadable,
)
from providers.registry import provider
from tests.providers.answers import answer

DASHSCOPE = provider("dashscope")
ID = "0385dc79-5ff8-4d82-bcb6-xxxxxx"
URL = "https://dashscope-result-sh.oss-accelerate.aliyuncs.com/xxx.mp4?Expires=1795248000"


def task(state: str, **output: Any) -> dict[str, Any]:
    """The body of a task query."""
    return {"request_id": "r-1", "output": {"task_id": ID, "task_status": state, **output}}


def test_text_to_video_call(job: Callable[..., Job], at: Endpoint) -> None:
    """The asynchronous POST with a size; every field that changes meaning or price is there."""
    call = DASHSCOPE.submit_call(
        job(resolution="1080p", aspect_ratio="3:4", shot_type="multi", watermark=True), at, "j:1"
    )
    assert call.method == "POST"
    assert call.url == "https://api.example/api/v1/services/aigc/video-generation/video-synthesis"
    assert call.headers == {
        "Authorization": "Bearer secret-key",
        "Content-Type": "application/json",
        "X-DashScope-Async": "enable",
    }
    assert call.body == {
        "model": "wan2.6-t2v",
        "input": {"prompt": "a red shoe", "negative_prompt": ""},
        "parameters": {
            "size": "1248*1632",
            "duration": 5,
            "prompt_extend": True,
            "shot_type": "multi",
            "watermark": True,
            "seed": 7,
        },
    }


def test_image_to_video_call(job: Callable[..., Job], at: Endpoint) -> None:
    """The image gives the shape: a resolution in capitals in place of the size; track and template go along."""
    call = DASHSCOPE.submit_call(job(Mode.I2V, audio_track="https://example.com/a.mp3", template="flying"), at, "j:1")
    assert call.body is not None
    assert call.body["model"] == "wan2.6-i2v"
    assert call.body["input"]["img_url"] == "https://example.com/shoe.png"
    assert call.body["input"]["audio_url"] == "https://example.com/a.mp3"
    assert call.body["input"]["template"] == "flying"
    assert call.body["parameters"]["resolution"] == "720P"
    assert "size" not in call.body["parameters"]
    assert "audio" not in call.body["parameters"]


def test_silent_flash_call(job: Callable[..., Job], at: Endpoint) -> None:
    """Flash alone has a sound switch, and it changes the price, so it is always sent."""
    silent = DASHSCOPE.submit_call(job(Mode.I2V, model="flash", audio=False), at, "j:1").body
    loud = DASHSCOPE.submit_call(job(Mode.I2V, model="flash"), at, "j:1").body
    assert silent is not None
    assert loud is not None
    assert silent["model"] == "wan2.6-i2v-flash"
    assert (silent["parameters"]["audio"], loud["parameters"]["audio"]) == (False, True)


def test_reference_to_video_call(job: Callable[..., Job], at: Endpoint) -> None:
    """References, a size, and no prompt_extend, which this model does not have."""
    call = DASHSCOPE.submit_call(job(Mode.R2V), at, "j:1")
    assert call.body is not None
    assert call.body["model"] == "wan2.6-r2v"
    assert call.body["input"]["reference_urls"] == ["https://example.com/walk.mp4"]
    assert call.body["parameters"]["size"] == "1280*720"
    assert "prompt_extend" not in call.body["parameters"]


def test_the_region_names_the_model(job: Callable[..., Job], at: Endpoint) -> None:
    """Virginia's models have their own names; a job's region goes before the provider's."""
    calls = [
        DASHSCOPE.submit_call(job(region="us"), at, "j:1"),
        provider("dashscope", "us").submit_call(job(), at, "j:1"),
        provider("dashscope", "us").submit_call(job(region="cn"), at, "j:1"),
    ]
    assert [call.body["model"] for call in calls if call.body] == ["wan2.6-t2v-us", "wan2.6-t2v-us", "wan2.6-t2v"]
    with pytest.raises(ValueError, match="does not sell r2v"):
        DASHSCOPE.submit_call(job(Mode.R2V, region="us"), at, "j:1")


def test_accepted() -> None:
    """A 200 with a task id is a purchase."""
    body = {"output": {"task_status": "PENDING", "task_id": ID}, "request_id": "4909100c"}
    assert DASHSCOPE.read_submit(answer(200, body)) == Accepted(ID, "4909100c")


@pytest.mark.parametrize(
    ("status", "body"),
    [
        (200, {}),
        (200, b""),
        (200, b"<html>"),
        (200, {"output": None}),
        (200, {"output": {"task_id": ""}}),
        (200, {"output": {"task_id": 5}}),
        (200, {"code": "InternalError", "message": "x"}),
        (301, b""),
        (408, b""),
        (500, {"code": "InternalError.Timeout", "message": "x"}),
        (500, {"code": "SystemError"}),
        (503, {"code": "ModelUnavailable"}),
        (504, b"<html>"),
    ],
)
def test_a_submit_whose_answer_proves_nothing_is_lost(status: int, body: Any) -> None:
    """Neither bought nor not bought: nobody may send it again."""
    assert isinstance(DASHSCOPE.read_submit(answer(status, body)), Lost)


CODES = [
    (400, "InvalidParameter", Kind.BAD_REQUEST),
    (400, "BadRequest.TooLarge", Kind.BAD_REQUEST),
    (400, "InvalidURL", Kind.BAD_REQUEST),
    (400, "UnsupportedOperation", Kind.BAD_REQUEST),
    (400, "DataInspectionFailed", Kind.CONTENT_REFUSED),
    (400, "data_inspection_failed", Kind.CONTENT_REFUSED),
    (400, "InvalidParameter.DataInspection", Kind.BAD_REQUEST),
    (400, "IPInfringementSuspect", Kind.CONTENT_REFUSED),
    (400, "CustomRoleBlocked", Kind.CONTENT_REFUSED),
    (400, "Arrearage", Kind.OUT_OF_CREDIT),
    (401, "InvalidApiKey", Kind.KEY_REFUSED),
    (401, "invalid_api_key", Kind.KEY_REFUSED),
    (402, "", Kind.OUT_OF_CREDIT),
    (403, "AccessDenied", Kind.KEY_REFUSED),
    (403, "AccessDenied.Unpurchased", Kind.KEY_REFUSED),
    (403, "Model.AccessDenied", Kind.KEY_REFUSED),
    (403, "Workspace.AccessDenied", Kind.KEY_REFUSED),
    (403, "AllocationQuota.FreeTierOnly", Kind.OUT_OF_CREDIT),
    (404, "ModelNotFound", Kind.BAD_REQUEST),
    (404, "WorkSpaceNotFound", Kind.BAD_REQUEST),
    (404, "NotFound", Kind.BAD_REQUEST),
    (429, "Throttling", Kind.RATE_LIMITED),
    (429, "Throttling.RateQuota", Kind.RATE_LIMITED),
    (429, "Throttling.BurstRate", Kind.RATE_LIMITED),
    (429, "", Kind.RATE_LIMITED),
    (429, "Throttling.AllocationQuota", Kind.OUT_OF_CREDIT),
    (429, "CommodityNotPurchased", Kind.OUT_OF_CREDIT),
    (429, "PrepaidBillOverdue", Kind.OUT_OF_CREDIT),
    (429, "PostpaidBillOverdue", Kind.OUT_OF_CREDIT),
    (451, "SomethingNew", Kind.BAD_REQUEST),
]


@pytest.mark.parametrize(("status", "code", "kind"), CODES)
@pytest.mark.parametrize("nested", [False, True])
def test_a_definite_no_by_its_code(status: int, code: str, kind: Kind, nested: bool) -> None:
    """A 4xx bought nothing; money, speed and content are told apart by the code, in both envelopes."""
    error = {"code": code, "message": "Alibaba's own words"}
    reading = DASHSCOPE.read_submit(answer(status, {"error": error, "request_id": "r"} if nested else error))
    assert isinstance(reading, Rejected)
    assert reading.kind is kind
    assert reading.message == "Alibaba's own words"
    assert reading.code == (code or str(status))
    assert reading.hint


def test_retry_after_is_kept() -> None:
    """Not documented, but obeyed when it comes."""
    reading = DASHSCOPE.read_submit(answer(429, {"code": "Throttling"}, retry_after="3"))
    assert isinstance(reading, Rejected)
    assert reading.retry_after_s == 3.0


def test_check_call(at: Endpoint) -> None:
    """The task id is one segment of the path."""
    call = DASHSCOPE.check_call("a/../b", at)
    assert (call.method, call.url) == ("GET", "https://api.example/api/v1/tasks/a%2F..%2Fb")
    assert call.headers == {"Authorization": "Bearer secret-key"}


@pytest.mark.parametrize("state", ["PENDING", "RUNNING"])
def test_still_rendering(state: str, at: Endpoint) -> None:
    """Open states wait; what is pending has not begun."""
    assert DASHSCOPE.read_check(answer(200, task(state)), ID, at) == Open(waiting=state == "PENDING")


@pytest.mark.parametrize(
    ("usage", "seconds"),
    [
        ({"duration": 10, "output_video_duration": 10, "input_video_duration": 0, "SR": "720"}, "10"),
        ({"duration": 10}, "10"),
        ({"duration": 9, "output_video_duration": 5, "input_video_duration": 4}, "9"),
        ({"duration": 35, "output_video_duration": 5, "input_video_duration": 30}, "10"),
        ({"duration": "ten"}, None),
        (None, None),
    ],
)
def test_succeeded(usage: Any, seconds: str | None, at: Endpoint) -> None:
    """The URL as it is given and the seconds that are billed; the cost itself is not in the answer."""
    body = task("SUCCEEDED", video_url=URL, orig_prompt="a red shoe", actual_prompt="a red shoe, lit") | {
        "usage": usage
    }
    body["output"] |= {"submit_time": "2025-09-29 14:18:52.331", "end_time": "2025-09-29 14:21:59.831"}
    assert DASHSCOPE.read_check(answer(200, body), ID, at) == Finished(
        url=URL,
        cost_native=None if seconds is None else (Decimal(seconds), "seconds"),
        prompt_expanded="a red shoe, lit",
        url_life_s=86_400,
        took_s=187.5,
    )


@pytest.mark.parametrize(
    ("code", "kind"),
    [
        ("InvalidParameter", Kind.BAD_REQUEST),
        ("InvalidParameter.DataInspection", Kind.BAD_REQUEST),
        ("DataInspectionFailed", Kind.CONTENT_REFUSED),
        ("IPInfringementSuspect", Kind.CONTENT_REFUSED),
        ("InternalError.Timeout", Kind.RENDER_FAILED),
        ("InternalError.Algo", Kind.RENDER_FAILED),
        ("Throttling", Kind.RENDER_FAILED),
        (None, Kind.RENDER_FAILED),
    ],
)
def test_a_failed_task_is_final_and_unbilled(code: str | None, kind: Kind, at: Endpoint) -> None:
    """A wrong input and a refused content are told apart from bad luck, which alone is worth another try."""
    reading = DASHSCOPE.read_check(answer(200, task("FAILED", code=code, message="why")), ID, at)
    assert isinstance(reading, Failed)
    assert (reading.why.kind, reading.why.message, reading.billed) == (kind, "why", False)
    assert reading.why.code == (code or "FAILED")


def test_a_cancelled_task_has_failed(at: Endpoint) -> None:
    """Somebody cancelled it at the provider: no video will come."""
    reading = DASHSCOPE.read_check(answer(200, task("CANCELED")), ID, at)
    assert isinstance(reading, Failed)
    assert reading.why.message == "the task ended CANCELED"


@pytest.mark.parametrize(
    ("status", "body"),
    [
        (200, task("UNKNOWN")),
        (200, task("DREAMING")),
        (200, task("SUCCEEDED")),
        (200, task("SUCCEEDED", video_url="oss://bucket/x.mp4")),
        (200, {"output": []}),
        (200, b"<html>"),
        (200, b""),
        (401, {"code": "InvalidApiKey", "message": "No API-key provided."}),
        (404, {"code": "NotFound"}),
        (500, {"code": "InternalError"}),
        (503, b""),
    ],
)
def test_no_news_is_no_failure(status: int, body: Any, at: Endpoint) -> None:
    """UNKNOWN means expired or never there; that and every odd answer leaves the job waiting."""
    assert isinstance(DASHSCOPE.read_check(answer(status, body), ID, at), Unreadable)


def test_a_poll_that_came_too_fast(at: Endpoint) -> None:
    """A 429 on a poll slows polling down."""
    reading = DASHSCOPE.read_check(answer(429, {"code": "Throttling.RateQuota"}), ID, at)
    assert reading == Throttled()


def test_no_balance_by_key(at: Endpoint) -> None:
    """An API key cannot ask what is left."""
    assert DASHSCOPE.balance_call(at) is None
    assert DASHSCOPE.read_balance(answer(200, {"credits": 5})) is None
