"""What keeps all work waiting is said in every status while it lasts, and no longer."""

import secrets
from pathlib import Path

import pytest
import redis

from jobs.lifecycle import State
from ledger import health
from ledger.jobs import Ledger
from tests.books import FREE, Bench
from tests.services import start_valkey

WORKER = "here-1/8"


def needs(bench: Bench) -> list[str]:
    """What a person should know."""
    status = bench.ledger.status("spring")
    assert status is not None
    return status.needs


def test_a_worker_s_complaint_is_shown_until_it_is_content(bench: Bench) -> None:
    """Of several complaints the newest speaks; one that is not repeated is forgotten."""
    bench.stock("spring", 1)
    assert needs(bench) == []
    health.complain(bench.redis, WORKER, "the store does not serve: no space")
    assert needs(bench) == ["the store does not serve: no space"]
    health.complain(bench.redis, "there-2/8", "the store does not serve: still no space")
    assert needs(bench) == ["2 workers: the store does not serve: still no space"]
    health.content(bench.redis, "there-2/8")
    bench.ledger.leave(WORKER)
    assert needs(bench) == []
    long_ago = bench.redis.time()[0] - health.COMPLAINT_S - 1
    bench.redis.hset("wb:troubles", WORKER, f"{long_ago} an old story")
    assert needs(bench) == []


def test_jobs_that_nobody_serves_are_told(bench: Bench) -> None:
    """A minute after their submit, while no worker is heard of; a campaign that has settled needs none."""
    bench.stock("spring", 1)
    assert needs(bench) == [], "workers may be on their way"
    bench.redis.hset("wb:c:spring", "run_id", "20261120T020000-b40096")
    assert needs(bench) == ["no worker is running: `wanbatch worker` starts one"]
    bench.ledger.renew(WORKER, {})
    assert needs(bench) == []
    bench.ledger.leave(WORKER)
    assert needs(bench) == ["no worker is running: `wanbatch worker` starts one"]
    bench.redis.hset("wb:c:spring", "state", "paused")
    assert needs(bench) == ["the campaign is paused; `wanbatch resume spring` goes on"]


def test_a_full_ledger_is_named_and_keeps_its_books(bench: Bench) -> None:
    """Out of memory, a script does nothing at all; when there is room again the same job moves on."""
    bench.stock("spring", 2)
    claim = bench.reach(State.CLAIMED)
    bench.redis.config_set("maxmemory", "1mb")
    try:
        assert "the ledger is full" in needs(bench)[0]
        assert not health.takes_writes(bench.redis)
        with pytest.raises(redis.RedisError, match="maxmemory"):
            bench.claim()
        with pytest.raises(redis.RedisError, match="maxmemory"):
            bench.ledger.send(claim, FREE, token="t", send=1)
        bench.audit()
    finally:
        bench.redis.config_set("maxmemory", "0")
    assert needs(bench) == []
    health.await_writes(bench.redis)
    assert bench.ledger.send(claim, FREE, token="t", send=1)[:2] == ("go", "")


def test_a_full_ledger_claims_nothing_behind_an_empty_campaign(bench: Bench) -> None:
    """A campaign with nothing left leaves the turns in the same claim: that opens no door for the job of the next."""
    bench.stock("autumn", 1)
    bench.stock("spring", 2)
    assert [claim.job_id.partition("-")[0] for claim in bench.claim(2)] == ["autumn", "spring"]
    assert bench.redis.zrange("wb:turns:simulated-segmind", 0, -1) == ["autumn", "spring"]
    bench.redis.config_set("maxmemory", "1mb")
    try:
        with pytest.raises(redis.RedisError, match="maxmemory"):
            bench.claim()
        bench.audit()
    finally:
        bench.redis.config_set("maxmemory", "0")
    assert len(bench.claim(9)) == 1


def test_a_read_only_ledger_is_named(bench: Bench) -> None:
    """A replica answers questions and takes nothing."""
    bench.stock("spring", 1)
    bench.redis.execute_command("REPLICAOF", "127.0.0.1", "1")
    try:
        assert "the ledger is read-only" in needs(bench)[0]
    finally:
        bench.redis.execute_command("REPLICAOF", "NO", "ONE")
    assert needs(bench) == []


def test_a_ledger_that_reads_its_log_back_is_waited_for(tmp_path: Path) -> None:
    """After a crash Redis answers LOADING for as long as its data takes: a worker that starts then does not give up."""
    first = start_valkey(tmp_path)
    founded = Ledger.connect(first.url, store_url="file:///store", found=True)
    with first.client() as client:
        client.mset({f"filler:{number}": secrets.token_hex(200) for number in range(40)})
        client.bgrewriteaof()
        first.child.wait_ready(lambda: not client.info("persistence")["aof_rewrite_in_progress"])
    founded.close()
    first.child.kill()
    slow = ("--key-load-delay", "50000", "--loading-process-events-interval-bytes", "1024")
    second = start_valkey(tmp_path, *slow, loaded=False)
    try:
        ledger = Ledger.connect(second.url, store_url="file:///store")
        assert ledger.epoch == founded.epoch
        ledger.close()
    finally:
        second.child.kill()
