"""Connections that downloads keep, so that the next video of a host needs no new one: under TLS that costs most.

One is kept only where its answer told its end, with nothing after it, from a server that keeps it
(docs/decisions/0029).
"""

import time
from collections import deque
from threading import Lock
from typing import NamedTuple

from worker.exchange import BrokenOff, Exchange
from worker.lines import KEPT_S


class Way(NamedTuple):
    """Where a connection leads: an address, and the name that its host is known by. Who shares no name shares none."""

    address: str
    port: int
    encrypted: bool
    name: str


class Kept:
    """The idle connections of one worker's threads."""

    def __init__(self) -> None:
        self._idle: dict[Way, deque[tuple[float, Exchange]]] = {}
        self._lock = Lock()

    def ask(self, way: Way, request: bytes, *, until: float) -> Exchange | None:
        """Ask for what is free to repeat, and hear the head of the answer. None: there is no connection that lives.

        Raises BrokenOff where an answer had begun; one that brings no byte of it was dead.
        """
        while (kept := self._take(way)) is not None:
            exchange = kept.again(request)
            try:
                exchange.ask(until=until)
            except BrokenOff:
                exchange.close()
                if exchange.heard_anything:
                    raise
            else:
                return exchange
        return None

    def give(self, way: Way, exchange: Exchange) -> None:
        """Keep its connection if it may carry another question, else let it go; and so those that nobody has needed."""
        over = [] if exchange.lasting else [exchange]
        now = time.monotonic()
        with self._lock:
            if exchange.lasting:
                self._idle.setdefault(way, deque()).append((now, exchange))
            for idle in self._idle.values():
                while idle and idle[0][0] < now - KEPT_S:
                    over.append(idle.popleft()[1])
        for each in over:
            each.close()

    def close(self) -> None:
        """Let all of them go."""
        with self._lock:
            over = [exchange for idle in self._idle.values() for _, exchange in idle]
            self._idle.clear()
        for exchange in over:
            exchange.close()

    def _take(self, way: Way) -> Exchange | None:
        """The connection that was used last, if the server still holds it and has said nothing unasked."""
        while True:
            with self._lock:
                idle = self._idle.get(way)
                if not idle:
                    return None
                _, exchange = idle.pop()
            if exchange.is_untouched():
                return exchange
            exchange.close()
