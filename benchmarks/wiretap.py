"""A relay in front of a server that notes when the kernel saw each request arrive, whoever was late to read it."""

import contextlib
import selectors
import socket
import struct
import threading
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from urllib.parse import urlsplit

#: SO_TIMESTAMPNS of Linux: data comes with when the kernel had it, in seconds and nanoseconds of its clock.
TIMESTAMPS, INSTANT = 35, struct.Struct("qq")
READ_BYTES = 1 << 16


@dataclass(slots=True)
class Exchange:
    """When a request's first byte came to the kernel, in seconds since 1970, and what was answered."""

    arrived_s: float
    answer: bytearray = field(default_factory=bytearray)


@dataclass(frozen=True, slots=True)
class Wiretap:
    """The relay's own URL, and all exchanges that went through it."""

    url: str
    exchanges: list[Exchange] = field(default_factory=list)

    def arrivals_s(self, words: Sequence[str]) -> dict[str, float]:
        """When the request came that was the first to be answered with such a word, a task's id say; if any was."""
        answers = [(bytes(each.answer), each.arrived_s) for each in reversed(self.exchanges)]
        return {word: at for word in words for answer, at in answers if word.encode() in answer}


@contextlib.contextmanager
def wiretap(url: str) -> Iterator[Wiretap]:
    """Relay to the server at `url` as long as the block lasts; connections that are open then end with it."""
    server = urlsplit(url)
    with socket.create_server(("127.0.0.1", 0), backlog=128) as door:
        # Connections that come through it inherit this.
        door.setsockopt(socket.SOL_SOCKET, TIMESTAMPS, 1)
        tap = Wiretap(f"http://127.0.0.1:{door.getsockname()[1]}")
        threading.Thread(target=_open, args=(tap, door, (server.hostname, server.port)), daemon=True).start()
        yield tap
        door.shutdown(socket.SHUT_RDWR)


def _open(tap: Wiretap, door: socket.socket, server: tuple[str, int]) -> None:
    with contextlib.suppress(OSError):
        while True:
            client, _ = door.accept()
            threading.Thread(target=_relay, args=(tap, client, server), daemon=True).start()


def _relay(tap: Wiretap, client: socket.socket, address: tuple[str, int]) -> None:
    """One connection, until either end closes it."""
    exchange = None
    with (
        client,
        socket.create_connection(address) as server,
        selectors.DefaultSelector() as ready,
        contextlib.suppress(OSError),
    ):
        ready.register(client, selectors.EVENT_READ)
        ready.register(server, selectors.EVENT_READ)
        while True:
            for key, _ in ready.select():
                if key.fileobj is server:
                    data, onward = server.recv(READ_BYTES), client
                    if exchange is not None:
                        exchange.answer += data
                else:
                    data, told, *_ = client.recvmsg(READ_BYTES, socket.CMSG_SPACE(INSTANT.size))
                    onward = server
                    if data and (exchange is None or exchange.answer):
                        seconds, nanoseconds = INSTANT.unpack(told[0][2])
                        exchange = Exchange(seconds + nanoseconds / 1e9)
                        tap.exchanges.append(exchange)
                if not data:
                    return
                onward.sendall(data)
