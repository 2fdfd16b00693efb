"""APIMart's dialect: one door to many makers, with a key that is meant to make a submit safe to repeat.

Sources: docs.apimart.ai (wan2.6, wan2.6-i2v-flash, task status, balance), its published skill (idempotency and response
version), and its guide "What Is Wan 2.6?" (prices), read in November 2026.
"""

from collections.abc import Mapping
from http import HTTPStatus
from typing import Any

from jobs.job import Job, Mode
from providers import fields, rules
from providers.contract import Answer, Call, CheckReading, Endpoint, Kind, Lost, SubmitReading
from providers.provider import Provider
from providers.rules import Rule
from providers.webhooks import Unsigned, Webhook

CREDITS = "APIMart credits"
_TOP_UP = "top up at apimart.ai; below $0.05 it refuses every call"


class ApiMart(Provider):
    """`audio` is a switch here, and `audio_url` beats it. That the key makes Wan safe to repeat is not proved."""

    name = "apimart"
    submit_path, task_path = "/v1/videos/generations", "/v1/tasks/{task_id}?language=en"
    balance_path, balance_field = "/v1/balance", "remain_balance"
    open_words = ("submitted", "pending", "queued", "processing", "in_progress")
    good_words, bad_words = ("completed",), ("failed", "cancelled")
    span_fields = ("created", "completed")
    webhook = Webhook(Unsigned(), "data.id", body_field="webhook")
    rules = (
        Rule(None, r"paymentrequired|insufficient.*", "", Kind.OUT_OF_CREDIT, _TOP_UP),
        Rule(401, "", "", Kind.KEY_REFUSED, "check APIMART_API_KEY at apimart.ai/keys"),
        Rule(402, "", "", Kind.OUT_OF_CREDIT, _TOP_UP),
        Rule(403, "", r"insufficient|balance|quota|credit", Kind.OUT_OF_CREDIT, _TOP_UP),
        Rule(403, "", "", Kind.KEY_REFUSED, "the key's lists of models and addresses do not allow this"),
        *rules.PLAIN_ENDS,
    )

    def marked(self, mark: str) -> dict[str, str]:
        """The key of this very send, which counts only together with the version of the answer's shape."""
        return {"Idempotency-Key": mark, "X-APIMart-Response-Version": "2026-07-27"}

    def body(self, job: Job) -> dict[str, Any]:
        """An image makes it image to video. Sound is off by default at one model and on at the other: so it is said."""
        render = job.render
        frame = {"image_urls": [render.image]} if render.mode is Mode.I2V else {"aspect_ratio": render.aspect_ratio}
        extra = {"audio_url": render.audio_track, "template": render.template}
        return {
            "model": self.offer(job).slug,
            "prompt": render.prompt,
            "negative_prompt": render.negative_prompt,
            "resolution": render.resolution,
            "duration": render.duration_s,
            "audio": render.audio,
            "shot_type": render.shot_type,
            "prompt_extend": render.prompt_expansion,
            "watermark": render.watermark,
            "seed": job.seed,
            **frame,
            **{name: value for name, value in extra.items() if value is not None},
        }

    def read_submit(self, answer: Answer) -> SubmitReading:
        """A 409 about the key says that this send came before, not what became of it; one 503 was not carried out."""
        code, message = fields.trouble(answer.fields())
        if answer.status == HTTPStatus.CONFLICT and code.startswith("idempotency_"):
            return Lost(f"HTTP 409 {code}: {message}")
        if answer.status == HTTPStatus.SERVICE_UNAVAILABLE and code == "idempotency_unavailable":
            hint = "APIMart could not keep the send's key and did nothing; it goes on by itself"
            return rules.rejected((Rule(None, "", "", Kind.PROVIDER_DOWN, hint),), answer, code, message)
        return super().read_submit(answer)

    def bought(self, body: dict[str, Any], headers: Mapping[str, str]) -> tuple[Any, Any]:
        """`data.id`, or `data[0].task_id` where the version of the shape is not heeded."""
        data = body.get("data")
        task = fields.obj(data[0] if isinstance(data, list) and data else data)
        return task.get("task_id") or task.get("id"), body.get("request_id") or headers.get("x-request-id")

    def upload_call(self, name: str, content_type: str, data: bytes, at: Endpoint) -> Call:
        """POST an image as a form with one file."""
        line = f"wanbatch-{name.partition('.')[0]}"
        part = f'Content-Disposition: form-data; name="file"; filename="{name}"\r\nContent-Type: {content_type}'
        form = f"--{line}\r\n{part}\r\n\r\n".encode() + data + f"\r\n--{line}--\r\n".encode()
        headers = {**self.headers(at), "Content-Type": f"multipart/form-data; boundary={line}"}
        return Call("POST", f"{at.base_url}/v1/uploads/images", headers, content=form)

    def task(self, body: dict[str, Any]) -> dict[str, Any]:
        """Under `data`."""
        return fields.obj(body.get("data"))

    def finished(self, task: dict[str, Any], answer: Answer, task_id: str, at: Endpoint) -> CheckReading:  # noqa: ARG002
        """The first video's `url` is an array or a string; `cost` is in dollars, `credits_cost` ten times that."""
        videos = fields.obj(task.get("result")).get("videos")
        video = fields.obj(videos[0] if isinstance(videos, list) and videos else videos)
        paid = fields.amount(task.get("credits_cost"))
        return self.video(
            video.get("url"),
            cost_usd=fields.usd(task.get("cost")),
            cost_native=None if paid is None else (paid, CREDITS),
        )
