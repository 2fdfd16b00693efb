"""The provider next door: builds the ASGI application of all dialects, and serves it until told to stop."""

import asyncio
import contextlib
import json
import signal
import socket
import sys
import threading
import time
from collections.abc import AsyncIterator, Callable, Iterator

import uvicorn
from starlette.applications import Starlette
from starlette.routing import BaseRoute, Mount

from simulator.caller import Caller
from simulator.desk import Desk
from simulator.dialects.aimlapi import Aimlapi
from simulator.dialects.apimart import ApiMart
from simulator.dialects.dashscope import DashScope
from simulator.dialects.fal import Fal
from simulator.dialects.replicate import Replicate
from simulator.dialects.segmind import Segmind
from simulator.dialects.toapis import ToApis
from simulator.download import Download
from simulator.inspection import Inspection
from simulator.lines import Line
from simulator.options import Options
from simulator.world import World

#: Every dialect; each is mounted under its name.
DIALECTS: tuple[type[Desk], ...] = (Segmind, DashScope, Aimlapi, ApiMart, ToApis, Fal, Replicate)
#: Real seconds that answers on their way get when the server ends.
GRACE_S = 0.2
#: Connections that may wait to be accepted.
BACKLOG = 4_096
#: Real seconds that an idle connection is kept.
KEEP_ALIVE_S = 75


def create_app(options: Options, *, real: Callable[[], float] = time.time) -> Starlette:
    """The application of one new world (or of the one in the journal). `real` is the real time, in seconds since 1970.

    Raises:
        JournalRefused: the journal is in use or damaged.
    """
    world = World(options, real=real)
    desks = {speak.name: speak(world) for speak in DIALECTS}

    @contextlib.asynccontextmanager
    async def lifespan(_: Starlette) -> AsyncIterator[None]:
        calling = asyncio.create_task(Caller(world, desks.values()).run())
        yield
        calling.cancel()
        world.close()

    routes: list[BaseRoute] = [Mount(f"/{name}", routes=desk.routes()) for name, desk in desks.items()]
    routes += [*Download(world).routes(), *Inspection(world).routes()]
    app = Starlette(routes=routes, lifespan=lifespan)
    app.state.world = world
    return app


def serve(options: Options, *, ready: Callable[[str], None] | None = None) -> None:
    """Serve until SIGTERM or SIGINT. `ready` gets the URL once connections are accepted; by default it is printed.

    Raises:
        JournalRefused: the journal is in use or damaged.
        OSError: the address cannot be had.
    """
    family = socket.AF_INET6 if ":" in options.host else socket.AF_INET
    with socket.create_server((options.host, options.port), family=family, backlog=BACKLOG) as door:
        config = uvicorn.Config(
            create_app(options), http=Line, loop="uvloop", ws="none", log_config=None, log_level="critical",
            access_log=False, server_header=False, timeout_keep_alive=KEEP_ALIVE_S, backlog=BACKLOG,
            ssl_certfile=options.certificate,
        )  # fmt: skip
        config.timeout_graceful_shutdown = GRACE_S  # type: ignore[assignment]
        _Server(config, ready or _say).run(sockets=[door])


def _say(url: str) -> None:
    """The first line on stdout."""
    sys.stdout.write(json.dumps({"url": url}) + "\n")
    sys.stdout.flush()


class _Server(uvicorn.Server):
    """uvicorn's server, that says when it accepts, hangs up on those who wait for nothing, and ends quietly."""

    def __init__(self, config: uvicorn.Config, ready: Callable[[str], None]) -> None:
        super().__init__(config)
        self._ready = ready

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Listen, then tell the URL."""
        await super().startup(sockets)
        host, port = (sockets or [])[0].getsockname()[:2]
        scheme = "https" if self.config.is_ssl else "http"
        self._ready(f"{scheme}://{f'[{host}]' if ':' in host else host}:{port}")

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """Hang up on silent lines, then end as uvicorn does."""
        for line in list(self.server_state.connections):
            if isinstance(line, Line) and line.silent:
                line.cut()
        await super().shutdown(sockets)

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Let SIGTERM and SIGINT end the server, and nothing else of the process."""
        if threading.current_thread() is not threading.main_thread():
            yield
            return
        loop = asyncio.get_running_loop()
        for wanted in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(wanted, self.handle_exit, wanted, None)
        try:
            yield
        finally:
            for wanted in (signal.SIGTERM, signal.SIGINT):
                loop.remove_signal_handler(wanted)
