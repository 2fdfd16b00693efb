"""Webhooks between whole processes, a worker, a receiver and a provider that calls: its journal is the judge."""

import json
import urllib.request
from collections.abc import Callable
from pathlib import Path
from statistics import fmean, median

from config.receiver import receives
from tests.acceptance.driving import Fleet, agree, begin, good_videos, prompts_file, until
from tests.services import free_ports

#: Videos of each provider.
VIDEOS = 10
#: How many times faster than life they run: a render lasts about four seconds.
SPEED = 10
PROVIDERS = ("replicate", "fal")


def test_who_is_called_asks_once_and_at_once(fleet: Callable[..., Fleet], tmp_path: Path) -> None:
    """With the webhooks of Replicate and fal a video takes one look, right after its end; nothing is bought twice."""
    journal = tmp_path / "journal"
    made = fleet(
        "--speed", str(SPEED), "--journal", str(journal), "--render-mean-s", "40", "--queue-s", "0", "--slots", "20"
    )
    told = urllib.request.Request(
        f"{made.provider.url}/replicate/v1/webhooks/default/secret", headers={"Authorization": "Bearer sim-wanbatch"}
    )
    with urllib.request.urlopen(told, timeout=10) as answer:
        secret = json.load(answer)["key"]
    (port,) = free_ports(1)
    (tmp_path / "limits.toml").write_text("[simulated-fal]\nslots = 20\n")
    hooks = {
        "WANBATCH_WEBHOOK_URL": f"http://127.0.0.1:{port}/hooks",
        "WANBATCH_WEBHOOK_SECRET": "a secret of this test's own",
        "WANBATCH_LIMITS": str(tmp_path / "limits.toml"),
        "REPLICATE_WEBHOOK_SECRET": secret,
    }
    for name in PROVIDERS:
        file = prompts_file(tmp_path / f"{name}.txt", VIDEOS, words=f"{name} lights the")
        submit = made.run("submit", file, "--simulate", "--provider", name)
        assert submit.code == 0, submit.err
    made.workers.append(begin(tmp_path / "receiver.log", "webhooks", "--port", str(port), env={**made.env, **hooks}))
    until(lambda: receives(hooks["WANBATCH_WEBHOOK_URL"]), 30, "the receiver answers")
    made.hire(1, **hooks)
    lines = []
    for name in PROVIDERS:
        waited = made.run("wait", f"simulated-{name}")
        assert waited.code == 0, waited.err
        lines += made.lines(f"simulated-{name}")
    good_videos(lines)
    agree(made.provider, lines)
    entries = [json.loads(line) for line in journal.read_text().splitlines()]
    ended = {each["task_id"]: each["ends_at"] for each in entries if each["kind"] == "ended"}
    found = {each["task_id"]: each for each in entries if each["kind"] == "found"}
    assert len(found) == VIDEOS * len(PROVIDERS)
    assert fmean(each["polls"] for each in found.values()) < 1.2
    # In our own seconds, and not by the mean: beside other tests one look may wait for a processor.
    assert median((each["at"] - ended[task]) / SPEED for task, each in found.items()) < 1
    stats = [made.provider.ask("/_simulator/stats")[name] for name in PROVIDERS]
    assert [each["webhooks"] for each in stats] == [VIDEOS] * len(PROVIDERS)
    assert sum(each["polls"] for each in stats) < 1.2 * len(found)
