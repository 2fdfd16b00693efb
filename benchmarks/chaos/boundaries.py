"""What a request on the wire is called, by its opening words: the step boundaries at which faults are planted."""

import re
from pathlib import PurePosixPath

from ledger.scripts import NAMES, script

_HTTP = re.compile(rb"([A-Z]+) (\S+) HTTP/1\.1\r\n")
_SCRIPTS = {script(name).sha.encode(): name for name in NAMES}
_CALLED = re.compile(rb"EVALSHA\r\n\$40\r\n([0-9a-f]{40})")
_MOVED = re.compile(rb'"to": "(\w+)"')
_WORDS = {b"LPUSH": "ring", b"BRPOP": "bell", b"HDEL": "paid", b"SMEMBERS": "accounts"}
_COMMAND = re.compile(rb"\$\d+\r\n(" + b"|".join(_WORDS) + rb")\r\n")

#: Boundaries of a job's steps, by server, where a worker is killed, cut off or frozen.
BOUNDARIES = {
    "ledger": (
        "claim", "ring", "read", "send", "paid", "lease", "renew",
        "move:claimed", "move:rendering", "move:ready", "move:collecting", "move:done", "move:queued", "move:unknown",
    ),
    "store": ("PUT intent", "PUT receipt", "PUT video", "PUT record"),
    "provider": ("submit", "status", "result", "clip", "list"),
}  # fmt: skip
#: Where a provider's tasks are asked after: their list, and one of them. A third path of it is one's result.
_TASKS = re.compile(r"(?P<list>request-history|/api/v1/tasks/$)|(?P<status>/status$|/api/v1/tasks/[^/]+$)")


def ledger_names(chunk: bytes) -> list[str]:
    """Scripts by their names, a move by where it leads, and the commands of Celery's queues."""
    names = []
    for sha in _CALLED.findall(chunk):
        name = _SCRIPTS.get(sha, "script")
        if name == "move":
            names += [f"move:{end.decode()}" for end in _MOVED.findall(chunk)]
        else:
            names.append(name)
    if b"HGETALL\r\n" in chunk and b"wb:j:" in chunk:
        names.append("read")
    return names + [_WORDS[word] for word in _COMMAND.findall(chunk)]


def store_names(chunk: bytes) -> list[str]:
    """The method and the kind of the object, such as `PUT intent`."""
    head = _HTTP.match(chunk)
    if head is None:
        return []
    file = PurePosixPath(head[2].decode().partition("?")[0]).name
    return [f"{head[1].decode()} {file.partition('.')[0]}"]


def provider_names(chunk: bytes) -> list[str]:
    """`submit`, `status`, `result` (which not every provider has), `clip` or `list`."""
    head = _HTTP.match(chunk)
    if head is None:
        return []
    path = head[2].decode().partition("?")[0]
    if head[1] == b"POST":
        return ["submit"]
    if path.startswith("/clips/"):
        return ["clip"]
    task = _TASKS.search(path)
    return [task.lastgroup or "" if task else "result"]
