"""Large videos from the provider to an object store: ours beside plain boto3 transfer threads between the same servers.

300 videos of 20 MB in SeaweedFS. Both sides have the same number of threads and go through temporary files; ours also
hashes, verifies, records and settles, and looks after renders meanwhile. Compared with: at least 0.7 of the plain
threads' rate; memory does not grow; looks keep their lateness. The sides take turns, as often as asked.
"""

import argparse
import contextlib
import json
import os
import sys
import tempfile
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from statistics import fmean, median
from typing import Any

import httpx

from benchmarks.gauge import percentile, read
from benchmarks.prompts import submit_prompts
from benchmarks.seaweed import client, options, seaweed, seaweed_env
from benchmarks.servers import ask, await_, child, end_tidily, our_env, python, simulator, valkey
from ledger.jobs import Ledger
from ledger.objects import open_store

LIMITS = {"of_plain_threads": 0.7}
ACCOUNT = "simulated-segmind"
BUCKET = "videos"
THREADS = 8
VIDEO_BYTES = 20_000_000
#: Seconds: all are bought before the first render ends, and all renders end together.
RENDER_S = 30.0
#: Seconds after which a side is given up.
SIDE_WITHIN_S = 300.0
#: Bytes that plain threads read at once.
CHUNK_BYTES = 256 * 1024


@dataclass(frozen=True, slots=True)
class Bench:
    """A folder, the store and the simulator of one turn."""

    folder: Path
    store_port: int
    simulator_url: str
    videos: int


def main() -> None:
    """Let the sides take turns and print the figures."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.transfers", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="20 videos, one turn, to see that it works")
    parser.add_argument("--turns", type=int, default=2, choices=range(1, 6), help="of each side (2)")
    asked = parser.parse_args()
    end_tidily()
    videos, turns = (20, 1) if asked.quick else (300, asked.turns)
    figures: dict[str, Any] = {
        "benchmark": "transfers", "videos": videos, "video_bytes": VIDEO_BYTES, "threads": THREADS, "limits": LIMITS,
        "ours": [], "plain": [],
    }  # fmt: skip
    for _ in range(turns):
        for name, side in (("ours", _ours), ("plain", _plain)):
            with _bench(videos) as bench:
                figures[name].append(side(bench))
            print(f"{name}: {figures[name][-1]}", file=sys.stderr, flush=True)
    ours, plain = (median(each["mb_a_second"] for each in figures[name]) for name in ("ours", "plain"))
    print(json.dumps(figures | {"of_plain_threads": round(ours / plain, 3)}))


@contextlib.contextmanager
def _bench(videos: int) -> Iterator[Bench]:
    """New servers for each turn, so that no side finds the other's files in the way."""
    with tempfile.TemporaryDirectory(prefix="wanbatch-transfers-") as place:
        folder = Path(place)
        weather = ["--no-limits", "--render-mean-s", str(RENDER_S), "--render-cv", "0", "--queue-s", "0"]
        weather += ["--balance-usd", "1e6", "--clip-pad-bytes", str(VIDEO_BYTES), "--journal", str(folder / "journal")]
        with (
            simulator(folder / "simulator.log", *weather) as url,
            seaweed(folder / "seaweed", BUCKET) as port,
        ):
            yield Bench(folder, port, url, videos)


def _ours(bench: Bench) -> dict[str, Any]:
    """Buy all, and time from the first render's end to the last record."""
    store_url = f"s3://{BUCKET}/store"
    store = open_store(store_url, s3=options(bench.store_port))
    with valkey(bench.folder / "valkey") as redis_url:
        limits = f"[{ACCOUNT}]\nsubmits = []\npolls = []\n"
        env = seaweed_env(bench.store_port) | our_env(bench.folder, redis_url, bench.simulator_url, limits)
        env |= {
            "WANBATCH_STORE": store_url,
            "WANBATCH_THREADS": str(THREADS),
            "WANBATCH_ACCOUNTS": ACCOUNT,
            "TMPDIR": str(bench.folder),
        }
        ledger = Ledger.connect(redis_url, store_url=store.url, found=True)
        with child(python("cli.app", "worker"), bench.folder / "worker.log", os.environ | env) as worker:
            await_(lambda: bool(ledger.workers()), "our worker is heard of")
            submit_prompts(bench.videos, ledger, store, bench.folder)
            await_(lambda: _accepted(bench) == bench.videos, "all are bought")
            before, most_kib = read(worker.pid), 0
            ends = time.monotonic() + SIDE_WITHIN_S
            while (done := ledger.counts(ACCOUNT).get("done", 0)) < bench.videos:
                if time.monotonic() > ends:
                    raise SystemExit(f"ours: {done} of {bench.videos} videos after {SIDE_WITHIN_S:.0f} s")
                time.sleep(0.25)
                most_kib = max(most_kib, read(worker.pid).memory_kib)
            ended_at = time.time()
            cpu_s = read(worker.pid).cpu_s - before.cpu_s
        ledger.close()
    lines = [json.loads(line) for line in (bench.folder / "journal").read_text().splitlines()]
    first_end = min(each["ends_at"] for each in lines if each["kind"] == "accepted")
    over_at = {each["task_id"]: each["ends_at"] for each in lines if each["kind"] == "accepted"}
    late_s = [each["at"] - over_at[each["task_id"]] for each in lines if each["kind"] == "found"]
    return _rate(bench, ended_at - first_end) | {
        "grown_mib": round((most_kib - before.memory_kib) / 1024, 1),
        "cpu_ms_per_video": round(cpu_s / bench.videos * 1000),
        "late_mean_s": round(fmean(late_s), 2),
        "late_p99_s": round(percentile(late_s, 0.99) or 0.0, 2),
    }


def _plain(bench: Bench) -> dict[str, Any]:
    """Buy as many, wait until all are rendered, and only then carry them over."""
    base, key = f"{bench.simulator_url}/segmind", {"x-api-key": "sim-plain"}
    s3 = client(bench.store_port)
    with httpx.Client(base_url=base, headers=key, timeout=60) as web, ThreadPoolExecutor(THREADS) as pool:
        tasks = [
            web.post("/v2/wan-2.6-t2v", json={"prompt": f"video {number}", "duration": 5}).json()["request_id"]
            for number in range(bench.videos)
        ]
        await_(lambda: _status(web, tasks[-1]) == "COMPLETED", "the last render has ended")
        links = [web.get(f"/v2/requests/{task}").json()["output"] for task in tasks]

        def carry(number: int) -> None:
            path = bench.folder / f"{number}.mp4"
            with web.stream("GET", links[number]) as answer, path.open("wb") as file:
                for chunk in answer.raise_for_status().iter_bytes(CHUNK_BYTES):
                    file.write(chunk)
            s3.upload_file(str(path), BUCKET, f"plain/{number}.mp4")
            path.unlink()

        began = time.monotonic()
        list(pool.map(carry, range(bench.videos)))
        took_s = time.monotonic() - began
    return _rate(bench, took_s)


def _rate(bench: Bench, took_s: float) -> dict[str, Any]:
    return {"seconds": round(took_s, 1), "mb_a_second": round(bench.videos * VIDEO_BYTES / 1e6 / took_s, 1)}


def _accepted(bench: Bench) -> int:
    return int(ask(f"{bench.simulator_url}/_simulator/stats").get("segmind", {"accepted": 0})["accepted"])


def _status(web: httpx.Client, task: str) -> str:
    return str(web.get(f"/v2/requests/{task}/status").json()["status"])


if __name__ == "__main__":
    main()
