"""What a flood of forged webhooks costs: processor time of the receiver a call, and commands that the ledger hears.

A receiver as it is shipped, and four clients that call as fast as it answers: at a guessed address, and, as only one
who has seen a real address can, with a forged signature under a small and a large body. Promised: no command at the
ledger for any of them, and at most half a millisecond where nothing was seen.
"""

import argparse
import http.client
import json
import os
import socket
import sys
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import redis

from benchmarks.servers import await_, child, end_tidily, python, valkey
from config.receiver import receives
from ledger.jobs import Ledger
from ledger.objects import open_store
from providers.webhooks import TAG_DIGITS, About, Addresses

LIMITS = {"ledger_commands": 0, "guessed_cpu_ms": 0.5}
SECRET = "a secret of this benchmark"
CLIENTS = 4
#: Calls of each kind, and how many fewer of the large ones.
CALLS, LARGE_FEWER = 4000, 20
LARGE_BYTES = 2_000_000


def main() -> None:
    """Print one JSON line."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.forged", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="a tenth of the calls")
    calls = CALLS // 10 if parser.parse_args().quick else CALLS
    end_tidily()
    with tempfile.TemporaryDirectory(prefix="wanbatch-forged-") as place:
        figures = _flood(Path(place), calls)
    print(json.dumps({"benchmark": "forged", "limits": LIMITS, **figures, "load": round(os.getloadavg()[0], 1)}))


def _flood(folder: Path, calls: int) -> dict[str, Any]:
    with socket.socket() as held:
        held.bind(("127.0.0.1", 0))
        port = int(held.getsockname()[1])
    with valkey(folder / "valkey") as url:
        env = {
            "WANBATCH_REDIS": url,
            "WANBATCH_STORE": f"file://{folder}/store",
            "WANBATCH_WEBHOOK_URL": f"http://127.0.0.1:{port}",
            "WANBATCH_WEBHOOK_SECRET": SECRET,
            "TOAPIS_WEBHOOK_SECRET": SECRET,
        }
        Ledger.connect(url, store_url=open_store(env["WANBATCH_STORE"]).url, found=True).close()
        with child(python("cli.app", "webhooks", "--port", str(port)), folder / "log", os.environ | env) as receiver:
            await_(lambda: receives(env["WANBATCH_WEBHOOK_URL"]), "the receiver answers")
            seen = Addresses("", SECRET.encode()).of(About("toapis", "abc", 1))
            return {
                "guessed": _kind(port, receiver.pid, url, f"/apimart/abc/1/{'0' * TAG_DIGITS}", 1000, calls),
                "seen": _kind(port, receiver.pid, url, seen, 1000, calls),
                "seen_and_large": _kind(port, receiver.pid, url, seen, LARGE_BYTES, calls // LARGE_FEWER),
            }


def _kind(port: int, pid: int, url: str, path: str, size_bytes: int, calls: int) -> dict[str, Any]:
    """So many calls of one kind."""
    names = {"id": "e", "timestamp": str(int(time.time())), "signature": f"v1={'0' * 64}"}
    headers = {f"x-toapis-webhook-{name}": value for name, value in names.items()}

    def call(_client: int) -> set[int]:
        line, statuses = http.client.HTTPConnection("127.0.0.1", port), set()
        for _ in range(calls // CLIENTS):
            line.request("POST", path, b"x" * size_bytes, headers)
            answer = line.getresponse()
            answer.read()
            statuses.add(answer.status)
        line.close()
        return statuses

    scripts, cpu_s, began = _scripts(url), _cpu_s(pid), time.monotonic()
    with ThreadPoolExecutor(CLIENTS) as clients:
        statuses = set().union(*clients.map(call, range(CLIENTS)))
    took_s, cpu_s = time.monotonic() - began, _cpu_s(pid) - cpu_s
    told = {
        "statuses": sorted(statuses),
        "calls_per_s": round(calls / took_s),
        "cpu_ms": round(1000 * cpu_s / calls, 3),
        "ledger_commands": _scripts(url) - scripts,
    }
    print(f"{path[:24]}... {size_bytes:,} bytes: {told}", file=sys.stderr)
    return told


def _scripts(url: str) -> int:
    """Scripts that the ledger has run."""
    with redis.Redis.from_url(url) as client:
        told: Any = client.info("commandstats")
    return sum(int(each["calls"]) for name, each in told.items() if name.startswith("cmdstat_eval"))


def _cpu_s(pid: int) -> float:
    """User and system time of a process."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


if __name__ == "__main__":
    main()
