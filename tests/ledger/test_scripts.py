"""The scripts run on any Redis that speaks Lua: the whole corridor on an emulated one, without a server."""

import re
from collections.abc import Iterator

import fakeredis
import pytest

from jobs.lifecycle import Move, State
from ledger import scripts
from ledger.jobs import Ledger
from ledger.orders import Claim, Order
from ledger.trips import Trips
from tests.books import FREE, Bench


@pytest.fixture
def bench() -> Iterator[Bench]:
    """A ledger on an emulated Redis, its books checked at the end."""
    client = fakeredis.FakeRedis(decode_responses=True)
    epoch, _, _ = scripts.run(Trips(client), "found", "beef", "file:///store", 1)
    one = Bench(Ledger(client, epoch=epoch, store_url="file:///store"), client)
    yield one
    one.audit()
    client.close()


def test_every_script_loads_and_has_its_own_hash() -> None:
    """No script is missing, none is another one's copy, and each stands on the same ground."""
    client = fakeredis.FakeRedis()
    scripts.load_all(Trips(client))
    known = [scripts.script(name).sha for name in scripts.NAMES]
    assert client.script_exists(*known) == [True] * len(scripts.NAMES)
    assert len(set(known)) == len(scripts.NAMES)
    client.close()


@pytest.mark.parametrize("name", scripts.NAMES)
def test_a_script_defines_what_it_calls_and_little_else(name: str) -> None:
    """What a script takes of its ground stands before its first use; what it takes it uses."""
    text = re.sub(r"--.*", "", scripts.script(name).text)
    ground = "\n".join(scripts.part(each) for each in (*scripts.GROUND, *scripts.BESIDES.get(name, ())))
    for word in re.findall(r"^local function (\w+)", ground, re.MULTILINE):
        places = [found.start() for found in re.finditer(rf"\b{word}\b", text)]
        defined = text.find(f"local function {word}(")
        assert not places or (0 <= defined < places[0] and len(places) > 1), word


def test_a_job_walks_from_the_queue_to_its_end(bench: Bench) -> None:
    """Claim, send, accept, lease, finish, collect, settle; the money is spent and the slot free."""
    bench.stock("spring", 1, price=500, budget=1000)
    claim = bench.reach(State.RENDERING)
    bench.now_due(claim.job_id)
    (due,) = bench.ledger.lease(bench.account, FREE, most=5, rings=5)
    held = Claim(due.job_id, due.fence)
    bench.do(Move.FINISH, State.READY, held, due_s=0, set={"result": "{}"})
    bench.do(Move.COLLECT, State.COLLECTING, held, due_s=5)
    bench.ledger.renew("worker/8", [held])
    bench.do(Move.SETTLE, State.DONE, held, cost_uusd=480, bad=False)
    assert bench.state(claim.job_id) == State.DONE
    assert bench.money("spring") == (0, 0, 480)
    assert bench.redis.scard(f"wb:slots:{bench.account}") == 0


def test_an_emptied_redis_learns_the_scripts_again(bench: Bench) -> None:
    """A restarted server knows no scripts; one call brings them all, also for a batch of moves."""
    bench.stock("spring", 1)
    claim = bench.reach(State.RENDERING)
    bench.redis.script_flush()
    assert bench.claim() == []
    bench.redis.script_flush()
    (moved,) = bench.ledger.move_all([Order(move=Move.FINISH, to=State.READY, claim=claim, due_s=0)])
    assert moved.ok
