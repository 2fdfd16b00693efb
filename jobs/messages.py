"""The doorbells that travel through Celery: names that never change, and bodies that hold no state.

A doorbell may be lost or doubled at any time; the ledger alone knows what is to be done.
"""

from typing import NamedTuple

#: Task names are part of the contract: workers of two versions may run together, and files may move.
SUBMIT = "wanbatch.submit"
COLLECT = "wanbatch.collect"


#: The version of the body below; a worker leaves what it does not understand to another.
VERSION = 2


class Doorbell(NamedTuple):
    """Someone should look at these jobs of one account; each was rung for under the fence in the same place.

    Version 1 named one job: an id and a fence in place of the lists.
    """

    job_ids: list[str]
    fences: list[str]
    version: int = VERSION
