"""What the split among accounts costs beside the best there is: our worker as it is shipped, on the simulator, against
a linear programme that knows the prices, the limits and how long a render lasts from the start.

python -m benchmarks.routing [--quick]; needs SciPy. It ends with one JSON line.
"""

import argparse
import json
import os
import tempfile
from collections import Counter, defaultdict
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from random import Random
from typing import Any

from scipy.optimize import linprog

from benchmarks.servers import await_, child, end_tidily, our_env, python, simulator, valkey
from config.accounts import AccountFacts
from config.settings import load_settings
from jobs.deadline import Deadline
from jobs.money import from_uusd, usd_text
from jobs.pace import LATE_S
from jobs.rendertimes import cell, curve, mean_s
from ledger.jobs import Ledger
from ledger.objects import open_store
from ledger.shelf import Shelf
from producer.enqueue import submit
from producer.plan import Plan, PlanOptions, iter_plan, make_plan
from producer.world import accounts_named
from providers.registry import provider

#: Variation of the render times, and how many of each kind an account has made before.
CV, MADE_BEFORE = 0.15, 60
#: Seconds after which these providers' renders are given up.
DEADLINE_S = 1800.0
#: Real seconds after which a scene that has not ended is given up.
SCENE_WITHIN_S = 240.0


@dataclass(frozen=True, slots=True)
class Scene:
    """So many videos of each kind (cells of a row), the accounts, their limits, and within how many seconds of the
    providers' clock, which runs `speed` times faster; a render lasts `mean_s` of them. Where slots are the limit, the
    clock is slow, so that a turn-around on this machine is as short beside a render as it is in life.
    """

    name: str
    accounts: str
    kinds: tuple[tuple[int, Mapping[str, Any]], ...]
    within_s: float
    mean_s: float
    speed: float
    limits: str = ""


#: Further accounts and tighter limits.
TWO_KEYS = '[two]\nprovider = "segmind"\nkey_variable = "TWO"\n'
SIX, FOUR = (f"submits = [{{ count = {count}, window_s = 60 }}]\n" for count in (6, 4))
SHORT, LONG = {"duration": 5}, {"duration": 10, "resolution": "1080p"}
SCENES = (
    Scene("a cheap account with five slots", "segmind,dashscope", ((60, SHORT),), 900, mean_s=120, speed=9),
    Scene(
        "three accounts, two kinds", "segmind,aimlapi,apimart", ((80, LONG), (90, SHORT)), 1000, mean_s=60, speed=10,
        limits=f"[simulated-apimart]\n{SIX}[simulated-aimlapi]\n{FOUR}",
    ),
    Scene(
        "two keys and a third", "segmind,two,aimlapi", ((200, SHORT),), 1200, mean_s=60, speed=25,
        limits=f"{TWO_KEYS}[simulated-aimlapi]\n{SIX}",
    ),
    Scene("time enough", "segmind,dashscope", ((20, SHORT),), 900, mean_s=60, speed=25),
)  # fmt: skip


def play(scene: Scene, folder: Path) -> dict[str, Any]:
    """Make a scene's videos, and set what they cost beside the best split of the same within the same time."""
    folder.mkdir()
    options = ["--speed", str(scene.speed), "--balance-usd", "1e6", "--queue-s", "0"]
    options += ["--render-mean-s", str(scene.mean_s), "--render-cv", str(CV)]
    with simulator(folder / "simulator.log", *options) as url, valkey(folder / "valkey") as redis_url:
        env = our_env(folder, redis_url, url, scene.limits)
        store = open_store(env["WANBATCH_STORE"])
        ledger = Ledger.connect(redis_url, store_url=store.url, found=True)
        accounts = accounts_named(scene.accounts, load_settings(limits=env["WANBATCH_LIMITS"]), simulated=True)
        plan = planned(scene, accounts, folder, Shelf(store, simulated=True))
        _remember(scene, plan, ledger)
        with child(python("cli.app", "worker"), folder / "worker.log", os.environ | env):
            await_(lambda: bool(ledger.workers()), "our worker is heard of")
            submit(plan, ledger=ledger, shelf=Shelf(store, simulated=True), budget_usd=None, submitted_by="benchmark")
            await_(lambda: _ended(ledger, plan), f"all videos of {scene.name}", within_s=SCENE_WITHIN_S)
        status = ledger.status(plan.campaign)
        ledger.close()
    assert status is not None
    return judged(scene, plan, Shelf(store, simulated=True), status.deadline)


def _remember(scene: Scene, plan: Plan, ledger: Ledger) -> None:
    """Each account has made videos of each kind before, so that the ledger knows how long they last."""
    draws = Random(1)
    times = Counter(cell(draws.gauss(scene.mean_s, CV * scene.mean_s)) for _ in range(MADE_BEFORE))
    longest_s = curve(times, DEADLINE_S).age_s(0.99)
    lasts = {"render_ms": mean_s(times) + LATE_S, "tail_ms": longest_s + LATE_S}
    for account in plan.accounts:
        ledger.client.hset(
            f"wb:a:{account}", mapping={name: int(each / scene.speed * 1000) for name, each in lasts.items()}
        )
        for kind in plan.renders:
            known = {"known": MADE_BEFORE, **{str(number): count for number, count in times.items()}}
            ledger.client.hset(f"wb:renders:{account}:{kind}", mapping=known)


def _ended(ledger: Ledger, plan: Plan) -> bool:
    status = ledger.status(plan.campaign)
    return status is not None and status.ended == plan.variants


def planned(scene: Scene, accounts: tuple[AccountFacts, ...], folder: Path, shelf: Shelf) -> Plan:
    """The plan; its kinds are mixed in the matrix."""
    rows = [cells for count, cells in scene.kinds for _ in range(count)]
    mixed = [rows[place * 37 % len(rows)] for place in range(len(rows))]
    texts = (json.dumps({"prompt": f"lamp {number}", **cells}) for number, cells in enumerate(mixed))
    matrix = folder / "m.jsonl"
    matrix.write_text("\n".join(texts) + "\n")
    first, *also = accounts
    options = PlanOptions(
        simulated=True, account=first.name, deadline=Deadline.read(f"{scene.within_s}s"), speed=scene.speed
    )  # fmt: skip
    return make_plan(
        matrix, options=options, provider=provider(first.facts.name), facts=first.facts, also=also,
        bought=shelf.ended, spool=folder,
    )  # fmt: skip


def judged(scene: Scene, plan: Plan, shelf: Shelf, deadline: datetime | None) -> dict[str, Any]:
    """What it cost, where it was bought and when the last video was there, beside the best."""
    spent, at, last = 0.0, Counter[str](), None
    for line in iter_plan(plan.path):
        record = shelf.record(line.job.job_id)
        assert record is not None
        assert record.status == "done"
        assert record.stored_at is not None
        spent += sum(float(purchase.cost_usd or 0) for purchase in record.purchases)
        at[record.account.removeprefix("simulated-")] += 1
        last = record.stored_at if last is None else max(last, record.stored_at)
    best_usd, best = best_split(scene, plan)
    assert last is not None
    assert deadline is not None
    late = (last - deadline) / timedelta(seconds=1) * scene.speed
    return {
        "scene": scene.name,
        "videos": plan.variants,
        "within_s": scene.within_s,
        "planned": {share.seller.account.bare: share.makes for share in plan.routing.split} if plan.routing else {},
        "planned_usd": usd_text(plan.cost_high_usd),
        "ours": dict(sorted(at.items())),
        "ours_usd": round(spent, 3),
        "best": best,
        "best_usd": round(best_usd, 3),
        "ratio": round(spent / best_usd, 4),
        "in_time": late <= 0,
        "late_s": round(late, 1),
    }


def best_split(scene: Scene, plan: Plan) -> tuple[float, dict[str, float]]:
    """The cheapest split of which everything ends in time, if every render lasts the mean and nothing is ever idle."""
    assert plan.routing is not None
    sellers = [share.seller for share in plan.routing.alone]
    kinds = Counter(line.job.lane for line in iter_plan(plan.path))
    asks = [{name: int(price) for name, price in (each.split(" ") for each in lane.split("\n"))} for lane in kinds]
    pairs = [(kind, seller.name) for kind, ask in enumerate(asks) for seller in sellers if seller.name in ask]
    most = {}
    for seller in sellers:
        begin_s, limits = scene.within_s - scene.mean_s, seller.facts.limits
        rates = [window.count * begin_s / window.window_s for window in limits.submits]
        slots = [] if limits.slots is None else [limits.slots * scene.within_s / scene.mean_s]
        most[seller.name] = min([*rates, *slots])
    solved = linprog(
        [float(from_uusd(asks[kind][name])) for kind, name in pairs],
        A_ub=[[float(name == each) for _, name in pairs] for each in most],
        b_ub=list(most.values()),
        A_eq=[[float(kind == each) for kind, _ in pairs] for each in range(len(asks))],
        b_eq=list(kinds.values()),
    )
    if not solved.success:
        raise SystemExit(f"{scene.name}: {solved.message}")
    held: defaultdict[str, float] = defaultdict(float)
    for (_, name), much in zip(pairs, solved.x, strict=True):
        held[name.removeprefix("simulated-")] += round(float(much), 2)
    return float(solved.fun), dict(held)


def main() -> None:
    """Play the scenes and print what they came to."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="the last two scenes alone, in two minutes")
    quick = parser.parse_args().quick
    end_tidily()
    with tempfile.TemporaryDirectory(prefix="wanbatch-routing-") as folder:
        scenes = [
            play(scene, Path(folder) / str(number)) for number, scene in enumerate(SCENES[: 1 if quick else None])
        ]
    worst = max(each["ratio"] for each in scenes)
    print(json.dumps({"worst_ratio": worst, "in_time": all(each["in_time"] for each in scenes), "scenes": scenes}))


if __name__ == "__main__":
    main()
