"""The dialect of Alibaba Cloud Model Studio (DashScope), who made Wan; Singapore unless another region is asked for.

Sources: Model Studio's references of Wan 2.6 text, image and reference to video, "Manage asynchronous tasks", its error
codes and rate limits, read in November 2026.
"""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from decimal import Decimal
from http import HTTPStatus
from typing import Any, Literal

from config.facts import Offer, ProviderFacts
from jobs.job import Job, Mode, Render
from providers import fields, offers, rules
from providers.contract import (
    Accepted,
    Answer,
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

_PAY = "settle the account in the Model Studio console"
_KEY = "check DASHSCOPE_API_KEY: key, model and region must fit"
_CONTENT = "change the prompt or the media"

#: Rows of the task list that are asked for at once.
PAGE = 100

#: Codes come in two spellings (InvalidApiKey, invalid_api_key). Some 429s and 403s are about money, not speed.
RULES = (
    Rule(None, r".*overdue|commoditynotpurchased|arrearage", "", Kind.OUT_OF_CREDIT, _PAY),
    Rule(None, r"(throttling\.)?allocationquota.*", "", Kind.OUT_OF_CREDIT, "the quota is used up: raise it, or pay"),
    Rule(None, r"datainspection.*|ipinfringement.*|customroleblocked", "", Kind.CONTENT_REFUSED, _CONTENT),
    Rule(None, r"invalidparameter\.datainspection", "", Kind.BAD_REQUEST, "Alibaba could not fetch or read the media"),
    Rule(401, "", "", Kind.KEY_REFUSED, _KEY),
    Rule(402, "", "", Kind.OUT_OF_CREDIT, _PAY),
    Rule(403, "", "", Kind.KEY_REFUSED, _KEY),
    Rule(429, "", "", Kind.RATE_LIMITED, "too many submits or tasks in flight for the account; it goes on by itself"),
    Rule(404, "", "", Kind.BAD_REQUEST, "the model or workspace is not in this region"),
    Rule(None, "", "", Kind.BAD_REQUEST, "the message says which field; the request is not sent again as it is"),
)

#: The same codes in a task that failed: the input's fault, or else bad luck.
TASK_RULES = (
    *(rule for rule in RULES if rule.kind is Kind.CONTENT_REFUSED),
    Rule(None, r"invalidparameter.*|badrequest.*|invalidurl", "", Kind.BAD_REQUEST, RULES[-1].hint),
    Rule(None, "", "", Kind.RENDER_FAILED, "Alibaba bills no failed render"),
)


class DashScope:
    """The region decides model names (Virginia's end in -us), currency and host."""

    name = "dashscope"
    #: The list spans 24 hours; half an hour of it is margin.
    memory_s = 84_600.0

    def __init__(self, facts: ProviderFacts, region: str | None = None) -> None:
        self.facts = facts
        self.region = region

    def complaints(self, render: Render) -> Sequence[Complaint]:
        """All reasons why this cannot be bought here."""
        return offers.complaints(render, self.facts, self.region)

    def price_usd(self, render: Render) -> Decimal | None:
        """Price a second x (duration + 5 s of reference video, the most that is billed)."""
        return offers.price_usd(render, self.facts, self.region)

    def submit_call(self, job: Job, at: Endpoint) -> Call:
        """The asynchronous POST; sizes for t2v and r2v, a resolution for i2v, where the image gives the shape."""
        render = job.render
        offer = self.facts.offer(render.mode, render.model, job.region or self.region)
        if offer is None:
            raise ValueError(f"{self.facts.title} does not sell {render.mode} {render.model}: complaints() says so")
        body = {"model": offer.slug, "input": _input(render), "parameters": _parameters(job, offer)}
        headers = {**_headers(at), "Content-Type": "application/json", "X-DashScope-Async": "enable"}
        return Call("POST", f"{at.base_url}/api/v1/services/aigc/video-generation/video-synthesis", headers, body)

    def read_submit(self, answer: Answer) -> SubmitReading:
        """A 2xx with a task_id is bought; a 4xx is not; all else is lost."""
        body = answer.fields()
        if answer.status in rules.DEFINITE:
            return rules.rejected(RULES, answer, *_trouble(body))
        task_id = fields.task_id(fields.obj(body.get("output")).get("task_id"))
        if answer.status in rules.TAKEN and task_id:
            return Accepted(task_id, fields.task_id(body.get("request_id")))
        return Lost(f"HTTP {answer.status} without a usable task_id")

    def check_call(self, task_id: str, at: Endpoint) -> Call:
        """GET the task."""
        return Call("GET", f"{at.base_url}/api/v1/tasks/{fields.quoted(task_id)}", _headers(at))

    def read_check(self, answer: Answer, task_id: str, at: Endpoint) -> CheckReading:  # noqa: ARG002 - the contract's
        """The task's state. UNKNOWN means expired or never there, which proves no failure."""
        body = answer.fields()
        output = fields.obj(body.get("output"))
        match (answer.status, output.get("task_status")):
            case (200, "PENDING" | "RUNNING"):
                return Open()
            case (200, "SUCCEEDED"):
                return self._finished(output, fields.obj(body.get("usage")))
            case (200, "FAILED" | "CANCELED" as state):
                return _failed(output, state)
            case (200, "UNKNOWN"):
                return Unreadable("Alibaba no longer knows this task: it is over 24 h old, or another account's")
            case (429, _):
                return Throttled(*fields.retry_after(answer.headers))
        code, message = _trouble(body)
        return Unreadable(f"HTTP {answer.status}: {message or code or 'no task status in the answer'}")

    def find_call(self, since: datetime, until: datetime, page: int, at: Endpoint) -> Call | None:  # noqa: ARG002
        """GET the tasks of the last 24 hours: the filters' time zone is not told, while rows have epoch times."""
        return Call("GET", f"{at.base_url}/api/v1/tasks/?page_no={page}&page_size={PAGE}", _headers(at))

    def read_find(self, answer: Answer) -> FindReading:
        """Rows of every key of the account, without their prompts."""
        body = answer.fields()
        rows, pages = body.get("data"), fields.whole(body.get("total_page"))
        if answer.status == HTTPStatus.TOO_MANY_REQUESTS:
            return Throttled(*fields.retry_after(answer.headers))
        if answer.status not in rules.TAKEN or not isinstance(rows, list) or pages is None:
            return Unreadable(f"HTTP {answer.status} without a task list")
        known = (_candidate(fields.obj(row)) for row in rows)
        return Found(tuple(one for one in known if one), more=(fields.whole(body.get("page_no")) or 1) < pages)

    def detail_call(self, candidate: Candidate, at: Endpoint) -> Call | None:
        """GET the task: once it has succeeded it tells its prompt, and what was billed."""
        return self.check_call(candidate.task_id, at) if candidate.state == "succeeded" else None

    def read_detail(self, answer: Answer, candidate: Candidate) -> Candidate:
        """With the prompt as it was sent, size, duration and sound; never the seed or the media."""
        body = answer.fields()
        output, usage = fields.obj(body.get("output")), fields.obj(body.get("usage"))
        if output.get("task_status") != "SUCCEEDED" or output.get("task_id", candidate.task_id) != candidate.task_id:
            return candidate
        seconds, prompt = _billed_s(usage), fields.text(output.get("orig_prompt"))
        told = {
            **candidate.told,
            "prompt": prompt.strip() if prompt else None,
            "size": fields.words(usage.get("size")) or None,
            "lines": fields.whole(usage.get("SR")),
            "duration": fields.whole(usage.get("output_video_duration")) or fields.whole(usage.get("duration")),
            "audio": usage.get("audio"),
        }
        return replace(candidate, told=told, cost_native=None if seconds is None else (seconds, "seconds"))

    def told(self, job: Job, at: Endpoint) -> Mapping[str, Any]:
        """Model, prompt, size (with an image only its class is known), duration, and sound where it is a choice."""
        render, offer = job.render, self.facts.offer(job.render.mode, job.render.model, job.region or self.region)
        model = (self.submit_call(job, at).body or {})["model"]
        held: dict[str, Any] = {"model": model, "prompt": render.prompt.strip(), "duration": render.duration_s}
        held |= {"lines": int(render.resolution.removesuffix("p"))} if render.size is None else {"size": render.size}
        return held | {"audio": render.audio} if offer and offer.audio_switch else held

    def cancel_call(self, task_id: str, at: Endpoint) -> Call | None:
        """POST; only a task that still waits (PENDING) is cancelled, any other answers 400."""
        return Call("POST", f"{at.base_url}/api/v1/tasks/{fields.quoted(task_id)}/cancel", _headers(at))

    def read_cancel(self, answer: Answer) -> bool:
        """200 with a request id: only successes are billed, and this one will not be rendered."""
        return answer.status == 200 and bool(fields.text(answer.fields().get("request_id")))  # noqa: PLR2004

    def balance_call(self, at: Endpoint) -> Call | None:  # noqa: ARG002 - the contract's
        """None: no balance can be asked for with an API key."""
        return None

    def read_balance(self, answer: Answer) -> Balance | None:  # noqa: ARG002 - the contract's
        """None: see `balance_call`."""
        return None

    def _finished(self, output: dict[str, Any], usage: dict[str, Any]) -> Finished | Unreadable:
        where = fields.url(output.get("video_url"))
        if where is None:
            return Unreadable("SUCCEEDED, but there is no video_url")
        seconds = _billed_s(usage)
        return Finished(
            url=where,
            cost_native=None if seconds is None else (seconds, "seconds"),
            prompt_expanded=fields.text(output.get("actual_prompt")),
            url_life_s=self.facts.url_life_s,
        )


def _headers(at: Endpoint) -> dict[str, str]:
    return {"Authorization": f"Bearer {at.key}"}


def _input(render: Render) -> dict[str, Any]:
    """What to render; media only where there are some."""
    held: dict[str, Any] = {"prompt": render.prompt, "negative_prompt": render.negative_prompt}
    if render.mode is Mode.I2V:
        held["img_url"] = render.image
    if render.mode is Mode.R2V:
        held["reference_urls"] = list(render.references)
    if render.audio_track is not None:
        held["audio_url"] = render.audio_track
    if render.template is not None:
        held["template"] = render.template
    return held


def _parameters(job: Job, offer: Offer) -> dict[str, Any]:
    """How to render it. Every field that this model has is sent: defaults differ in price (1080P, with sound)."""
    render = job.render
    held: dict[str, Any] = {
        "duration": render.duration_s,
        "shot_type": render.shot_type,
        "watermark": render.watermark,
        "seed": job.seed,
    }
    if render.mode is Mode.I2V:
        held["resolution"] = render.resolution.upper()
    else:
        held["size"] = render.size
    if offer.expansion_switch:
        held["prompt_extend"] = render.prompt_expansion
    if offer.audio_switch:
        held["audio"] = render.audio
    return held


def _candidate(row: dict[str, Any]) -> Candidate | None:
    """A row of the task list as a candidate; None for a row without a usable id."""
    task_id = fields.task_id(row.get("task_id"))
    if task_id is None:
        return None
    states: dict[Any, Literal["open", "succeeded", "failed"]] = {
        "SUCCEEDED": "succeeded", "FAILED": "failed", "CANCELED": "failed",
    }  # fmt: skip
    return Candidate(
        task_id=task_id,
        created_at=fields.epoch_ms(row.get("gmt_create")),
        state=states.get(fields.words(row.get("status")), "open"),
        told={"model": fields.words(row.get("model_name")) or None},
    )


def _trouble(body: dict[str, Any]) -> tuple[str, str]:
    """Code and message, at the top or under `error`."""
    nested = fields.obj(body.get("error"))
    return fields.words(body.get("code"), nested.get("code")), fields.words(body.get("message"), nested.get("message"))


def _failed(output: dict[str, Any], state: str) -> Failed:
    """A task without a video. Only successes are billed; a refused content or input is told apart from bad luck."""
    code, message = _trouble(output)
    rule = rules.judge(TASK_RULES, code, message)
    why = Rejected(rule.kind, message or f"the task ended {state}", code=code or state, hint=rule.hint)
    return Failed(why, billed=False)


def _billed_s(usage: dict[str, Any]) -> Decimal | None:
    """Seconds that are billed: the output's, and up to 5 of a reference video."""
    made = fields.amount(usage.get("output_video_duration"), usage.get("duration"))
    taken = fields.amount(usage.get("input_video_duration")) or Decimal(0)
    return None if made is None else made + min(taken, Decimal(5))
