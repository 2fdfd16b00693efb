"""The same matrix through the same limits by ours and by what users write today: how near each comes to the bound.

All sides take turns, each with a simulator, a Valkey and a folder of its own, in three scenes: the submit rate is the
limit, the slots are, and both. The bound is a clairvoyant's replay of the side's own order and render times. Compared
with: 1.02 of it by rate and mixed, 1.04 by slots, no request over a limit, and ahead of every peer on makespan and CPU.
"""

import argparse
import json
import os
import sys
import threading
import time
from pathlib import Path
from statistics import fmean
from typing import Any

from benchmarks.flow.bound import soonest_s
from benchmarks.flow.plot import plot
from benchmarks.flow.scenes import Bench, Scene, Side, sides
from benchmarks.folder import apart
from benchmarks.gauge import Reading, read
from benchmarks.servers import ask, child, end_tidily, simulator, valkey

LIMITS = {"rate": 1.02, "mixed": 1.02, "slots": 1.04, "over_limit": 0}
SPEED = 5
OURS = "wanbatch"
JOBS, FEW_JOBS = 10_000, 1_000
#: At speed 5 about 50 submits a second, and renders of 38 s.
SCENES = [Scene("rate", 600, None), Scene("slots", 1200, 1600), Scene("mixed", 600, 1900)]
QUICK = (400, 200)
#: Real seconds after which a side is given up, and what it made counts.
SIDE_WITHIN_S = 420
#: Real seconds between two readings of a side's processes.
READ_EVERY_S = 2.0


def main() -> None:
    """Play the scenes and print the figures."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.flow", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="a few hundred jobs, to see that it works")
    parser.add_argument("--scene", choices=[scene.name for scene in SCENES], help="only this one")
    parser.add_argument("--side", help="only the one of that name")
    parser.add_argument("--jobs", type=int, default=JOBS, help=f"of ours and the two best peers, up to {JOBS:,}")
    parser.add_argument("--plot", type=Path, metavar="SVG", help="draw the figures there")
    asked = parser.parse_args()
    end_tidily()
    many, few = QUICK if asked.quick else (min(asked.jobs, JOBS), min(asked.jobs, FEW_JOBS))
    scenes: dict[str, Any] = {}
    with apart("wanbatch-flow-") as place:
        for scene in SCENES:
            if asked.scene not in (None, scene.name):
                continue
            told = scenes[scene.name] = {"submits_a_minute": scene.submits, "slots": scene.slots, "peers": {}}
            for side in sides(many):
                if asked.side not in (None, side.name):
                    continue
                jobs = many if side.whole else few
                figures = _play(scene, side, jobs, place / scene.name / side.name.replace(" ", "-"))
                (told if side.name == OURS else told["peers"])["ours" if side.name == OURS else side.name] = figures
                print(f"{scene.name}, {side.name}: {figures}", file=sys.stderr, flush=True)
    if asked.plot:
        plot(scenes, LIMITS, asked.plot)
    first = next(iter(scenes.values()))
    headline = {name: first[name] for name in ("ours", "peers") if name in first}
    print(json.dumps({"benchmark": "flow", "speed": SPEED, "limits": LIMITS, **headline, "scenes": scenes}))


def _play(scene: Scene, side: Side, jobs: int, folder: Path) -> dict[str, Any]:
    """Put the jobs in, start the side, wait for its last video, and read the simulator's journal."""
    folder.mkdir(parents=True)
    journal = folder / "journal"
    weather = ["--speed", str(SPEED), "--journal", str(journal), "--balance-usd", "1e6", "--queue-s", "0"]
    weather += ["--submits-per-minute", str(scene.submits), *(["--slots", str(scene.slots)] if scene.slots else [])]
    with simulator(folder / "simulator.log", *weather) as url, valkey(folder / "valkey") as redis_url:
        bench = Bench(folder, redis_url, url, scene, SPEED)
        side.put_in(bench, jobs)
        with child([*side.command], folder / "side.log", os.environ | bench.env) as process:
            watched = _watch(process.pid, folder, side, jobs)
        stats, over = ask(f"{url}/_simulator/stats")["segmind"], ask(f"{url}/_simulator/violations")["count"]
        epoch = float(ask(f"{url}/_simulator/clock")["epoch"])
    ended_at = max((file.stat().st_mtime for file in folder.glob(side.videos)), default=time.time())
    told = _read(journal, scene, epoch + (ended_at - epoch) * SPEED)
    return told | {
        "jobs": jobs,
        "not_made": jobs - sum(1 for _ in folder.glob(side.videos)),
        "over_limit": over,
        "throttled": stats["throttled"],
        "bought": stats["accepted"],
        "polls_per_video": round(stats["polls"] / jobs, 2),
        "cpu_s_per_1000_jobs": round(watched.cpu_s / jobs * 1000, 2),
        "memory_mib_peak": round(watched.memory_kib / 1024),
        "lines_to_write": sum(map(_lines, side.written)),
    }


def _watch(pid: int, folder: Path, side: Side, jobs: int) -> Reading:
    """Until every video is there or the time is over: the CPU that was used, and the most memory at once."""
    most, ends = read(pid), time.monotonic() + SIDE_WITHIN_S
    done = threading.Event()
    while not done.wait(READ_EVERY_S):
        now = read(pid)
        most = Reading(max(most.cpu_s, now.cpu_s), max(most.memory_kib, now.memory_kib))
        if sum(1 for _ in folder.glob(side.videos)) >= jobs or time.monotonic() > ends:
            done.set()
    return most


def _read(journal: Path, scene: Scene, ended_at: float) -> dict[str, Any]:
    """Makespan and bound in real seconds, use of the limits, and in the provider's seconds how late an end is found and
    how long a slot that is known to be free stays so.

    For a side that was given up they are of what it made: its makespan is a least one.
    """
    lines = [json.loads(line) for line in journal.read_text().splitlines()]
    bought = [each for each in lines if each["kind"] == "accepted"]
    found = {each["task_id"]: each["at"] for each in lines if each["kind"] == "found"}
    renders_s = [each["ends_at"] - each["at"] for each in bought]
    began = bought[0]["at"]
    bound_s = soonest_s(renders_s, submits=scene.submits, window_s=60, slots=scene.slots)
    last_at, last_end = bought[-1]["at"], max(each["ends_at"] for each in bought)
    late_s = [found[each["task_id"]] - each["ends_at"] for each in bought if each["task_id"] in found]
    told = {
        "makespan_s": round((ended_at - began) / SPEED, 1),
        "bound_s": round(bound_s / SPEED, 1),
        "makespan_ratio": round((ended_at - began) / bound_s, 4),
        "utilisation": round((len(bought) - 1) / (last_at - began) * 60 / scene.submits, 4),
        "lateness_s": round(fmean(late_s), 2) if late_s else None,
        "last_end_to_last_file_s": round((ended_at - last_end) / SPEED, 2),
    }
    if scene.slots is not None:
        freed, taken = sorted(found.values()), [each["at"] for each in bought[scene.slots :]]
        idle_s = [there - free for free, there in zip(freed, taken, strict=False)]
        told["turn_around_s"] = round(fmean(idle_s), 2) if idle_s else None
        told["utilisation"] = max(told["utilisation"], round(sum(renders_s) / (scene.slots * (last_end - began)), 4))
    return told


def _lines(file: Path) -> int:
    """Lines of code: neither blank, nor a comment, nor a docstring."""
    docstrings = 0
    inside = False
    for line in file.read_text().splitlines():
        text = line.strip()
        quotes = text.count('"""')
        docstrings += not (inside or quotes or not text or text.startswith("#"))
        inside = inside != (quotes == 1)
    return docstrings


if __name__ == "__main__":
    main()
