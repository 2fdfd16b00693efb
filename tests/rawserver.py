"""A server of bare connections on loopback, for what no well-behaved one would do."""

import socket
import threading
from collections.abc import Callable

Behaviour = Callable[[socket.socket], None]
#: Seconds for which a connection at hand is waited on.
PATIENCE_S = 5.0


class RawServer:
    """Treats one connection after the other as it is told; a client that hangs up is no error. `connections` counts."""

    def __init__(self, behave: Behaviour) -> None:
        self._door = socket.create_server(("127.0.0.1", 0))
        self._behave = behave
        self._thread = threading.Thread(target=self._serve, daemon=True)
        self.connections = 0
        self.port = int(self._door.getsockname()[1])
        self.url = f"http://127.0.0.1:{self.port}/"
        self._thread.start()

    def _serve(self) -> None:
        while True:
            try:
                one, _ = self._door.accept()
            except OSError:
                return
            self.connections += 1
            with one:
                one.settimeout(PATIENCE_S)
                try:
                    self._behave(one)
                except OSError:
                    continue

    def close(self) -> None:
        """End the thread, once it is done with the connection at hand; again does nothing."""
        if self._thread.is_alive():
            self._door.shutdown(socket.SHUT_RDWR)
            self._thread.join()
            self._door.close()
