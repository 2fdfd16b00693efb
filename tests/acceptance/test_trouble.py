"""Services that fail in the middle of a run: no job fails for it, nothing is bought twice, and it goes on after."""

import resource
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import pytest

from tests.acceptance.driving import (
    THREADS,
    Command,
    Fleet,
    agree,
    bought_twice,
    good_videos,
    prompts_file,
    statuses,
    until,
)
from tests.services import Valkey

JOBS = 24


def submit(fleet: Fleet, jobs: int, provider: str = "segmind") -> None:
    """Queue so many videos."""
    prompts_file(fleet.folder / "lamps.txt", jobs)
    asked = ("submit", "lamps.txt", "--simulate", "--provider", provider, "--campaign", "lamps")
    assert fleet.run(*asked).code == 0


def needs(fleet: Fleet) -> str:
    """What status says that a person should know."""
    told: list[str] = fleet.run("status", "lamps", "--json").json["needs"]
    return "; ".join(told)


@contextmanager
def full_disk(worker: Command) -> Iterator[None]:
    """The worker can write no byte to any file, as on a disk without space."""
    _, most = resource.prlimit(worker.child.pid, resource.RLIMIT_FSIZE)
    resource.prlimit(worker.child.pid, resource.RLIMIT_FSIZE, (0, most))
    yield
    resource.prlimit(worker.child.pid, resource.RLIMIT_FSIZE, (most, most))


@pytest.mark.parametrize(
    ("trouble", "cure", "said"),
    [
        (("CONFIG", "SET", "maxmemory", "1mb"), ("CONFIG", "SET", "maxmemory", "0"), "full"),
        (("REPLICAOF", "127.0.0.1", "1"), ("REPLICAOF", "NO", "ONE"), "read-only"),
    ],
    ids=["full", "read-only"],
)
def test_a_ledger_that_takes_no_writes_is_waited_for(
    fleet: Callable[..., Fleet], valkey: Valkey, trouble: tuple[str, ...], cure: tuple[str, ...], said: str
) -> None:
    """A full or read-only Redis stops the buying, is named in status, and the workers outlive it."""
    made = fleet("--speed", "60", "--render-mean-s", "60")
    submit(made, JOBS)
    workers = made.hire(2)
    until(lambda: len(made.provider.purchases()) >= 5, 30, "the first purchases")
    with valkey.client() as client:
        client.execute_command(*trouble)  # type: ignore[no-untyped-call]
        try:
            until(lambda: said in made.run("status", "lamps").out, 15, "status says what is wrong")
            # What was granted just before is on the wire still.
            made.run("wait", "lamps", "--timeout", "1")
            bought = len(made.provider.purchases())
            made.run("wait", "lamps", "--timeout", "3")
            assert len(made.provider.purchases()) == bought
        finally:
            client.execute_command(*cure)  # type: ignore[no-untyped-call]
    waited = made.run("wait", "lamps", "--timeout", "90")
    assert waited.code == 0, waited.out + waited.err + workers[0].said[-3000:]
    assert all(worker.child.process.poll() is None for worker in workers)
    lines = made.lines("lamps")
    good_videos(lines)
    agree(made.provider, lines)


def test_a_full_disk_is_waited_for(fleet: Callable[..., Fleet]) -> None:
    """A store and a temporary folder that take nothing stop the buying, are named, and lose no paid video."""
    made = fleet("--speed", "60", "--render-mean-s", "60")
    submit(made, JOBS)
    (worker,) = made.hire()
    until(lambda: len(made.provider.purchases()) >= 5, 30, "the first purchases")
    with full_disk(worker):
        until(lambda: "the store does not serve" in needs(made), 15, "status says what is wrong")
        bought = len(made.provider.purchases())
        made.run("wait", "lamps", "--timeout", "6")
        assert len(made.provider.purchases()) == bought
        assert made.run("status", "lamps", "--json").json["states"]["failed"] == 0
    waited = made.run("wait", "lamps", "--timeout", "90")
    assert waited.code == 0, waited.out + waited.err
    lines = made.lines("lamps")
    good_videos(lines)
    agree(made.provider, lines)


def test_a_provider_that_never_answers_costs_a_handful(fleet: Callable[..., Fleet]) -> None:
    """Every submit is taken and none is answered: three in a row park the account, not 50,000; then they are found."""
    made = fleet("--speed", "60", "--render-mean-s", "60", "--p-lost", "1")
    submit(made, 60)
    made.hire()
    waited = made.run("wait", "lamps", "--timeout", "80")
    assert "got no answer, so nothing more is bought" in needs(made), waited.out + waited.err
    assert len(made.provider.purchases()) <= 3 + THREADS
    made.provider.tell("/_simulator/weather", {"p_lost": 0.0})
    assert made.run("resume", "--provider", "segmind").code + made.run("resume", "lamps").code == 0
    waited = made.run("wait", "lamps", "--timeout", "120")
    lines = made.lines("lamps")
    assert waited.code == 0, waited.out + waited.err + str(statuses(lines))
    good_videos(lines)
    agree(made.provider, lines)


def test_a_cdn_that_serves_pages_breaks_the_circuit(fleet: Callable[..., Fleet]) -> None:
    """Ten files in a row that are no videos park the campaign; after a resume one goes first, then the rest."""
    made = fleet("--speed", "20", "--render-mean-s", "60", "--p-html", "1")
    submit(made, 30, "dashscope")
    made.hire()
    waited = made.run("wait", "lamps", "--timeout", "80")
    assert waited.code == 3, waited.out + waited.err
    assert "in a row" in needs(made)
    spoilt = len(made.provider.purchases())
    assert spoilt <= 25
    made.provider.tell("/_simulator/weather", {"p_html": 0.0})
    assert made.run("resume", "lamps").code == 0
    waited = made.run("wait", "lamps", "--timeout", "80")
    lines = made.lines("lamps")
    assert (waited.code, statuses(lines)) == (3, {"done": 30}), waited.out + waited.err
    assert sum(not line["video"]["verified"] for line in lines) <= spoilt
    assert bought_twice(made.provider.purchases()) == {}
    assert made.provider.violations() == []
