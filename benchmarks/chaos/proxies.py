"""Small proxies between one worker and one server: each can act on the nth request of a kind, or on its answer.

They pass bytes on untouched, so signatures hold, and know only the opening words of what passes. All of them share one
event loop on a thread of its own.
"""

import asyncio
import contextlib
import socket
import struct
import threading
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from enum import Enum
from fnmatch import fnmatchcase
from typing import Literal

import uvloop

CHUNK_BYTES = 256 * 1024
#: Seconds for which a frozen line is silent before it is cut: longer than a lease.
FREEZE_S = 8.0
_UNAVAILABLE = b"HTTP/1.1 503 Service Unavailable\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"

Moment = Literal["request", "answer"]
Mood = Literal["well", "503", "reset", "stall"]
NamesOf = Callable[[bytes], list[str]]


class Fate(Enum):
    """What becomes of a line."""

    PASS = "pass"
    FIN = "fin"
    RST = "rst"
    FREEZE = "freeze"


@dataclass(slots=True)
class Trigger:
    """Waits for the nth request whose name fits `pattern` (for its arrival or its answer), and acts once.

    Several proxies may watch for it; `act` is given the one where it came by.
    """

    pattern: str
    nth: int
    moment: Moment
    fate: Fate
    act: Callable[["Proxy"], None] = lambda _: None
    fired: threading.Event = field(default_factory=threading.Event)

    def meets(self, names: list[str], moment: Moment, proxy: "Proxy") -> bool:
        """Count these requests; True at the one that was waited for."""
        if moment != self.moment or self.fired.is_set() or not any(fnmatchcase(name, self.pattern) for name in names):
            return False
        self.nth -= 1
        if self.nth > 0:
            return False
        self.act(proxy)
        self.fired.set()
        return True


@dataclass(slots=True)
class _Line:
    """One connection, both ways, and the names of what was asked last."""

    reader: asyncio.StreamReader
    writer: asyncio.StreamWriter
    up_reader: asyncio.StreamReader
    up_writer: asyncio.StreamWriter
    asked: list[str] = field(default_factory=list)

    def end(self, fate: Fate) -> None:
        """Hang up on both sides, politely or not."""
        for writer in (self.writer, self.up_writer):
            hang_up(writer, fate)


class Proxy:
    """Listens on a port of its own in front of one port of this machine. `names_of` names the requests in a chunk."""

    def __init__(self, target_port: int, names_of: NamesOf) -> None:
        self.port = 0
        self.mood: Mood = "well"
        self.trigger: Trigger | None = None
        #: Requests that came by, by name.
        self.seen: Counter[str] = Counter()
        self._target_port = target_port
        self._names_of = names_of
        self._lines: dict[int, _Line] = {}

    @property
    def busy(self) -> bool:
        """Whether a line is open: words of a process that has died may still be on their way."""
        return bool(self._lines)

    async def listen(self) -> None:
        """Open the port."""
        server = await asyncio.start_server(self._serve, "127.0.0.1", 0, limit=CHUNK_BYTES)
        self.port = int(server.sockets[0].getsockname()[1])

    def cut_all(self, fate: Fate) -> None:
        """End every line that is open now."""
        for line in list(self._lines.values()):
            line.end(fate)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            upwards = await asyncio.open_connection("127.0.0.1", self._target_port, limit=CHUNK_BYTES)
        except OSError:
            hang_up(writer, Fate.RST)
            return
        line = _Line(reader, writer, *upwards)
        self._lines[id(line)] = line
        ways = [asyncio.create_task(self._carry(line, "request")), asyncio.create_task(self._carry(line, "answer"))]
        done, rest = await asyncio.wait(ways, return_when=asyncio.FIRST_COMPLETED)
        for task in rest:
            task.cancel()
        del self._lines[id(line)]
        line.end(done.pop().result())

    async def _carry(self, line: _Line, moment: Moment) -> Fate:
        """Pass chunks on until one side ends or the line meets its fate."""
        there = moment == "request"
        reader, writer = (line.reader, line.up_writer) if there else (line.up_reader, line.writer)
        with contextlib.suppress(OSError, RuntimeError):
            while chunk := await reader.read(CHUNK_BYTES):
                fate = await self._fate(line, chunk, moment)
                if fate is not Fate.PASS:
                    return fate
                writer.write(chunk)
                await writer.drain()
            return Fate.FIN
        return Fate.RST

    async def _fate(self, line: _Line, chunk: bytes, moment: Moment) -> Fate:
        """What becomes of the line at this chunk."""
        if moment == "request" and (names := self._names_of(chunk)):
            line.asked = names
            self.seen.update(names)
        if self.mood == "503" and moment == "request":
            line.writer.write(_UNAVAILABLE)
            return Fate.FIN
        if self.mood == "reset":
            return Fate.RST
        fate = Fate.FREEZE if self.mood == "stall" else Fate.PASS
        if (trigger := self.trigger) is not None and trigger.meets(line.asked, moment, self):
            fate = trigger.fate
        if fate is not Fate.FREEZE:
            return fate
        await asyncio.sleep(FREEZE_S)
        return Fate.RST


class Switchboard:
    """The thread on which all proxies live."""

    def __init__(self) -> None:
        self._loop = uvloop.new_event_loop()
        threading.Thread(target=self._loop.run_forever, name="proxies", daemon=True).start()

    def proxy(self, target_port: int, names_of: NamesOf) -> Proxy:
        """A new proxy that listens already."""
        proxy = Proxy(target_port, names_of)
        asyncio.run_coroutine_threadsafe(proxy.listen(), self._loop).result(10)
        return proxy

    def cut(self, proxy: Proxy, fate: Fate) -> None:
        """End every line of a proxy now."""
        self._loop.call_soon_threadsafe(proxy.cut_all, fate)


def hang_up(writer: asyncio.StreamWriter, fate: Fate) -> None:
    """Close one side: RST throws away what is on its way, FIN does not."""
    if fate is Fate.RST:
        linger = struct.pack("ii", 1, 0)
        with contextlib.suppress(OSError, AttributeError):
            writer.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)
        writer.transport.abort()
    else:
        writer.close()
