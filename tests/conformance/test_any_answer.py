"""Whatever a provider, a proxy or a broken wire answers, a reading comes out and no exception."""

import json
import re
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given, note, settings
from hypothesis import strategies as st

from providers import fields
from providers.contract import (
    Accepted,
    Answer,
    Ask,
    Balance,
    Call,
    Candidate,
    CheckReading,
    Endpoint,
    Failed,
    FindReading,
    Finished,
    Found,
    Kind,
    Lost,
    Rejected,
    SubmitReading,
    Unreadable,
)
from providers.provider import Provider
from providers.registry import PROVIDERS, provider

AT = Endpoint("https://api.example", "k", {"history": "https://history.example", "api": "https://api.fal.example"})

#: Words that the dialects look for, so that garbage gets past the first look.
WORDS = st.sampled_from(
    re.findall(
        r"\S+",
        """
        COMPLETED FAILED PENDING QUEUED SUCCEEDED CANCELED UNKNOWN https://x.example/a.mp4 id NaN 1e999 -1 0.5
        IN_QUEUE succeeded failed canceled aborted request_timeout https://api.example/v1/predictions?cursor=a
        completed failed error queued succeeded idempotency_unavailable idempotency_in_progress
        """,
    )
)
KEYS = st.sampled_from(
    re.findall(
        r"\S+",
        """
        status error output task_id task_status request_id data model_status generation_url metrics cost usage duration
        remaining_credits output_video_duration input_video_duration video_url actual_prompt code message credits
        free-credits credits_deduction error_description detail total_page page_no gmt_create model_name request_body
        model_created orig_prompt size SR items next_cursor has_more json_input json_output video url seed error_type
        sent_at ended_at status_code current_balance currency results next id output input data_removed created_at
        model_created orig_prompt size SR
        id video result videos url type name meta credits_used credits_cost pagination has_more inference_id created usd
        client_request_id remain_balance unlimited_quota success current_balance currency
        """,
    )
)
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | WORDS | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(KEYS, inner, max_size=6),
    max_leaves=12,
)
BODIES = (
    st.binary(max_size=200)
    | st.dictionaries(KEYS, VALUES, max_size=8).map(lambda value: json.dumps(value).encode())
    | VALUES.map(lambda value: json.dumps(value).encode())
)
STATUSES = st.sampled_from([200, 404, 406, 409, 422, 429, 503]) | st.integers(100, 599)
HEADERS = st.dictionaries(
    st.sampled_from(
        [
            "retry-after",
            "x-rate-limit-reset-at-utc",
            "x-ratelimit-reset",
            "x-aimlapi-usd-spent",
            "x-cost",
            "x-remaining-credits",
            "x-seed-value",
        ]
    ),
    st.text() | st.floats().map(str) | st.integers().map(str) | st.datetimes().map(str),
)
ANSWERS = st.builds(Answer, STATUSES, HEADERS, BODIES)


def writable(reading: Any) -> None:
    """Fail unless all text in it is valid UTF-8, since it goes into Redis and the manifest."""
    repr(reading).encode()
    if isinstance(reading, Finished):
        reading.url.encode()
        (reading.prompt_expanded or "").encode()
        assert reading.cost_usd is None or (reading.cost_usd.is_finite() and reading.cost_usd >= 0)
    if isinstance(reading, Failed | Rejected):
        why = reading.why if isinstance(reading, Failed) else reading
        why.message.encode()
        (why.code or "").encode()


@settings(max_examples=200)
@given(answer=ANSWERS, task_id=st.text(max_size=20))
def test_whatever_is_answered_is_read(answer: Answer, task_id: str) -> None:
    """An answer is dearer to draw than to read, so each is read by every provider, and as the answer to every call."""
    for name in PROVIDERS:
        note(name)  # the last one below a falsifying example is who could not read it
        one = provider(name)
        a_submit_is_read(one, answer)
        a_check_is_read(one, answer, task_id)
        a_list_of_tasks_is_read(one, answer)
        a_balance_is_read(one, answer)
        an_upload_and_a_cancel_are_read(one, answer)


def a_submit_is_read(one: Provider, answer: Answer) -> None:
    """Accepted, rejected or lost: outside of 4xx only who says that nothing was carried out is believed."""
    reading = one.read_submit(answer)
    assert isinstance(reading, SubmitReading)
    undone = isinstance(reading, Rejected) and reading.kind is Kind.PROVIDER_DOWN
    assert isinstance(reading, Rejected) <= (400 <= answer.status < 500 or undone)
    assert isinstance(reading, Accepted) <= (200 <= answer.status < 300)
    assert isinstance(reading, Lost) or answer.status < 500 or undone
    writable(reading)


def a_check_is_read(one: Provider, answer: Answer, task_id: str) -> None:
    """Every call that a reading points to is a GET on the same hosts."""
    reading = one.read_check(answer, task_id, AT)
    assert isinstance(reading, CheckReading)
    writable(reading)
    for call in [one.check_call(task_id, AT), *([reading.call] if isinstance(reading, Ask) else [])]:
        assert call.method == "GET"
        assert call.url.startswith(tuple(f"{url}/" for url in (AT.base_url, *AT.others.values())))
        assert call.url.isascii()


def a_list_of_tasks_is_read(one: Provider, answer: Answer) -> None:
    """A page of candidates with usable ids, or no page; and the detail of a task only adds to what is told."""
    known = Candidate("task", None, "succeeded", {"model": "m"})
    reading = one.read_find(answer, first_page(one))
    assert isinstance(reading, FindReading)
    assert isinstance(reading, Found) <= (200 <= answer.status < 300)
    for row in reading.rows if isinstance(reading, Found) else ():
        assert fields.task_id(row.task_id)
        assert row.cost_usd is None or row.cost_usd >= 0
    assert one.read_detail(answer, known).told.items() >= known.told.items()


def a_balance_is_read(one: Provider, answer: Answer) -> None:
    """A balance is a finite amount, or there is none."""
    balance = one.read_balance(answer)
    assert balance is None or (isinstance(balance, Balance) and balance.remaining.is_finite())


def an_upload_and_a_cancel_are_read(one: Provider, answer: Answer) -> None:
    """A link that is one or a refusal that is written down; and a cancel is confirmed by a 2xx alone."""
    link = one.read_upload(answer)
    assert isinstance(link, Rejected) or link == fields.url(link)
    writable(link)
    assert one.read_cancel(answer) <= (200 <= answer.status < 300)


def first_page(one: Provider) -> Call:
    """The call that asks for a list of tasks; any GET where there is no list."""
    since, until = datetime(2026, 11, 1, tzinfo=UTC), datetime(2026, 11, 2, tzinfo=UTC)
    return next(iter(one.find_calls(since, until, AT)), None) or Call("GET", AT.base_url)


@pytest.mark.parametrize("name", PROVIDERS)
@pytest.mark.parametrize(
    "body",
    [
        {"code": 402, "message": "insufficient balance", "data": None},
        {"error": {"code": "internal_error", "message": "oops"}},
        {"success": False, "message": "failed"},
        {"code": "Throttling", "message": "too fast", "request_id": None},
        {"detail": "Request was throttled."},
    ],
    ids=str,
)
def test_an_error_inside_an_http_200_is_neither_a_purchase_nor_an_end(name: str, body: dict[str, Any]) -> None:
    """Whatever it says: a submit is lost, a look is no news, a list is none, and what is left is not known."""
    one, answer = provider(name), Answer(200, {}, json.dumps(body).encode())
    assert isinstance(one.read_submit(answer), Lost)
    assert isinstance(one.read_check(answer, "task-1", AT), Unreadable)
    assert isinstance(one.read_find(answer, first_page(one)), Unreadable)
    assert one.read_balance(answer) is None
    assert isinstance(one.read_upload(answer), Rejected)
    assert not one.read_cancel(answer)


@given(value=st.text() | st.datetimes().map(str) | st.floats().map(str) | st.integers().map(str))
def test_an_instant_is_utc_or_none(value: str) -> None:
    """No header makes a naive instant, or an error."""
    found = fields.instant(value)
    assert found is None or (isinstance(found, datetime) and found.utcoffset() is not None)


@given(value=VALUES)
def test_fields_are_what_they_should_be_or_nothing(value: Any) -> None:
    """Amounts are finite and not negative, ids fit into keys and URLs, words are one line."""
    amount, task_id = fields.amount(value), fields.task_id(value)
    assert amount is None or 0 <= amount <= fields.AMOUNT_MAX
    assert task_id is None or (task_id.isascii() and "/" not in task_id)
    assert "\n" not in fields.words(value)
    assert fields.whole(value) is None or fields.whole(value) == fields.amount(value, most=fields.WHOLE_MAX)
