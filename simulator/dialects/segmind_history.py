"""Segmind's request history, which lives on another host: every request of any age, with its inputs and its cost."""

from datetime import UTC, date, datetime, timedelta
from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import BaseRoute, Route

from simulator.bank import MICRO
from simulator.clock import iso, utc
from simulator.desk import Desk, number
from simulator.renders import Task

#: Days that one request may span, and that it spans when it does not say.
MAX_DAYS = 31
DEFAULT_DAYS = 7
#: Simulated seconds that a file is kept, from its completion on.
FILE_LIFE_S = 7 * 86_400
_PATH = "/spotprod/inference-request/request-history"
_STATES = {"rendering": "PENDING", "succeeded": "COMPLETED", "failed": "FAILED", "cancelled": "FAILED"}


class SegmindHistory:
    """The history host, below `/segmind/spotprod`."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk
        self._world = desk.world

    def routes(self) -> list[BaseRoute]:
        """The list and the single row."""
        return [Route(_PATH, self.rows), Route(_PATH + "/{request_id}", self.row)]

    async def rows(self, request: Request) -> Response:
        """One page of the account's requests, newest first unless `sort_order=asc`."""
        return await self._desk.browse(request, self._rows)

    async def row(self, request: Request) -> Response:
        """One request of any age, with the same fields."""
        return await self._desk.browse(request, self._found)

    def _rows(self, request: Request, account: str, now: float) -> Response:
        """The asked page."""
        try:
            page, per_page = number(request, "page", 1, 10**9), number(request, "per_page", 20, 100)
            first, last = _window(request, utc(now).date())
        except ValueError as error:
            return JSONResponse({"error": str(error)}, 400)
        tasks = [
            task
            for task in self._world.bank.account("segmind", account).tasks
            if self._world.visible(task, now) and first <= utc(task.at).date() <= last and _wanted(request, task)
        ]
        if request.query_params.get("sort_order") != "asc":
            tasks.reverse()
        chosen = tasks[(page - 1) * per_page : page * per_page]
        return JSONResponse({"data": [self._row(request, task) for task in chosen]})

    def _found(self, request: Request, account: str, now: float) -> Response:
        """The one asked row."""
        request_id = request.path_params["request_id"]
        task = self._world.bank.tasks.get(request_id)
        if task is None or (task.provider, task.account) != ("segmind", account) or not self._world.visible(task, now):
            return JSONResponse({"error": f"Request {request_id} not found"}, 404)
        return JSONResponse(self._row(request, task))

    def _row(self, request: Request, task: Task) -> dict[str, Any]:
        link = self._world.video_url(request, task, task.ends_at + FILE_LIFE_S) if task.state == "succeeded" else None
        over = task.state != "rendering"
        return {
            "request_id": task.task_id,
            "model_name": task.model,
            "model_status": _STATES[task.state],
            "model_created": iso(task.at),
            "credits_deduction": (task.cost_uusd or 0) / MICRO if over else None,
            "request_body": task.input,
            "generation_url": link,
            "latency_ms": round((task.ends_at - task.at) * 1000) if over else None,
            "error": task.failure[1] if task.state == "failed" and task.failure else None,
        }


def _wanted(request: Request, task: Task) -> bool:
    """Whether the request's filters let this task through."""
    status, model = request.query_params.get("status"), request.query_params.get("model_name")
    return (status is None or status == _STATES[task.state]) and (model is None or model in task.model)


def _window(request: Request, today: date) -> tuple[date, date]:
    """The first and the last day asked for, both included."""
    last = _day(request, "to_date", today)
    first = _day(request, "from_date", last - timedelta(days=DEFAULT_DAYS))
    if not 0 <= (last - first).days <= MAX_DAYS:
        raise ValueError(f"from_date and to_date may span at most {MAX_DAYS} days")
    return first, last


def _day(request: Request, name: str, default: date) -> date:
    text = request.query_params.get(name)
    if text is None:
        return default
    try:
        return datetime.strptime(text, "%Y-%m-%d").replace(tzinfo=UTC).date()
    except ValueError:
        raise ValueError(f"{name} must be YYYY-MM-DD") from None
