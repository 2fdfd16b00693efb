"""Every provider's look-up of its own tasks at its simulated dialect: what was bought is found, as it was sent."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from jobs.job import Job
from providers.contract import Candidate, Finished, Found, Throttled, Unreadable
from providers.registry import PROVIDERS, provider
from tests.conformance.counter import NEEDED, Counter

#: Far enough on both sides for any clock; a window of the provider's own time.
LONG = timedelta(days=10)


@pytest.fixture
def desk(counter: Callable[..., Counter], request: pytest.FixtureRequest) -> Counter:
    """An account without limits at a simulated provider."""
    return counter(request.param, "--no-limits", "--no-query-limits")


every = pytest.mark.parametrize("desk", [name for name in PROVIDERS if provider(name).memory_s], indirect=True)


def listed(desk: Counter) -> list[Candidate]:
    """Every page of the list."""
    now = datetime.now(UTC)
    rows: list[Candidate] = []
    calls = list(desk.provider.find_calls(now - LONG, now + LONG, desk.at))
    assert calls
    for _ in range(30):
        if not calls:
            return rows
        call = calls.pop()
        found = desk.provider.read_find(desk.ask(call), call)
        assert isinstance(found, Found), found
        rows += found.rows
        calls += [found.following] if found.following else []
    raise AssertionError("the list has no end")


def detailed(desk: Counter, row: Candidate) -> Candidate:
    """The row with all that the provider tells of it."""
    call = desk.provider.detail_call(row, desk.at)
    return row if call is None else desk.provider.read_detail(desk.ask(call), row)


def fits(desk: Counter, row: Candidate, job: Job, mark: str) -> bool:
    """Whether all that would be told of the job's send is told of the task."""
    told = desk.provider.told(job, mark)
    return all(row.told.get(key) == wanted for key, wanted in told.items())


@every
@pytest.mark.parametrize("changes", [{}, {"resolution": "1080p", "duration_s": 10, "prompt": "  a  kite "}], ids=str)
def test_every_mode_is_found_as_it_was_sent(desk: Counter, changes: dict[str, Any]) -> None:
    """Once it has ended, a task tells enough to be matched with its job, and with no other."""
    for offer in desk.provider.facts.sold():
        order = {"model": offer.model, **changes}
        task_id = desk.bought(offer.mode, mark="j:1", **order)
        assert isinstance(desk.end(task_id), Finished)
        (row,) = [each for each in listed(desk) if each.task_id == task_id]
        row = detailed(desk, row)
        assert row.state == "succeeded"
        assert row.created_at is not None
        assert fits(desk, row, desk.job(offer.mode, **order), "j:1"), (offer.slug, row.told)
        assert not fits(desk, row, desk.job(offer.mode, **(order | {"prompt": "another"})), "j:2")
        assert not fits(desk, row, desk.job(offer.mode, **(order | {"duration_s": 5 if changes else 10})), "j:3")
    assert NEEDED, "the modes that need more than a prompt are among them"


@every
def test_open_and_failed_tasks_are_told_apart(desk: Counter) -> None:
    """A task under way is open, or not there yet; one without a video failed."""
    desk.weather(render_mean_s=6000)
    first = desk.bought()
    desk.weather(render_mean_s=1, p_failed=1)
    second = desk.bought(prompt="another")
    desk.end(second)
    assert {first: "open"} | {row.task_id: row.state for row in listed(desk)} == {first: "open", second: "failed"}


@every
def test_a_list_of_several_pages_is_whole(desk: Counter) -> None:
    """Each task once, however many there are, when all have ended."""
    bought = {desk.bought(prompt=f"kite {n}") for n in range(130)}
    assert all(isinstance(desk.end(task_id), Finished) for task_id in bought)
    rows = listed(desk)
    assert {row.task_id for row in rows} == bought


@every
def test_a_list_that_is_none(desk: Counter) -> None:
    """Errors, pages of HTML and garbage are no empty list."""
    now = datetime.now(UTC)
    call = desk.provider.find_calls(now - LONG, now + LONG, desk.at)[0]
    for then in ("500", "502", "503", "html", "garbage"):
        desk.befalls("list", then)
        assert isinstance(desk.provider.read_find(desk.ask(call), call), Unreadable), then
    desk.befalls("list", "429", retry_after_s=3)
    assert isinstance(desk.provider.read_find(desk.ask(call), call), Throttled)


@pytest.mark.parametrize(("name", "tells"), [("segmind", True), ("dashscope", False)])
def test_segminds_history_tells_the_seed_and_dashscopes_list_does_not(
    name: str, tells: bool, counter: Callable[..., Counter]
) -> None:
    """Twins can be told apart at the one, and not at the other."""
    told = counter(name)
    job = told.job(next(iter(NEEDED)))
    other = job.model_copy(update={"seed": job.seed + 1})
    assert (told.provider.told(job, "j:1") != told.provider.told(other, "j:1")) is tells
