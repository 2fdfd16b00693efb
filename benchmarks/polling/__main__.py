"""How many looks a video takes, and how late it is found: on paper against the optimum, live against the simulator.
On paper: a look every 10 s as documented, the documented exponential, and ours, which learns from its own looks, over a
grid of laws of render times; then renders whose speed changes from one to the next. The optimum knows the law, and is
found by dynamic programming at the same mean lateness. Compared with: at most 15 % above it; at most a third of the
looks of the fixed 10 s for a variation up to 0.15; at most 9.2 looks at 187 s and 0.25; mean lateness near 5 s; with
webhooks under 1.2 looks and under a second.
"""

import argparse
import json
import math
import sys
import tempfile
from pathlib import Path
from typing import Any

from benchmarks.polling.live import SPEED, Scene, play
from benchmarks.polling.optimum import least_polls
from benchmarks.polling.rehearsal import Documented, Fixed, Law, Learned, Way, drawn, either, lognormal, means, rehearse
from benchmarks.servers import end_tidily
from config.facts import load_facts
from jobs.looks import LATE_S, Aim

LIMITS = {
    "times_optimum": 1.15,
    "share_of_fixed_to_cv_0.15": 1 / 3,
    "polls_187_s_cv_0.25": 9.2,
    "late_s": 5.0,
    "called_polls": 1.2,
    "called_late_s": 1.0,
}
CADENCE = load_facts()["segmind"].cadence
GRID = [(mean_s, cv) for mean_s in (60, 90, 187, 205, 300) for cv in (0.05, 0.1, 0.15, 0.25, 0.35, 0.5)]
QUICK = [(60, 0.15), (187, 0.1), (187, 0.15), (187, 0.25)]
#: Renders under way at once, so that what one teaches comes late; and how many are left out as the time of learning.
UNDER_WAY = 50
#: No limit of polls, and nobody waits for a slot.
AIM = Aim(LATE_S, math.inf)
#: Ours, where the provider tells how long each render took, and where only our own looks do.
OURS = ("told", "seen")
LEARNING = 300
BEFORE = lognormal(187, 0.15)
CHANGES: dict[str, Law] = {
    "twice as long": lognormal(374, 0.15),
    "half as long": lognormal(94, 0.15),
    "either 187 or 60 s": either(BEFORE, lognormal(60, 0.15)),
}


def main() -> None:
    """Print the tables and one JSON line."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.polling", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="four laws, fewer renders, two short scenes")
    parser.add_argument("--paper", action="store_true", help="nothing live")
    asked = parser.parse_args()
    end_tidily()
    count = 1500 if asked.quick else 4000
    figures: dict[str, Any] = {"benchmark": "polling", "limits": LIMITS}
    figures["laws"] = [_law(mean_s, cv, count) for mean_s, cv in (QUICK if asked.quick else GRID)]
    figures["changes"] = {name: _change(law) for name, law in CHANGES.items()}
    figures["bars"] = _bars(figures["laws"])
    if not asked.paper:
        figures["live_speed"] = SPEED
        with tempfile.TemporaryDirectory(prefix="wanbatch-polling-") as place:
            figures["live"] = _live(Path(place), quick=asked.quick)
    print(json.dumps(figures))


def _law(mean_s: float, cv: float, count: int) -> dict[str, Any]:
    """One law of render times, and every way of looking after them."""
    law = lognormal(mean_s, cv)
    lengths_s = drawn(law, count, 1)
    ways: dict[str, Way] = {
        "fixed": Fixed(10),
        "documented": Documented(CADENCE),
        "told": Learned(CADENCE, AIM, told=True),
        "seen": Learned(CADENCE, AIM, told=False),
    }
    figures: dict[str, Any] = {"mean_s": mean_s, "cv": cv}
    row = [f"{mean_s} s, {cv}"]
    for name, way in ways.items():
        seen = rehearse(way, lengths_s, under_way=UNDER_WAY, seed=2, deadline_s=CADENCE.deadline_s)
        polls, late_s = means(seen[LEARNING:])
        figures[name] = {"polls": round(polls, 2), "late_s": round(late_s, 2)}
        row.append(f"{polls:.1f}, {late_s:.1f} s")
        if name in OURS:
            times = polls / least_polls(law.ended, late_s, mean_s / 150)
            figures[name]["times_optimum"] = round(times, 3)
            row.append(f"{times:.2f}")
    print("|", " | ".join(row), "|", file=sys.stderr)
    return figures


def _change(law: Law) -> list[dict[str, float]]:
    """Polls and lateness for each hundred renders, from a hundred before the change on."""
    lengths_s = drawn(BEFORE, 700, 3) + drawn(law, 800, 4)
    way = Learned(CADENCE, AIM, told=False)
    seen = rehearse(way, lengths_s, under_way=UNDER_WAY, seed=5, deadline_s=CADENCE.deadline_s)
    hundreds = [means(seen[first : first + 100]) for first in range(600, 1500, 100)]
    print("  ".join(f"{polls:.1f} @ {late_s:.1f} s" for polls, late_s in hundreds), file=sys.stderr)
    return [{"polls": round(polls, 2), "late_s": round(late_s, 2)} for polls, late_s in hundreds]


def _bars(laws: list[dict[str, Any]]) -> dict[str, dict[str, float]]:
    """The worst figure for each limit."""
    worst = {}
    for name in OURS:
        near = [each[name]["polls"] / each["fixed"]["polls"] for each in laws if each["cv"] <= 0.15]
        (wide,) = (each[name]["polls"] for each in laws if (each["mean_s"], each["cv"]) == (187, 0.25))
        worst[name] = {
            "times_optimum": max(each[name]["times_optimum"] for each in laws),
            "share_of_fixed_to_cv_0.15": round(max(near), 3),
            "polls_187_s_cv_0.25": wide,
            "late_s": max(each[name]["late_s"] for each in laws),
        }
    return worst


def _live(folder: Path, *, quick: bool) -> dict[str, Any]:
    """By submit rate, with a few slots, where lateness costs videos, and those with and without webhooks."""
    scenes = {
        "rate": Scene("segmind", 250 if quick else 700, 187, 0.15),
        "slots": Scene("dashscope", 120 if quick else 300, 60, 0.15, slots=20),
        "uncalled": Scene("replicate", 300, 60, 0.15, slots=40),
        "called": Scene("replicate", 120 if quick else 300, 60, 0.15, slots=40, called=True),
        "lossy": Scene("replicate", 300, 60, 0.15, slots=40, called=True, lost=0.1),
    }
    wanted = ("rate", "called") if quick else tuple(scenes)
    told = {name: play(scenes[name], folder / name) for name in wanted}
    for name, figures in told.items():
        print(f"live, {name}: {figures}", file=sys.stderr)
    return told


if __name__ == "__main__":
    main()
