"""AI/ML API's dialect (aimlapi.com): one path for all models, and a log that knows our own name of what has ended.

Sources: docs.aimlapi.com and its repository (the four Wan 2.6 pages and their schemas, request tracing and cost
headers, usage logs, account balance, errors), read in November 2026.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any
from urllib.parse import urlencode

from jobs.job import Job, Mode
from providers import fields, rules
from providers.contract import Answer, Call, Candidate, CheckReading, Endpoint, FindReading, Kind
from providers.provider import Provider
from providers.rows import Rows
from providers.rules import Rule

#: Credits that a dollar buys.
CREDITS_PER_USD = 2_000_000
CREDITS = "AI/ML credits"
#: Rows on a page of the log, the most there are.
PAGE = 100
_LOGS = "/v2/logs"
_ROWS = Rows("data", "inference_id", "created", "status", ("succeeded",), ("failed",))
_TOP_UP = "top up at aimlapi.com/app/billing"


class AimlApi(Provider):
    """Out of credit is a 403 here. Sound is a URL, or a switch where there is none."""

    name = "aimlapi"
    submit_path, task_path = "/v2/video/generations", "/v2/video/generations?generation_id={task_id}"
    balance_path, balance_field = "/v2/billing", "current_balance"
    open_words, good_words, bad_words = ("queued", "generating"), ("completed",), ("error",)
    #: One look at the log spans 92 days; the days at both ends are margin.
    memory_s = 90 * 86_400.0
    rules = (
        Rule(401, "", "", Kind.KEY_REFUSED, "check AIMLAPI_API_KEY at aimlapi.com/app/keys"),
        Rule(402, "", "", Kind.OUT_OF_CREDIT, _TOP_UP),
        Rule(403, "", r"credit|balance|top.?up|fund|billing|^$", Kind.OUT_OF_CREDIT, _TOP_UP),
        Rule(403, "", "", Kind.KEY_REFUSED, "the key may not do this: look at its scopes and limits"),
        Rule(404, "", "", Kind.BAD_REQUEST, "AI/ML API does not know this model, or no longer sells it"),
        *rules.PLAIN_ENDS,
    )

    def marked(self, mark: str) -> dict[str, str]:
        """Letters, digits, dots, colons and dashes, at most 128; the log tells it as client_request_id."""
        return {"X-Client-Request-Id": mark}

    def body(self, job: Job) -> dict[str, Any]:
        """Defaults are dear (1080p, 10 s); generate_audio counts only where no audio_url stands."""
        render = job.render
        sound = {"generate_audio": render.audio} if render.audio_track is None else {"audio_url": render.audio_track}
        media: dict[Mode, dict[str, Any]] = {
            Mode.T2V: {"aspect_ratio": render.aspect_ratio, **sound},
            Mode.I2V: {"image_url": render.image, **sound},
            Mode.R2V: {"aspect_ratio": render.aspect_ratio, "video_urls": list(render.references)},
        }
        return {
            "model": self.offer(job).slug,
            "prompt": render.prompt,
            "negative_prompt": render.negative_prompt,
            "resolution": render.resolution,
            "duration": render.duration_s,
            "shot_type": render.shot_type,
            "enhance_prompt": render.prompt_expansion,
            "seed": job.seed,
            **media[render.mode],
        }

    def bought(self, body: dict[str, Any], headers: Mapping[str, str]) -> tuple[Any, Any]:
        """The task's id is told twice, in case half of the answer is lost."""
        return body.get("id") or headers.get("x-inference-id"), headers.get("x-request-id")

    def finished(self, task: dict[str, Any], answer: Answer, task_id: str, at: Endpoint) -> CheckReading:  # noqa: ARG002
        """Credits stand in the answer, else in headers, whose zero is the look's own cost and not the video's."""
        used = fields.amount(fields.obj(fields.obj(task.get("meta")).get("usage")).get("credits_used"))
        if used is None:
            used = fields.amount(answer.headers.get("x-aimlapi-credits-used")) or None
        spent = fields.usd(answer.headers.get("x-aimlapi-usd-spent")) or None
        told = {"cost_usd": spent} if used is None else _cost(used)
        return self.video(fields.obj(task.get("video")).get("url"), **told)

    def find_calls(self, since: datetime, until: datetime, at: Endpoint) -> Sequence[Call]:
        """GET the log of this key, newest first, every model: a filter that is misread would look like an absence."""
        asked = {"start": _iso(since), "end": _iso(until + timedelta(days=1)), "limit": PAGE, "offset": 0}
        return (Call("GET", f"{at.base_url}{_LOGS}?{urlencode(asked)}", self.headers(at)),)

    def read_find(self, answer: Answer, asked: Call) -> FindReading:
        """Rows of what has ended: a task that still renders is not there yet."""
        rows, more = _ROWS.on(answer), fields.obj(answer.fields().get("pagination")).get("has_more")
        if rows is None or not isinstance(more, bool):
            return self.no_list(answer)
        return self.found(rows, asked.with_query(offset=asked.queried("offset") + PAGE) if more else None)

    def candidate(self, row: dict[str, Any]) -> Candidate | None:
        """With our own name of its send and its cost. One without a name is nobody's of ours."""
        told = {"client_request_id": fields.words(row.get("client_request_id"))} if "client_request_id" in row else {}
        cost = fields.obj(row.get("cost"))
        used = fields.amount(cost.get("credits"))
        native = None if used is None else (used, CREDITS)
        return _ROWS.candidate(row, told, cost_usd=fields.usd(cost.get("usd")), cost_native=native)

    def told(self, job: Job, mark: str) -> Mapping[str, Any]:  # noqa: ARG002 - the name is all it takes
        """The send's own name, which no other send has."""
        return {"client_request_id": mark}


def _iso(instant: datetime) -> str:
    return instant.strftime("%Y-%m-%dT%H:%M:%SZ")


def _cost(credits_used: Decimal) -> dict[str, Any]:
    return {"cost_usd": fields.usd(str(credits_used / CREDITS_PER_USD)), "cost_native": (credits_used, CREDITS)}
