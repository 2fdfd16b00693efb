"""Segmind's dialect: what is sent, and what every documented or odd answer means."""

from collections.abc import Callable
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pytest

from jobs.job import Job, Mode
from providers.contract import (
    Accepted,
    Ask,
    Balance,
    CheckReading,
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

SEGMIND = provider("segmind")
ID = "2c7f59ea-13f1-402c-9353-915a2b5a2124"
URL = "https://cdn.example/video.mp4?Expires=1&Signature=a%2Fb"


def test_text_to_video_call(job: Callable[..., Job], at: Endpoint) -> None:
    """Every field that changes meaning or price is sent; resolution and ratio are one size."""
    call = SEGMIND.submit_call(
        job(resolution="1080p", aspect_ratio="9:16", duration_s=10, shot_type="multi"), at, "j:1"
    )
    assert (call.method, call.url) == ("POST", "https://api.example/v2/wan-2.6-t2v")
    assert call.headers == {"x-api-key": "secret-key", "Content-Type": "application/json"}
    assert call.body == {
        "prompt": "a red shoe",
        "negative_prompt": "",
        "size": "1080*1920",
        "duration": 10,
        "multi_shots": True,
        "enable_prompt_expansion": True,
        "seed": 7,
    }


def test_image_to_video_call(job: Callable[..., Job], at: Endpoint) -> None:
    """The image gives the shape, so a resolution stands in place of the size; a track is `audio`."""
    call = SEGMIND.submit_call(job(Mode.I2V, audio_track="https://example.com/a.mp3"), at, "j:1")
    assert call.url == "https://api.example/v2/wan-2.6-i2v"
    assert call.body is not None
    assert "size" not in call.body
    assert call.body["image"] == "https://example.com/shoe.png"
    assert call.body["resolution"] == "720p"
    assert call.body["audio"] == "https://example.com/a.mp3"


def test_what_is_not_sold_is_never_sent(job: Callable[..., Job], at: Endpoint) -> None:
    """A job that complaints() would have stopped does not become some other model's."""
    with pytest.raises(ValueError, match="does not sell r2v"):
        SEGMIND.submit_call(job(Mode.R2V), at, "j:1")


def test_keys_stay_out_of_reprs(job: Callable[..., Job], at: Endpoint) -> None:
    """A call or an endpoint in a log or a traceback shows no key."""
    assert "secret-key" not in repr((at, SEGMIND.submit_call(job(), at, "j:1"), SEGMIND.check_call(ID, at)))


def test_accepted() -> None:
    """A 200 with a request_id is a purchase."""
    body = {"request_id": ID, "status": "QUEUED", "poll_url": "https://api.segmind.com/v1/requests/x"}
    assert SEGMIND.read_submit(answer(200, body, x_request_id="r-1")) == Accepted(ID, "r-1")
    assert SEGMIND.read_submit(answer(202, body)) == Accepted(ID, None)


@pytest.mark.parametrize(
    ("status", "body"),
    [
        (200, {}),
        (200, b""),
        (200, b"<html>hello</html>"),
        (200, b'{"request_id": "2c7f'),
        (200, {"request_id": None}),
        (200, {"request_id": 17}),
        (200, {"request_id": "../../x"}),
        (200, [{"request_id": ID}]),
        (204, b""),
        (302, b""),
        (408, {"error": "timeout"}),
        (499, b""),
        (500, {"error": "Server Error"}),
        (502, b"<html>Bad Gateway</html>"),
        (503, b""),
        (504, b"<html>Gateway Timeout</html>"),
        (524, b""),
    ],
)
def test_a_submit_whose_answer_proves_nothing_is_lost(status: int, body: Any) -> None:
    """Neither bought nor not bought: nobody may send it again."""
    assert isinstance(SEGMIND.read_submit(answer(status, body)), Lost)


@pytest.mark.parametrize(
    ("status", "body", "kind"),
    [
        (400, {"error": "prompt is required"}, Kind.BAD_REQUEST),
        (401, {"error": "Missing Authorization or x-api-key in header"}, Kind.KEY_REFUSED),
        (401, {"error": "invalid_token", "error_description": "expired", "status_code": 401}, Kind.KEY_REFUSED),
        (402, b"", Kind.OUT_OF_CREDIT),
        (403, {"error": "Forbidden"}, Kind.KEY_REFUSED),
        (404, {"error": "Model not found"}, Kind.BAD_REQUEST),
        (404, {"error": "No credits found for the user"}, Kind.OUT_OF_CREDIT),
        (405, b"<html>405</html>", Kind.BAD_REQUEST),
        (406, {"error": "Insufficient credits"}, Kind.OUT_OF_CREDIT),
        (406, {"error": "Insufficient credits: balance 0.1, needed 0.625"}, Kind.OUT_OF_CREDIT),
        (406, {"error": "Not enough credits"}, Kind.OUT_OF_CREDIT),
        (406, {"error": "Team monthly spend limit of $50 reached"}, Kind.OUT_OF_CREDIT),
        (406, {"error": "Invalid content type"}, Kind.BAD_REQUEST),
        (406, {"error": "duration must be one of 5, 10, 15"}, Kind.BAD_REQUEST),
        (406, b"", Kind.OUT_OF_CREDIT),
        (410, {"error": "This model has been retired"}, Kind.BAD_REQUEST),
        (422, {"error": {"message": "size is wrong"}}, Kind.BAD_REQUEST),
        (400, {"error": "Prompt flagged as inappropriate content"}, Kind.CONTENT_REFUSED),
        (422, {"detail": "NSFW content detected"}, Kind.CONTENT_REFUSED),
        (429, {"error": "rate_limit_exceeded"}, Kind.RATE_LIMITED),
        (418, b"\xff\xfe", Kind.BAD_REQUEST),
    ],
)
def test_a_definite_no_by_its_words(status: int, body: Any, kind: Kind) -> None:
    """A 4xx bought nothing; 406 alone has four meanings, told apart by the message."""
    reading = SEGMIND.read_submit(answer(status, body))
    assert isinstance(reading, Rejected)
    assert reading.kind is kind
    assert reading.message
    assert reading.hint


def test_the_providers_own_words_are_kept() -> None:
    """Code and message go to the manifest as they came, in one bounded line."""
    body = {"error": "invalid_token", "error_description": "Token\nis expired " + "x" * 900}
    reading = SEGMIND.read_submit(answer(401, body))
    assert isinstance(reading, Rejected)
    assert reading.code == "invalid_token"
    assert reading.message.startswith("Token is expired xxx")
    assert len(reading.message) == 500


@pytest.mark.parametrize(
    ("headers", "wait_s", "at_time"),
    [
        ({}, None, None),
        ({"retry_after": "7"}, 7.0, None),
        ({"retry_after": "Sat, 21 Nov 2026 08:00:00 GMT"}, None, datetime(2026, 11, 21, 8, tzinfo=UTC)),
        ({"x_rate_limit_reset_at_utc": "2026-11-21T08:00:00Z"}, None, datetime(2026, 11, 21, 8, tzinfo=UTC)),
        ({"x_rate_limit_reset_at_utc": "2026-11-21 08:00:00"}, None, datetime(2026, 11, 21, 8, tzinfo=UTC)),
        ({"x_rate_limit_reset_at_utc": "1795248000"}, None, datetime(2026, 11, 21, 8, tzinfo=UTC)),
        ({"x_rate_limit_reset_at_utc": "soon"}, None, None),
    ],
)
def test_when_to_come_back(
    headers: dict[str, str], wait_s: float | None, at_time: datetime | None, at: Endpoint
) -> None:
    """A 429 says when it ends in one of several ways, for submits and for polls alike."""
    throttled = answer(429, {"error": "rate_limit_exceeded"}, **headers)
    reading = SEGMIND.read_submit(throttled)
    assert isinstance(reading, Rejected)
    assert (reading.retry_after_s, reading.retry_at) == (wait_s, at_time)
    assert SEGMIND.read_check(throttled, ID, at) == Throttled(wait_s, at_time)


def test_check_call_quotes_the_task_id(at: Endpoint) -> None:
    """Whatever a task id holds, it stays one segment of the path."""
    assert SEGMIND.check_call(ID, at).url == f"https://api.example/v2/requests/{ID}/status"
    assert SEGMIND.check_call("a/b?c#d \ud800", at).url == "https://api.example/v2/requests/a%2Fb%3Fc%23d%20%3F/status"


@pytest.mark.parametrize("state", ["QUEUED", "PROCESSING"])
def test_still_rendering(state: str, at: Endpoint) -> None:
    """Open states wait."""
    assert SEGMIND.read_check(answer(200, {"status": state, "metrics": {}}), ID, at) == Open()


def test_the_status_points_to_the_result(at: Endpoint) -> None:
    """The status of a finished request holds no output: the result is another call."""
    reading = SEGMIND.read_check(answer(200, {"status": "COMPLETED", "metrics": {"inference_time": 13.06}}), ID, at)
    assert isinstance(reading, Ask)
    assert reading.call.url == f"https://api.example/v2/requests/{ID}"
    assert reading.call.headers["x-api-key"] == "secret-key"


def test_the_result_with_its_cost_and_what_is_left(at: Endpoint) -> None:
    """Cost and balance come from the metrics, in dollars; the URL is taken as it is given."""
    metrics = {"cost": 0.625, "remaining_credits": 12.375, "inference_time": 187.2, "total_time": 188.4}
    body = {"status": "COMPLETED", "error": None, "metrics": metrics, "output": URL}
    assert SEGMIND.read_check(answer(200, body, x_seed_value="7"), ID, at) == Finished(
        url=URL,
        cost_usd=Decimal("0.625"),
        cost_native=(Decimal("0.625"), "USD credits"),
        balance=Balance(Decimal("12.375"), "USD credits"),
        seed=7,
        url_life_s=604_800,
        took_s=188.4,
    )


def test_cost_and_balance_from_headers(at: Endpoint) -> None:
    """Where the metrics are silent the headers speak; where both are, nothing is known."""
    body: dict[str, Any] = {"status": "COMPLETED", "error": None, "metrics": {}, "output": [URL]}
    told = SEGMIND.read_check(answer(200, body, x_cost="1.25", x_remaining_credits="0"), ID, at)
    assert isinstance(told, Finished)
    assert (told.cost_usd, told.balance) == (Decimal("1.25"), Balance(Decimal(0), "USD credits"))
    untold = SEGMIND.read_check(answer(200, body), ID, at)
    assert isinstance(untold, Finished)
    assert (untold.url, untold.cost_usd, untold.cost_native, untold.balance) == (URL, None, None, None)


@pytest.mark.parametrize("cost", ["free", -1, True, None, "NaN", "Infinity", 1e300, [1]])
def test_a_cost_that_is_no_amount_is_unknown(cost: Any, at: Endpoint) -> None:
    """Unknown money is unknown, never 0."""
    body = {"status": "COMPLETED", "metrics": {"cost": cost}, "output": URL}
    reading = SEGMIND.read_check(answer(200, body), ID, at)
    assert isinstance(reading, Finished)
    assert reading.cost_usd is None


def test_the_noise_of_a_float_is_no_charge(at: Endpoint) -> None:
    """A cost is a whole number of micro-dollars, so that no noise charges more than was reserved."""
    body = {"status": "COMPLETED", "metrics": {"cost": 0.1 + 0.2}, "output": "https://x.example/ä b.mp4"}
    reading = SEGMIND.read_check(answer(200, body), ID, at)
    assert isinstance(reading, Finished)
    assert (reading.cost_usd, reading.url) == (Decimal("0.3"), "https://x.example/ä b.mp4")


@pytest.mark.parametrize("status", [422, 200])
def test_a_failed_render_is_final_and_unbilled(status: int, at: Endpoint) -> None:
    """FAILED comes under HTTP 422 and still is the job's end."""
    body = {"status": "FAILED", "error": "worker ran out of memory", "metrics": {"total_time": 0.24}}
    reading = SEGMIND.read_check(answer(status, body), ID, at)
    assert isinstance(reading, Failed)
    assert (reading.why.kind, reading.billed) == (Kind.RENDER_FAILED, False)
    assert reading.why.message == "worker ran out of memory"


def test_content_refused_while_rendering(at: Endpoint) -> None:
    """A refusal of the content is told apart, since it is never bought again."""
    body = {"status": "FAILED", "error": "Output blocked: sensitive content"}
    reading = SEGMIND.read_check(answer(422, body), ID, at)
    assert isinstance(reading, Failed)
    assert reading.why.kind is Kind.CONTENT_REFUSED


@pytest.mark.parametrize(
    ("status", "body"),
    [
        (200, {}),
        (200, b"<html>"),
        (200, {"status": "DREAMING"}),
        (200, {"status": ["COMPLETED"]}),
        (200, {"status": "COMPLETED", "output": None}),
        (200, {"status": "COMPLETED", "output": "ok"}),
        (200, {"status": "COMPLETED", "output": []}),
        (401, {"error": "Unauthorized"}),
        (404, b"<html>not found</html>"),
        (406, {"error": "Insufficient credits"}),
        (422, {"error": "no status here"}),
        (500, {"error": "Server Error"}),
        (502, b""),
        (504, b""),
    ],
)
def test_no_news_is_no_failure(status: int, body: Any, at: Endpoint) -> None:
    """Whatever cannot be read as the job's end leaves the job waiting."""
    assert isinstance(SEGMIND.read_check(answer(status, body), ID, at), Unreadable)


def test_a_forgotten_status_leads_to_the_history(at: Endpoint) -> None:
    """After an hour the record is gone, which proves nothing: the history host knows it at any age."""
    reading = SEGMIND.read_check(answer(404, {"error": f"Request {ID} not found"}), ID, at)
    assert isinstance(reading, Ask)
    assert reading.call.url == f"https://history.example/inference-request/request-history/{ID}"


ROW = {"request_id": ID, "model_status": "COMPLETED", "generation_url": URL, "credits_deduction": 0.625}


@pytest.mark.parametrize(
    ("body", "reading"),
    [
        (ROW, Finished(URL, Decimal("0.625"), (Decimal("0.625"), "USD credits"))),
        ({"data": ROW}, Finished(URL, Decimal("0.625"), (Decimal("0.625"), "USD credits"))),
        ({"data": [ROW, ROW]}, Finished(URL, Decimal("0.625"), (Decimal("0.625"), "USD credits"))),
        ({"data": [{**ROW, "request_id": "another"}, ROW | {"credits_deduction": None}]}, Finished(URL)),
        ({"data": {**ROW, "model_status": "PENDING", "generation_url": None}}, Open()),
    ],
)
def test_history_rows(body: Any, reading: CheckReading, at: Endpoint) -> None:
    """A row stands bare, under data, or in a list with one row for each output."""
    assert SEGMIND.read_check(answer(200, body), ID, at) == reading


@pytest.mark.parametrize(("deducted", "billed"), [(0, False), (None, False), (0.625, True)])
def test_a_failed_history_row(deducted: float | None, billed: bool, at: Endpoint) -> None:
    """The history says whether a failure was charged after all."""
    row = ROW | {"model_status": "FAILED", "error": "boom", "credits_deduction": deducted}
    reading = SEGMIND.read_check(answer(200, {"data": [row]}), ID, at)
    assert isinstance(reading, Failed)
    assert (reading.why.message, reading.billed) == ("boom", billed)


@pytest.mark.parametrize(
    "body",
    [
        {"data": []},
        {"data": None},
        {"data": ["x"]},
        {"data": [{**ROW, "request_id": "another"}]},
        {**ROW, "generation_url": ""},
        {**ROW, "model_status": "LOST"},
        {**ROW, "model_status": 7},
    ],
)
def test_a_history_without_the_row_is_no_failure(body: Any, at: Endpoint) -> None:
    """A row that is missing, another's or odd leaves the job waiting."""
    assert isinstance(SEGMIND.read_check(answer(200, body), ID, at), Unreadable)


@pytest.mark.parametrize(
    ("status", "body", "left"),
    [
        (200, {"credits": 10.5, "free-credits": 0.0184921035}, Decimal("10.5184921035")),
        (200, {"credits": 0}, Decimal(0)),
        (200, {"free-credits": "1.5"}, Decimal("1.5")),
        (200, {}, None),
        (404, {"error": "No credits found for the user"}, None),
        (401, {"credits": 5}, None),
        (200, b"<html>", None),
    ],
)
def test_balance(status: int, body: Any, left: Decimal | None, at: Endpoint) -> None:
    """Bought and free credits together; nothing where the answer holds none."""
    call = SEGMIND.balance_call(at)
    assert call is not None
    assert (call.method, call.url) == ("GET", "https://api.example/v1/get-user-credits")
    balance = SEGMIND.read_balance(answer(status, body))
    assert balance == (None if left is None else Balance(left, "USD credits"))
