"""fal's dialect: a queue that takes every request, and a platform host that lists requests and knows the balance.

Sources: fal.ai/docs (inference API, queue, request errors, platform APIs, FAQ), the published SDK fal-client 1.0.3, and
copies of the models' schemas, read in November 2026.
"""

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime
from http import HTTPStatus
from typing import Any
from urllib.parse import urlencode

from jobs.job import Job, Mode
from providers import fields, rules
from providers.contract import Answer, Ask, Call, Candidate, CheckReading, Endpoint, Failed, FindReading, Kind
from providers.provider import Provider
from providers.rows import Rows
from providers.rules import Rule
from providers.wanted import order, videos_first
from providers.webhooks import Published, Webhook

#: Rows on a page of the request list, the most there are.
PAGE = 100
_ROWS = Rows("items", "request_id", "sent_at", "status_code", ended="ended_at")
_LIST = "/v1/models/requests/by-endpoint"
#: Error types of fal's own servers and runners, which come as 5xx: those are never billed.
_SERVER = r"(request|startup)timeout|runner.*|internal(server)?error"
_TOP_UP = "top up at fal.ai/dashboard/billing"
#: Owner and app of every model that is sold, whatever its endpoint: status, result and cancel stand below.
_TASKS = "/wan/v2.6/requests/"


class Fal(Provider):
    """A failed request is COMPLETED too, with its error. The status and the list tell no cost."""

    name = "fal"
    key_scheme = "Key"
    submit_path, task_path = "/{slug}", _TASKS + "{task_id}/status"
    open_words, good_words, bad_words = ("IN_QUEUE", "IN_PROGRESS"), ("COMPLETED",), ()
    queue_words = ("IN_QUEUE",)
    id_field, request_header = "request_id", "x-fal-request-id"
    #: What still waits in the queue is taken out (OK), what runs is only sent a signal, which proves nothing.
    cancel_path, cancelled_word = ("PUT", _TASKS + "{task_id}/cancel"), "OK"
    balance_host, balance_path, balance_scope = "api", "/v1/account/billing?expand=credits", "ADMIN"
    balance_field = "credits.current_balance"
    #: The list goes back 90 days for one request by its id; for how long it tells inputs is not said (chosen).
    memory_s = 29 * 86_400.0
    webhook = Webhook(Published("x-fal-webhook-", "keys", "/.well-known/jwks.json"), "request_id", query="fal_webhook")
    task_rules = (
        *rules.PLAIN_ENDS[1:-1],
        Rule(None, _SERVER, "", Kind.RENDER_FAILED, "fal bills no error of its servers"),
        Rule(None, "", "", Kind.RENDER_FAILED, "fal may have billed it: see fal.ai/dashboard/usage-billing"),
    )
    rules = (
        Rule(401, "", "", Kind.KEY_REFUSED, "check FAL_KEY at fal.ai/dashboard/keys"),
        Rule(402, "", "", Kind.OUT_OF_CREDIT, _TOP_UP),
        Rule(403, "", "admin lock", Kind.KEY_REFUSED, "fal has locked the account: write to support@fal.ai"),
        Rule(403, "", "locked|balance|top.?up", Kind.OUT_OF_CREDIT, _TOP_UP),
        Rule(403, "", "", Kind.KEY_REFUSED, "the key lacks the permission; make one of preset API"),
        *rules.PLAIN_ENDS,
    )

    def body(self, job: Job) -> dict[str, Any]:
        """Durations are text; several shots are the default but in i2v; there the image gives the frame's shape."""
        render = job.render
        told: dict[str, Any] = {
            **order(job),
            "resolution": render.resolution,
            "duration": str(render.duration_s),
            "enable_safety_checker": True,
            **({"image_url": render.image} if render.mode is Mode.I2V else {"aspect_ratio": render.aspect_ratio}),
        }
        if render.mode is Mode.R2V:
            # The flash model calls them Character1, ...; the other one takes videos alone.
            flash = render.model == "flash"
            prompt, videos, images = videos_first(render, "Character" if flash else "@Video")
            told |= {"prompt": prompt, "video_urls": videos, **({"image_urls": images} if flash else {})}
        if render.audio_track is not None:
            told["audio_url"] = render.audio_track
        return told | ({"enable_audio": render.audio} if self.offer(job).audio_switch else {})

    def read_check(self, answer: Answer, task_id: str, at: Endpoint) -> CheckReading:
        """Status, result, or the request's row in the list. The result of a failed request is the model's error."""
        body = answer.fields()
        if (rows := _ROWS.on(answer)) is not None:
            return _ROWS.reading(rows, task_id, self._made_row, self._failed_row)
        if answer.status in rules.TAKEN and "status" not in body and "video" in body:
            return self._made(body)
        if answer.status == HTTPStatus.UNPROCESSABLE_ENTITY and "detail" in body:
            return self.failed(body, str(answer.status))
        if answer.status == HTTPStatus.NOT_FOUND and fields.trouble(body)[1]:
            known = ",".join(offer.slug for offer in self.facts.offers)
            return self.follow(_list_url({"endpoint_id": known, "request_id": task_id}, at), at)
        return super().read_check(answer, task_id, at)

    def result_call(self, task_id: str, at: Endpoint) -> Call:
        """The model's output, or its error."""
        return Call("GET", f"{at.base_url}{_TASKS}{fields.quoted(task_id)}", self.headers(at))

    def finished(self, task: dict[str, Any], answer: Answer, task_id: str, at: Endpoint) -> CheckReading:  # noqa: ARG002
        """COMPLETED is said of a failed request too, with its error; a good one's result is another call."""
        if task.get("error"):
            return self.failed(task, "COMPLETED")
        return Ask(self.result_call(task_id, at))

    def failed(self, task: dict[str, Any], word: str) -> Failed:
        """Only what failed on fal's own side (5xx) is known to be unbilled: a 422 is billed now and then."""
        kind = fields.words(task.get("error_type"))
        reading = super().failed({**task, "code": kind} if kind else task, word)
        of_servers = word.startswith("5") or rules.judge(self.task_rules, kind, "").code == _SERVER
        return replace(reading, billed=False if of_servers else None)

    def find_calls(self, since: datetime, until: datetime, at: Endpoint) -> Sequence[Call]:  # noqa: ARG002 - until now
        """GET the requests of each endpoint that is sold, with their inputs; they are sorted by their end."""
        start = {"start": f"{since:%Y-%m-%dT%H:%M:%SZ}"}
        urls = (_list_url({"endpoint_id": offer.slug, **start}, at) for offer in self.facts.offers)
        return [Call("GET", url, self.headers(at)) for url in urls]

    def read_find(self, answer: Answer, asked: Call) -> FindReading:
        """Rows with the input as it was sent, seed included."""
        rows, body = _ROWS.on(answer), answer.fields()
        cursor = fields.text(body.get("next_cursor"))
        if rows is None:
            return self.no_list(answer)
        return self.found(rows, asked.with_query(cursor=cursor) if body.get("has_more") and cursor else None)

    def candidate(self, row: dict[str, Any]) -> Candidate | None:
        """With its endpoint and its input."""
        told = {"model": fields.words(row.get("endpoint_id")) or None, **fields.obj(row.get("json_input"))}
        return _ROWS.candidate(row, told)

    def _made(self, result: dict[str, Any]) -> CheckReading:
        """A model's output."""
        return self.video(
            fields.obj(result.get("video")).get("url"),
            seed=fields.whole(result.get("seed")),
            prompt_expanded=fields.text(result.get("actual_prompt")),
        )

    def _made_row(self, row: dict[str, Any]) -> CheckReading:
        return self._made(fields.obj(row.get("json_output")))

    def _failed_row(self, row: dict[str, Any]) -> CheckReading:
        return self.failed(fields.obj(row.get("json_output")), str(row["status_code"]))


def _list_url(asked: dict[str, str], at: Endpoint) -> str:
    query = urlencode({**asked, "expand": "payloads", "limit": PAGE}, errors="replace")
    return f"{at.host('api')}{_LIST}?{query}"
