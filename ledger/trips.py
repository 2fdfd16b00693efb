"""Round trips to Redis: commands go out together and their answers come back in order, on connections that are kept.

redis-py makes the connections, speaks on them and mends them. Its client would add a pool's books, hooks, retries and
metrics to every command, which together cost as much processor time as the trip itself (docs/decisions/0026).
"""

from collections import deque
from collections.abc import Generator, Iterable, Sequence
from typing import Any

import redis
from hiredis import pack_command

#: Its stub knows commands of one word only.
_PACK: Any = pack_command


class Trips:
    """The connections of one client, one for each thread that asks at the same time. Nothing is asked twice."""

    def __init__(self, client: "redis.Redis") -> None:
        self._make: Any = client.connection_pool.make_connection
        self._idle: deque[Any] = deque()

    def ask(self, commands: Sequence[tuple[str | int, ...]]) -> list[Any]:
        """The answers to all commands, in their order; an error that one was answered with stands in its place.

        Raises RedisError where the trip broke off: then what was asked may have happened.
        """
        connection = self._take()
        try:
            connection.send_packed_command([b"".join(map(_PACK, commands))])
            return [_answer(connection) for _ in commands]
        except BaseException:
            # Half an answer may be left on it; it connects anew when it is used next.
            connection.disconnect()
            raise
        finally:
            self._idle.append(connection)

    def stream(self, commands: Iterable[tuple[str | int, ...]]) -> Generator[Any, None, None]:
        """The answers to commands that are made while others are under way, in their order; errors as in `ask`.

        Each goes out before the answer to the one before it is read, so that Redis never waits for the next one: when
        one is answered with an error, another has been asked.
        """
        connection, waiting = self._take(), False
        try:
            for command in commands:
                connection.send_packed_command([_PACK(command)])
                if waiting:
                    yield _answer(connection)
                waiting = True
            if waiting:
                yield _answer(connection)
        except BaseException:
            # Also where nobody wants the rest: an answer is left on it.
            connection.disconnect()
            raise
        finally:
            self._idle.append(connection)

    def close(self) -> None:
        """Let the connections go."""
        while self._idle:
            self._idle.pop().disconnect()

    def _take(self) -> Any:
        """The connection that was used last, unless the server has let it go meanwhile: then nothing is asked on it."""
        try:
            connection = self._idle.pop()
        except IndexError:
            return self._make()
        try:
            stale = connection.can_read()
        except redis.RedisError:
            stale = True
        if stale:
            connection.disconnect()
        return connection


def _answer(connection: Any) -> Any:
    try:
        return connection.read_response()
    except redis.ResponseError as error:
        return error
