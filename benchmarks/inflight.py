"""What waiting costs: one worker process holds renders of a real minute, beside two shapes that users write today.

All sides take turns on one simulator without limits, with a Valkey and an empty folder of their own, and look after a
render equally often; ours also with a bucket in a SeaweedFS of its own. Compared with: under 10 KiB of the worker's
memory a render in flight, at most 5 CPU-seconds per 1,000 jobs and 7 more in a bucket, and polls less than 250 ms late
for 99 of 100.
"""

import argparse
import contextlib
import json
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from benchmarks.folder import apart
from benchmarks.gauge import Reading, percentile, read, valkey_s
from benchmarks.prompts import send_messages, submit_prompts
from benchmarks.seaweed import options, seaweed, seaweed_env
from benchmarks.servers import ask, await_, child, end_tidily, our_env, python, simulator, valkey
from ledger.jobs import Ledger
from ledger.objects import ObjectStore, open_store

LIMITS = {"kib_a_render": 10, "cpu_s_per_1000_jobs": 5, "cpu_s_more_in_a_bucket": 7, "late_p99_s": 0.25}
BUCKET = "videos"
#: Seconds, and seconds more a job. A side that has not ended by then is given up.
SIDE_WITHIN_S, A_JOB_WITHIN_S = 400, 0.02
#: Seconds that a worker gets to come to rest before its memory is read.
SETTLE_S = 2.0
MOST_JOBS = 100_000
PREFORK = 32
STAGE_PROCESSES = 8


@dataclass(frozen=True, slots=True)
class Side:
    """One way to make `jobs` videos: how its worker is started, how the jobs are put in, and where its files appear."""

    name: str
    jobs: int
    worker: Callable[["Bench"], contextlib.AbstractContextManager[int]]
    put_in: Callable[["Bench", int], None]
    files: Callable[["Bench"], int]
    late_s: Callable[["Bench"], list[float]]
    in_bucket: bool = False


@dataclass(frozen=True, slots=True)
class Bench:
    """What a side works with: a folder, a Valkey and a store of its own, and the simulator of all.

    `env` is how processes find the store.
    """

    folder: Path
    redis_url: str
    simulator_url: str
    store: ObjectStore
    env: Mapping[str, str]


def main() -> None:
    """Run the sides in turn and print their figures."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.inflight", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="200 jobs of 20 s, to see that it works")
    parser.add_argument("--side", choices=["ours", "ours_in_a_bucket", "sleeping", "stages"], help="only this one")
    parser.add_argument("--jobs", type=int, help=f"jobs of a side that can hold them, up to {MOST_JOBS:,} (2,000)")
    parser.add_argument("--render-s", type=float, help="mean length of a render (60)")
    asked = parser.parse_args()
    end_tidily()
    jobs, render_s = (200, 20.0) if asked.quick else (2_000, 60.0)
    jobs, render_s = min(asked.jobs or jobs, MOST_JOBS), asked.render_s or render_s
    sides = [
        Side("ours", jobs, _our_worker, _our_jobs, _our_files, _our_lateness),
        Side("ours_in_a_bucket", jobs, _our_worker, _our_jobs, _our_files, _our_lateness, in_bucket=True),
        # A process of the pool is taken for as long as a render lasts: two rounds of the pool show all there is to see.
        Side("sleeping", PREFORK * 2, _celery("sleeping", PREFORK), _messages, _peer_files, _peer_lateness),
        Side("stages", jobs, _celery("stages", STAGE_PROCESSES), _messages, _peer_files, _peer_lateness),
    ]
    figures: dict[str, Any] = {"benchmark": "inflight", "render_mean_s": render_s, "limits": LIMITS}
    with apart("wanbatch-inflight-") as folder:
        weather = ("--no-limits", "--render-mean-s", str(render_s), "--render-cv", "0.1", "--balance-usd", "1e6")
        with simulator(folder / "simulator.log", *weather) as url:
            for side in sides:
                if asked.side in (None, side.name):
                    figures[side.name] = _measure(side, folder / side.name, url)
                    print(f"{side.name}: {figures[side.name]}", file=sys.stderr)
    print(json.dumps(figures))


def _measure(side: Side, folder: Path, simulator_url: str) -> dict[str, Any]:
    """Put all jobs in at once, read the worker once a second until every file is there."""
    folder.mkdir()
    before = _counts(simulator_url)
    stored = _bucket(folder) if side.in_bucket else _files(folder)
    with valkey(folder / "valkey") as redis_url, stored as (store, env):
        bench = Bench(folder, redis_url, simulator_url, store, env)
        with side.worker(bench) as pid:
            time.sleep(SETTLE_S)
            idle, idle_valkey_s = read(pid), valkey_s(redis_url)
            began = time.monotonic()
            side.put_in(bench, side.jobs)
            peak_in_flight, at_peak, end = _watch(side, bench, pid, before)
            took_s, ledger_s = time.monotonic() - began, valkey_s(redis_url) - idle_valkey_s
        late_s = side.late_s(bench)
    polls = _counts(simulator_url)["polls"] - before["polls"]
    return _figures(side.jobs, took_s, idle, (peak_in_flight, at_peak), end, late_s) | {
        "valkey_cpu_s_per_1000_jobs": round(ledger_s / side.jobs * 1000, 2),
        "polls_per_video": round(polls / side.jobs, 2),
    }


def _watch(side: Side, bench: Bench, pid: int, before: dict[str, int]) -> tuple[int, Reading, Reading]:
    """The most jobs in flight, the worker at that moment, and the worker at the end."""
    within_s = SIDE_WITHIN_S + side.jobs * A_JOB_WITHIN_S
    most, at_most, ends = 0, read(pid), time.monotonic() + within_s
    while (done := side.files(bench)) < side.jobs:
        in_flight = _counts(bench.simulator_url)["accepted"] - before["accepted"] - done
        if in_flight > most:
            most, at_most = in_flight, read(pid)
        if time.monotonic() > ends:
            raise SystemExit(f"{side.name}: {done} of {side.jobs} videos after {within_s:.0f} s; see {bench.folder}")
        time.sleep(1.0)
    return most, at_most, read(pid)


def _figures(
    jobs: int, took_s: float, idle: Reading, peak: tuple[int, Reading], end: Reading, late_s: list[float]
) -> dict[str, Any]:
    in_flight, at_peak = peak
    grown_kib = at_peak.memory_kib - idle.memory_kib
    return {
        "jobs": jobs,
        "in_flight_peak": in_flight,
        "seconds": round(took_s, 1),
        "kib_a_render": round(grown_kib / in_flight, 2),
        "worker_mib_idle": round(idle.memory_kib / 1024, 1),
        "worker_mib_at_peak": round(at_peak.memory_kib / 1024, 1),
        "cpu_s_per_1000_jobs": round((end.cpu_s - idle.cpu_s) / jobs * 1000, 2),
        "polls_timed": len(late_s),
        "late_p50_s": _rounded(percentile(late_s, 0.5)),
        "late_p99_s": _rounded(percentile(late_s, 0.99)),
        "late_max_s": _rounded(percentile(late_s, 1.0)),
    }


def _rounded(seconds: float | None) -> float | None:
    return None if seconds is None else round(seconds, 4)


def _counts(simulator_url: str) -> dict[str, int]:
    """What the simulator's Segmind has counted so far."""
    told: dict[str, int] = ask(f"{simulator_url}/_simulator/stats").get("segmind", {"accepted": 0, "polls": 0})
    return told


@contextlib.contextmanager
def _files(folder: Path) -> Iterator[tuple[ObjectStore, Mapping[str, str]]]:
    """A store of files, and how a worker finds it."""
    store = open_store(f"file://{folder}/store")
    yield store, {"WANBATCH_STORE": store.url}


@contextlib.contextmanager
def _bucket(folder: Path) -> Iterator[tuple[ObjectStore, Mapping[str, str]]]:
    """A store in a bucket, and how a worker finds it."""
    with seaweed(folder / "seaweed", BUCKET) as port:
        store = open_store(f"s3://{BUCKET}/store", s3=options(port))
        yield store, seaweed_env(port) | {"WANBATCH_STORE": store.url}


@contextlib.contextmanager
def _our_worker(bench: Bench) -> Iterator[int]:
    """Our worker, ready for jobs; its gates are lifted by a limits file."""
    limits = "[simulated-segmind]\nsubmits = []\npolls = []\n"
    env = our_env(bench.folder, bench.redis_url, bench.simulator_url, limits)
    env |= {**bench.env, "WANBATCH_ACCOUNTS": "simulated-segmind"}
    ledger = _ledger(bench)
    with child(python("benchmarks.ours", str(bench.folder / "late.json")), bench.folder / "worker.log", env) as worker:
        await_(lambda: bool(ledger.workers()), "our worker is heard of")
        yield worker.pid


def _our_jobs(bench: Bench, jobs: int) -> None:
    submit_prompts(jobs, _ledger(bench), bench.store, bench.folder)


def _our_files(bench: Bench) -> int:
    """Jobs that are done: stored, verified and recorded."""
    return _ledger(bench).counts("simulated-segmind").get("done", 0)


def _our_lateness(bench: Bench) -> list[float]:
    late_s: list[float] = json.loads((bench.folder / "late.json").read_text())
    return late_s


def _ledger(bench: Bench) -> Ledger:
    return Ledger.connect(bench.redis_url, store_url=bench.store.url, found=True)


def _celery(module: str, processes: int) -> Callable[[Bench], contextlib.AbstractContextManager[int]]:
    """A Celery worker as its manual starts one, with so many processes."""

    @contextlib.contextmanager
    def worker(bench: Bench) -> Iterator[int]:
        log = bench.folder / "worker.log"
        env = {
            "BENCHMARK_BROKER": bench.redis_url,
            "BENCHMARK_SIMULATOR_URL": bench.simulator_url,
            "BENCHMARK_FOLDER": str(bench.folder),
        }
        command = ["-A", f"benchmarks.peers.{module}", "worker", "-c", str(processes), "--loglevel", "info"]
        with child(python("celery", *command), log, env) as process:
            await_(lambda: " ready." in log.read_text(), "the Celery worker is ready")
            yield process.pid

    return worker


def _messages(bench: Bench, jobs: int) -> None:
    send_messages(jobs, bench.redis_url)


def _peer_files(bench: Bench) -> int:
    return sum(1 for _ in bench.folder.glob("*.mp4"))


def _peer_lateness(bench: Bench) -> list[float]:
    return [float(line) for file in bench.folder.glob("late.*") for line in file.read_text().split()]


if __name__ == "__main__":
    main()
