"""Replicate's dialect: a prediction is the task, its list tells every input while the data are kept.

Sources: replicate.com/docs (predictions: create, lifecycle, data retention, rate limits), its changelog of 2025-10-16,
the published SDK 1.0.7, and copies of the models' schemas, read in November 2026.
"""

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any, Literal
from urllib.parse import urlencode, urlsplit

from jobs.job import Job, Mode
from providers import fields, rules
from providers.contract import Answer, Call, Candidate, Endpoint, Failed, FindReading, Found, Kind
from providers.provider import Provider
from providers.rules import Rule

_TASKS = "/v1/predictions"
_TOP_UP = "add credit at replicate.com/account/billing"


class Replicate(Provider):
    """Errors are problem documents with a `detail`; there are no codes. No key can ask for a balance."""

    name = "replicate"
    submit_path, task_path = "/v1/models/{slug}/predictions", _TASKS + "/{task_id}"
    open_words, good_words, bad_words = ("starting", "processing"), ("succeeded",), ("failed", "canceled", "aborted")
    #: What it cost is not told; after an hour it is removed.
    video_field = "output"
    #: How far back the list goes is not told; two weeks are what one of its filters is limited to.
    memory_s = 14 * 86_400.0
    task_rules = (
        *rules.PLAIN_ENDS[1:-1],
        Rule(None, "", "", Kind.RENDER_FAILED, "Replicate may have billed it: see replicate.com/account/billing"),
    )
    rules = (
        Rule(401, "", "", Kind.KEY_REFUSED, "check REPLICATE_API_TOKEN at replicate.com/account/api-tokens"),
        # That 402 stands for an empty account is assumed; the documents name no status for it.
        Rule(402, "", "", Kind.OUT_OF_CREDIT, _TOP_UP),
        Rule(403, "", "credit|billing|payment|spend", Kind.OUT_OF_CREDIT, _TOP_UP),
        Rule(403, "", "", Kind.KEY_REFUSED, "the token's account may not use this model"),
        Rule(404, "", "", Kind.BAD_REQUEST, "Replicate does not know this model, or no longer runs it"),
        *rules.PLAIN_ENDS,
    )

    def body(self, job: Job) -> dict[str, Any]:
        """The size spells resolution and ratio in t2v, the resolution stands alone in i2v; `audio` is a URL."""
        render = job.render
        image = {"image": render.image, "resolution": render.resolution}
        order = {
            "prompt": render.prompt,
            "negative_prompt": render.negative_prompt,
            "duration": render.duration_s,
            "multi_shots": render.shot_type == "multi",
            "enable_prompt_expansion": render.prompt_expansion,
            "seed": job.seed,
            **(image if render.mode is Mode.I2V else {"size": render.size}),
            **({} if render.audio_track is None else {"audio": render.audio_track}),
        }
        return {"input": order}

    def failed(self, task: dict[str, Any], word: str) -> Failed:
        """`aborted` ended before it began and is not billed; `canceled` is; of `failed` nothing is said."""
        return replace(super().failed(task, word), billed=False if word == "aborted" else None)

    def find_calls(self, since: datetime, until: datetime, at: Endpoint) -> Sequence[Call]:  # noqa: ARG002 - until now
        """GET the predictions of all models, newest first."""
        after = urlencode({"created_after": f"{since:%Y-%m-%dT%H:%M:%SZ}"})
        return (Call("GET", f"{at.base_url}{_TASKS}?{after}", self.headers(at)),)

    def read_find(self, answer: Answer, asked: Call) -> FindReading:
        """Rows, with their input for an hour. The next page is called by its URL, on this host only."""
        body = answer.fields()
        rows, url = body.get("results"), fields.url(body.get("next"))
        if answer.status not in rules.TAKEN or not isinstance(rows, list):
            return self.no_list(answer)
        if url is not None and urlsplit(url)[:2] != urlsplit(asked.url)[:2]:
            return self.no_list(answer)
        following = None if url is None else Call("GET", url, asked.headers)
        return Found(tuple(filter(None, (_candidate(fields.obj(row)) for row in rows))), following)

    def told(self, job: Job, mark: str) -> dict[str, Any]:  # noqa: ARG002 - it is never told
        """Model and input."""
        return {"model": self.offer(job).slug, **self.body(job)["input"]}

    def cancel_call(self, task_id: str, at: Endpoint) -> Call | None:
        """POST; the answer is the prediction as it stands then."""
        return Call("POST", f"{at.base_url}{_TASKS}/{fields.quoted(task_id)}/cancel", self.headers(at))

    def read_cancel(self, answer: Answer) -> bool:
        """Only `aborted` says that it never began: what is `canceled` is billed."""
        return answer.status in rules.TAKEN and answer.fields().get("status") == "aborted"


def _candidate(row: dict[str, Any]) -> Candidate | None:
    """A row of the list as a candidate; None for a row without a usable id."""
    task_id = fields.task_id(row.get("id"))
    states: dict[Any, Literal["succeeded", "failed"]] = {
        "succeeded": "succeeded", "failed": "failed", "canceled": "failed", "aborted": "failed",
    }  # fmt: skip
    if task_id is None:
        return None
    sent = {} if row.get("data_removed") is True else fields.obj(row.get("input"))
    return Candidate(
        task_id=task_id,
        created_at=fields.instant(row.get("created_at")),
        state=states.get(fields.words(row.get("status")), "open"),
        told={"model": fields.words(row.get("model")) or None, **sent},
    )
