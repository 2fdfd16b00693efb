"""Segmind's v2 dialect: submit, status, result, credits and the request history.

A failed render answers HTTP 422 and is not billed. An hour after its submit, only the history still knows a request.
"""

import dataclasses
from http import HTTPStatus
from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import BaseRoute, Route

from simulator.bank import MICRO
from simulator.clock import iso
from simulator.dialects import segmind_orders
from simulator.dialects.segmind_history import FILE_LIFE_S, SegmindHistory
from simulator.exchange import exchange
from simulator.limits import Grant, Limit
from simulator.renders import Task
from simulator.weather import Fault, On
from simulator.world import World, account_of

#: Simulated seconds that a request is remembered, from its submit on.
RECORD_LIFE_S = 3_600


class Segmind:
    """The dialect under `/segmind`."""

    name = "segmind"
    failed = ("", "Prediction failed: the model ended without an output")
    refused = ("", "Content moderation: the prompt was flagged and refused")

    def __init__(self, world: World) -> None:
        self._world = world
        self._tally = world.tallies[self.name]
        count = world.options.submits_per_minute or 50
        self._limit = Limit("requests a minute", count, 60)

    def routes(self) -> list[BaseRoute]:
        """Every path of the dialect, below its mount."""
        history = SegmindHistory(self._world, self)
        return [
            Route("/v2/requests/{request_id}/status", self.status),
            Route("/v2/requests/{request_id}", self.result),
            Route("/v2/{slug}", self.submit, methods=["POST"]),
            Route("/v1/get-user-credits", self.credits),
            *history.routes(),
        ]

    async def submit(self, request: Request) -> Response:
        """Take an order, or say why not. Only the passing of this counts in the minute's window."""
        body = await request.body()
        self._tally.counts["submits"] += 1
        account = self.account(request)
        if isinstance(account, Response):
            return account
        grant = self._world.take(self.name, account, self._limit, self._world.now())
        if not grant.passed:
            return self._over(grant)
        key = self._world.submit_key(self.name, body)
        answer = await exchange(self._world, self, "submit", key, lambda _: self._sell(request, account, body))
        return self._limited(answer, grant)

    async def status(self, request: Request) -> Response:
        """Where a request stands."""
        return await self._poll(request, result=False)

    async def result(self, request: Request) -> Response:
        """A finished request with its output, cost and the credits that remain."""
        return await self._poll(request, result=True)

    async def credits(self, request: Request) -> Response:
        """What the account still holds."""
        self._world.now()
        account = self.account(request)
        if isinstance(account, Response):
            return account
        held = self._world.bank.account(self.name, account).balance_uusd / MICRO
        answer = JSONResponse({"credits": held, "free-credits": 0.0})
        return await exchange(self._world, self, "list", "credits", lambda _: answer)

    def account(self, request: Request) -> str | Response:
        """The account of the request's key, or the 401 for it."""
        key = request.headers.get("x-api-key")
        if key is None:
            return _error(401, "Missing Authorization or x-api-key in header")
        words = "Unauthorized. API key is invalid or may have expired. Please check your API key."
        return account_of(key) or _error(401, words)

    def throttled(self, retry_after_s: float | None) -> Response:
        """A 429; by default without Retry-After, as documented, and with the instant at which the limit resets."""
        answer = _error(429, "Rate limit exceeded. Please try again later.")
        answer.headers["x-rate-limit-reset-at-utc"] = iso(self._world.clock.now() + (retry_after_s or 1))
        if retry_after_s is not None:
            answer.headers["retry-after"] = f"{retry_after_s:g}"
        return answer

    def broken(self, status: int) -> Response:
        """A 5xx."""
        return _error(status, HTTPStatus(status).phrase)

    def _over(self, grant: Grant) -> Response:
        """The 429 for one request more than the window allows."""
        answer = self.throttled(self._world.sky.weather.retry_after_s)
        answer.headers["x-rate-limit-reset-at-utc"] = iso(grant.reset_at)
        return self._limited(answer, grant)

    def _limited(self, answer: Response, grant: Grant) -> Response:
        """The answer with the window's two headers."""
        answer.headers.setdefault("x-rate-limit-reset-at-utc", iso(grant.reset_at))
        answer.headers["x-rate-limit-remaining"] = str(grant.remaining)
        return answer

    def _sell(self, request: Request, account: str, body: bytes) -> Response:
        """Read the order, check the credits and accept."""
        if not request.headers.get("content-type", "").startswith("application/json"):
            return _error(406, "Invalid content type")
        slug = request.path_params["slug"]
        try:
            inputs, order = segmind_orders.read(slug, body)
        except segmind_orders.Refused as refusal:
            return _error(refusal.status, str(refusal))
        self._world.now()
        if not self._world.bank.account(self.name, account).can_pay(order.price_uusd):
            return _error(406, "Insufficient credits")
        if self._world.refused_word(order.prompt):
            order = dataclasses.replace(order, broken=self.refused)
        task = self._world.accept(self.name, account, slug, inputs, order, self)
        return JSONResponse({"request_id": task.task_id, "status": "QUEUED", **_urls(request, task, poll_url=True)})

    async def _poll(self, request: Request, *, result: bool) -> Response:
        """Find the task and answer under the weather."""
        self._tally.poll()
        account = self.account(request)
        if isinstance(account, Response):
            return account
        now = self._world.now()
        if self._world.options.segmind_polls_count:
            grant = self._world.take(self.name, account, self._limit, now)
            if not grant.passed:
                return self._over(grant)
        request_id = request.path_params["request_id"]
        task = self._world.bank.tasks.get(request_id)
        if task is None or task.account != account or task.provider != self.name or now >= task.at + RECORD_LIFE_S:
            return _error(404, f"Request {request_id} not found")
        task.polls += 1
        on: On = "result" if result else "status"
        answer = self._result if result else self._status
        key = f"{task.key}:{task.polls}"
        return await exchange(self._world, self, on, key, lambda fault: answer(request, task, now, fault))

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
            "output": self._world.video_url(request, task, task.ends_at + FILE_LIFE_S, fault),
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


def _urls(request: Request, task: Task, *, poll_url: bool = False) -> dict[str, str]:
    """The links back to a request, at the address by which the client came."""
    base = f"{request.scope['scheme']}://{request.headers['host']}/segmind"
    links = {
        "status_url": f"{base}/v2/requests/{task.task_id}/status",
        "response_url": f"{base}/v2/requests/{task.task_id}",
    }
    return {"poll_url": f"{base}/v1/requests/{task.task_id}", **links} if poll_url else links


def _error(status: int, message: str) -> JSONResponse:
    return JSONResponse({"error": message}, status)
