"""How exact the submit gate is: whole workers against one simulator, while work waits.

For 1, 4 and 8 worker processes and a provider's clock at 1 and 6 times life: requests over any window, as the simulator
counts them at any phase; the spread J from the granted instant to the wire, as the kernel has the first byte, and from
there to the simulator's count; and the share of the limit that was used, beside 0.99 W/(W + J) of the tightest window W
with the largest J that was seen.
"""

import argparse
import contextlib
import json
import sys
import tempfile
import time
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from typing import Any

from benchmarks.gauge import percentile
from benchmarks.prompts import submit_prompts
from benchmarks.servers import ask, await_, child, end_tidily, our_env, python, simulator, valkey
from benchmarks.wiretap import wiretap
from config.facts import Window
from ledger.jobs import Ledger
from ledger.objects import open_store
from ledger.shelf import plan_ids
from providers.registry import facts

#: The account is lifted of its slots: what is measured is the rate.
LIMITS = "[simulated-{name}]\nslots = 0\n"
#: Real seconds for which each case is measured, after the first ones in which the workers find their pace.
MEASURED_S, SETTLES_S = 24.0, 4.0
#: Seconds that J may be at most.
MOST_J_S = 0.02


def main() -> None:
    """Measure every case and print their figures."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.gates", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="one short case, to see that it works")
    parser.add_argument("--provider", default="dashscope", help="whose limits (dashscope: 5 a second)")
    parser.add_argument("--workers", type=int, nargs="+", default=[1, 4, 8], help="worker processes")
    parser.add_argument("--speeds", type=float, nargs="+", default=[1.0, 6.0], help="times faster than life")
    asked = parser.parse_args()
    end_tidily()
    cases = [(2, 6.0)] if asked.quick else [(workers, speed) for speed in asked.speeds for workers in asked.workers]
    figures: dict[str, Any] = {"benchmark": "gates", "provider": asked.provider, "cases": []}
    for workers, speed in cases:
        with tempfile.TemporaryDirectory(prefix="wanbatch-gates-") as place:
            case = _measure(asked.provider, workers, speed, Path(place), 6.0 if asked.quick else MEASURED_S)
        print(case, file=sys.stderr)
        figures["cases"].append(case)
    figures["exact"] = all(case["over_limit"] == 0 and case["used"] >= case["wanted"] for case in figures["cases"])
    print(json.dumps(figures))


def _measure(name: str, workers: int, speed: float, folder: Path, measured_s: float) -> dict[str, Any]:
    """One case: a campaign that is longer than the time, and that many workers."""
    weather = ("--speed", str(speed), "--render-mean-s", "100000", "--balance-usd", "1e9", "--slots", "100000")
    windows = facts(name).limits.submits
    rate = min(window.count / window.window_s for window in windows) * speed
    with (
        simulator(folder / "simulator.log", *weather) as url,
        valkey(folder / "valkey") as redis_url,
        wiretap(url) as tap,
    ):
        ledger = Ledger.connect(redis_url, store_url=f"file://{folder}/store", found=True)
        ids = _campaign(name, int(rate * (measured_s + 2 * SETTLES_S)) + 20, folder, ledger)
        with _workers(name, workers, folder, redis_url, tap.url):
            await_(lambda: len(ledger.workers()) == workers, "all workers are heard of")
            await_(lambda: _sold(url, name) > 0, "the first submit")
            began = time.time() + SETTLES_S
            time.sleep(SETTLES_S + measured_s + 0.5)
        clock, rows = ask(f"{url}/_simulator/clock"), ask(f"{url}/_simulator/purchases")["purchases"]
        stats, violations = ask(f"{url}/_simulator/stats")[name], ask(f"{url}/_simulator/violations")["violations"]
        counted = {row["task_id"]: _real_s(row["at"], clock) for row in rows}
        granted = {task: float(grant) / 1000 for task, grant in ledger.fields(ids, "task", "grant") if task and grant}
        ledger.close()
    sent = tap.arrivals_s([*granted])
    late_s = [sent[task] - at for task, at in granted.items() if task in sent]
    read_s = [counted[task] - at for task, at in sent.items() if task in counted]
    used = sum(began <= at < began + measured_s for at in counted.values()) / (rate * measured_s)
    return {
        "workers": workers,
        "speed": speed,
        "submits": stats["submits"],
        "over_limit": sum("submit" in each["limit"] for each in violations),
        "used": round(used, 4),
        "wanted": round(_wanted(windows, speed, max(late_s)), 4),
        **{f"j_{label}_ms": _ms(percentile(late_s, share)) for label, share in (("p50", 0.5), ("p99", 0.99))},
        "j_max_ms": _ms(max(late_s)),
        "wire_to_count_p50_ms": _ms(percentile(read_s, 0.5)),
        "wire_to_count_max_ms": _ms(max(read_s)),
    }


def _wanted(windows: tuple[Window, ...], speed: float, late_s: float) -> float:
    """0.99 W/(W + J) of the window that is the tightest."""
    window_s = min(window.window_s for window in windows) / speed
    return 0.99 * window_s / (window_s + min(late_s, MOST_J_S))


def _campaign(name: str, jobs: int, folder: Path, ledger: Ledger) -> list[str]:
    """Put so many jobs in; answers their ids."""
    plan = submit_prompts(jobs, ledger, open_store(f"file://{folder}/store"), folder, name)
    return list(plan_ids(plan.path))


@contextlib.contextmanager
def _workers(name: str, count: int, folder: Path, redis_url: str, url: str) -> Iterator[None]:
    env = our_env(folder, redis_url, url, LIMITS.format(name=name)) | {"WANBATCH_ACCOUNTS": f"simulated-{name}"}
    with contextlib.ExitStack() as running:
        for _ in range(count):
            running.enter_context(child(python("cli.app", "worker"), folder / "worker.log", env))
        yield


def _sold(url: str, name: str) -> int:
    return int(ask(f"{url}/_simulator/stats").get(name, {"accepted": 0})["accepted"])


def _real_s(at: str, clock: dict[str, float]) -> float:
    """The real instant of a simulated one, in seconds since 1970."""
    return clock["epoch"] + (datetime.fromisoformat(at).timestamp() - clock["epoch"]) / clock["speed"]


def _ms(seconds: float | None) -> float | None:
    return None if seconds is None else round(seconds * 1000, 2)


if __name__ == "__main__":
    main()
