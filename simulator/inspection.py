"""The back office: the clock, the bank statement, the violations, the counts, and the levers of the weather.

No provider has this; it is how a test or a rehearsal looks behind the counter. All of it lies below `/_simulator`.
"""

import json
from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import BaseRoute, Route

from simulator.world import World


class Inspection:
    """The paths below `/_simulator`, and `/healthz`."""

    def __init__(self, world: World) -> None:
        self._world = world

    def routes(self) -> list[BaseRoute]:
        """Every path."""
        return [
            Route("/healthz", self.health),
            Route("/_simulator/clock", self.clock),
            Route("/_simulator/purchases", self.purchases),
            Route("/_simulator/violations", self.violations),
            Route("/_simulator/stats", self.stats),
            Route("/_simulator/weather", self.weather, methods=["POST"]),
            Route("/_simulator/next", self.next, methods=["POST"]),
        ]

    async def health(self, _: Request) -> Response:
        """It answers."""
        return JSONResponse({"ok": True})

    async def clock(self, _: Request) -> Response:
        """Simulated time is `epoch + (now - epoch) * speed`, all in seconds since 1970."""
        return JSONResponse({"speed": self._world.clock.speed, "epoch": self._world.clock.epoch})

    async def purchases(self, _: Request) -> Response:
        """The bank statement of all accounts."""
        self._world.now()
        return JSONResponse({"purchases": self._world.bank.statement()})

    async def violations(self, _: Request) -> Response:
        """Every request over a documented limit."""
        return JSONResponse({"violations": self._world.limits.violations, "count": self._world.limits.count})

    async def stats(self, _: Request) -> Response:
        """The counts of each dialect that was spoken."""
        return JSONResponse({name: tally.facts() for name, tally in self._world.tallies.items()})

    async def weather(self, request: Request) -> Response:
        """Change some of the weather at once: `{"p_429": 0.1}`."""
        try:
            self._world.sky.change(await _object(request))
        except ValueError as error:
            return JSONResponse({"error": str(error)}, 400)
        return JSONResponse({"ok": True})

    async def next(self, request: Request) -> Response:
        """Put a fault in line: `{"on": "submit", "then": "cut_after", "times": 1, "retry_after_s": null}`."""
        try:
            self._world.sky.script(**(await _object(request)))
        except (ValueError, TypeError) as error:
            return JSONResponse({"error": str(error)}, 400)
        return JSONResponse({"ok": True})


async def _object(request: Request) -> dict[str, Any]:
    """The body as a JSON object."""
    body = json.loads(await request.body())
    if isinstance(body, dict):
        return body
    raise ValueError("the body must be a JSON object")
