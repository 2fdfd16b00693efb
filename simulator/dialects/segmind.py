"""Segmind's v2 dialect: submit, status, result, credits and uploads.

A failed render answers HTTP 422 and is not billed. An hour after its submit, only the history still knows a request.
"""

import math
from collections.abc import Sequence
from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import BaseRoute, Route

from simulator.bank import MICRO
from simulator.clock import iso
from simulator.desk import Ask, Asked, Desk, address
from simulator.dialects import segmind_orders
from simulator.dialects.segmind_history import FILE_LIFE_S, SegmindHistory
from simulator.forms import Refused, Words, parsed
from simulator.limits import Grant, Limit
from simulator.renders import Task
from simulator.shelf import unpacked
from simulator.weather import Fault
from simulator.world import World, account_of


class Segmind(Desk):
    """The dialect under `/segmind`."""

    name = "segmind"
    failed = ("", "Prediction failed: the model ended without an output")
    refused = ("", "Content moderation: the prompt was flagged and refused")
    penniless = Words(406, "", "Insufficient credits")
    #: A request is remembered for an hour.
    life_s = 3_600

    def __init__(self, world: World) -> None:
        super().__init__(world)
        self._limit = Limit("requests a minute", world.options.submits_per_minute or 50, 60)
        self.slots = world.options.slots

    def routes(self) -> list[BaseRoute]:
        """Every path of the dialect, below its mount."""
        return [
            Route("/v2/requests/{request_id}/status", self.status),
            Route("/v2/requests/{request_id}", self.result),
            Route("/v2/{slug}", self.submit, methods=["POST"]),
            Route("/v1/get-user-credits", self.credits),
            Route("/workflows/upload-asset", self.upload, methods=["POST"]),
            *SegmindHistory(self).routes(),
        ]

    async def status(self, request: Request) -> Response:
        """Where a request stands."""
        return await self.look(request, request.path_params["request_id"], self._status, on="status")

    async def result(self, request: Request) -> Response:
        """A finished request with its output, cost and the credits that remain."""
        return await self.look(request, request.path_params["request_id"], self._result, on="result")

    async def credits(self, request: Request) -> Response:
        """What the account still holds."""
        return await self.browse(request, self._credits, ask="balance")

    async def upload(self, request: Request) -> Response:
        """Keep files that come as data URIs, at the upload host's path."""
        body = parsed(await request.body())
        return await self.browse(request, lambda request, _, __: self._kept(request, body), ask="upload")

    def account(self, request: Request) -> str | Response:
        """The account of the request's key, or the 401 for it."""
        key = request.headers.get("x-api-key")
        if key is None:
            return self.error(Words(401, "", "Missing Authorization or x-api-key in header"))
        words = "Unauthorized. API key is invalid or may have expired. Please check your API key."
        return account_of(key) or self.error(Words(401, "", words))

    def windows(self, ask: Ask) -> Sequence[Limit]:
        """The minute's window. Whether polls count in it is not documented; by default they do not."""
        polls = ask == "poll" and self.world.options.segmind_polls_count
        return (self._limit,) if ask == "submit" or polls else ()

    def error(self, words: Words) -> Response:
        """The one error body."""
        return JSONResponse({"error": words.message}, words.status)

    def throttled(self, retry_after_s: float | None) -> Response:
        """A 429; by default without Retry-After, as documented, and with the instant at which the limit resets."""
        answer = self.error(Words(429, "", "Rate limit exceeded. Please try again later."))
        answer.headers["x-rate-limit-reset-at-utc"] = iso(self.world.clock.now() + (retry_after_s or 1))
        if retry_after_s is not None:
            answer.headers["retry-after"] = f"{retry_after_s:g}"
        return answer

    def over(self, grant: Grant) -> Response:
        """The 429 for one request more than the window allows."""
        answer = super().over(grant)
        answer.headers["x-rate-limit-reset-at-utc"] = iso(grant.reset_at)
        return answer

    def dressed(self, request: Request, answer: Response, grant: Grant | None) -> Response:  # noqa: ARG002 (the desk's)
        """The answer with the window's two headers."""
        if grant is not None:
            answer.headers.setdefault("x-rate-limit-reset-at-utc", iso(grant.reset_at))
            answer.headers["x-rate-limit-remaining"] = str(grant.remaining)
        return answer

    def read(self, request: Request, body: bytes) -> Asked:
        """Read the order; only JSON is read."""
        if not request.headers.get("content-type", "").startswith("application/json"):
            raise Refused(406, "", "Invalid content type")
        return segmind_orders.read(request.path_params["slug"], body)

    def accepted(self, request: Request, task: Task) -> Response:
        """The request's id and its links."""
        poll = {"poll_url": f"{address(request)}/segmind/v1/requests/{task.task_id}"}
        return JSONResponse({"request_id": task.task_id, "status": "QUEUED", **poll, **_urls(request, task)})

    def unknown(self, task_id: str) -> Response:
        """Foreign, forgotten or never there."""
        return self.error(Words(404, "", f"Request {task_id} not found"))

    def _credits(self, _: Request, account: str, __: float) -> Response:
        held = self.world.bank.account(self.name, account).balance_uusd / MICRO
        return JSONResponse({"credits": held, "free-credits": 0.0})

    def _kept(self, request: Request, body: dict[str, Any] | None) -> Response:
        """The links to what was uploaded; how long they live is not documented, here for good."""
        uris = (body or {}).get("data_urls")
        files = [unpacked(uri) for uri in uris] if isinstance(uris, list) else []
        kept = [file for file in files if file is not None]
        if not files or len(kept) < len(files):
            return self.error(Words(400, "", "data_urls must be an array of base64 data URLs"))
        links = [self.world.shelve(request, data, kind, math.inf) for kind, data in kept]
        return JSONResponse({"file_urls": links, "message": "Files uploaded successfully"})

    def _status(self, request: Request, task: Task, now: float, _: Fault | None) -> Response:
        """The status body; under 422 where it ended badly."""
        body = {"status": _state(task, now), "request_id": task.task_id, **_urls(request, task), "metrics": {}}
        if task.state == "failed":
            return self._failure(task)
        if task.state == "succeeded":
            body["metrics"] = {"inference_time": round(task.ends_at - task.starts_at, 3)}
        return JSONResponse(body)

    def _result(self, request: Request, task: Task, now: float, fault: Fault | None) -> Response:
        """The result body and its two money headers; under 422 where it ended badly."""
        if task.state == "failed":
            return self._failure(task)
        if task.state != "succeeded":
            return JSONResponse({"status": _state(task, now), "error": None, "metrics": {}, "output": None})
        task.results += 1
        cost, remaining = (task.cost_uusd or 0) / MICRO, (task.remaining_uusd or 0) / MICRO
        body = {
            "status": "COMPLETED",
            "error": None,
            "metrics": {**_times(task), "cost": cost, "remaining_credits": remaining},
            "output": self.world.video_url(request, task, task.ends_at + FILE_LIFE_S, fault),
        }
        return JSONResponse(body, headers={"x-cost": f"{cost:g}", "x-remaining-credits": f"{remaining:.6f}"})

    def _failure(self, task: Task) -> Response:
        """A failed render: HTTP 422, no billing fields."""
        message = task.failure[1] if task.failure else self.failed[1]
        return JSONResponse({"status": "FAILED", "error": message, "metrics": _times(task)}, 422)


def _state(task: Task, now: float) -> str:
    if task.state == "rendering":
        return "PROCESSING" if task.started(now) else "QUEUED"
    return "COMPLETED" if task.state == "succeeded" else "FAILED"


def _times(task: Task) -> dict[str, Any]:
    return {
        "inference_time": round(task.ends_at - task.starts_at, 3),
        "queue_time": round(task.starts_at - task.at, 3),
        "total_time": round(task.ends_at - task.at, 3),
    }


def _urls(request: Request, task: Task) -> dict[str, str]:
    """The links back to a request, at the address by which the client came."""
    base = f"{address(request)}/segmind/v2/requests/{task.task_id}"
    return {"status_url": f"{base}/status", "response_url": base}
