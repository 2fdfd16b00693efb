"""fal's dialect: a queue that takes every request, and a platform host that lists requests and knows the balance.

Sources: fal.ai/docs (inference API, queue, request errors, platform APIs, FAQ), the published SDK fal-client 1.0.3, and
copies of the models' schemas, read in November 2026.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from http import HTTPStatus
from typing import Any, Literal
from urllib.parse import parse_qsl, urlencode

from jobs.job import Job, Mode, Render
from providers import fields, rules
from providers.contract import (
    Answer,
    Ask,
    Balance,
    Call,
    Candidate,
    CheckReading,
    Endpoint,
    Failed,
    FindReading,
    Finished,
    Found,
    Kind,
    Open,
    Unreadable,
)
from providers.offers import is_video
from providers.provider import Provider
from providers.rules import Rule

#: Rows on a page of the request list, the most there are.
PAGE = 100
_LIST = "/v1/models/requests/by-endpoint"
#: Error types of fal's own servers and runners, which come as 5xx: those are never billed.
_SERVER = r"(request|startup)timeout|runner.*|internal(server)?error"
_TOP_UP = "top up at fal.ai/dashboard/billing"
#: Owner and app of every model that is sold, whatever its endpoint: status, result and cancel stand below.
_TASKS = "/wan/v2.6/requests/"


class Fal(Provider):
    """A failed request is COMPLETED too, with its error. The status and the list tell no cost."""

    name = "fal"
    submit_path, task_path = "/{slug}", _TASKS + "{task_id}/status"
    open_words, good_words, bad_words = ("IN_QUEUE", "IN_PROGRESS"), ("COMPLETED",), ()
    balance_scope = "ADMIN"
    #: The list goes back 90 days for one request by its id; for how long it tells inputs is not said (chosen).
    memory_s = 29 * 86_400.0
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

    def headers(self, at: Endpoint) -> dict[str, str]:
        """`Key`, not Bearer."""
        return {"Authorization": f"Key {at.key}"}

    def body(self, job: Job) -> dict[str, Any]:
        """Durations are text; several shots are the default but in i2v; there the image gives the frame's shape."""
        render, offer = job.render, self.offer(job)
        order: dict[str, Any] = {
            "prompt": render.prompt,
            "negative_prompt": render.negative_prompt,
            "resolution": render.resolution,
            "duration": str(render.duration_s),
            "enable_prompt_expansion": render.prompt_expansion,
            "multi_shots": render.shot_type == "multi",
            "seed": job.seed,
            "enable_safety_checker": True,
        }
        if render.mode is Mode.I2V:
            order["image_url"] = render.image
        else:
            order["aspect_ratio"] = render.aspect_ratio
        if render.mode is Mode.R2V:
            order |= _references(render)
        if render.audio_track is not None:
            order["audio_url"] = render.audio_track
        return order | ({"enable_audio": render.audio} if offer.audio_switch else {})

    def bought(self, body: dict[str, Any], headers: Mapping[str, str]) -> tuple[Any, Any]:
        """The task's id is called request_id."""
        return body.get("request_id"), headers.get("x-fal-request-id")

    def read_check(self, answer: Answer, task_id: str, at: Endpoint) -> CheckReading:
        """Status, result, or the request's row in the list. The result of a failed request is the model's error."""
        body = answer.fields()
        if answer.status in rules.TAKEN and "items" in body:
            return self._listed(body, task_id)
        if answer.status in rules.TAKEN and "status" not in body and "video" in body:
            return self._made(body)
        if answer.status == HTTPStatus.UNPROCESSABLE_ENTITY and "detail" in body:
            return self.failed(body, str(answer.status))
        if answer.status == HTTPStatus.NOT_FOUND and fields.trouble(body)[1]:
            known = ",".join(offer.slug for offer in self.facts.offers)
            return Ask(self._list_call({"endpoint_id": known, "request_id": task_id}, at))
        return super().read_check(answer, task_id, at)

    def finished(self, task: dict[str, Any], answer: Answer, task_id: str, at: Endpoint) -> CheckReading:  # noqa: ARG002
        """COMPLETED is said of a failed request too, with its error; a good one's result is another call."""
        if task.get("error"):
            return self.failed(task, "COMPLETED")
        return self.follow(f"{at.base_url}{_TASKS}{fields.quoted(task_id)}", at)

    def failed(self, task: dict[str, Any], word: str) -> Failed:
        """Only what failed on fal's own side (5xx) is known to be unbilled: a 422 is billed now and then."""
        kind = fields.words(task.get("error_type"))
        reading = super().failed({**task, "code": kind} if kind else task, word)
        of_servers = word.startswith("5") or rules.judge(self.task_rules, kind, "").code == _SERVER
        return replace(reading, billed=False if of_servers else None)

    def find_calls(self, since: datetime, until: datetime, at: Endpoint) -> Sequence[Call]:  # noqa: ARG002 - until now
        """GET the requests of each endpoint that is sold, with their inputs; they are sorted by their end."""
        start = {"start": f"{since:%Y-%m-%dT%H:%M:%SZ}"}
        return [self._list_call({"endpoint_id": offer.slug, **start}, at) for offer in self.facts.offers]

    def read_find(self, answer: Answer, asked: Call) -> FindReading:
        """Rows with the input as it was sent, seed included."""
        body = answer.fields()
        rows, cursor = body.get("items"), fields.text(body.get("next_cursor"))
        if answer.status not in rules.TAKEN or not isinstance(rows, list):
            return self.no_list(answer)
        page, _, query = asked.url.partition("?")
        again = urlencode({**dict(parse_qsl(query)), "cursor": cursor})
        following = Call("GET", f"{page}?{again}", asked.headers) if body.get("has_more") and cursor else None
        return Found(tuple(filter(None, (_candidate(fields.obj(row)) for row in rows))), following)

    def cancel_call(self, task_id: str, at: Endpoint) -> Call | None:
        """PUT; what still waits in the queue is taken out, what runs is only sent a signal."""
        return Call("PUT", f"{at.base_url}{_TASKS}{fields.quoted(task_id)}/cancel", self.headers(at))

    def read_cancel(self, answer: Answer) -> bool:
        """OK alone says that it was taken out of the queue; a signal (CANCELLATION_REQUESTED) proves nothing."""
        return answer.status in rules.TAKEN and answer.fields().get("status") == "OK"

    def balance_call(self, at: Endpoint) -> Call | None:
        """GET the account's billing; keys without the scope ADMIN are refused there."""
        return Call("GET", f"{at.host('api')}/v1/account/billing?expand=credits", self.headers(at))

    def balance(self, body: dict[str, Any]) -> Balance | None:
        """The credits, in the currency that is told."""
        held = fields.obj(body.get("credits"))
        left = fields.amount(held.get("current_balance"))
        return None if left is None else Balance(left, fields.words(held.get("currency")) or "USD")

    def _list_call(self, asked: dict[str, str], at: Endpoint) -> Call:
        query = urlencode({**asked, "expand": "payloads", "limit": PAGE}, errors="replace")
        return Call("GET", f"{at.host('api')}{_LIST}?{query}", self.headers(at))

    def _made(self, result: dict[str, Any]) -> Finished | Unreadable:
        """A model's output."""
        return self.video(
            fields.obj(result.get("video")).get("url"),
            seed=fields.whole(result.get("seed")),
            prompt_expanded=fields.text(result.get("actual_prompt")),
        )

    def _listed(self, body: dict[str, Any], task_id: str) -> CheckReading:
        """The request's row in the list, which is longer remembered than its status."""
        held = body["items"] if isinstance(body["items"], list) else []
        row = next((fields.obj(row) for row in held if fields.obj(row).get("request_id") == task_id), {})
        output = fields.obj(row.get("json_output"))
        match _state(row) if row else None:
            case "open":
                return Open()
            case "succeeded":
                return self._made(output)
            case "failed":
                return self.failed(output, str(row["status_code"]))
        return Unreadable("the request is neither in the queue nor in the list")


def _references(render: Render) -> dict[str, Any]:
    """The prompt with fal's names for the references, and the references: videos first, as fal counts them.

    The matrix calls them character1, character2, ... in its own order. The flash model calls them so too, but in fal's
    order; the other one takes videos alone and calls them @Video1, @Video2, ...
    """
    videos = [uri for uri in render.references if is_video(uri)]
    images = [uri for uri in render.references if not is_video(uri)]
    stem = "Character" if render.model == "flash" else "@Video"
    places = {uri: place for place, uri in reversed([*enumerate((*videos, *images), 1)])}

    def named(found: re.Match[str]) -> str:
        number = int(found[1])
        known = 1 <= number <= len(render.references)
        return f"{stem}{places[render.references[number - 1]]}" if known else found[0]

    prompt = re.sub(r"\bcharacter(\d{1,9})\b", named, render.prompt, flags=re.IGNORECASE)
    return {"prompt": prompt, "video_urls": videos, **({"image_urls": images} if render.model == "flash" else {})}


def _state(row: Mapping[str, Any]) -> Literal["open", "succeeded", "failed"]:
    """Where a row of the list stands: it has a status code once it has ended."""
    status = fields.whole(row.get("status_code"))
    if status is None or not row.get("ended_at"):
        return "open"
    return "succeeded" if status in rules.TAKEN else "failed"


def _candidate(row: dict[str, Any]) -> Candidate | None:
    """A row of the list as a candidate; None for a row without a usable id."""
    task_id = fields.task_id(row.get("request_id"))
    if task_id is None:
        return None
    return Candidate(
        task_id=task_id,
        created_at=fields.instant(row.get("sent_at")),
        state=_state(row),
        told={"model": fields.words(row.get("endpoint_id")) or None, **fields.obj(row.get("json_input"))},
    )
