"""Replicate's dialect: a prediction is the task, its list tells every input while the data are kept.

Sources: replicate.com/docs (predictions: create, lifecycle, data retention, rate limits), its changelog of 2025-10-16,
the published SDK 1.0.7, and copies of the models' schemas, read in November 2026.
"""

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any
from urllib.parse import urlencode, urlsplit

from jobs.job import Job
from providers import fields, rules
from providers.contract import Answer, Call, Candidate, Endpoint, Failed, FindReading, Kind
from providers.provider import Provider
from providers.rows import Rows
from providers.rules import Rule
from providers.wanted import sized_order
from providers.webhooks import Shared, Webhook

_TASKS = "/v1/predictions"
_ROWS = Rows("results", "id", "created_at", "status", ("succeeded",), ("failed", "canceled", "aborted"))
_TOP_UP = "add credit at replicate.com/account/billing"


class Replicate(Provider):
    """Errors are problem documents with a `detail`; there are no codes. No key can ask for a balance."""

    name = "replicate"
    submit_path, task_path = "/v1/models/{slug}/predictions", _TASKS + "/{task_id}"
    open_words, good_words, bad_words = ("starting", "processing"), ("succeeded",), ("failed", "canceled", "aborted")
    span_fields = ("created_at", "completed_at")
    #: The answer is the prediction as it stands then; only `aborted` never began, and what is `canceled` is billed.
    cancel_path, cancelled_word = ("POST", _TASKS + "/{task_id}/cancel"), "aborted"
    #: What it cost is not told; after an hour it is removed.
    video_field = "output"
    #: How far back the list goes is not told; two weeks are what one of its filters is limited to.
    memory_s = 14 * 86_400.0
    webhook = Webhook(
        Shared("webhook-", standard=True), "id", body_field="webhook", more={"webhook_events_filter": ["completed"]}
    )
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
        """As Wan's own schema has it, under `input`."""
        return {"input": sized_order(job)}

    def failed(self, task: dict[str, Any], word: str) -> Failed:
        """`aborted` ended before it began and is not billed; `canceled` is; of `failed` nothing is said."""
        return replace(super().failed(task, word), billed=False if word == "aborted" else None)

    def find_calls(self, since: datetime, until: datetime, at: Endpoint) -> Sequence[Call]:  # noqa: ARG002 - until now
        """GET the predictions of all models, newest first."""
        after = urlencode({"created_after": f"{since:%Y-%m-%dT%H:%M:%SZ}"})
        return (Call("GET", f"{at.base_url}{_TASKS}?{after}", self.headers(at)),)

    def read_find(self, answer: Answer, asked: Call) -> FindReading:
        """Rows, with their input for an hour. The next page is called by its URL, on this host only."""
        rows, url = _ROWS.on(answer), fields.url(answer.fields().get("next"))
        if rows is None or (url is not None and urlsplit(url)[:2] != urlsplit(asked.url)[:2]):
            return self.no_list(answer)
        return self.found(rows, None if url is None else Call("GET", url, asked.headers))

    def candidate(self, row: dict[str, Any]) -> Candidate | None:
        """With its model, and its input while that is kept."""
        sent = {} if row.get("data_removed") is True else fields.obj(row.get("input"))
        return _ROWS.candidate(row, {"model": fields.words(row.get("model")) or None, **sent})

    def told(self, job: Job, mark: str) -> dict[str, Any]:  # noqa: ARG002 - it is never told
        """Model and input."""
        return {"model": self.offer(job).slug, **self.body(job)["input"]}
