"""Campaigns on a real Valkey: who wants a job, who buys it, what stops them, and which Redis may hold the books."""

import pytest

from jobs.errors import LedgerRefused
from jobs.lifecycle import Move, State
from ledger.jobs import Ledger
from ledger.lots import Lot
from tests.books import ACCOUNT, STORE, Bench
from tests.services import Valkey, free_ports


def put(bench: Bench, campaign: str, *jobs: str, state: str = "queued") -> str:
    """Queue jobs at 100 micro-dollars in the order given; answers the letters."""
    rows = [(job, place, 100, f'{{"from": "{campaign}"}}', state) for place, job in enumerate(jobs)]
    return bench.ledger.enqueue(campaign, [Lot(bench.account, rows)])


def opened(bench: Bench, *names: str) -> None:
    """Open campaigns without jobs."""
    for name in names:
        bench.stock(name, 0)


def states(bench: Bench, campaign: str) -> dict[str, int]:
    """The campaign's jobs by state, without zeros."""
    told = bench.ledger.status(campaign)
    assert told is not None
    return {state.value: count for state, count in told.states.items() if count}


def test_the_same_batch_twice_changes_nothing(bench: Bench) -> None:
    """The first time all are new, the second time all are known, and a job twice in one batch is one job."""
    opened(bench, "spring")
    assert put(bench, "spring", "a", "b", "a") == "nnk"
    assert put(bench, "spring", "a", "b") == "kk"
    assert states(bench, "spring") == {"queued": 2}


def test_a_job_that_has_a_record_comes_in_as_ended(bench: Bench) -> None:
    """What the store knows to have ended is counted and never bought."""
    opened(bench, "spring")
    assert put(bench, "spring", "a", state="done") == "e"
    assert put(bench, "spring", "b", state="failed") == "e"
    assert put(bench, "spring", "a") == "k"
    assert states(bench, "spring") == {"done": 1, "failed": 1}
    assert bench.claim() == []


def test_a_job_that_another_campaign_buys_is_joined(bench: Bench) -> None:
    """It is bought once, by the first who asked; both see how it goes, and only the buyer pays."""
    opened(bench, "spring", "summer")
    assert put(bench, "spring", "a") == "n"
    assert put(bench, "summer", "a", "b") == "jn"
    bench.do(Move.SETTLE, State.DONE, bench.reach(State.COLLECTING), cost_uusd=90)
    assert states(bench, "spring") == {"done": 1}
    assert states(bench, "summer") == {"done": 1, "queued": 1}
    assert bench.money("spring") == (0, 0, 90)
    assert bench.money("summer") == (0, 0, 0)


def test_a_name_within_a_name_is_another_campaign(bench: Bench) -> None:
    """`spring` does not count as a member because `spring-2` is one."""
    opened(bench, "spring-2", "spring")
    put(bench, "spring-2", "a")
    assert put(bench, "spring", "a") == "j"


def test_withdrawn_jobs_leave_the_queue_and_may_come_back(bench: Bench) -> None:
    """Only what is still queued is withdrawn; asked for again, it is renewed at its new place and price."""
    opened(bench, "spring")
    put(bench, "spring", "a", "b", "c")
    claim = bench.reach(State.RENDERING)
    assert claim.job_id == "a"
    assert bench.ledger.withdraw("spring", ["a", "b", "nobody"]) == 1
    assert bench.ledger.withdraw("spring", ["a", "b", "nobody"]) == 0
    assert states(bench, "spring") == {"rendering": 1, "cancelled": 1, "queued": 1}
    assert bench.ledger.enqueue("spring", [Lot(ACCOUNT, [("b", -5, 250, "{}", "queued")])]) == "r"
    assert bench.claim()[0].job_id == "b"
    assert bench.money("spring") == (350, 0, 0)


def test_withdrawing_all_and_asking_again_buys_again(bench: Bench) -> None:
    """A campaign that lost its place among the turns gets one back."""
    opened(bench, "spring")
    put(bench, "spring", "a")
    bench.ledger.withdraw("spring", ["a"])
    assert bench.claim() == []
    assert put(bench, "spring", "a") == "r"
    assert len(bench.claim()) == 1


def test_a_withdrawn_job_goes_to_the_next_who_wants_it(bench: Bench) -> None:
    """The buyer lets go, so the next campaign pays from its own budget; nobody waits for ever."""
    opened(bench, "spring", "summer")
    put(bench, "spring", "a")
    put(bench, "summer", "a")
    assert bench.ledger.withdraw("spring", ["a"]) == 1
    bench.audit()
    assert states(bench, "spring") == {}
    assert states(bench, "summer") == {"queued": 1}
    bench.do(Move.SETTLE, State.DONE, bench.reach(State.COLLECTING), cost_uusd=80)
    assert (bench.money("spring"), bench.money("summer")) == ((0, 0, 0), (0, 0, 80))


def test_who_only_joined_may_withdraw_too(bench: Bench) -> None:
    """The job stays with its buyer."""
    opened(bench, "spring", "summer")
    put(bench, "spring", "a")
    put(bench, "summer", "a")
    assert bench.ledger.withdraw("summer", ["a"]) == 1
    assert (states(bench, "spring"), states(bench, "summer")) == ({"queued": 1}, {})


def test_a_cancelled_job_is_bought_by_whoever_asks_next(bench: Bench) -> None:
    """Another campaign does not join a job that nobody will buy: it becomes the buyer, at its own account."""
    opened(bench, "spring")
    put(bench, "spring", "a")
    bench.ledger.withdraw("spring", ["a"])
    bench.account = "simulated-dashscope"
    opened(bench, "summer")
    assert put(bench, "summer", "a") == "r"
    bench.audit()
    (claim,) = bench.claim()
    assert bench.ledger.job("a")["job"] == '{"from": "summer"}'
    assert bench.ledger.job("a")["account"] == "simulated-dashscope"
    assert bench.money("summer") == (100, 0, 0)
    bench.do(Move.RELEASE, State.QUEUED, claim)


def settle(bench: Bench, *, bad: bool) -> None:
    """One job to its end, good or bad."""
    end = State.FAILED if bad else State.DONE
    bench.do(Move.SETTLE, end, bench.reach(State.COLLECTING), bad=bad)


def parked(bench: Bench) -> str | None:
    """What keeps the campaign from buying."""
    told = bench.ledger.status("spring")
    assert told is not None
    return told.parked


def test_ten_bad_ends_in_a_row_park_the_campaign(bench: Bench) -> None:
    """Nine and a good one do not; the reason is a sentence."""
    bench.stock("spring", 40)
    for bad in [True] * 6 + [False] + [True] * 9:
        settle(bench, bad=bad)
    assert parked(bench) is None
    settle(bench, bad=True)
    assert parked(bench) == "ten videos in a row failed, were refused or did not verify"
    assert bench.claim() == []


def test_more_than_three_in_ten_of_the_last_twenty_park_the_campaign(bench: Bench) -> None:
    """Six of twenty are borne, seven are not, and what lies further back is forgotten."""
    bench.stock("spring", 60)
    for bad in [True, True, False] * 3 + [False] * 11 + [False] * 4:
        settle(bench, bad=bad)
    assert parked(bench) is None
    for bad in [True, False, False] * 6 + [True]:
        assert parked(bench) is None
        settle(bench, bad=bad)
    assert parked(bench) == "7 of the last 20 videos failed, were refused or did not verify"


def test_a_first_bad_handful_is_no_pattern(bench: Bench) -> None:
    """A third of the first few says little: the share counts only once there are twenty."""
    bench.stock("spring", 19)
    for n in range(19):
        settle(bench, bad=n % 2 == 0)
    assert parked(bench) is None


def test_a_charge_above_its_price_parks_the_account(bench: Bench) -> None:
    """The price list is wrong, so no further reservation can be trusted."""
    bench.stock("spring", 2)
    claim = bench.reach(State.COLLECTING)
    bench.do(Move.SETTLE, State.DONE, claim, cost_uusd=150, charge_over=True)
    assert bench.redis.hget(f"wb:a:{ACCOUNT}", "parked_kind") == "charge"
    assert bench.claim() == []


def test_unverified_videos_are_counted_for_all_who_want_them(bench: Bench) -> None:
    """A video that is not what was ordered needs a person in every campaign that shows it."""
    opened(bench, "spring", "summer")
    put(bench, "spring", "a")
    put(bench, "summer", "a")
    bench.do(Move.SETTLE, State.DONE, bench.reach(State.COLLECTING), bad=True, unverified=True)
    for name in ("spring", "summer"):
        told = bench.ledger.status(name)
        assert told is not None
        assert told.unverified == 1
        assert told.needs == ["1 video not what was ordered: see the report"]


def test_a_campaign_taken_up_again_keeps_its_books(bench: Bench) -> None:
    """Opening it a second time changes its budget and its run, and nothing that was counted."""
    assert bench.ledger.open_campaign("spring", ACCOUNT, budget_uusd=10**6, facts={"run_id": "1"}) is True
    put(bench, "spring", "a")
    bench.do(Move.SETTLE, State.DONE, bench.reach(State.COLLECTING), cost_uusd=90)
    assert bench.ledger.open_campaign("spring", ACCOUNT, budget_uusd=None, facts={"run_id": "2"}) is False
    told = bench.ledger.status("spring")
    assert told is not None
    assert (told.run_id, told.budget_usd, str(told.spent_usd)) == ("2", None, "0.00009")
    assert bench.ledger.campaigns() == ["spring"]
    assert bench.ledger.status("winter") is None


def test_a_ledger_is_founded_once(bench: Bench, valkey: Valkey) -> None:
    """Whoever comes later finds the same epoch, also when two would found at once."""
    later = Ledger.connect(valkey.url, store_url=STORE, found=True)
    assert later.epoch == bench.ledger.epoch
    later.close()


def test_an_unfounded_ledger_waits_for_its_founder(valkey: Valkey) -> None:
    """A worker may stand by before the first campaign; it learns the epoch when there is one."""
    worker = Ledger.connect(valkey.url, store_url=STORE)
    assert not worker.is_founded()
    founder = Ledger.connect(valkey.url, store_url=STORE, found=True)
    assert worker.is_founded()
    assert worker.epoch == founder.epoch != ""
    worker.close()
    founder.close()


def test_a_redis_that_may_drop_keys_is_refused(valkey: Valkey) -> None:
    """A dropped job is lost money, so eviction is refused before anything is founded."""
    with valkey.client() as client:
        client.config_set("maxmemory-policy", "allkeys-lru")
        try:
            with pytest.raises(
                LedgerRefused, match=r"may drop keys.*allkeys-lru(?s:.)*set maxmemory-policy noeviction"
            ):
                Ledger.connect(valkey.url, store_url=STORE, found=True)
        finally:
            client.config_set("maxmemory-policy", "noeviction")
        assert client.dbsize() == 0


def test_another_stores_ledger_is_refused(bench: Bench, valkey: Valkey) -> None:
    """A ledger serves one store; the message says which, and what to do."""
    with pytest.raises(LedgerRefused, match=r"belongs to the store file:///store, not to file:///other"):
        Ledger.connect(valkey.url, store_url="file:///other", found=True)


def test_a_redis_that_is_not_there_is_refused() -> None:
    """Nothing is bought while nobody can count: the message says where it looked."""
    (port,) = free_ports(1)
    with pytest.raises(LedgerRefused, match=rf"127.0.0.1:{port}(?s:.)*nothing was bought"):
        Ledger.connect(f"redis://:secret@127.0.0.1:{port}/0", store_url=STORE)


def test_a_refusal_never_shows_the_password(valkey: Valkey) -> None:
    """A wrong password is told without repeating it."""
    with pytest.raises(LedgerRefused) as refused:
        Ledger.connect(f"redis://nobody:hunter2@127.0.0.1:{valkey.port}/0", store_url=STORE)
    assert "hunter2" not in str(refused.value)
