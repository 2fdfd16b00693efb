"""The doorbells that travel through Celery: names that never change, and bodies that hold no state.

A doorbell may be lost or doubled at any time; the ledger alone knows what is to be done.
"""

from typing import NamedTuple

#: Task names are part of the contract: workers of two versions may run together, and files may move.
SUBMIT = "wanbatch.submit"
COLLECT = "wanbatch.collect"


#: The version of the body below; a worker leaves what it does not understand to another.
VERSION = 1


class Doorbell(NamedTuple):
    """Someone should look at `job_id`; the claim it was rung for is `fence`."""

    job_id: str
    fence: str
    version: int = VERSION
