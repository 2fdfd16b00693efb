"""What keeps the whole work waiting right now: a ledger that takes no writes, or a worker whose store does not serve.

Nothing here is a state: a sentence is there as long as its cause is, and goes with it.
"""

import re
import time
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any, Final

import redis

from jobs.errors import LedgerRefused
from ledger.campaigns import CampaignStatus

#: Seconds after which a worker's complaint no longer counts; it repeats it while the cause lasts.
COMPLAINT_S: Final = 15.0
#: Seconds after a submit, and after a worker was last heard of, from which on nobody is taken to be there to serve it.
UNSERVED_S: Final = 60.0
#: Seconds between two looks whether the cause is gone.
LOOK_EVERY_S: Final = 1.0
#: Seconds for which a Redis that reads its data back is waited for.
LOADS_WITHIN_S: Final = 60.0
LOADED_EVERY_S: Final = 0.1
_KEY: Final = "wb:troubles"
_STAMP: Final = re.compile(r"\d{8}T\d{6}(?=-)")


def complain(client: Any, worker: str, reason: str) -> None:
    """A worker cannot go on; its reason shows in every status for a while."""
    client.hset(_KEY, worker, f"{_now_s(client)} {reason}")


def content(client: Any, worker: str) -> None:
    """The worker can go on again, or has left."""
    client.hdel(_KEY, worker)


def troubles(client: Any) -> tuple[str, ...]:
    """A sentence for each cause that stands now, with what to do; of all workers' complaints the newest speaks."""
    info, since = client.info(), _now_s(client) - COMPLAINT_S
    told = [text.partition(" ") for text in client.hgetall(_KEY).values()]
    fresh = [(float(at), reason) for at, _, reason in told if float(at) > since]
    many = f"{len(fresh)} workers: " if len(fresh) > 1 else ""
    return (*_no_writes(info), *([many + max(fresh)[1]] if fresh else []))


def served(client: Any, status: CampaignStatus) -> CampaignStatus:
    """The status; where jobs wait and no worker is running, with that among its troubles."""
    if status.settled:
        return status
    now_s = _now_s(client)
    stamp = _STAMP.match(status.run_id)
    began = datetime.strptime(stamp[0], "%Y%m%dT%H%M%S").replace(tzinfo=UTC) if stamp else status.created_at
    if now_s - began.timestamp() < UNSERVED_S or client.zcount("wb:workers", (now_s - UNSERVED_S) * 1000, "+inf"):
        return status
    return replace(status, troubles=(*status.troubles, "no worker is running: `wanbatch worker` starts one"))


def await_writes(client: Any) -> None:
    """Return when Redis takes writes; a server that is gone is waited for too."""
    while not takes_writes(client):
        time.sleep(LOOK_EVERY_S)


def await_loaded(client: Any) -> None:
    """Return when Redis has read its data back after a start, at most LOADS_WITHIN_S later; raises RedisError."""
    ends = time.monotonic() + LOADS_WITHIN_S
    while True:
        try:
            client.ping()
        except redis.BusyLoadingError:
            if time.monotonic() > ends:
                raise
            time.sleep(LOADED_EVERY_S)
        else:
            return


def check_fit(client: Any) -> None:
    """Raise LedgerRefused for a Redis that could forget keys or cannot run a script over all of them."""
    info = client.info()
    if info.get("cluster_enabled"):
        raise LedgerRefused(
            "this is a Redis Cluster, and one move spans account, campaign and job",
            "use a single Redis or Valkey with a replica; one serves a fleet",
        )
    if info.get("maxmemory_policy", "noeviction") != "noeviction":
        raise LedgerRefused(
            f"this Redis may drop keys (maxmemory-policy {info['maxmemory_policy']}), and a dropped job is lost money",
            "set maxmemory-policy noeviction",
        )


def takes_writes(client: Any) -> bool:
    """Whether Redis is there and nothing that can be seen keeps it from taking writes."""
    try:
        return not _no_writes(client.info())
    except redis.RedisError:
        return False


def _no_writes(info: dict[str, Any]) -> tuple[str, ...]:
    """Why this Redis takes no writes, out of its INFO."""
    found = []
    if info.get("role") != "master":
        found.append(
            "the ledger is read-only, so nothing is bought: this Redis is a replica; promote it, or name its primary"
        )
    most, used = int(info.get("maxmemory", 0)), int(info.get("used_memory", 0))
    if most and used > most:
        found.append(
            f"the ledger is full, so nothing is bought: Redis holds {used:,} bytes of {most:,}; raise its maxmemory"
        )
    if "err" in (info.get("aof_last_write_status"), info.get("rdb_last_bgsave_status")):
        found.append("the ledger cannot write to its disk: free some space where Redis keeps its data")
    return tuple(found)


def _now_s(client: Any) -> float:
    seconds, micros = client.time()
    return float(seconds) + float(micros) / 1e6
