"""The first shape with a rate limit, as Celery's manual sets one: a process of the pool is a slot."""

from benchmarks.peers import provider
from benchmarks.peers.sleeping import app

app.conf.update(
    task_annotations={
        "make": {
            "rate_limit": f"{provider.SUBMITS / provider.MINUTE_S}/s",
            "autoretry_for": (Exception,),
            "retry_backoff": True,
            "max_retries": None,
        }
    }
)
