"""The Lua scripts beside this file, each with the ground they share in front; a move is one call of one of them."""

import hashlib
from functools import cache
from importlib.resources import files
from typing import Any, NamedTuple, Protocol

from redis.exceptions import NoScriptError


class Evaluates(Protocol):
    """A Redis client, or a pipeline of one."""

    def evalsha(self, sha: str, numkeys: int, *keys_and_args: Any) -> Any:
        """Run a loaded script."""
        ...

    def script_load(self, script: Any) -> Any:
        """Load a script."""
        ...


class Script(NamedTuple):
    """A script's text, and the SHA-1 that Redis knows it by."""

    text: str
    sha: str


#: Every script of the ledger.
NAMES = (
    "found",
    "campaign",
    "enqueue",
    "withdraw",
    "claim",
    "send",
    "resend",
    "move",
    "lease",
    "renew",
    "hold",
    "token",
    "surplus",
    "watch",
    "retry",
    "halt",
    "cancel",
    "recover",
    "restore",
)


@cache
def script(name: str) -> Script:
    """The script `<name>.lua` with `ground.lua` in front of it."""
    here = files("ledger")
    text = "\n".join((here / f"{part}.lua").read_text(encoding="utf-8") for part in ("ground", name))
    return Script(text, hashlib.sha1(text.encode(), usedforsecurity=False).hexdigest())


def load_all(redis: Evaluates) -> None:
    """Make all scripts known to this Redis; needed anew after it restarted."""
    for name in NAMES:
        redis.script_load(script(name).text)


def run(redis: Evaluates, name: str, *args: str | int) -> Any:
    """Call a script, loading all of them first where Redis does not know it."""
    try:
        return redis.evalsha(script(name).sha, 0, *args)
    except NoScriptError:
        load_all(redis)
        return redis.evalsha(script(name).sha, 0, *args)
