"""What a job costs as workers and campaigns grow in number: the same jobs by 1, 2 and 4 workers, and out of 1, 10 and
100 campaigns that take turns; and what workers cost that have nothing to do.

Limits are lifted; every case has a Valkey, a simulator and a folder of its own. Compared with the first case: the
ledger's CPU for a job, from queue to end, and with one worker the worker's, are to stay within a fifth of it. What more
workers take on the same two cores is told beside.
"""

import argparse
import contextlib
import json
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from benchmarks.folder import apart
from benchmarks.gauge import read, valkey_s
from benchmarks.prompts import submit_prompts
from benchmarks.servers import await_, child, end_tidily, our_env, python, simulator, valkey
from ledger.jobs import Ledger
from ledger.objects import open_store

ACCOUNT = "simulated-segmind"
LIMITS = f"[{ACCOUNT}]\nsubmits = []\npolls = []\n"
#: Times the first case.
MOST_MORE = 1.2
#: Jobs of a case, and (workers, campaigns) of each.
JOBS = 2_000
CASES = [(1, 1), (2, 1), (4, 1), (1, 10), (1, 100)]
QUICK_JOBS, QUICK_CASES = 100, [(1, 1), (2, 10)]
RENDER_S = 10
#: Seconds for which workers without work are watched, after as many in which they come to rest.
IDLE_S = 8.0
CASE_WITHIN_S = 300.0


def main() -> None:
    """Measure every case and print the figures."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.growth", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="two small cases, to see that it works")
    asked = parser.parse_args()
    end_tidily()
    told: list[dict[str, Any]] = []
    with apart("wanbatch-growth-") as place:
        for workers, campaigns in QUICK_CASES if asked.quick else CASES:
            folder = place / f"{workers}-{campaigns}"
            folder.mkdir()
            told.append(_measure(QUICK_JOBS if asked.quick else JOBS, workers, campaigns, folder))
            print(told[-1], file=sys.stderr, flush=True)
    first = told[0]
    alone = [case["cpu_s_per_1000_jobs"] for case in told if case["workers"] == 1]
    most = {
        "ledger": round(
            max(case["valkey_cpu_s_per_1000_jobs"] for case in told) / first["valkey_cpu_s_per_1000_jobs"], 3
        ),
        "one_worker": round(max(alone) / first["cpu_s_per_1000_jobs"], 3),
        "several_workers": round(max(case["cpu_s_per_1000_jobs"] for case in told) / first["cpu_s_per_1000_jobs"], 3),
    }
    limits = {"ledger": MOST_MORE, "one_worker": MOST_MORE}
    print(json.dumps({"benchmark": "growth", "limits": limits, "over_first": most, "cases": told}))


def _measure(jobs: int, workers: int, campaigns: int, folder: Path) -> dict[str, Any]:
    """One case: what workers take without work, then with it, until the last video is there."""
    weather = ("--no-limits", "--render-mean-s", str(RENDER_S), "--render-cv", "0.1", "--balance-usd", "1e6")
    with simulator(folder / "simulator.log", *weather) as url, valkey(folder / "valkey") as redis_url:
        store = open_store(f"file://{folder}/store")
        ledger = Ledger.connect(redis_url, store_url=store.url, found=True)
        # An account is visited from its first job on.
        submit_prompts(1, ledger, store, folder, campaign="first")
        with _workers(workers, folder, our_env(folder, redis_url, url, LIMITS)) as pids:
            await_(lambda: _done(ledger) == 1, "the first video", CASE_WITHIN_S)
            time.sleep(IDLE_S)
            rested, rested_valkey_s = _cpu_s(pids), valkey_s(redis_url)
            time.sleep(IDLE_S)
            began, began_valkey_s = _cpu_s(pids), valkey_s(redis_url)
            for number in range(campaigns):
                submit_prompts(jobs // campaigns, ledger, store, folder, words=f"{number}", campaign=f"c{number}")
            await_(lambda: _done(ledger) == 1 + jobs, "the last video", CASE_WITHIN_S)
            ended, ended_valkey_s = _cpu_s(pids), valkey_s(redis_url)
        ledger.close()
    return {
        "workers": workers,
        "campaigns": campaigns,
        "jobs": jobs,
        "cpu_s_per_1000_jobs": round((ended - began) / jobs * 1000, 2),
        "valkey_cpu_s_per_1000_jobs": round((ended_valkey_s - began_valkey_s) / jobs * 1000, 2),
        "idle_ms_a_s": round((began - rested) / IDLE_S * 1000, 1),
        "idle_valkey_ms_a_s": round((began_valkey_s - rested_valkey_s) / IDLE_S * 1000, 1),
    }


@contextlib.contextmanager
def _workers(count: int, folder: Path, env: dict[str, str]) -> Iterator[list[int]]:
    """So many workers as they are shipped; the block gets their process ids."""
    with contextlib.ExitStack() as running:
        command = python("cli.app", "worker")
        log, env = folder / "worker.log", env | {"WANBATCH_ACCOUNTS": ACCOUNT}
        yield [running.enter_context(child(command, log, env)).pid for _ in range(count)]


def _done(ledger: Ledger) -> int:
    return ledger.counts(ACCOUNT).get("done", 0)


def _cpu_s(pids: list[int]) -> float:
    return sum(read(pid).cpu_s for pid in pids)


if __name__ == "__main__":
    main()
