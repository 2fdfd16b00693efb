"""The first shape that users write: one Celery task that buys a video, sleeps between looks, and fetches it."""

import time

from celery import Celery

from benchmarks.peers import provider

app = Celery("sleeping", broker=provider.BROKER)


@app.task(name="make", ignore_result=True)
def make(number: int) -> None:
    """One video, from order to file; a process of the pool is taken until it is there."""
    task_id = provider.submit(number)
    polls, url = 0, None
    while url is None:
        due_at = time.time() + provider.wait_s(polls)
        time.sleep(due_at - time.time())
        provider.note_late(due_at)
        url = provider.link(task_id)
        polls += 1
    provider.download(url, task_id)
