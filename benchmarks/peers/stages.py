"""The second shape that users write: a Celery task a stage, and a countdown for the wait between two looks."""

import time

from celery import Celery

from benchmarks.peers import provider

app = Celery("stages", broker=provider.BROKER)


@app.task(name="make", ignore_result=True)
def make(number: int) -> None:
    """Buy, then look later."""
    _look_later(provider.submit(number), 0)


@app.task(name="check", ignore_result=True)
def check(task_id: str, polls: int, due_at: float) -> None:
    """Look: fetch it if it is there, else look later."""
    provider.note_late(due_at)
    url = provider.link(task_id)
    if url is None:
        _look_later(task_id, polls + 1)
    else:
        fetch.delay(url, task_id)


@app.task(name="fetch", ignore_result=True)
def fetch(url: str, task_id: str) -> None:
    """Bring the file home."""
    provider.download(url, task_id)


def _look_later(task_id: str, polls: int) -> None:
    seconds = provider.wait_s(polls)
    check.apply_async((task_id, polls, time.time() + seconds), countdown=seconds)
