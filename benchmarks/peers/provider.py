"""The three calls that a user of Segmind writes around a Celery task, and the notes that the benchmark reads.

The peers wait between two looks exactly as our worker does, so that the shapes are compared and not the patience.
"""

import os
import time
from functools import cache
from pathlib import Path
from random import random
from typing import Any

import httpx

from config.facts import load_facts
from jobs.backoff import poll_wait_s

BASE = f"{os.environ['BENCHMARK_SIMULATOR_URL']}/segmind"
KEY = {"x-api-key": "sim-peer"}
MODEL = "/v2/wan-2.6-t2v"
FOLDER = Path(os.environ["BENCHMARK_FOLDER"])
BROKER = os.environ["BENCHMARK_BROKER"]
CADENCE = load_facts()["segmind"].cadence
#: How many times faster than life the simulator's clock runs.
SPEED = float(os.environ.get("BENCHMARK_SPEED", "1"))
#: What the account may do: so many submits in a minute of the provider's clock, and so many renders at once.
SUBMITS = int(os.environ.get("BENCHMARK_SUBMITS", "1000000"))
MINUTE_S = 60 / SPEED
SLOTS = int(os.environ.get("BENCHMARK_SLOTS", "1000000"))


@cache
def _client() -> httpx.Client:
    """One client a process, made after the fork."""
    return httpx.Client(base_url=BASE, headers=KEY, timeout=20)


def order(number: int) -> dict[str, Any]:
    """What one video is asked for with."""
    prompt = f"Peer product {number:05d}, soft morning light"
    return {"prompt": prompt, "size": "1280*720", "duration": 5, "seed": number}


def submit(number: int) -> str:
    """Buy one video."""
    return buy(MODEL, order(number))


def buy(model: str, wanted: dict[str, Any]) -> str:
    """Post an order; answers the name of its task."""
    return str(_json(_client().post(model, json=wanted))["request_id"])


def link(task_id: str) -> str | None:
    """The video's link; None while it renders."""
    if _json(_client().get(f"/v2/requests/{task_id}/status"))["status"] != "COMPLETED":
        return None
    return str(_json(_client().get(f"/v2/requests/{task_id}"))["output"])


def download(url: str, task_id: str) -> None:
    """Stream the video to its place."""
    part = FOLDER / f"{task_id}.part"
    with _client().stream("GET", url) as answer, part.open("wb") as file:
        answer.raise_for_status()
        for chunk in answer.iter_bytes():
            file.write(chunk)
    part.rename(FOLDER / f"{task_id}.mp4")


def wait_s(polls: int) -> float:
    """Seconds to the next look."""
    return poll_wait_s(CADENCE, polls, random()) / SPEED


def note_late(due_at: float) -> None:
    """Keep how late this look is, in seconds."""
    with (FOLDER / f"late.{os.getpid()}").open("a") as file:
        file.write(f"{time.time() - due_at}\n")


def _json(answer: httpx.Response) -> Any:
    answer.raise_for_status()
    return answer.json()
