"""AI/ML API's ledger: one charge for each generation that completed, under the generation's name; failures have none.

What moved money in, the ledger of the real provider shows, too; here nothing does.
"""

import base64
import json
from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import BaseRoute, Route

from simulator.bank import MICRO
from simulator.clock import iso, since
from simulator.desk import Desk, number
from simulator.forms import Words
from simulator.renders import Task

_DIRECTIONS = {"TOPUP", "CHARGE"}
_TYPES = {"PAYMENT", "BONUS", "REFUND", "ADJUSTMENT", "MODEL_USAGE", "CREDITS_EXPIRED", "INIT"}


class AimlapiCharges:
    """The ledger at `/v2/billing/transactions`."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk
        self._world = desk.world

    def routes(self) -> list[BaseRoute]:
        """The one path."""
        return [Route("/v2/billing/transactions", self.charges)]

    async def charges(self, request: Request) -> Response:
        """One page of charges, newest first."""
        return await self._desk.browse(request, self._page, ask="balance")

    def _page(self, request: Request, account: str, now: float) -> Response:
        """The asked page."""
        asked = request.query_params
        try:
            first = since("from", asked["from"]) if "from" in asked else 0.0
            last = since("to", asked["to"]) if "to" in asked else now + 1
            limit, offset = number(request, "limit", 50, 100), _offset(asked.get("cursor"))
            wanted = _one_of("direction", asked.get("direction"), _DIRECTIONS) in (None, "CHARGE")
            wanted &= _one_of("type", asked.get("type"), _TYPES) in (None, "MODEL_USAGE")
            if last <= first:
                raise ValueError("to must be later than from")
        except ValueError as error:
            return self._desk.error(Words(400, "ValidationError", f"Query validation error: {error}"))
        held = self._world.bank.account(self._desk.name, account).tasks if wanted else []
        found = [task for task in held if self._shows(task, now) and first <= task.ends_at < last]
        found.sort(key=lambda task: task.ends_at, reverse=True)
        more = offset + limit < len(found)
        paging = {"next_cursor": _cursor(offset + limit) if more else None, "has_more": more}
        return JSONResponse({"data": [_row(task) for task in found[offset : offset + limit]], "pagination": paging})

    def _shows(self, task: Task, now: float) -> bool:
        """Whether a generation was charged, and long enough ago to be in the ledger."""
        return task.state == "succeeded" and now >= task.ends_at + self._world.sky.weather.late_history_s


def _row(task: Task) -> dict[str, Any]:
    cost_uusd = task.cost_uusd or 0
    return {
        "created_at": iso(task.ends_at),
        "direction": "CHARGE",
        "type": "MODEL_USAGE",
        "amount": {"usd": cost_uusd / MICRO, "credits": cost_uusd * 2},
        "model": task.model,
        "reference_id": task.task_id,
    }


def _one_of(name: str, value: str | None, known: set[str]) -> str | None:
    if value is not None and value not in known:
        raise ValueError(f"{name}: Invalid enum value. Expected {' | '.join(sorted(known))}")
    return value


def _cursor(offset: int) -> str:
    return base64.urlsafe_b64encode(json.dumps({"v": 1, "o": offset}).encode()).decode().rstrip("=")


def _offset(cursor: str | None) -> int:
    """The place that a cursor of ours stands for; it is taken in the exact form that was issued."""
    if cursor is None:
        return 0
    try:
        offset = json.loads(base64.urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4)))["o"]
    except (ValueError, KeyError, TypeError):
        offset = None
    if not isinstance(offset, int) or _cursor(offset) != cursor:
        raise ValueError("cursor: not one of ours")
    return offset
