"""Planning a large matrix in a process of its own, so that its memory is its own."""

import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]


MEASURE = """
import csv, resource, sys
from pathlib import Path
from config.facts import load_facts
from producer.columns import KNOWN, REASON
from producer.plan import PlanOptions, make_plan
from providers.registry import provider

with Path("big.csv").open("w", newline="") as out:
    rows = csv.writer(out)
    rows.writerow(["prompt", "product", "aspect_ratio", "duration"])
    for n in range(int(sys.argv[1])):
        rows.writerow([f"Shot {n} of a quiet street in the rain", f"product {n % 50}", "16:9", 5])
before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
plan = make_plan(Path("big.csv"), options=PlanOptions(simulated=True), provider=provider("segmind"),
                 facts=load_facts()["segmind"], bought=lambda ids: set(), spool=Path("spool"))
assert plan.variants == int(sys.argv[1])
print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before)
"""


def test_memory_stays_flat(tmp_path: Path) -> None:
    """Rows stream: 20,000 of them grow the process by a few MiB, the ids and prices."""
    done = subprocess.run(
        [sys.executable, "-c", MEASURE, "20000"],
        capture_output=True,
        text=True,
        check=True,
        cwd=tmp_path,
        env={"PYTHONPATH": str(ROOT)},
    )
    assert int(done.stdout) < 24 * 1024
