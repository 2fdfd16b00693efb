"""The ledger is lost in the middle of a run: the store alone brings everything back, and nothing is bought twice."""

import shutil
import signal
from collections.abc import Callable
from pathlib import Path

from tests.acceptance.driving import (
    Fleet,
    bought_twice,
    journal,
    manifest_of,
    papers,
    prompts_file,
    spent_usd,
    statuses,
    tasks,
    typed,
    until,
    wanbatch,
)
from tests.acceptance.driving import begin as begin_command
from tests.services import Valkey

JOBS = 120
#: Purchases after which everything in Redis is lost: much is rendering, and as much is still to be bought.
MIDDLE = 50
#: A run that brings its own ledger, worker and simulator.
RUN = ("run", "--speed", "60")


def begin(fleet: Fleet) -> None:
    """Submit, and wait until a good part is bought."""
    prompts_file(fleet.folder / "many.txt", JOBS)
    submitted = fleet.run("submit", "many.txt", "--simulate", "--campaign", "many", "--budget", "100")
    assert submitted.code == 0, submitted.err
    until(lambda: len(fleet.provider.purchases()) >= MIDDLE, 60, f"{MIDDLE} purchases")


def test_everything_in_redis_is_lost_and_the_store_brings_it_back(fleet: Callable[..., Fleet], valkey: Valkey) -> None:
    """FLUSHALL under two live workers and a frozen one, then `recover`: all videos are made, each bought once."""
    made = fleet("--speed", "120", "--latency-ms", "40")
    made.hire(3)
    begin(made)
    frozen = made.workers[2]
    frozen.tell(signal.SIGSTOP)
    with valkey.client() as client:
        client.flushall()
    bought = len(made.provider.purchases())
    status = made.run("recover", "many")
    assert status.code == 0, status.err
    until(lambda: len(made.provider.purchases()) > bought + 10, 60, "buying goes on under the new ledger")
    frozen.tell(signal.SIGCONT)
    ended = made.run("wait", "many", "--timeout", "120")
    lines = made.lines("many")
    assert ended.code == 0, ended.out + ended.err + str(statuses(lines))
    assert statuses(lines) == {"done": JOBS}
    statement = made.provider.purchases()
    assert bought_twice(statement) == {}
    assert made.provider.violations() == []
    assert tasks(lines).keys() == {one["task_id"] for one in statement}
    told = made.run("status", "many", "--json").json["money_usd"]
    assert told["budget"] == "100.00"
    assert told["spent"] == f"{spent_usd(lines):.2f}"
    assert (told["reserved"], told["in_doubt"]) == ("0.00", "0.00")
    again = made.run("recover", "many")
    assert again.code == 4
    assert "nothing to recover" in again.err


def interrupted(tmp_path: Path) -> Path:
    """A run of one machine that was interrupted in the middle; answers its store."""
    store = tmp_path / "store"
    prompts_file(tmp_path / "many.txt", 80)
    command = begin_command(tmp_path / "run.log", *RUN, tmp_path / "many.txt", "--store", store)
    until(lambda: len(journal(store)) >= 20, 60, "20 purchases")
    command.tell(signal.SIGINT)
    assert command.ended(within_s=40) == 130, command.said
    return store


def test_an_embedded_ledger_is_paused_and_recovered_too(tmp_path: Path) -> None:
    """Pause and resume wake the ledger that a run left behind; when its folder is gone, `recover` makes a new one."""
    store = interrupted(tmp_path)
    again = (*RUN, tmp_path / "many.txt", "--store", store)
    assert typed("pause", "simulated-many", "--store", store, cwd=tmp_path).code == 0
    bought = len(journal(store))
    ended = wanbatch(*again, cwd=tmp_path)
    assert ended.code == 3, ended.out + ended.err
    assert "`wanbatch resume simulated-many` goes on" in ended.out
    assert len(journal(store)) == bought
    assert typed("resume", "simulated-many", "--store", store, cwd=tmp_path).code == 0
    shutil.rmtree(store / ".ledger")
    refused = typed(*again, cwd=tmp_path)
    assert refused.code == 4
    assert "`wanbatch recover simulated-many`" in refused.err
    recovered = typed("recover", "--all", "--store", store, cwd=tmp_path)
    assert recovered.code == 0, recovered.err
    assert "recovered simulated-many: 80 jobs" in recovered.out
    ended = wanbatch(*again, cwd=tmp_path)
    assert ended.code == 0, ended.out + ended.err
    assert bought_twice(journal(store)) == {}
    lines = manifest_of(papers(store, "simulated-many") / "manifest.jsonl")
    assert statuses(lines) == {"done": 80}
    assert tasks(lines).keys() == {one["task_id"] for one in journal(store)}
