"""The first shape once more, with late acknowledgement, as its users are told to set it so that no task is lost.

The hour after which Redis hands an unacknowledged task to another worker runs as fast as the simulator's clock.
"""

import os

from benchmarks.peers.sleeping import app

app.conf.update(
    task_acks_late=True,
    task_reject_on_worker_lost=True,
    worker_prefetch_multiplier=1,
    broker_transport_options={"visibility_timeout": 3600 / float(os.environ["BENCHMARK_SPEED"])},
)
