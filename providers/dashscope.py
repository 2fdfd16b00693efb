"""The dialect of Alibaba Cloud Model Studio (DashScope), who made Wan; Singapore unless another region is asked for.

The region decides model names (Virginia's end in -us), currency and host. Sources: Model Studio's references of Wan 2.6
text, image and reference to video, "Manage asynchronous tasks", its error codes and rate limits, read in November 2026.
"""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from decimal import Decimal
from http import HTTPStatus
from typing import Any

from jobs.job import Job, Mode
from providers import fields, rules
from providers.contract import Answer, Call, Candidate, CheckReading, Endpoint, FindReading, Kind
from providers.provider import Provider
from providers.rows import Rows
from providers.rules import Rule

_PAY = "settle the account in the Model Studio console"
_QUOTA = "the quota is used up: raise it, or pay"
_MEDIA = "Alibaba could not fetch or read the media"
_KEY = "check DASHSCOPE_API_KEY: key, model and region must fit"
#: Rows of the task list that are asked for at once.
PAGE = 100
_TASKS = "/api/v1/tasks"
_ROWS = Rows("data", "task_id", "gmt_create", "status", ("SUCCEEDED",), ("FAILED", "CANCELED"), fields.epoch_ms)


class DashScope(Provider):
    """Codes come in two spellings (InvalidApiKey, invalid_api_key). Some 429s and 403s are about money, not speed."""

    name = "dashscope"
    submit_path, task_path = "/api/v1/services/aigc/video-generation/video-synthesis", _TASKS + "/{task_id}"
    #: Only a task that still waits (PENDING) is cancelled; any other answers 400.
    cancel_path = ("POST", _TASKS + "/{task_id}/cancel")
    id_field, request_field, state_field = "task_id", "request_id", "task_status"
    #: UNKNOWN means expired or never there, which proves no failure: it is no news.
    open_words, good_words, bad_words = ("PENDING", "RUNNING"), ("SUCCEEDED",), ("FAILED", "CANCELED")
    queue_words = ("PENDING",)
    span_fields = ("submit_time", "end_time")
    quota_path = "/api/v1/quotas"
    #: The list spans 24 hours; half an hour of it is margin.
    memory_s = 84_600.0
    rules = (
        Rule(None, r".*overdue|commoditynotpurchased|arrearage", "", Kind.OUT_OF_CREDIT, _PAY),
        Rule(None, r"(throttling\.)?allocationquota.*", "", Kind.OUT_OF_CREDIT, _QUOTA),
        Rule(None, r"datainspection.*|ipinfringement.*|customroleblocked", "", Kind.CONTENT_REFUSED, rules.CHANGE),
        Rule(None, r"invalidparameter\.datainspection", "", Kind.BAD_REQUEST, _MEDIA),
        Rule(401, "", "", Kind.KEY_REFUSED, _KEY),
        Rule(402, "", "", Kind.OUT_OF_CREDIT, _PAY),
        Rule(403, "", "", Kind.KEY_REFUSED, _KEY),
        Rule(404, "", "", Kind.BAD_REQUEST, "the model or workspace is not in this region"),
        rules.PLAIN_ENDS[0],
        rules.PLAIN_ENDS[-1],
    )
    #: The same codes in a task that failed: the input's fault, or else bad luck.
    task_rules = (
        rules[2],
        Rule(None, r"invalidparameter.*|badrequest.*|invalidurl", "", Kind.BAD_REQUEST, rules[-1].hint),
        Rule(None, "", "", Kind.RENDER_FAILED, "Alibaba bills no failed render"),
    )

    def marked(self, mark: str) -> dict[str, str]:  # noqa: ARG002 - no door for it
        """Without this header a task is refused as synchronous."""
        return {"X-DashScope-Async": "enable"}

    def body(self, job: Job) -> dict[str, Any]:
        """Sizes for t2v and r2v, a resolution for i2v, where the image gives the shape; and the media."""
        render, offer = job.render, self.offer(job)
        media: dict[str, Any] = {
            "img_url": render.image if render.mode is Mode.I2V else None,
            "reference_urls": list(render.references) if render.mode is Mode.R2V else None,
            "audio_url": render.audio_track,
            "template": render.template,
        }
        how: dict[str, Any] = {
            "duration": render.duration_s,
            "shot_type": render.shot_type,
            "watermark": render.watermark,
            "seed": job.seed,
            **({"resolution": render.resolution.upper()} if render.mode is Mode.I2V else {"size": render.size}),
            **({"prompt_extend": render.prompt_expansion} if offer.expansion_switch else {}),
            **({"audio": render.audio} if offer.audio_switch else {}),
        }
        what = {"prompt": render.prompt, "negative_prompt": render.negative_prompt}
        what |= {name: value for name, value in media.items() if value is not None}
        return {"model": offer.slug, "input": what, "parameters": how}

    def task(self, body: dict[str, Any]) -> dict[str, Any]:
        """Under `output`."""
        return fields.obj(body.get("output"))

    def finished(self, task: dict[str, Any], answer: Answer, task_id: str, at: Endpoint) -> CheckReading:  # noqa: ARG002
        """Billed by the second, at the list's price."""
        seconds = _billed_s(fields.obj(answer.fields().get("usage")))
        return self.video(
            task.get("video_url"),
            cost_native=None if seconds is None else (seconds, "seconds"),
            prompt_expanded=fields.text(task.get("actual_prompt")),
        )

    def find_calls(self, since: datetime, until: datetime, at: Endpoint) -> Sequence[Call]:  # noqa: ARG002
        """GET the tasks of the last 24 hours: the filters' time zone is not told, while rows have epoch times."""
        return (Call("GET", f"{at.base_url}{_TASKS}/?page_size={PAGE}&page_no=1", self.headers(at)),)

    def read_find(self, answer: Answer, asked: Call) -> FindReading:
        """Rows of every key of the account, without their prompts."""
        rows, pages = _ROWS.on(answer), fields.whole(answer.fields().get("total_page"))
        if rows is None or pages is None:
            return self.no_list(answer)
        page = asked.queried("page_no")
        return self.found(rows, asked.with_query(page_no=page + 1) if page < pages else None)

    def candidate(self, row: dict[str, Any]) -> Candidate | None:
        """With its model alone."""
        return _ROWS.candidate(row, {"model": fields.words(row.get("model_name")) or None})

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

    def told(self, job: Job, mark: str) -> Mapping[str, Any]:  # noqa: ARG002 - it is never told
        """Model, prompt, size (with an image only its class is known), duration, and sound where it is a choice."""
        render, offer = job.render, self.offer(job)
        held: dict[str, Any] = {"model": offer.slug, "prompt": render.prompt.strip(), "duration": render.duration_s}
        held |= {"lines": int(render.resolution.removesuffix("p"))} if render.size is None else {"size": render.size}
        return held | {"audio": render.audio} if offer.audio_switch else held

    def read_cancel(self, answer: Answer) -> bool:
        """200 with a request id: only successes are billed, and this one will not be rendered."""
        return answer.status == HTTPStatus.OK and bool(fields.text(answer.fields().get("request_id")))


def _billed_s(usage: dict[str, Any]) -> Decimal | None:
    """Seconds that are billed: the output's, and up to 5 of a reference video."""
    made = fields.amount(usage.get("output_video_duration"), usage.get("duration"))
    taken = fields.amount(usage.get("input_video_duration")) or Decimal(0)
    return None if made is None else made + min(taken, Decimal(5))
