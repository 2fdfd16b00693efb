"""A dramatiq actor that buys, sleeps between looks and fetches, under dramatiq's own limiters for rate and slots.

argv: the number of videos to ask for.
"""

import sys
import time

import dramatiq
from dramatiq.brokers.redis import RedisBroker
from dramatiq.rate_limits import ConcurrentRateLimiter, WindowRateLimiter
from dramatiq.rate_limits.backends import RedisBackend

from benchmarks.peers import provider

#: Milliseconds after which a job that found no room asks again, at least and at most.
BACKOFF_MS = (500, 4_000)

dramatiq.set_broker(RedisBroker(url=provider.BROKER))  # type: ignore[no-untyped-call]
backend = RedisBackend(url=provider.BROKER)
rate = WindowRateLimiter(backend, "submits", limit=provider.SUBMITS, window=round(provider.MINUTE_S))  # type: ignore[no-untyped-call]
slots = ConcurrentRateLimiter(backend, "slots", limit=provider.SLOTS, ttl=3_600_000)  # type: ignore[no-untyped-call]


@dramatiq.actor(max_retries=None, min_backoff=BACKOFF_MS[0], max_backoff=BACKOFF_MS[1])
def make(number: int) -> None:
    """One video, from order to file; a thread is taken until it is there."""
    with slots.acquire():
        with rate.acquire():
            task_id = provider.submit(number)
        polls, url = 0, None
        while url is None:
            time.sleep(provider.wait_s(polls))
            url = provider.link(task_id)
            polls += 1
    provider.download(url, task_id)


if __name__ == "__main__":
    for each in range(int(sys.argv[1])):
        make.send(each)
