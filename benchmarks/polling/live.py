"""The same on the wire: our worker as it is shipped looks after renders of the simulator, whose journal is the witness.

The simulator runs at most six times faster than life, so that ticks and round trips stay small beside a render.
"""

import contextlib
import json
import os
import secrets
import socket
import time
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from statistics import fmean
from typing import Any

from benchmarks.prompts import submit_prompts
from benchmarks.servers import ask, await_, child, our_env, python, simulator, valkey
from config.receiver import receives
from jobs.looks import ENOUGH_KNOWN
from ledger.jobs import Ledger
from ledger.objects import open_store
from providers.accounts import SIMULATED_KEY as KEY

SPEED = 6
#: Real seconds after which a scene that has not ended is given up.
SCENE_WITHIN_S = 400
#: Ended renders after which a worker has surely read what it needs: its looks are planned anew every eighth.
READ_AFTER = 16


@dataclass(frozen=True, slots=True)
class Scene:
    """A provider, so many videos, and how long its renders last; `slots` takes the place of the provider's own.

    With `called` the provider is asked to call when a render has ended, and a receiver is there; `lost` is the share of
    calls that never come.
    """

    provider: str
    jobs: int
    mean_s: float
    cv: float
    slots: int | None = None
    called: bool = False
    lost: float = 0.0

    @property
    def account(self) -> str:
        """The account that the work is done with."""
        return f"simulated-{self.provider}"


def play(scene: Scene, folder: Path) -> dict[str, Any]:
    """Make all of a scene's videos, and read in the simulator's journal how often and how late each was looked at.

    Renders count as learned if they were bought after enough had ended; lateness is in the provider's seconds.
    """
    folder.mkdir()
    journal = folder / "journal"
    options = ["--speed", str(SPEED), "--journal", str(journal), "--balance-usd", "1e6", "--queue-s", "0"]
    options += ["--render-mean-s", str(scene.mean_s), "--render-cv", str(scene.cv), "--p-webhook-lost", str(scene.lost)]
    limits = "" if scene.slots is None else f"[{scene.account}]\nslots = {scene.slots}\n"
    options += [] if scene.slots is None else ["--slots", str(scene.slots)]
    with simulator(folder / "simulator.log", *options) as url, valkey(folder / "valkey") as redis_url:
        env = our_env(folder, redis_url, url, limits) | {"WANBATCH_ACCOUNTS": scene.account}
        ledger = Ledger.connect(redis_url, store_url=open_store(env["WANBATCH_STORE"]).url, found=True)
        with contextlib.ExitStack() as running:
            if scene.called:
                env |= running.enter_context(_receiver(folder, url, os.environ | env))
            running.enter_context(child(python("cli.app", "worker"), folder / "worker.log", os.environ | env))
            await_(lambda: bool(ledger.workers()), "our worker is heard of")
            store = open_store(env["WANBATCH_STORE"])
            submit_prompts(scene.jobs, ledger, store, folder, scene.provider, f"Product of {scene.provider}")
            began = time.monotonic()
            done = lambda: ledger.counts(scene.account).get("done", 0) >= scene.jobs  # noqa: E731 - one condition
            await_(done, f"all videos of {scene}", within_s=SCENE_WITHIN_S)
            took_s = time.monotonic() - began
        asked = ask(f"{url}/_simulator/stats")[scene.provider]["polls"]
    return _read(journal, took_s, called=scene.called) | {"questions_a_video": round(asked / scene.jobs, 2)}


@contextlib.contextmanager
def _receiver(folder: Path, url: str, env: dict[str, str]) -> Iterator[dict[str, str]]:
    """A receiver of Replicate's webhooks; the block gets the settings that have a worker ask for them."""
    told = urllib.request.Request(
        f"{url}/replicate/v1/webhooks/default/secret", headers={"Authorization": f"Bearer {KEY}"}
    )
    with urllib.request.urlopen(told, timeout=30) as answer:
        secret = json.load(answer)["key"]
    with socket.socket() as held:
        held.bind(("127.0.0.1", 0))
        port = str(held.getsockname()[1])
    hooks = {
        "WANBATCH_WEBHOOK_URL": f"http://127.0.0.1:{port}",
        "WANBATCH_WEBHOOK_SECRET": secrets.token_hex(16),
        "REPLICATE_WEBHOOK_SECRET": secret,
    }
    with child(python("cli.app", "webhooks", "--port", port), folder / "receiver.log", env | hooks):
        await_(lambda: receives(hooks["WANBATCH_WEBHOOK_URL"]), "the receiver answers")
        yield hooks


def _read(journal: Path, took_s: float, *, called: bool) -> dict[str, Any]:
    """Polls and lateness of the renders that were bought before enough had ended, and of those bought after; of all
    together where they were called about.
    """
    lines = [json.loads(line) for line in journal.read_text().splitlines()]
    bought = {each["task_id"]: each for each in lines if each["kind"] == "accepted"}
    found = {each["task_id"]: each for each in lines if each["kind"] == "found"}
    learned_at = sorted(each["at"] for each in found.values())[ENOUGH_KNOWN + READ_AFTER]
    told: dict[str, Any] = {"jobs": len(found), "seconds": round(took_s, 1)}
    early = [task for task in found if bought[task]["at"] <= learned_at]
    parts = {"called": list(found)} if called else {"documented": early, "learned": list(found.keys() - early)}
    for name, ids in parts.items():
        told[name] = {
            "jobs": len(ids),
            "polls_per_video": round(fmean(found[task]["polls"] for task in ids), 2),
            "late_mean_s": round(fmean(found[task]["at"] - bought[task]["ends_at"] for task in ids), 2),
            "late_max_s": round(max(found[task]["at"] - bought[task]["ends_at"] for task in ids), 1),
        }
    return told
