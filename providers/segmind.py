"""Segmind's dialect, v2 only (submit, status, result); v1 answers with the video's own bytes and gives up near 100 s.

Sources: docs.segmind.com (serverless API, async inference, account and billing APIs), the model pages of wan-2.6-t2v
and wan-2.6-i2v, and the published SDK 1.3.0, read in November 2026.
"""

import re
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from decimal import Decimal
from http import HTTPStatus
from typing import Any, Literal

from config.facts import ProviderFacts
from jobs.job import Job, Mode, Render
from providers import fields, offers, rules
from providers.contract import (
    Accepted,
    Answer,
    Ask,
    Balance,
    Call,
    Candidate,
    CheckReading,
    Complaint,
    Endpoint,
    Failed,
    FindReading,
    Finished,
    Found,
    Kind,
    Lost,
    Open,
    Rejected,
    SubmitReading,
    Throttled,
    Unreadable,
)
from providers.rules import Rule

#: A credit is worth a dollar here.
UNIT = "USD credits"

#: Rows on a page of the request history, the most there are.
PAGE = 100

#: Segmind has no codes, only words; these are about what the prompt or the image shows.
CONTENT = r"inappropriate|flagged|sensitive content|nsfw|moderation|content polic|data ?inspection|safety"

_TOP_UP = "add credits at platform.segmind.com, or raise the team's spend limit"
_FIX = "the message says which field; the request is not sent again as it is"

#: 406 has four meanings, so its words decide.
RULES = (
    Rule(401, "", "", Kind.KEY_REFUSED, "check SEGMIND_API_KEY at platform.segmind.com/api-keys"),
    Rule(402, "", "", Kind.OUT_OF_CREDIT, _TOP_UP),
    Rule(403, "", "", Kind.KEY_REFUSED, "the key's account or team may not use this model"),
    Rule(404, "", "no credits found", Kind.OUT_OF_CREDIT, _TOP_UP),
    Rule(404, "", "", Kind.BAD_REQUEST, "Segmind does not know this model, or no longer sells it"),
    Rule(406, "", "content.type", Kind.BAD_REQUEST, "something between here and Segmind changes the Content-Type"),
    Rule(406, "", r"credit|balance|spend|fund|^$", Kind.OUT_OF_CREDIT, _TOP_UP),
    Rule(410, "", "", Kind.BAD_REQUEST, "Segmind has retired this model"),
    Rule(429, "", "", Kind.RATE_LIMITED, "too many requests a minute for this plan; it goes on by itself"),
    Rule(None, "", CONTENT, Kind.CONTENT_REFUSED, "change the prompt or the image"),
    Rule(None, "", "", Kind.BAD_REQUEST, _FIX),
)


class Segmind:
    """`region` is there for symmetry with providers that have several; Segmind has one."""

    name = "segmind"
    #: The history knows a request at any age; one look at it spans 31 days, and the days at both ends are margin.
    memory_s = 29 * 86_400.0

    def __init__(self, facts: ProviderFacts, region: str | None = None) -> None:
        self.facts = facts
        self.region = region

    def complaints(self, render: Render) -> Sequence[Complaint]:
        """All reasons why this cannot be bought here."""
        return offers.complaints(render, self.facts, self.region)

    def price_usd(self, render: Render) -> Decimal | None:
        """Price a second x duration."""
        return offers.price_usd(render, self.facts, self.region)

    def submit_call(self, job: Job, at: Endpoint) -> Call:
        """POST /v2/{slug}; the size spells resolution and ratio in t2v, the resolution stands alone in i2v."""
        render = job.render
        body: dict[str, Any] = {
            "prompt": render.prompt,
            "negative_prompt": render.negative_prompt,
            "duration": render.duration_s,
            "multi_shots": render.shot_type == "multi",
            "enable_prompt_expansion": render.prompt_expansion,
            "seed": job.seed,
        }
        if render.mode is Mode.I2V:
            body |= {"image": render.image, "resolution": render.resolution}
        else:
            body["size"] = render.size
        if render.audio_track is not None:
            body["audio"] = render.audio_track
        offer = self.facts.offer(render.mode, render.model, job.region or self.region)
        if offer is None:
            raise ValueError(f"{self.facts.title} does not sell {render.mode} {render.model}: complaints() says so")
        return Call("POST", f"{at.base_url}/v2/{offer.slug}", _headers(at), body)

    def read_submit(self, answer: Answer) -> SubmitReading:
        """A 2xx with a request_id is bought; a 4xx is not; all else is lost."""
        body = answer.fields()
        if answer.status in rules.DEFINITE:
            return rules.rejected(RULES, answer, *_trouble(body))
        task_id = fields.task_id(body.get("request_id"))
        if answer.status in rules.TAKEN and task_id:
            return Accepted(task_id, fields.task_id(answer.headers.get("x-request-id")))
        return Lost(f"HTTP {answer.status} without a usable request_id")

    def check_call(self, task_id: str, at: Endpoint) -> Call:
        """GET the status, which holds no result."""
        return Call("GET", f"{at.base_url}/v2/requests/{fields.quoted(task_id)}/status", _headers(at))

    def read_check(self, answer: Answer, task_id: str, at: Endpoint) -> CheckReading:
        """Status, result or history row: the body says which; a bad end comes as HTTP 422."""
        body = answer.fields()
        match (answer.status, body.get("status")):
            case (200 | 422, "FAILED"):
                return _failed(body)
            case (200, "QUEUED" | "PROCESSING"):
                return Open()
            case (200, "COMPLETED"):
                return self._completed(answer, task_id, at)
            case (200, _):
                return _history(body, task_id)
            case (429, _):
                return Throttled(*fields.retry_after(answer.headers))
        return _no_news(answer, task_id, at)

    def find_call(self, since: datetime, until: datetime, page: int, at: Endpoint) -> Call | None:
        """GET the request history by days, a day wider at both ends since its time zone is not told; newest first."""
        first, last = since - timedelta(days=1), until + timedelta(days=1)
        asked = f"page={page}&per_page={PAGE}&from_date={first:%Y-%m-%d}&to_date={last:%Y-%m-%d}&sort_order=desc"
        return Call("GET", f"{at.history_url}/inference-request/request-history?{asked}", _headers(at))

    def read_find(self, answer: Answer) -> FindReading:
        """Rows with the input as it was sent, seed included: no twin looks like another."""
        rows = answer.fields().get("data")
        if answer.status == HTTPStatus.TOO_MANY_REQUESTS:
            return Throttled(*fields.retry_after(answer.headers))
        if answer.status not in rules.TAKEN or not isinstance(rows, list):
            return Unreadable(f"HTTP {answer.status} without a request history")
        known = (_candidate(fields.obj(row)) for row in rows)
        return Found(tuple(one for one in known if one is not None), more=len(rows) >= PAGE)

    def detail_call(self, candidate: Candidate, at: Endpoint) -> Call | None:  # noqa: ARG002 - the contract's
        """None: the list tells all."""
        return None

    def read_detail(self, answer: Answer, candidate: Candidate) -> Candidate:  # noqa: ARG002 - the contract's
        """The same: see `detail_call`."""
        return candidate

    def told(self, job: Job, at: Endpoint) -> Mapping[str, Any]:
        """The model and the whole body."""
        call = self.submit_call(job, at)
        return {"model": call.url.rpartition("/")[2], **(call.body or {})}

    def cancel_call(self, task_id: str, at: Endpoint) -> Call | None:  # noqa: ARG002 - the contract's
        """None: Segmind documents no way to cancel."""
        return None

    def read_cancel(self, answer: Answer) -> bool:  # noqa: ARG002 - the contract's
        """False: see `cancel_call`."""
        return False

    def balance_call(self, at: Endpoint) -> Call | None:
        """GET the credits."""
        return Call("GET", f"{at.base_url}/v1/get-user-credits", _headers(at))

    def read_balance(self, answer: Answer) -> Balance | None:
        """Bought and free credits together."""
        body = answer.fields()
        bought, free = fields.amount(body.get("credits")), fields.amount(body.get("free-credits"))
        if answer.status not in rules.TAKEN or (bought is None and free is None):
            return None
        return Balance((bought or Decimal(0)) + (free or Decimal(0)), UNIT)

    def _completed(self, answer: Answer, task_id: str, at: Endpoint) -> Ask | Finished | Unreadable:
        body = answer.fields()
        if "output" not in body:
            return Ask(Call("GET", f"{at.base_url}/v2/requests/{fields.quoted(task_id)}", _headers(at)))
        where = fields.url(body["output"])
        if where is None:
            return Unreadable("COMPLETED, but the output is no URL")
        metrics = fields.obj(body.get("metrics"))
        cost = fields.usd(metrics.get("cost"), answer.headers.get("x-cost"))
        left = fields.amount(metrics.get("remaining_credits"), answer.headers.get("x-remaining-credits"))
        return Finished(
            url=where,
            cost_usd=cost,
            cost_native=None if cost is None else (cost, UNIT),
            balance=None if left is None else Balance(left, UNIT),
            seed=fields.whole(answer.headers.get("x-seed-value")),
            url_life_s=self.facts.url_life_s,
        )


def _headers(at: Endpoint) -> dict[str, str]:
    """Bearer is refused here; a missing Content-Type is a 406."""
    return {"x-api-key": at.key, "Content-Type": "application/json"}


def _trouble(body: dict[str, Any]) -> tuple[str, str]:
    """Code and message: `{"error": message}`, or `{"error": code, "error_description": message}` for keys."""
    described = fields.words(body.get("error_description"))
    if described:
        return fields.words(body.get("error")), described
    nested = fields.obj(body.get("error")).get("message")
    return "", fields.words(body.get("error"), nested, body.get("message"), body.get("detail"))


def _failed(body: dict[str, Any], cost: Decimal | None = None) -> Failed:
    """A failed render is not billed; a refused content is told apart, since it is never bought again."""
    message = _trouble(body)[1] or "the render failed without a message"
    refused = re.search(CONTENT, message, re.IGNORECASE)
    kind = Kind.CONTENT_REFUSED if refused else Kind.RENDER_FAILED
    hint = "change the prompt or the image" if refused else "Segmind bills no failed render"
    return Failed(Rejected(kind, message, code="FAILED", hint=hint), billed=bool(cost))


def _no_news(answer: Answer, task_id: str, at: Endpoint) -> Ask | Unreadable:
    """The status is forgotten after an hour, but the history knows a request at any age."""
    message = _trouble(answer.fields())[1]
    if answer.status == HTTPStatus.NOT_FOUND and re.search(r"request .*not found", message, re.IGNORECASE):
        path = f"/inference-request/request-history/{fields.quoted(task_id)}"
        return Ask(Call("GET", at.history_url + path, _headers(at)))
    return Unreadable(f"HTTP {answer.status}: {message or 'no status in the answer'}")


def _candidate(row: dict[str, Any]) -> Candidate | None:
    """A row of the history as a candidate; None for a row without a usable id."""
    task_id, sent = fields.task_id(row.get("request_id")), row.get("request_body")
    if task_id is None:
        return None
    if isinstance(sent, str):
        sent = Answer(HTTPStatus.OK, {}, sent.encode("utf-8", "replace")).fields()
    states: dict[Any, Literal["open", "succeeded", "failed"]] = {"COMPLETED": "succeeded", "FAILED": "failed"}
    cost = fields.usd(row.get("credits_deduction"))
    return Candidate(
        task_id=task_id,
        created_at=fields.instant(row.get("model_created")),
        state=states.get(fields.words(row.get("model_status")), "open"),
        told={"model": fields.words(row.get("model_name")) or None, **fields.obj(sent)},
        cost_usd=cost,
        cost_native=None if cost is None else (cost, UNIT),
    )


def _history(body: dict[str, Any], task_id: str) -> CheckReading:
    """A row of the request history, bare or under `data`, alone or in a list with one row for each output."""
    held = body.get("data", body)
    rows = [fields.obj(row) for row in (held if isinstance(held, list) else [held])]
    row = next((row for row in rows if "model_status" in row and row.get("request_id", task_id) == task_id), None)
    if row is None:
        return Unreadable("HTTP 200 with neither a status nor a history row of this request")
    cost, where = fields.usd(row.get("credits_deduction")), fields.url(row.get("generation_url"))
    match row.get("model_status"):
        case "COMPLETED" if where is not None:
            return Finished(where, cost, None if cost is None else (cost, UNIT))
        case "FAILED":
            return _failed(row, cost)
        case "PENDING":
            return Open()
    return Unreadable(f"the history shows the request as {fields.words(row.get('model_status')) or 'nothing known'}")
