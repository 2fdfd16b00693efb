"""The one Celery app: JSON doorbells over Redis, no result backend, nothing that waits inside a message.

State lives in the ledger; see docs/decisions/0002. Importing this file connects to nothing.
"""

import ssl

from celery import Celery

from jobs.messages import COLLECT, SUBMIT

#: Seconds after which an unacknowledged doorbell is delivered again; doorbells are short, and doubled ones do nothing.
VISIBILITY_S = 60


def make_app(redis_url: str) -> Celery:
    """A Celery app whose broker is the ledger's own Redis."""
    app = Celery("wanbatch", broker=_broker(redis_url), set_as_current=True)
    if redis_url.startswith("rediss:"):
        # Left to itself, kombu would take any certificate, and hand the password to whoever shows one.
        app.conf.broker_use_ssl = {"ssl_cert_reqs": ssl.CERT_REQUIRED, "ssl_check_hostname": True}
    app.conf.update(
        accept_content=["json"],
        task_serializer="json",
        task_ignore_result=True,
        task_acks_late=True,
        task_reject_on_worker_lost=False,
        worker_prefetch_multiplier=1,
        worker_enable_remote_control=False,
        worker_send_task_events=False,
        worker_hijack_root_logger=False,
        worker_redirect_stdouts=False,
        worker_cancel_long_running_tasks_on_connection_loss=False,
        broker_connection_retry_on_startup=True,
        broker_connection_max_retries=None,
        task_create_missing_queues=True,
        broker_transport_options={
            "visibility_timeout": VISIBILITY_S,
            "unacked_restore_interval": 5,
            "unacked_restore_throttle": 1,
            "max_connections": 200,
            "global_keyprefix": "wb:celery:",
            "socket_timeout": 30,
            "socket_keepalive": True,
        },
    )
    return app


def _broker(redis_url: str) -> str:
    """The same ledger in kombu's words, which differ from the client's for a socket."""
    scheme, _, place = redis_url.partition("://")
    return f"redis+socket://{place.replace('?db=', '?virtual_host=')}" if scheme == "unix" else redis_url


def queue(task: str, account: str) -> str:
    """The queue of one task for one account: only workers that serve the account listen to it."""
    return f"{task}.{account}"


#: The tasks that a doorbell may ring for.
TASKS = (SUBMIT, COLLECT)
