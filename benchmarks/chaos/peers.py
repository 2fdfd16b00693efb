"""The shapes that users write today beside ours, under the same kills: what is not made, and what is bought twice.

`python -m benchmarks.chaos.peers`: each side has a simulator without limits and a Valkey of its own, and makes the same
number of videos; its processes are killed after the same shares of its purchases, and started again at once. The
statement decides.
"""

import argparse
import contextlib
import json
import os
import random
import signal
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import redis

from benchmarks.prompts import put_prompts, send_messages
from benchmarks.servers import DIE_WITH_PARENT, ask, our_env, python, simulator, valkey
from ledger.halt import halt
from ledger.jobs import Ledger
from ledger.objects import open_store

ACCOUNT = "simulated-segmind"
SPEED = 60
JOBS, QUICK_JOBS = 120, 60
KILLS, QUICK_KILLS = 8, 4
#: Seconds between two kills, at least and at most.
BETWEEN_S = (2.0, 3.0)
#: Seconds in which the share of purchases must come that belongs before a kill.
BUYS_WITHIN_S = 30.0
PROCESSES, THREADS = 3, 8
#: Milliseconds before each answer of the provider's API.
LATENCY_MS = 200
#: Seconds without a new video after the last kill, then what is missing is not made: an hour of the provider's and 40.
GIVES_UP_S = 3600 / SPEED + 40


@dataclass(frozen=True, slots=True)
class Bench:
    """A folder, a Valkey and a simulator for one side."""

    folder: Path
    redis_url: str
    simulator_url: str

    @property
    def env(self) -> dict[str, str]:
        """What peers and our worker need to know."""
        limits = f"[{ACCOUNT}]\nsubmits = []\npolls = []\n"
        return our_env(self.folder, self.redis_url, self.simulator_url, limits) | {
            "BENCHMARK_BROKER": self.redis_url,
            "BENCHMARK_SIMULATOR_URL": self.simulator_url,
            "BENCHMARK_FOLDER": str(self.folder),
            "BENCHMARK_SPEED": str(SPEED),
            "WANBATCH_THREADS": str(THREADS),
            "WANBATCH_ACCOUNTS": ACCOUNT,
            "TMPDIR": str(self.folder),
        }


@dataclass(frozen=True, slots=True)
class Side:
    """One shape: the command of one process, how many of them run, and how its jobs are put in."""

    name: str
    command: Sequence[str]
    processes: int
    put_in: Callable[[Bench, int], None]


def main() -> None:
    """Run all sides in turn and print their figures."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.chaos.peers", description=__doc__)
    parser.add_argument("--quick", action="store_true", help=f"{QUICK_JOBS} jobs and {QUICK_KILLS} kills a side")
    parser.add_argument("--seed", type=int, default=1, help="of the kills")
    parser.add_argument("--side", help="only the one of that name")
    asked = parser.parse_args()
    jobs, kills = (QUICK_JOBS, QUICK_KILLS) if asked.quick else (JOBS, KILLS)
    figures: dict[str, Any] = {"benchmark": "chaos.peers", "seed": asked.seed, "jobs": jobs, "kills": kills}
    with tempfile.TemporaryDirectory(prefix="wanbatch-peers-") as place:
        for side in (side for side in _sides(jobs) if asked.side in (None, side.name)):
            figures[side.name] = _measure(side, Path(place) / side.name, jobs, kills, random.Random(asked.seed))
            print(f"{side.name}: {figures[side.name]}", file=sys.stderr, flush=True)
    print(json.dumps(figures))


def _sides(jobs: int) -> list[Side]:
    """Ours, Celery's two, and the script."""
    options = ["-P", "threads", "-c", str(THREADS), "--loglevel", "warning", "--without-mingle", "--without-gossip"]
    celery = [*python("celery", "-A")]
    return [
        Side("wanbatch", python("cli.app", "worker"), PROCESSES, _our_jobs),
        Side("celery, acks_late", [*celery, "benchmarks.peers.late", "worker", *options], PROCESSES, _messages),
        Side("celery, countdown", [*celery, "benchmarks.peers.hour", "worker", *options], PROCESSES, _messages),
        Side("asyncio, checkpoint", python("benchmarks.peers.checkpoint", str(jobs)), 1, lambda _bench, _jobs: None),
    ]


def _measure(side: Side, folder: Path, jobs: int, kills: int, dice: random.Random) -> dict[str, Any]:
    """Put the jobs in, kill and replace, wait until nothing more comes, and read the statement."""
    folder.mkdir()
    weather = ("--speed", str(SPEED), "--no-limits", "--balance-usd", "1e6", "--latency-ms", str(LATENCY_MS))
    with simulator(folder / "simulator.log", *weather) as url, valkey(folder / "valkey") as redis_url:
        bench = Bench(folder, redis_url, url)
        side.put_in(bench, jobs)
        began = time.monotonic()
        with _crew(side, bench) as crew:
            resumed = 0
            for number in range(kills):
                resumed += _resume(bench)
                _await_purchases(bench, jobs * (number + 1) // (kills + 2))
                time.sleep(dice.uniform(*BETWEEN_S))
                _replace(crew, dice.randrange(side.processes), side, bench)
            last, later = _await_the_end(side, bench, crew, jobs)
        bought = ask(f"{url}/_simulator/purchases")["purchases"]
        polls = ask(f"{url}/_simulator/stats")["segmind"]["polls"]
    kept = Counter(one["input"]["prompt"] for one in bought if one["state"] not in ("failed", "cancelled"))
    return {
        "videos": _videos(bench, bought),
        "not_made": jobs - _videos(bench, bought),
        "resumed": resumed + later,
        "bought_twice": sum(number > 1 for number in kept.values()),
        "overspend_usd": round(sum(number - 1 for number in kept.values()) * 0.625, 3),
        "polls_per_video": round(polls / jobs, 1),
        "seconds": round(last - began),
    }


@contextlib.contextmanager
def _crew(side: Side, bench: Bench) -> Iterator[list["subprocess.Popen[bytes]"]]:
    crew = [_start(side, bench) for _ in range(side.processes)]
    try:
        yield crew
    finally:
        for one in crew:
            one.kill()
            one.wait()


def _start(side: Side, bench: Bench) -> "subprocess.Popen[bytes]":
    with (bench.folder / "crew.log").open("ab") as output:
        return subprocess.Popen(
            [sys.executable, "-ISc", DIE_WITH_PARENT, str(os.getpid()), *side.command],
            stdin=subprocess.DEVNULL, stdout=output, stderr=subprocess.STDOUT, env=os.environ | bench.env,
        )  # fmt: skip


def _replace(crew: list["subprocess.Popen[bytes]"], number: int, side: Side, bench: Bench) -> None:
    crew[number].send_signal(signal.SIGKILL)
    crew[number].wait()
    crew[number] = _start(side, bench)


def _resume(bench: Bench) -> bool:
    """What a person does when our account has stopped buying after three submits without an answer; peers go on."""
    with redis.Redis.from_url(bench.redis_url) as client:
        if not client.hexists(f"wb:a:{ACCOUNT}", "parked_kind"):
            return False
    ledger = Ledger.connect(bench.redis_url, store_url=open_store(f"file://{bench.folder}/store").url)
    halt(ledger, "resume", "account", ACCOUNT)
    ledger.close()
    return True


def _await_purchases(bench: Bench, count: int) -> None:
    """Kills are spread over a side's purchases, so that they meet it at work; a side that is stuck is killed too."""
    ends = time.monotonic() + BUYS_WITHIN_S
    while (
        time.monotonic() < ends
        and ask(f"{bench.simulator_url}/_simulator/stats").get("segmind", {}).get("accepted", 0) < count
    ):
        time.sleep(0.1)


def _await_the_end(side: Side, bench: Bench, crew: list["subprocess.Popen[bytes]"], jobs: int) -> tuple[float, int]:
    """Until every video is there, or none has come for long; the instant of the last one, and how often was resumed."""
    there, last, resumed = -1, time.monotonic(), 0
    while there < jobs and time.monotonic() < last + GIVES_UP_S:
        time.sleep(0.5)
        resumed += _resume(bench)
        now = _videos(bench, ask(f"{bench.simulator_url}/_simulator/purchases")["purchases"])
        if now != there:
            there, last = now, time.monotonic()
        for number, one in enumerate(crew):
            if one.poll() not in (None, 0):
                crew[number] = _start(side, bench)
    return last, resumed


def _videos(bench: Bench, bought: Sequence[dict[str, Any]]) -> int:
    """Jobs whose video has come home: ours by their record, the peers' by a file named for a task."""
    records = bench.folder.glob("store/simulated/jobs/*/record.json")
    ours = sum(json.loads(record.read_text())["status"] == "done" for record in records)
    files = {file.stem for file in bench.folder.glob("*.mp4")}
    return ours or len({one["input"]["prompt"] for one in bought if one["task_id"] in files})


def _our_jobs(bench: Bench, jobs: int) -> None:
    put_prompts(jobs, bench.redis_url, bench.folder)


def _messages(bench: Bench, jobs: int) -> None:
    send_messages(jobs, bench.redis_url)


if __name__ == "__main__":
    main()
