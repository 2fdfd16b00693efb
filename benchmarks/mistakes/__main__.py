"""What a mistake costs: 18 slips of the hand, played at a simulator that takes real money, by our program and by a
Celery task that posts a CSV's rows. Counted is what each side spends beyond what was knowingly asked for at a price
that was shown: videos bought once more, bought for more, or bought of an input that cannot give what the row says.
Nobody is at the terminal to be asked. Promised: $0 in every one of them, and each time a line that says what happened.
"""

import argparse
import json
import re
import sys
import tempfile
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

from celery import Celery

from benchmarks.checkout import checkout
from benchmarks.mistakes.sides import SPEED, Bank, Ours, Plain
from benchmarks.mistakes.slips import SLIPS, Slip
from benchmarks.servers import await_, child, end_tidily, simulator, valkey

LIMITS = {"unasked_usd": 0}
#: Threads of the plain worker.
AT_ONCE = 8


def main() -> int:
    """Print the table and one JSON line; 1 where ours spent unasked, or said nothing of a slip."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.mistakes", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="our side alone")
    parser.add_argument("--only", metavar="WORD", default="", help="only slips whose name has this word")
    asked = parser.parse_args()
    end_tidily()
    wanted = [slip for slip in SLIPS if asked.only in slip.name]
    with tempfile.TemporaryDirectory(prefix="wanbatch-mistakes-") as place:
        told = list(_played(wanted, Path(place), plain=not asked.quick))
    spent = [each for each in told if each["ours_usd"] > LIMITS["unasked_usd"] or not each["said"]]
    print(json.dumps({"benchmark": "mistakes", "limits": LIMITS, "speed": SPEED, "slips": told}))
    return 1 if spent else 0


def _played(slips: list[Slip], folder: Path, *, plain: bool) -> Iterator[dict[str, Any]]:
    options = ("--speed", str(SPEED), "--no-limits", "--balance-usd", "1e6")
    with (
        simulator(folder / "simulator.log", *options) as url,
        valkey(folder / "valkey") as redis_url,
        _worker(folder, url, redis_url) as app,
    ):
        bank, program = Bank(url), checkout(folder / "program", url)
        print("| slip | ours, $ | plain, $ | what ours says |\n|---|--:|--:|---|", file=sys.stderr)
        for number, slip in enumerate(slips):
            ours = Ours(_new(folder / f"ours-{number}"), program, bank)
            figures: dict[str, Any] = {"slip": slip.name, "ours_usd": _unasked(slip, ours, bank)}
            if plain:
                figures["plain_usd"] = _unasked(slip, Plain(_new(folder / f"plain-{number}"), app), bank)
            figures["said"] = _said(slip, ours)
            cells = (
                f"{cell:,.2f}" if isinstance(cell, float) else cell.replace("|", r"\|") for cell in figures.values()
            )
            print("|", " | ".join(cells), "|", file=sys.stderr)
            yield figures


def _unasked(slip: Slip, side: Ours | Plain, bank: Bank) -> float:
    """Play a slip on one side; dollars that its purchases came to beyond what was asked for."""
    before = bank.spent_usd()
    with _web(side.folder) as web:
        slip.play(side, web)
    spent = bank.spent_usd() - before
    if isinstance(side, Ours) and spent < slip.ours_usd:
        raise SystemExit(f"{slip.name}: ours spent ${spent}, and what was asked for is ${slip.ours_usd}:\n{side.told}")
    return float(spent - slip.asked_usd) if spent > slip.asked_usd else 0.0


def _said(slip: Slip, ours: Ours) -> str:
    """The line that says what became of the slip, without the folder; empty where there is none."""
    lines = (line for line in ours.told.splitlines() if re.search(slip.said, line))
    return next(lines, "").strip().removeprefix("wanbatch: ").replace(str(ours.folder), "...")


@contextmanager
def _web(folder: Path) -> Iterator[str]:
    """A folder's files on loopback, whatever the query."""
    httpd = ThreadingHTTPServer(("127.0.0.1", 0), partial(_Quiet, directory=str(folder)))
    threading.Thread(target=httpd.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True).start()
    try:
        yield f"http://127.0.0.1:{httpd.server_port}"
    finally:
        httpd.shutdown()
        httpd.server_close()


class _Quiet(SimpleHTTPRequestHandler):
    def log_message(self, *_: object) -> None:
        """Say nothing."""


@contextmanager
def _worker(folder: Path, url: str, redis_url: str) -> Iterator[Celery]:
    """The plain side's worker; the block gets an app that sends to it."""
    env = {"BENCHMARK_SIMULATOR_URL": url, "BENCHMARK_FOLDER": str(folder), "BENCHMARK_BROKER": redis_url}
    words = ["celery", "-A", "benchmarks.peers.rows", "worker", "-P", "threads", "-c", str(AT_ONCE), "-l", "warning"]
    app = Celery("plain", broker=redis_url, backend=redis_url)
    with child([sys.executable, "-m", *words], folder / "plain.log", env):
        await_(lambda: bool(app.control.ping(timeout=0.5)), "the plain worker answers")
        yield app


def _new(folder: Path) -> Path:
    folder.mkdir()
    return folder


if __name__ == "__main__":
    sys.exit(main())
