"""DashScope's task list: the tasks of a whole account over at most 24 hours, without their prompts."""

import uuid
from datetime import UTC, datetime
from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import BaseRoute, Route

from simulator.desk import Desk, number
from simulator.forms import Words
from simulator.renders import Task

#: Simulated seconds that one list may span, and spans when it does not say.
SPAN_S = 86_400
_WORDS = {"rendering": "RUNNING", "succeeded": "SUCCEEDED", "failed": "FAILED", "cancelled": "CANCELED"}


class DashScopeList:
    """The list at `/api/v1/tasks/`, as the documents spell it, and at `/api/v1/tasks`, as the official clients do."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk
        self._world = desk.world

    def routes(self) -> list[BaseRoute]:
        """The one path, in both spellings: a client that follows no redirect must find it, too."""
        return [Route("/api/v1/tasks/", self.tasks), Route("/api/v1/tasks", self.tasks)]

    async def tasks(self, request: Request) -> Response:
        """One page of the account's tasks, newest first."""
        return await self._desk.browse(request, self._page)

    def _page(self, request: Request, account: str, now: float) -> Response:
        """The asked page."""
        try:
            first, last = _span(request, now)
            page, size = number(request, "page_no", 1), number(request, "page_size", 10)
        except ValueError as error:
            return self._desk.error(Words(400, "InvalidParameter", str(error)))
        held = reversed(self._world.bank.account("dashscope", account).tasks)
        found = [
            task
            for task in held
            if first <= task.at <= last and self._world.visible(task, now) and _wanted(request, task, now)
        ]
        shown = [_row(task, now) for task in found[(page - 1) * size : page * size]]
        pages = -(-len(found) // size)
        answer = {"total": len(found), "data": shown, "total_page": pages, "page_no": page, "page_size": size}
        return JSONResponse({**answer, "request_id": str(uuid.uuid4())})


def _wanted(request: Request, task: Task, now: float) -> bool:
    """Whether the request's filters let this task through."""
    asked = request.query_params
    facts = {"task_id": task.task_id, "model_name": task.model, "status": _word(task, now)}
    return all(asked.get(name) in (None, "", value) for name, value in facts.items())


def _row(task: Task, now: float) -> dict[str, Any]:
    row = {
        "api_key_id": task.account,
        "caller_parent_id": "simulated",
        "caller_uid": "simulated",
        "gmt_create": round(task.at * 1000),
        "model_name": task.model,
        "region": "ap-southeast-1",
        "request_id": str(uuid.uuid5(uuid.NAMESPACE_URL, task.task_id)),
        "start_time": round(task.starts_at * 1000),
        "status": _word(task, now),
        "task_id": task.task_id,
        "user_api_unique_key": f"apikey:v1:aigc:text2video:video-synthesis:{task.model}",
    }
    return row if task.state == "rendering" else row | {"end_time": round(task.ends_at * 1000)}


def _word(task: Task, now: float) -> str:
    return "PENDING" if task.state == "rendering" and not task.started(now) else _WORDS[task.state]


def _span(request: Request, now: float) -> tuple[float, float]:
    """The first and the last instant asked for."""
    last = _instant(request, "end_time", now)
    first = _instant(request, "start_time", last - SPAN_S)
    if not 0 <= last - first <= SPAN_S:
        raise ValueError("the span from start_time to end_time must be within 24 hours")
    return first, last


def _instant(request: Request, name: str, default: float) -> float:
    text = request.query_params.get(name)
    if not text:
        return default
    try:
        return datetime.strptime(text, "%Y%m%d%H%M%S").replace(tzinfo=UTC).timestamp()
    except ValueError:
        raise ValueError(f"{name} must be YYYYMMDDhhmmss") from None
