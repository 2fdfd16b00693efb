"""Webhooks between whole processes, a worker, a receiver and a provider that calls: its journal is the judge."""

import json
import urllib.request
from collections.abc import Callable
from pathlib import Path
from statistics import fmean

from config.receiver import receives
from tests.acceptance.driving import Fleet, agree, begin, good_videos, prompts_file, until
from tests.services import free_ports

VIDEOS = 20
#: How many times faster than life the provider runs: a render lasts about four seconds.
SPEED = 10


def test_who_is_called_asks_once_and_at_once(fleet: Callable[..., Fleet], tmp_path: Path) -> None:
    """With Replicate's webhooks a video takes one look, right after its end; nobody is bought for twice."""
    journal = tmp_path / "journal"
    weather = ["--render-mean-s", "40", "--queue-s", "0"]
    made = fleet("--speed", str(SPEED), "--journal", str(journal), *weather)
    told = urllib.request.Request(
        f"{made.provider.url}/replicate/v1/webhooks/default/secret", headers={"Authorization": "Bearer sim-wanbatch"}
    )
    with urllib.request.urlopen(told, timeout=10) as answer:
        secret = json.load(answer)["key"]
    (port,) = free_ports(1)
    hooks = {
        "WANBATCH_WEBHOOK_URL": f"http://127.0.0.1:{port}/hooks",
        "WANBATCH_WEBHOOK_SECRET": "a secret of this test's own",
        "REPLICATE_WEBHOOK_SECRET": secret,
    }
    submit = made.run("submit", prompts_file(tmp_path / "lamps.txt", VIDEOS), "--simulate", "--provider", "replicate")
    assert submit.code == 0, submit.err
    receiver = begin(tmp_path / "receiver.log", "webhooks", "--port", str(port), env={**made.env, **hooks})
    made.workers.append(receiver)
    until(lambda: receives(hooks["WANBATCH_WEBHOOK_URL"]), 30, "the receiver answers")
    made.hire(1, **hooks)
    waited = made.run("wait", "simulated-lamps", "--timeout", "90")
    assert waited.code == 0, waited.err
    good_videos(made.lines("simulated-lamps"))
    agree(made.provider, made.lines("simulated-lamps"))
    lines = [json.loads(line) for line in journal.read_text().splitlines()]
    ended = {each["task_id"]: each["ends_at"] for each in lines if each["kind"] == "ended"}
    found = {each["task_id"]: each for each in lines if each["kind"] == "found"}
    assert len(found) == VIDEOS
    assert fmean(each["polls"] for each in found.values()) < 1.2
    assert fmean((each["at"] - ended[task]) / SPEED for task, each in found.items()) < 1
    assert made.provider.ask("/_simulator/stats")["replicate"]["webhooks"] == VIDEOS
