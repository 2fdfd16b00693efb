"""What a large matrix costs before anything is rendered: reading and planning it, and putting the plan into the ledger;
what a catalog costs of as many rows, three to a product, and a campaign file of products x 50 hooks x 10 markets.

Every stage is a process of its own, so that its peak memory is its own. Compared with: under 300 MB at 200,000 rows,
at least 25,000 jobs a second from a ready plan into a Valkey that syncs every write, and claims off that queue under
2 ms.
"""

import argparse
import csv
import json
import os
import pickle
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import redis

from benchmarks.gauge import percentile
from benchmarks.servers import await_, end_tidily, python, valkey
from ledger.gates import Limited, policy
from ledger.jobs import Ledger
from ledger.objects import open_store
from ledger.shelf import Shelf
from producer.enqueue import submit
from producer.plan import Plan, PlanOptions, make_plan
from providers.registry import facts, provider

PEAK_MB = 300
JOBS_A_SECOND = 25_000
#: Milliseconds within which a claim of a handful of jobs must be answered, however many are queued.
CLAIM_MS = 2
CLAIMS, CLAIMED_AT_ONCE = 500, 8
#: A stage that lasts longer is given up.
STAGE_WITHIN_S = 900
MOST_ROWS = 2_000_000
#: The campaign file's axes beside its products, its most combinations before the rules, and its seconds.
HOOKS, MARKETS, CAMPAIGN_VIDEOS, CAMPAIGN_S = 50, 10, 100_000, 10
#: Where one stage leaves the plan for the next.
READY = "plan.pickle"


def main() -> None:
    """Write a matrix, run the stages one after the other, print the figures."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.planning", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="20,000 rows")
    parser.add_argument("--rows", type=int, default=None, help="rows of the matrix (default 200,000)")
    parser.add_argument("--stage", nargs=3, metavar=("NAME", "FOLDER", "REDIS"), help=argparse.SUPPRESS)
    asked = parser.parse_args()
    end_tidily()
    if asked.stage:
        name, folder, url = asked.stage
        stages = {
            "plan": plan,
            "catalog": plan_catalog,
            "campaign": plan_campaign,
            "enqueue": enqueue,
            "claims": claims,
        }
        say(stages[name](Path(folder), url))
        return
    rows = min(asked.rows or (20_000 if asked.quick else 200_000), MOST_ROWS)
    with tempfile.TemporaryDirectory(prefix="wanbatch-planning-") as folder:
        say({"benchmark": "planning", **measure(Path(folder), rows)})


def measure(folder: Path, rows: int) -> dict[str, Any]:
    """The figures of one matrix of so many rows."""
    write_matrix(folder / "matrix.csv", rows)
    with valkey(folder / "valkey") as url:
        planned = stage("plan", folder, url)
        before_bytes, before_s = redis_use(url)
        queued = stage("enqueue", folder, url)
        after_bytes, after_s = redis_use(url)
        held_bytes = after_bytes - before_bytes
        claimed = stage("claims", folder, url)
        write_catalog(folder, rows)
        catalog = stage("catalog", folder, url)
        write_campaign(folder, max(1, min(rows, CAMPAIGN_VIDEOS) // (HOOKS * MARKETS)))
        campaign = stage("campaign", folder, url)
    return {
        "rows": rows,
        "catalog": catalog | {"peak_mb_at_most": PEAK_MB},
        "campaign": campaign | {"peak_mb_at_most": PEAK_MB, "seconds_at_most": CAMPAIGN_S},
        "plan": planned | {"peak_mb_at_most": PEAK_MB},
        "enqueue": queued | {"peak_mb_at_most": PEAK_MB, "jobs_a_second_at_least": JOBS_A_SECOND},
        "claims": claimed | {"p99_ms_at_most": CLAIM_MS},
        "redis_cpu_s": round(after_s - before_s, 2),
        "redis_bytes_a_job": round(held_bytes / rows),
        "redis_bytes_a_job_beyond_its_json": round(held_bytes / rows - job_bytes(folder)),
    }


def stage(name: str, folder: Path, url: str) -> dict[str, Any]:
    """Run one stage as a child and read its figures."""
    command = python("benchmarks.planning", "--stage", name, str(folder), url)
    ended = subprocess.run(command, stdout=subprocess.PIPE, timeout=STAGE_WITHIN_S, check=True)
    figures: dict[str, Any] = json.loads(ended.stdout)
    return figures


def plan(folder: Path, _url: str) -> dict[str, Any]:
    """Read, check, price and name every row; the plan stays in the folder for the next stage."""
    made, took_s = planned(folder, "matrix.csv", None)
    (folder / READY).write_bytes(pickle.dumps(made))
    return figures_of(made.lines, took_s, "rows")


def plan_catalog(folder: Path, _url: str) -> dict[str, Any]:
    """The same for a shop's export with descriptions in HTML: a video a product."""
    made, took_s = planned(folder, "catalog.csv", folder / "template.toml")
    return figures_of(made.lines, took_s, "products")


def plan_campaign(folder: Path, _url: str) -> dict[str, Any]:
    """The same for a campaign file with two rules and a prompt that calls four columns."""
    made, took_s = planned(folder, "campaign.toml", None)
    return figures_of(made.lines, took_s, "combinations")


def planned(folder: Path, source: str, template: Path | None) -> tuple[Plan, float]:
    """The plan of a file in the folder, and the seconds that it took."""
    began = time.perf_counter()
    made = make_plan(
        folder / source,
        options=PlanOptions(simulated=True),
        provider=provider("segmind", None),
        facts=facts("segmind"),
        bought=Shelf(open_store(f"file://{folder}/store"), simulated=True).ended,
        spool=folder,
        template=template,
    )
    return made, time.perf_counter() - began


def enqueue(folder: Path, url: str) -> dict[str, Any]:
    """Submit the ready plan to an empty ledger."""
    ready: Plan = pickle.loads((folder / READY).read_bytes())
    store = open_store(f"file://{folder}/store")
    ledger = Ledger.connect(url, store_url=store.url, found=True)
    began = time.perf_counter()
    done = submit(ready, ledger=ledger, shelf=Shelf(store, simulated=True), budget_usd=None, submitted_by="benchmark")
    took_s = time.perf_counter() - began
    if done.queued != ready.variants:
        raise SystemExit(f"{done.queued} jobs were queued, not {ready.variants}")
    return figures_of(done.queued, took_s, "jobs")


def claims(folder: Path, url: str) -> dict[str, Any]:
    """Claim jobs off that full queue, a handful at a time as a worker does, and give none back: once while Valkey has
    nothing else to do, once while a child of it rewrites the append-only file, which happens whenever that has doubled.
    """
    ledger = Ledger.connect(url, store_url=open_store(f"file://{folder}/store").url)
    with redis.Redis.from_url(url, decode_responses=True) as client:
        # It rewrites when it is told to, so that it is known which claims met it.
        client.config_set("auto-aof-rewrite-percentage", 0)
        await_(lambda: not is_rewriting(client), "the append-only file is rewritten", STAGE_WITHIN_S)
        rest = claimed_off(ledger, client, lambda: False)
        client.bgrewriteaof()
        await_(lambda: is_rewriting(client), "a rewrite of the append-only file begins")
        busy = claimed_off(ledger, client, lambda: not is_rewriting(client))
    return {"at_once": CLAIMED_AT_ONCE, "at_rest": rest, "while_rewriting": busy}


def claimed_off(ledger: Ledger, client: Any, over: Callable[[], bool]) -> dict[str, Any]:
    """The figures of so many claims, or of those until it is over; `server_ms` is the mean within the script itself."""
    free = policy(Limited(), longest_render_s=600.0)
    took_ms: list[float] = []
    jobs = 0
    client.config_resetstat()
    while len(took_ms) < CLAIMS and not (took_ms and over()):
        began = time.perf_counter()
        jobs += len(ledger.claim("simulated-segmind", free, most=CLAIMED_AT_ONCE, most_waiting=10**9))
        took_ms.append((time.perf_counter() - began) * 1000)
    return {
        "jobs": jobs,
        "server_ms": round(client.info("commandstats")["cmdstat_evalsha"]["usec_per_call"] / 1000, 2),
        "p50_ms": round(percentile(took_ms, 0.5) or 0.0, 2),
        "p99_ms": round(percentile(took_ms, 0.99) or 0.0, 2),
    }


def is_rewriting(client: Any) -> bool:
    """Whether a child rewrites the append-only file now."""
    return bool(client.info("persistence")["aof_rewrite_in_progress"])


def figures_of(count: int, took_s: float, what: str) -> dict[str, Any]:
    """A stage's figures; `cpu_s` is this process's own, `peak_mb` its largest resident set in 10^6 bytes."""
    used = resource.getrusage(resource.RUSAGE_SELF)
    return {
        what: count,
        "seconds": round(took_s, 2),
        f"{what}_a_second": round(count / took_s),
        "cpu_s": round(used.ru_utime + used.ru_stime, 2),
        "peak_mb": round(used.ru_maxrss * 1024 / 1e6, 1),
    }


def write_matrix(path: Path, rows: int) -> None:
    """Products x hooks with a prompt of about 160 characters, as an advertiser's export has them."""
    hooks = ("unboxing at a kitchen table", "slow turn on a marble plinth", "handheld walk through a market")
    with path.open("w", newline="", encoding="utf-8") as file:
        table = csv.writer(file)
        table.writerow(["sku", "hook", "prompt", "aspect_ratio", "duration", "market"])
        for row in range(rows):
            hook = hooks[row % 3]
            prompt = (
                f"Product {row:07d}, {hook}, soft morning light, shallow depth of field, a hand enters from the left"
            )
            table.writerow([f"SKU-{row:07d}", hook, prompt, "9:16" if row % 2 else "16:9", 5, f"m{row % 12}"])


def write_catalog(folder: Path, rows: int) -> None:
    """A Shopify export, three variants a product, and a template with a video for each."""
    template = '[[video]]\nprompt = "The {{ title }} in {{ color }}. {{ description | truncate(200) }}"\n'
    (folder / "template.toml").write_text(template + 'image_url = "{{ image }}"\n')
    body = "<p>" + "Enamel, fired twice &amp; made to be <b>dropped</b>. " * 8 + "</p><ul><li>Light</li></ul>"
    with (folder / "catalog.csv").open("w", newline="", encoding="utf-8") as file:
        table = csv.writer(file)
        table.writerow(
            ["Handle", "Title", "Body (HTML)", "Vendor", "Option1 Name", "Option1 Value", "Variant Price", "Image Src"]
        )
        for row in range(rows):
            product, variant = divmod(row, 3)
            words = ["", "", "", ""] if variant else [f"Mug {product:07d}", body, "Northlight", "Colour"]
            image = f"https://cdn.example.com/{row}.jpg"
            table.writerow([f"mug-{product}", *words, ("Moss", "Clay", "Slate")[variant], "18.50", image])


def write_campaign(folder: Path, products: int) -> None:
    """Products x hooks x markets, two rules over them."""
    with (folder / "products.csv").open("w", newline="", encoding="utf-8") as file:
        table = csv.writer(file)
        table.writerow(["sku", "product", "material"])
        table.writerows(
            [f"SKU-{row:05d}", f"Lamp {row:05d}", "frosted glass on brushed brass"] for row in range(products)
        )
    hooks, markets = (
        [f"{word} {number}" for number in range(many)] for word, many in (("hook", HOOKS), ("m", MARKETS))
    )
    text = (
        'rows = "products.csv"\n[defaults]\n'
        'prompt = "{{ hook | capitalize }}. A {{ product }} of {{ material }} on a windowsill in {{ market }}"\n'
        f"[axes]\nhook = {hooks}\nmarket = {markets}\n"
        '[[exclude]]\nwhen = { hook = "hook 3", market = ["m 1", "m 2"] }\n'
        '[[require]]\nwhen = { market = "m 9" }\nthen = { hook = ["hook 3", "hook 4"] }\n'
    )
    (folder / "campaign.toml").write_text(text, encoding="utf-8")


def redis_use(url: str) -> tuple[int, float]:
    """Memory of the Redis data set, without client buffers, and the server's CPU seconds so far."""
    with redis.Redis.from_url(url) as client:
        info: Any = client.info("everything")
        return int(info["used_memory_dataset"]), float(info["used_cpu_user"]) + float(info["used_cpu_sys"])


def job_bytes(folder: Path) -> float:
    """Mean bytes of a job's own JSON in the plan."""
    ready: Plan = pickle.loads((folder / READY).read_bytes())
    with ready.path.open("rb") as lines:
        sizes = [line.index(b',"source_lines":') - len(b'{"job":') for line, _ in zip(lines, range(1000), strict=False)]
    return sum(sizes) / len(sizes)


def say(figures: dict[str, Any]) -> None:
    """One JSON line."""
    sys.stdout.write(json.dumps(figures) + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    os.environ.pop("WANBATCH_STORE", None)
    main()
