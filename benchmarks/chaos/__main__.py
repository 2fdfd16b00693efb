"""Campaigns on real processes under faults from outside, and one JSON line of what was lost, bought twice or overspent.

Valkey with every write synced, SeaweedFS, the simulator and three workers, with proxies between. The bar: lost 0,
bought twice 0, overspend 0, books equal to the bank statement; recovery p99 within the lease and 10 s.
"""

import argparse
import json
import sys
import tempfile
from pathlib import Path

from benchmarks.chaos.session import SPEED, Asked, run
from benchmarks.chaos.times import too_slow

MOST_MINUTES = 180


def main() -> int:
    """Play, settle, judge, and print; 1 when the bar is missed."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.chaos", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="each kind of fault once, about two minutes in all")
    parser.add_argument("--seed", type=int, default=1, help="of the faults and the weather")
    parser.add_argument("--minutes", type=float, default=30.0, help=f"of faults, up to {MOST_MINUTES} (30)")
    parser.add_argument("--kills", type=int, default=1_000, help="after which no more are played (1,000)")
    parser.add_argument("--rest", type=float, default=0.0, metavar="S", help="seconds without faults after a kill (0)")
    parser.add_argument("--provider", choices=["segmind", "dashscope"], default="segmind", help="whose dialect")
    parser.add_argument("--store", choices=["s3", "file"], default="s3", help="SeaweedFS, or a folder")
    parser.add_argument("--keep", type=Path, help="a new folder for logs and data, kept afterwards")
    asked = parser.parse_args()
    minutes = 0.0 if asked.quick else min(asked.minutes, MOST_MINUTES)
    with tempfile.TemporaryDirectory(prefix="wanbatch-chaos-") as place:
        folder = asked.keep or Path(place)
        folder.mkdir(parents=True, exist_ok=True)
        wanted = Asked(asked.seed, asked.provider, asked.store == "s3", minutes, asked.kills, asked.rest)
        figures, complaints = run(folder.resolve(), wanted)
    complaints += too_slow(figures, SPEED)
    for complaint in complaints:
        print(complaint, file=sys.stderr)
    print(json.dumps(figures))
    return 1 if complaints else 0


if __name__ == "__main__":
    sys.exit(main())
