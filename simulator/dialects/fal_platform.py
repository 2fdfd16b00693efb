"""fal's platform host: the list of an endpoint's requests, with their inputs when asked, and the account's balance.

Made up, since no document tells: that requests which still run are listed too, in the order of their submits.
"""

import base64
from collections.abc import Callable
from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import BaseRoute, Route

from simulator.bank import MICRO
from simulator.clock import iso
from simulator.desk import Desk, instant, number
from simulator.renders import Task

#: Simulated seconds that a list reaches back where the request does not say.
SPAN_S = 86_400
#: The same where one request is asked for by its id.
LONG_SPAN_S = 90 * 86_400
#: Requests on a page: by default, and at most.
PAGE, MOST = 50, 100
_PATH = "/api/v1"
_STATUSES = ("success", "error", "user_error")


class FalPlatform:
    """The host `api.fal.ai`, below `/fal/api`."""

    def __init__(self, desk: Desk, output: Callable[[Request, Task], dict[str, Any]]) -> None:
        self._desk = desk
        self._output = output
        self._world = desk.world

    def routes(self) -> list[BaseRoute]:
        """The list and the balance."""
        return [
            Route(_PATH + "/models/requests/by-endpoint", self.requests),
            Route(_PATH + "/account/billing", self.billing),
        ]

    async def requests(self, request: Request) -> Response:
        """One page of the account's requests to an endpoint, newest first."""
        return await self._desk.browse(request, self._page)

    async def billing(self, request: Request) -> Response:
        """The account, and with `expand=credits` what it holds."""
        return await self._desk.browse(request, self._billing, ask="balance")

    def _billing(self, request: Request, account: str, _: float) -> Response:
        body: dict[str, Any] = {"username": account}
        if "credits" in _expanded(request):
            held = self._world.bank.account(self._desk.name, account).balance_uusd / MICRO
            body["credits"] = {"current_balance": held, "currency": "USD"}
        return JSONResponse(body)

    def _page(self, request: Request, account: str, now: float) -> Response:
        """The asked page."""
        asked = request.query_params
        endpoints = [one for given in asked.getlist("endpoint_id") for one in given.split(",") if one]
        status, request_id = asked.get("status"), asked.get("request_id")
        try:
            if not endpoints:
                raise ValueError("endpoint_id is required")
            if status not in (None, *_STATUSES):
                raise ValueError(f"status must be one of {', '.join(_STATUSES)}")
            limit, page = number(request, "limit", PAGE, MOST), _page_of(asked.get("cursor"))
            span_s = SPAN_S if request_id is None else LONG_SPAN_S
            first, last = instant(request, "start", now - span_s), instant(request, "end", now)
        except ValueError as error:
            return JSONResponse({"error": {"type": "validation_error", "message": str(error)}}, 400)
        found = [
            task
            for task in reversed(self._world.bank.account(self._desk.name, account).tasks)
            if task.model in endpoints
            and request_id in (None, task.task_id)
            and first <= task.at <= last
            and self._world.visible(task, now)
            and status in (None, _status(task))
        ]
        shown = found[(page - 1) * limit : page * limit]
        more = len(found) > page * limit
        items = [self._row(request, task, now) for task in shown]
        cursor = base64.b64encode(str(page + 1).encode()).decode() if more else None
        return JSONResponse({"items": items, "has_more": more, "next_cursor": cursor})

    def _row(self, request: Request, task: Task, now: float) -> dict[str, Any]:
        """One request; its input and what came of it only where payloads are asked for."""
        over = task.state != "rendering"
        row: dict[str, Any] = {
            "request_id": task.task_id, "endpoint_id": task.model, "sent_at": iso(task.at),
            "started_at": iso(task.starts_at) if task.started(min(now, task.ends_at)) else None,
        }  # fmt: skip
        if over:
            row |= {
                "ended_at": iso(task.ends_at),
                "status_code": {"success": 200, "error": 500}.get(_status(task), 422),
            }
        if "payloads" not in _expanded(request):
            return row
        return row | {"json_input": task.input, "json_output": self._output(request, task) if over else None}


def _status(task: Task) -> str:
    """How a request ended, in the words of the filter; empty while it has not."""
    if task.state == "rendering":
        return ""
    if task.state == "succeeded":
        return "success"
    return "error" if task.failure and task.failure[0] == "internal_server_error" else "user_error"


def _expanded(request: Request) -> set[str]:
    """What `expand` names, given several times or with commas."""
    return {one for given in request.query_params.getlist("expand") for one in given.split(",")}


def _page_of(cursor: str | None) -> int:
    """The page that a cursor stands for."""
    if not cursor:
        return 1
    try:
        page = int(base64.b64decode(cursor, validate=True))
    except ValueError:
        page = 0
    if page < 1:
        raise ValueError("cursor is not one of ours")
    return page
