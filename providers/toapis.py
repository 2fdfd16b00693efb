"""ToAPIs' dialect: a gateway that routes by what is given: references, an image, or a prompt alone.

Sources: docs.toapis.com (wan2.6, wan2.6-flash, video task status, rate limits, task webhooks, balance), read in
November 2026. The name of a send (`client_business_id`) stands on another model's page of the same path.
"""

from dataclasses import replace
from typing import Any

from jobs.job import Job, Mode
from providers import fields, rules
from providers.contract import Answer, Call, CheckReading, Endpoint, Kind
from providers.provider import Provider
from providers.rules import Rule
from providers.webhooks import Shared, Webhook

_TOP_UP = "top up at toapis.com/console"
_SET_UP = "set the token's webhook up at toapis.com/console/token, or unset TOAPIS_WEBHOOK_SECRET"


class ToApis(Provider):
    """Nothing tells the cost, and nothing lists tasks: the price list settles, and lost submits are held."""

    name = "toapis"
    submit_path, task_path = "/v1/videos/generations", "/v1/videos/generations/{task_id}"
    balance_path, balance_field = "/v1/balance", "remain_balance"
    open_words, good_words, bad_words = ("submitted", "queued", "in_progress"), ("completed",), ("failed",)
    #: Of the minute's window; queries have their own, told under the same names.
    limit_header, remaining_header = "x-ratelimit-limit", "x-ratelimit-remaining"
    span_fields = ("created_at", "completed_at")
    webhook = Webhook(Shared("x-toapis-webhook-"), "data.task_id", body_field="callback_url")
    rules = (
        # Messages come in the account's language; these are "content policy", "content check" and "breaks the rules".
        Rule(None, "", "内容政策|内容审核|违规", Kind.CONTENT_REFUSED, "change the prompt or the media"),
        Rule(None, r"insufficient.*", "", Kind.OUT_OF_CREDIT, _TOP_UP),
        Rule(None, "webhooknotconfigured", "", Kind.KEY_REFUSED, _SET_UP),
        Rule(401, "", "", Kind.KEY_REFUSED, "check TOAPIS_API_KEY at toapis.com/console/token"),
        Rule(402, "", "", Kind.OUT_OF_CREDIT, _TOP_UP),
        Rule(403, "", "", Kind.KEY_REFUSED, "the key's account may not use this model"),
        *rules.PLAIN_ENDS,
    )

    def submit_call(self, job: Job, at: Endpoint, mark: str) -> Call:
        """The send's name goes along in the body; webhooks tell it."""
        call = super().submit_call(job, at, mark)
        return replace(call, body={**self.body(job), "client_business_id": mark})

    def body(self, job: Job) -> dict[str, Any]:
        """Sound cannot be left out of the standard model, and is half the price of flash; so it is always said."""
        render = job.render
        shape = {"aspect_ratio": render.aspect_ratio, "shot_type": render.shot_type}
        media: dict[Mode, dict[str, Any]] = {
            Mode.T2V: shape,
            Mode.I2V: {"image_urls": [render.image]},
            Mode.R2V: {**shape, "metadata": {"reference_urls": list(render.references)}},
        }
        return {
            "model": self.offer(job).slug,
            "prompt": render.prompt,
            "negative_prompt": render.negative_prompt,
            "resolution": render.resolution,
            "duration": render.duration_s,
            "audio": render.audio,
            "prompt_extend": render.prompt_expansion,
            "watermark": render.watermark,
            "seed": job.seed,
            **media[render.mode],
        }

    def finished(self, task: dict[str, Any], answer: Answer, task_id: str, at: Endpoint) -> CheckReading:  # noqa: ARG002
        """Under `result.data`."""
        data = fields.obj(task.get("result")).get("data")
        return self.video(fields.obj(data[0] if isinstance(data, list) and data else data).get("url"))
