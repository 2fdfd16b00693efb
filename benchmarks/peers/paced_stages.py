"""The second shape with a rate limit, a count of slots in Redis, and a retry for whatever goes wrong."""

from typing import Any

import redis
from celery import Celery

from benchmarks.peers import provider

#: Seconds after which a job that found no slot asks again.
ASK_AGAIN_S = 1
RETRY: dict[str, Any] = {"autoretry_for": (Exception,), "retry_backoff": True, "max_retries": None}

app = Celery("stages", broker=provider.BROKER)
# Looks go before what is still to buy: in one queue they would stand behind all of it.
app.conf.task_routes = {"check": "looks", "fetch": "looks"}
app.conf.broker_transport_options = {"queue_order_strategy": "priority"}
counter = redis.Redis.from_url(provider.BROKER)


@app.task(name="make", bind=True, ignore_result=True, rate_limit=f"{provider.SUBMITS / provider.MINUTE_S}/s", **RETRY)
def make(self: Any, number: int) -> None:
    """Take a slot, buy, then look later."""
    if counter.incr("slots") > provider.SLOTS:
        counter.decr("slots")
        raise self.retry(countdown=ASK_AGAIN_S)
    try:
        task_id = provider.submit(number)
    except Exception:
        counter.decr("slots")
        raise
    _look_later(task_id, 0)


@app.task(name="check", ignore_result=True, **RETRY)
def check(task_id: str, polls: int) -> None:
    """Look: fetch it if it is there, else look later."""
    url = provider.link(task_id)
    if url is None:
        _look_later(task_id, polls + 1)
    else:
        counter.decr("slots")
        fetch.delay(url, task_id)


@app.task(name="fetch", ignore_result=True, **RETRY)
def fetch(url: str, task_id: str) -> None:
    """Bring the file home."""
    provider.download(url, task_id)


def _look_later(task_id: str, polls: int) -> None:
    check.apply_async((task_id, polls), countdown=provider.wait_s(polls))
