"""Commands that follow each other on one connection, on a real Valkey."""

from collections.abc import Iterator

import pytest
import redis

from ledger import scripts
from ledger.lots import Lot
from ledger.trips import Trips
from tests.books import ACCOUNT, Bench

Command = tuple[str | int, ...]


@pytest.fixture
def trips(bench: Bench) -> Iterator[Trips]:
    """Connections of their own."""
    one = Trips(bench.redis)
    yield one
    one.close()


def test_the_next_command_leaves_before_the_answer(bench: Bench, trips: Trips) -> None:
    """The first one waits for what happens only while the second is made; the answers come in order."""

    def commands() -> Iterator[Command]:
        yield "BLPOP", "letters", 5
        bench.redis.rpush("letters", "a")
        yield "ECHO", "b"
        yield "ECHO", "c"

    assert list(trips.stream(commands())) == [["letters", "a"], "b", "c"]


def test_nobody_gets_an_answer_that_was_left(trips: Trips) -> None:
    """Whoever stops in the middle, or asks what is refused, leaves nothing on the connection for the next."""
    commands: list[Command] = [("ECHO", "a"), ("NO-SUCH-COMMAND",), ("ECHO", "b"), ("ECHO", "c")]
    first, second, *rest = trips.stream(commands)
    assert (first, rest) == ("a", ["b", "c"])
    assert isinstance(second, redis.ResponseError)
    stream = trips.stream(commands)
    assert next(stream) == "a"
    stream.close()
    assert trips.ask([("ECHO", "d")]) == ["d"]


def test_a_lot_that_cannot_be_made_takes_nothing_back(bench: Bench) -> None:
    """What went in before stays, and the ledger serves on."""
    bench.stock("spring", 0)

    def lots() -> Iterator[Lot]:
        for number in range(3):
            yield Lot(ACCOUNT, [(f"spring-{number}", number, 100, "{}", "queued")])
        raise OSError("the plan is gone")

    with pytest.raises(OSError, match="the plan is gone"):
        bench.ledger.enqueue("spring", lots())
    assert [claim.job_id for claim in bench.claim(9)] == ["spring-0", "spring-1", "spring-2"]


def test_the_scripts_leave_little_for_redis_to_walk_over(bench: Bench) -> None:
    """Redis collects its scripts' garbage after every fiftieth call, and stands still for as long as they are large."""
    bench.redis.script_flush()
    assert bench.ledger.is_founded()
    scripts.load_all(bench.ledger.trips)
    assert bench.redis.info("memory")["used_memory_vm_eval"] < 800_000
