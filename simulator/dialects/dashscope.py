"""DashScope's dialect: asynchronous tasks, their list and their cancel. A failed task answers HTTP 200.

What a sixth task in flight meets is not documented: here it is refused with `Throttling`. Times without a zone are UTC.
"""

import uuid
from collections import defaultdict, deque
from collections.abc import Sequence
from http import HTTPStatus
from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import BaseRoute, Route

from simulator.clock import utc
from simulator.desk import Ask, Asked, Desk, bearer
from simulator.dialects import dashscope_orders
from simulator.dialects.dashscope_list import DashScopeList
from simulator.forms import Refused, Words
from simulator.limits import Limit
from simulator.renders import Task
from simulator.weather import Fault
from simulator.world import World, account_of

#: Simulated seconds that a task (from its submit) and a link (from its completion) live.
LIFE_S = 86_400
_TASKS = "/api/v1/tasks"
_STATES = {"rendering": "RUNNING", "succeeded": "SUCCEEDED", "failed": "FAILED", "cancelled": "CANCELED"}
#: Each kind of question has twenty a second of its own.
_QUESTIONS: dict[Ask, Limit] = {
    "poll": Limit("queries a second", 20, 1),
    "list": Limit("lists a second", 20, 1),
    "cancel": Limit("cancels a second", 20, 1),
}


class DashScope(Desk):
    """The dialect under `/dashscope`."""

    name = "dashscope"
    failed = ("InternalError.Algo", "An internal error has occured during execution, please try again later.")
    refused = ("DataInspectionFailed", "Output data may contain inappropriate content.")
    penniless = Words(400, "Arrearage", "Access denied, please make sure your account is in good standing.")
    flagged = Words(400, "DataInspectionFailed", "Input data may contain inappropriate content.")
    life_s = LIFE_S

    def __init__(self, world: World) -> None:
        super().__init__(world)
        self._submits = Limit("submits a second", world.options.submits_per_second or 5, 1)
        self.slots = world.options.slots or 5
        #: When each account's submits of the last two seconds came.
        self._recent: defaultdict[str, deque[float]] = defaultdict(deque)

    def routes(self) -> list[BaseRoute]:
        """Every path of the dialect, below its mount."""
        return [
            Route("/api/v1/services/aigc/video-generation/video-synthesis", self.submit, methods=["POST"]),
            *DashScopeList(self).routes(),
            Route("/api/v1/quotas", self.quotas),
            Route(_TASKS + "/{task_id}", self.task),
            Route(_TASKS + "/{task_id}/cancel", self.cancel, methods=["POST"]),
        ]

    async def task(self, request: Request) -> Response:
        """Where a task stands, with its video once it has one."""
        return await self.look(request, request.path_params["task_id"], self._facts)

    async def cancel(self, request: Request) -> Response:
        """End a task that still waits in the queue; a started one cannot be cancelled."""
        return await self.browse(request, self._cancelled, ask="cancel")

    async def quotas(self, request: Request) -> Response:
        """The limits of each model for the key's account."""
        return await self.browse(request, self._quotas)

    def account(self, request: Request) -> str | Response:
        """The account of the request's key, or the 401 for it."""
        key = bearer(request)
        if key is None:
            return self.error(Words(401, "InvalidApiKey", "No API-key provided."))
        return account_of(key) or self.error(Words(401, "InvalidApiKey", "Invalid API-key provided."))

    def windows(self, ask: Ask) -> Sequence[Limit]:
        """Submits have their window; queries, lists and cancels have one each, unless it is lifted."""
        if ask == "submit":
            return (self._submits,)
        return () if self.world.options.no_query_limits or ask not in _QUESTIONS else (_QUESTIONS[ask],)

    def error(self, words: Words) -> Response:
        """The one error body."""
        body = {"code": words.code, "message": words.message, "request_id": str(uuid.uuid4())}
        return JSONResponse(body, words.status)

    def throttled(self, retry_after_s: float | None, *, code: str = "Throttling.RateQuota") -> Response:
        """A 429 for too many requests; Retry-After is not documented and only sent when asked for."""
        answer = self.error(Words(429, code, "Requests rate limit exceeded, please try again later."))
        if retry_after_s is not None:
            answer.headers["retry-after"] = f"{retry_after_s:g}"
        return answer

    def broken(self, status: int) -> Response:
        """A 5xx; a gateway's has no JSON body."""
        if status in (502, 504):
            return Response(f"<html><body><h1>{status}</h1></body></html>", status, media_type="text/html")
        code = "ModelUnavailable" if status == HTTPStatus.SERVICE_UNAVAILABLE else "InternalError"
        words = "An internal error has occured, please try again later or contact service support."
        return self.error(Words(status, code, words))

    def crowded(self) -> Response:
        """The refusal of a task more than may be in flight."""
        return self.throttled(self.world.sky.weather.retry_after_s, code="Throttling")

    def sell(self, request: Request, account: str, body: bytes) -> Response:
        """As everywhere, unless the rate grows too quickly, which is refused also under the limit."""
        now, recent, ramp = self.world.now(), self._recent[account], self.world.options.ramp
        while recent and recent[0] <= now - 2:
            recent.popleft()
        this = sum(at > now - 1 for at in recent)
        if ramp is not None and this + 1 > len(recent) - this + ramp:
            self.tally.counts["throttled"] += 1
            self.world.limits.violated(self.name, account, "growth of submits", now, f"{this} in the last second")
            return self.throttled(self.world.sky.weather.retry_after_s, code="Throttling.BurstRate")
        recent.append(now)
        return super().sell(request, account, body)

    def read(self, request: Request, body: bytes) -> Asked:
        """Read the order; a synchronous call is none."""
        if request.headers.get("x-dashscope-async") != "enable":
            raise Refused(403, "AccessDenied", "current user api does not support synchronous calls.")
        return dashscope_orders.read(body)

    def accepted(self, request: Request, task: Task) -> Response:  # noqa: ARG002 (the desk's)
        """The task's id."""
        return _answer({"task_status": "PENDING", "task_id": task.task_id})

    def unknown(self, task_id: str) -> Response:
        """UNKNOWN: expired, foreign or never there."""
        return _answer({"task_id": task_id, "task_status": "UNKNOWN"})

    def _quotas(self, request: Request, account: str, now: float) -> Response:  # noqa: ARG002 (the desk's)
        """As "List model quotas" has it; a workspace has none of its own here."""
        limit = {
            "request_limit": self._submits.count, "request_limit_period": 1, "usage_limit": None,
            "async_user_queue_limit": self.slots, "async_user_concurrency_limit": self.slots,
        }  # fmt: skip
        wanted = request.query_params.get("name", "")
        rows = [
            {"model": model, "workspace_id": "ws-1", "model_limit": limit, "workspace_limit": None}
            for model in dashscope_orders.MODELS
            if wanted in model
        ]
        return _answer({"total": len(rows), "page_no": 1, "page_size": len(rows), "quotas": rows})

    def _cancelled(self, request: Request, account: str, now: float) -> Response:
        task = self.find(account, request.path_params["task_id"], now)
        if task is None or task.state != "rendering" or task.started(now):
            words = "Failed to cancel the task, please confirm if the task is in PENDING status."
            return self.error(Words(400, "UnsupportedOperation", words))
        self.world.bank.cancel(task, now)
        return JSONResponse({"request_id": str(uuid.uuid4())})

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
        output["video_url"] = self.world.video_url(request, task, task.ends_at + LIFE_S, fault)
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
