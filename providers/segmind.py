"""Segmind's dialect, v2 only (submit, status, result); v1 answers with the video's own bytes and gives up near 100 s.

Sources: docs.segmind.com (serverless API, async inference, account and billing APIs), the model pages of wan-2.6-t2v
and wan-2.6-i2v, and the published SDK 1.3.0, read in November 2026.
"""

import base64
import re
from collections.abc import Sequence
from datetime import datetime, timedelta
from decimal import Decimal
from http import HTTPStatus
from typing import Any

from jobs.job import Job
from providers import fields, rules
from providers.contract import (
    Answer,
    Balance,
    Call,
    Candidate,
    CheckReading,
    Endpoint,
    Failed,
    FindReading,
    Kind,
    Open,
    Unreadable,
)
from providers.provider import Provider
from providers.rows import Rows
from providers.rules import Rule
from providers.wanted import sized_order

#: A credit is worth a dollar here.
UNIT = "USD credits"
#: Rows on a page of the request history, the most there are.
PAGE = 100
_HISTORY = "/inference-request/request-history"
_ROWS = Rows("data", "request_id", "model_created", "model_status", ("COMPLETED",), ("FAILED",))
#: After an hour a task is told of in the history alone.
_GONE = re.compile("request .*not found", re.IGNORECASE)
_TOP_UP = "add credits at platform.segmind.com, or raise the team's spend limit"


class Segmind(Provider):
    """`region` is there for symmetry with providers that have several; Segmind has one."""

    name = "segmind"
    id_field = "request_id"
    submit_path, task_path = "/v2/{slug}", "/v2/requests/{task_id}/status"
    balance_path = "/v1/get-user-credits"
    open_words, good_words, bad_words = ("QUEUED", "PROCESSING"), ("COMPLETED",), ("FAILED",)
    #: What the minute holds in all follows from the plan, and is not told.
    remaining_header = "x-rate-limit-remaining"
    #: The history knows a request at any age; one look at it spans 31 days, and the days at both ends are margin.
    memory_s = 29 * 86_400.0
    #: There are no codes, only words; 406 has four meanings, so its words decide.
    rules = (
        Rule(401, "", "", Kind.KEY_REFUSED, "check SEGMIND_API_KEY at platform.segmind.com/api-keys"),
        Rule(402, "", "", Kind.OUT_OF_CREDIT, _TOP_UP),
        Rule(403, "", "", Kind.KEY_REFUSED, "the key's account or team may not use this model"),
        Rule(404, "", "no credits found", Kind.OUT_OF_CREDIT, _TOP_UP),
        Rule(404, "", "", Kind.BAD_REQUEST, "Segmind does not know this model, or no longer sells it"),
        Rule(406, "", "content.type", Kind.BAD_REQUEST, "something between here and Segmind changes the Content-Type"),
        Rule(406, "", r"credit|balance|spend|fund|^$", Kind.OUT_OF_CREDIT, _TOP_UP),
        Rule(410, "", "", Kind.BAD_REQUEST, "Segmind has retired this model"),
        *rules.PLAIN_ENDS,
    )

    def headers(self, at: Endpoint) -> dict[str, str]:
        """Bearer is refused here; a missing Content-Type is a 406."""
        return {"x-api-key": at.key, "Content-Type": "application/json"}

    def body(self, job: Job) -> dict[str, Any]:
        """As Wan's own schema has it."""
        return sized_order(job)

    def upload_call(self, name: str, content_type: str, data: bytes, at: Endpoint) -> Call:  # noqa: ARG002 - it names files
        """POST a data URL to the upload host."""
        url = f"data:{content_type};base64,{base64.b64encode(data).decode()}"
        return Call("POST", f"{at.host('upload')}/upload-asset", self.headers(at), {"data_urls": [url]})

    def uploaded(self, body: dict[str, Any]) -> Any:
        """The first of `file_urls`."""
        return body.get("file_urls")

    def read_check(self, answer: Answer, task_id: str, at: Endpoint) -> CheckReading:
        """Status, result or history row. A bad end comes as HTTP 422; after an hour a 404 points to the history."""
        body = answer.fields()
        if answer.status == HTTPStatus.UNPROCESSABLE_ENTITY and body.get("status") == "FAILED":
            return self.failed(body, "FAILED")
        if answer.status == HTTPStatus.OK and "status" not in body:
            return self._history(body, task_id)
        if answer.status == HTTPStatus.NOT_FOUND and _GONE.search(fields.trouble(body)[1]):
            return self.follow(f"{at.host('history')}{_HISTORY}/{fields.quoted(task_id)}", at)
        return super().read_check(answer, task_id, at)

    def finished(self, task: dict[str, Any], answer: Answer, task_id: str, at: Endpoint) -> CheckReading:
        """The status holds no output, the result does; cost and balance stand in its metrics or headers."""
        if "output" not in task:
            return self.follow(f"{at.base_url}/v2/requests/{fields.quoted(task_id)}", at)
        metrics, headers = fields.obj(task.get("metrics")), answer.headers
        left = fields.amount(metrics.get("remaining_credits"), headers.get("x-remaining-credits"))
        return self.video(
            task["output"],
            **_cost(fields.usd(metrics.get("cost"), headers.get("x-cost"))),
            balance=None if left is None else Balance(left, UNIT),
            seed=fields.whole(headers.get("x-seed-value")),
            took_s=None if (took := fields.amount(metrics.get("total_time"))) is None else float(took),
        )

    def find_calls(self, since: datetime, until: datetime, at: Endpoint) -> Sequence[Call]:
        """GET the request history by days, a day wider at both ends since its time zone is not told; newest first."""
        first, last = since - timedelta(days=1), until + timedelta(days=1)
        asked = f"per_page={PAGE}&from_date={first:%Y-%m-%d}&to_date={last:%Y-%m-%d}&sort_order=desc&page=1"
        return (Call("GET", f"{at.host('history')}{_HISTORY}?{asked}", self.headers(at)),)

    def read_find(self, answer: Answer, asked: Call) -> FindReading:
        """Rows with the input as it was sent, seed included: no twin looks like another."""
        rows = _ROWS.on(answer)
        if rows is None:
            return self.no_list(answer)
        return self.found(rows, asked.with_query(page=asked.queried("page") + 1) if len(rows) >= PAGE else None)

    def candidate(self, row: dict[str, Any]) -> Candidate | None:
        """With model, input and cost; the input may be JSON in a text."""
        sent = row.get("request_body")
        if isinstance(sent, str):
            sent = Answer(HTTPStatus.OK, {}, sent.encode("utf-8", "replace")).fields()
        told = {"model": fields.words(row.get("model_name")) or None, **fields.obj(sent)}
        return _ROWS.candidate(row, told, **_cost(fields.usd(row.get("credits_deduction"))))

    def balance(self, body: dict[str, Any]) -> Balance | None:
        """Bought and free credits together."""
        bought, free = fields.amount(body.get("credits")), fields.amount(body.get("free-credits"))
        if bought is None and free is None:
            return None
        return Balance((bought or Decimal(0)) + (free or Decimal(0)), UNIT)

    def _history(self, body: dict[str, Any], task_id: str) -> CheckReading:
        """A row of the request history, bare or under `data`, alone or in a list with one row for each output."""
        held = body.get("data", body)
        rows = [fields.obj(row) for row in (held if isinstance(held, list) else [held])]
        row = next((row for row in rows if "model_status" in row and row.get("request_id", task_id) == task_id), {})
        cost = fields.usd(row.get("credits_deduction"))
        match row.get("model_status"):
            case "COMPLETED":
                return self.video(row.get("generation_url"), **_cost(cost), url_life_s=None)
            case "FAILED":
                return Failed(self.failed(row, "FAILED").why, billed=bool(cost))
            case "PENDING":
                return Open()
        return Unreadable("HTTP 200 with neither a status nor a history row of this request")


def _cost(cost_usd: Decimal | None) -> dict[str, Any]:
    return {"cost_usd": cost_usd, "cost_native": None if cost_usd is None else (cost_usd, UNIT)}
