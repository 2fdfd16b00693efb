"""DashScope's dialect: asynchronous tasks, their list and their cancel. A failed task answers HTTP 200.

What a sixth task in flight meets is not documented: here it is refused with `Throttling`. Times without a zone are UTC.
"""

import uuid
from http import HTTPStatus
from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import BaseRoute, Route

from simulator.clock import utc
from simulator.dialects import dashscope_orders
from simulator.dialects.dashscope_list import DashScopeList
from simulator.exchange import exchange
from simulator.limits import Limit
from simulator.renders import Task
from simulator.weather import Fault, On
from simulator.world import World, account_of

#: Simulated seconds that a task (from its submit) and a link (from its completion) live.
LIFE_S = 86_400
_TASKS = "/api/v1/tasks"
_STATES = {"rendering": "RUNNING", "succeeded": "SUCCEEDED", "failed": "FAILED", "cancelled": "CANCELED"}


class DashScope:
    """The dialect under `/dashscope`."""

    name = "dashscope"
    failed = ("InternalError.Algo", "An internal error has occured during execution, please try again later.")
    refused = ("DataInspectionFailed", "Output data may contain inappropriate content.")

    def __init__(self, world: World) -> None:
        self._world = world
        self._tally = world.tallies[self.name]
        self._submits = Limit("submits a second", world.options.submits_per_second or 5, 1)
        self._slots = world.options.slots or 5

    def routes(self) -> list[BaseRoute]:
        """Every path of the dialect, below its mount."""
        listing = DashScopeList(self._world, self, self.checked)
        return [
            Route("/api/v1/services/aigc/video-generation/video-synthesis", self.submit, methods=["POST"]),
            *listing.routes(),
            Route(_TASKS + "/{task_id}", self.task),
            Route(_TASKS + "/{task_id}/cancel", self.cancel, methods=["POST"]),
        ]

    async def submit(self, request: Request) -> Response:
        """Take an order, or say why not."""
        body = await request.body()
        self._tally.counts["submits"] += 1
        account = self.account(request)
        if isinstance(account, Response):
            return account
        if not self._world.take(self.name, account, self._submits, self._world.now()).passed:
            return self.throttled(self._world.sky.weather.retry_after_s)
        key = self._world.submit_key(self.name, body)
        return await exchange(self._world, self, "submit", key, lambda _: self._sell(request, account, body))

    async def task(self, request: Request) -> Response:
        """Where a task stands, with its video once it has one."""
        self._tally.poll()
        account = self.account(request)
        if isinstance(account, Response):
            return account
        if (late := self.checked(account, "queries a second")) is not None:
            return late
        now = self._world.now()
        task = self._mine(request, account, now)
        if task is None:
            return _answer({"task_id": request.path_params["task_id"], "task_status": "UNKNOWN"})
        task.polls += 1
        on: On = "result" if task.state == "succeeded" else "status"
        key = f"{task.key}:{task.polls}"
        return await exchange(self._world, self, on, key, lambda fault: self._facts(request, task, now, fault))

    async def cancel(self, request: Request) -> Response:
        """End a task that still waits in the queue; a started one cannot be cancelled."""
        account = self.account(request)
        if isinstance(account, Response):
            return account
        if (late := self.checked(account, "cancels a second")) is not None:
            return late
        now = self._world.now()
        task = self._mine(request, account, now)
        if task is None or task.state != "rendering" or task.started(now):
            words = "Failed to cancel the task, please confirm if the task is in PENDING status."
            return _error(400, "UnsupportedOperation", words)
        self._world.bank.cancel(task, now)
        return JSONResponse({"request_id": str(uuid.uuid4())})

    def account(self, request: Request) -> str | Response:
        """The account of the request's key, or the 401 for it."""
        scheme, _, key = request.headers.get("authorization", "").partition(" ")
        if scheme.lower() != "bearer" or not key:
            return _error(401, "InvalidApiKey", "No API-key provided.")
        return account_of(key) or _error(401, "InvalidApiKey", "Invalid API-key provided.")

    def checked(self, account: str, limit: str) -> Response | None:
        """The 429 for a query, list or cancel beyond 20 a second, or None where it may pass."""
        if self._world.options.no_query_limits:
            return None
        grant = self._world.take(self.name, account, Limit(limit, 20, 1), self._world.clock.now())
        return None if grant.passed else self.throttled(self._world.sky.weather.retry_after_s)

    def throttled(self, retry_after_s: float | None, *, code: str = "Throttling.RateQuota") -> Response:
        """A 429 for too many requests; Retry-After is not documented and only sent when asked for."""
        answer = _error(429, code, "Requests rate limit exceeded, please try again later.")
        if retry_after_s is not None:
            answer.headers["retry-after"] = f"{retry_after_s:g}"
        return answer

    def broken(self, status: int) -> Response:
        """A 5xx; a gateway's has no JSON body."""
        if status in (502, 504):
            return Response(f"<html><body><h1>{status}</h1></body></html>", status, media_type="text/html")
        code = "ModelUnavailable" if status == HTTPStatus.SERVICE_UNAVAILABLE else "InternalError"
        return _error(status, code, "An internal error has occured, please try again later or contact service support.")

    def _sell(self, request: Request, account: str, body: bytes) -> Response:
        """Read the order, check word, credit and slots, and accept."""
        if request.headers.get("x-dashscope-async") != "enable":
            return _error(403, "AccessDenied", "current user api does not support synchronous calls.")
        try:
            model, inputs, order = dashscope_orders.read(body)
        except dashscope_orders.Refused as refusal:
            return _error(refusal.status, refusal.code, str(refusal))
        if self._world.refused_word(order.prompt):
            return _error(400, "DataInspectionFailed", "Input data may contain inappropriate content.")
        holder = self._world.bank.account(self.name, account)
        now = self._world.now()
        if not holder.can_pay(order.price_uusd):
            words = "Access denied, please make sure your account is in good standing."
            return _error(400, "Arrearage", words)
        if holder.in_flight >= self._slots and not self._world.options.no_limits:
            self._tally.counts["throttled"] += 1
            self._world.limits.violated(self.name, account, "tasks in flight", now, f"{self._slots} are in flight")
            return self.throttled(self._world.sky.weather.retry_after_s, code="Throttling")
        task = self._world.accept(self.name, account, model, inputs, order, self)
        return _answer({"task_status": "PENDING", "task_id": task.task_id})

    def _mine(self, request: Request, account: str, now: float) -> Task | None:
        """The account's task, while it is remembered."""
        task = self._world.bank.tasks.get(request.path_params["task_id"])
        if task is None or (task.provider, task.account) != (self.name, account) or now >= task.at + LIFE_S:
            return None
        return task

    def _facts(self, request: Request, task: Task, now: float, fault: Fault | None) -> Response:
        """The task's body."""
        output: dict[str, Any] = {"task_id": task.task_id, "task_status": status_of(task, now)}
        output["submit_time"] = _stamp(task.at)
        if task.started(now) and task.state != "cancelled":
            output["scheduled_time"] = _stamp(task.starts_at)
        if task.state == "rendering":
            return _answer(output)
        output["end_time"] = _stamp(task.ends_at)
        if task.failure is not None and task.state == "failed":
            output["code"], output["message"] = task.failure
        if task.state != "succeeded":
            return _answer(output)
        task.results += 1
        output["orig_prompt"] = task.order.prompt
        output["video_url"] = self._world.video_url(request, task, task.ends_at + LIFE_S, fault)
        return _answer(output, _usage(task))


def status_of(task: Task, now: float) -> str:
    """The dialect's word for where a task stands."""
    return "PENDING" if task.state == "rendering" and not task.started(now) else _STATES[task.state]


def _usage(task: Task) -> dict[str, Any]:
    """What is billed: seconds of output, and of reference video."""
    order = task.order
    lines = dashscope_orders.lines_of(order.width, order.height)
    usage = {
        "duration": order.duration_s + order.input_video_s,
        "size": f"{order.width}*{order.height}",
        "input_video_duration": order.input_video_s,
        "output_video_duration": order.duration_s,
        "video_count": 1,
        "SR": lines,
    }
    return usage | {"audio": order.audio} if "flash" in task.model else usage


def _stamp(simulated_s: float) -> str:
    return utc(simulated_s).strftime("%Y-%m-%d %H:%M:%S.%f")[:-3]


def _answer(output: dict[str, Any], usage: dict[str, Any] | None = None) -> JSONResponse:
    body: dict[str, Any] = {"request_id": str(uuid.uuid4()), "output": output}
    return JSONResponse(body if usage is None else body | {"usage": usage})


def _error(status: int, code: str, message: str) -> JSONResponse:
    return JSONResponse({"code": code, "message": message, "request_id": str(uuid.uuid4())}, status)
