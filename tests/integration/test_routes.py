"""Jobs with a choice of accounts, on a real Valkey: whoever asks least buys, and others only what they have to."""

import threading
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from decimal import Decimal

import pytest

from jobs.budgets import Budget, budget_names
from jobs.job import lane_text
from jobs.lifecycle import Move, State
from ledger import recovery
from ledger.budgets import tell_budgets
from ledger.gates import Able, Policy
from ledger.halt import cancel, halt
from ledger.jobs import Ledger
from ledger.lost import LostSends
from ledger.lots import Lot
from ledger.orders import Claim
from ledger.recovery import Restored
from tests.books import FREE, STORE, Bench, Rate, close_bench, gates, open_bench
from tests.services import Valkey

CHEAP, DEAR, TWIN = "simulated-cheap", "simulated-dear", "simulated-twin"
#: A job that costs a dollar at one account and three at the other.
USUAL = {CHEAP: 1_000_000, DEAR: 3_000_000}


class Desk:
    """A ledger with a campaign that buys at several accounts."""

    def __init__(self, bench: Bench) -> None:
        self.bench, self.ledger, self.redis = bench, bench.ledger, bench.redis
        self._seq = 0

    def now_ms(self) -> int:
        """The ledger's own clock."""
        seconds, micros = self.redis.time()
        return int(seconds) * 1000 + int(micros) // 1000

    def stock(
        self,
        count: int,
        asks: Mapping[str, int] = USUAL,
        *,
        campaign: str = "spring",
        within_s: float | None = None,
        budget: int | None = None,
        open_it: bool = True,
    ) -> list[str]:
        """Queue so many new jobs that may be bought at these prices; answers their ids."""
        if open_it:
            facts = {"simulated": "1", "provider": "segmind", "accounts": f"{CHEAP}\n{DEAR}\n{TWIN}"}
            if within_s is not None:
                facts["deadline"] = str(self.now_ms() + int(within_s * 1000))
            self.ledger.open_campaign(campaign, CHEAP, budget_uusd=budget, facts=facts)
        ranked = sorted(asks.items(), key=lambda ask: ask[1])
        rows = [(f"{campaign}-{self._seq + n}", self._seq + n, ranked[0][1], "{}", "queued") for n in range(count)]
        self._seq += count
        self.ledger.enqueue(campaign, [Lot(ranked[0][0], rows, lane=lane_text(ranked))])
        return [row[0] for row in rows]

    def serve(self, *accounts: str, gate: Policy = FREE, render_s: float = 1.0) -> None:
        """A worker's heartbeat that serves these accounts."""
        able = Able(gate.admission, int(render_s * 1000), int(render_s * 1000))
        self.ledger.renew("worker/8", [], dict.fromkeys(accounts, able))

    def claim(self, account: str, most: int = 1, gate: Policy = FREE) -> list[Claim]:
        """Claim at an account."""
        return self.ledger.claim(account, gate, most=most, most_waiting=10**6)

    def ids(self, account: str, most: int = 1, gate: Policy = FREE) -> list[str]:
        """The jobs of a claim."""
        return [claim.job_id for claim in self.claim(account, most, gate)]


@pytest.fixture
def desk(valkey: Valkey) -> Iterator[Desk]:
    """A newly founded ledger; when the test is over, its books must be in order."""
    bench = open_bench(valkey)
    yield Desk(bench)
    bench.audit()
    close_bench(bench)


def test_whoever_asks_least_buys_in_matrix_order(desk: Desk) -> None:
    """Without a deadline a dearer account buys nothing but what only it can make, whatever the kinds of the rows."""
    desk.serve(CHEAP, DEAR)
    first = desk.stock(2)
    dear_here = desk.stock(1, {CHEAP: 900_000, DEAR: 800_000})
    only = desk.stock(1, {DEAR: 5})
    last = desk.stock(2)
    assert desk.ids(DEAR, 9) == [*dear_here, *only]
    assert desk.ids(CHEAP, 9) == [*first, *last]
    rows = [desk.ledger.job(one) for one in (*dear_here, *only, *first)]
    assert [row["why"] for row in rows] == ["cheapest", "only", "cheapest", "cheapest"]
    assert [(row["account"], row["price"]) for row in rows[::2]] == [(DEAR, "800000"), (CHEAP, "1000000")]
    assert desk.bench.money("spring")[0] == 800_000 + 5 + 4 * 1_000_000


def test_two_keys_that_ask_the_same_share_the_work(desk: Desk) -> None:
    """Each takes what it has room for, by its own slots; no job is claimed by both."""
    jobs = desk.stock(12, {CHEAP: 10, TWIN: 10})
    one, two = desk.ids(CHEAP, 12, gates(slots=3)), desk.ids(TWIN, 12, gates(slots=5))
    assert (one, two) == (jobs[:3], jobs[3:8])
    assert [desk.redis.scard(f"wb:slots:{account}") for account in (CHEAP, TWIN)] == [3, 5]


@pytest.mark.parametrize("reason", ["parked", "paused", "down", "unserved"])
def test_a_dearer_account_takes_over_while_the_cheap_one_cannot_buy(desk: Desk, reason: str) -> None:
    """And no longer: what was claimed stays where it is, and the rest is the cheap one's again."""
    jobs = desk.stock(4)
    desk.serve(CHEAP, DEAR)
    long_ago = desk.now_ms() - 60_000
    stops: dict[str, Callable[[], object]] = {
        "parked": lambda: desk.ledger.hold(CHEAP, park="out_of_credit", reason="top up"),
        "paused": lambda: halt(desk.ledger, "pause", "account", CHEAP),
        "down": lambda: desk.redis.hset(f"wb:a:{CHEAP}", mapping={"down_ms": long_ago, "down_at": desk.now_ms()}),
        "unserved": lambda: (
            desk.redis.hset(f"wb:a:{CHEAP}", "served_ms", long_ago),
            desk.redis.hset(f"wb:a:{DEAR}", "since_ms", long_ago),
        ),
    }
    goes_on: dict[str, Callable[[], object]] = {
        "parked": lambda: halt(desk.ledger, "resume", "account", CHEAP),
        "paused": lambda: halt(desk.ledger, "resume", "account", CHEAP),
        "down": lambda: desk.ledger.hold(CHEAP, hold_s=0.001),
        "unserved": lambda: desk.serve(CHEAP, DEAR),
    }
    assert desk.ids(DEAR, 9) == []
    stops[reason]()
    assert desk.ids(DEAR, 2) == jobs[:2]
    assert desk.ledger.job(jobs[0])["why"] == f"cheaper_{reason}"
    goes_on[reason]()
    assert desk.ids(DEAR, 9) == []
    threading.Event().wait(0.005)
    assert jobs[2] in desk.ids(CHEAP, 9)


def test_a_hiccup_moves_nothing(desk: Desk) -> None:
    """A 429, a first failed connection, or a ledger that was away for a minute are no reason to pay more."""
    desk.stock(4)
    desk.serve(CHEAP, DEAR)
    desk.ledger.hold(CHEAP, hold_s=30)
    assert desk.ids(DEAR, 9) == []
    desk.ledger.hold(CHEAP, hold_s=30, down_s=0.0)
    assert desk.ids(DEAR, 9) == []
    away = desk.now_ms() - 60_000
    for account in (CHEAP, DEAR):
        desk.redis.hset(f"wb:a:{account}", mapping={"served_ms": away, "since_ms": away - 10**6})
    assert desk.ids(DEAR, 9) == []
    desk.serve(DEAR)
    assert desk.ids(DEAR, 9) == []


def test_a_deadline_moves_what_costs_least_more_and_only_what_is_needed(desk: Desk) -> None:
    """Of a hundred jobs the cheap account ends sixty in time: forty go to the dear one, those with the least between
    the two first, in matrix order; then it stops.
    """
    slow = gates(submits=[Rate(10, 1.0)])
    desk.serve(CHEAP, gate=slow)
    desk.serve(DEAR)
    wide = desk.stock(70, {CHEAP: 100, DEAR: 900}, within_s=1 + 60 / (0.98 * 10) * 1.02)
    near = desk.stock(30, {CHEAP: 100, DEAR: 110}, open_it=False)
    got = [job for _ in range(8) for job in desk.ids(DEAR, 10)]
    assert got[:30] == near
    assert got[30:] == wide[: len(got) - 30]
    assert 39 <= len(got) <= 43
    assert {desk.ledger.job(job)["why"] for job in got} == {"deadline"}
    assert set(desk.ids(CHEAP, 100)) == set(wide) - set(got)


def test_a_dear_account_begins_no_sooner_than_it_must(desk: Desk) -> None:
    """What it is to take waits until it is a quarter of what it could do, and is then taken at that pace."""
    desk.serve(CHEAP, gate=gates(submits=[Rate(10, 1.0)]))
    desk.serve(DEAR, gate=gates(submits=[Rate(100, 1.0)]))
    desk.stock(300, within_s=21)
    assert desk.ids(DEAR, 99) == [], "a hundred of two thousand"
    desk.redis.hset("wb:c:spring", "deadline", desk.now_ms() + 6000)
    assert 110 <= len(desk.ids(DEAR, 300)) <= 260, "half of it is the cheap one's no more"
    assert desk.ids(DEAR, 300) == []


def test_two_keys_share_what_a_cheaper_account_cannot_end(desk: Desk) -> None:
    """Both keys of the dear provider take of it, each by its room, and together no more than is needed."""
    desk.serve(CHEAP, gate=gates(submits=[Rate(10, 1.0)]))
    desk.serve(DEAR, TWIN, gate=gates(slots=5))
    desk.stock(100, {CHEAP: 1, DEAR: 3, TWIN: 3}, within_s=7)
    one, two = (desk.ids(account, 99, gates(slots=5)) for account in (DEAR, TWIN))
    assert len(one) == len(two) == 5
    assert 39 <= len(one) + len(two) + len(desk.ids(DEAR, 99, gates(slots=99))) <= 44


def test_a_rate_that_a_429_has_halved_ends_half_in_time(desk: Desk) -> None:
    """The projected end goes by the rate that is left: of sixty jobs in time before thirty go to the dear one."""
    desk.serve(CHEAP, gate=gates(submits=[Rate(10, 1.0)]))
    desk.serve(DEAR)
    desk.stock(60, within_s=1 + 60 / (0.98 * 10) * 1.03)
    assert desk.ids(DEAR, 99) == []
    desk.redis.hset(f"wb:a:{CHEAP}", "factor", "0.5")
    assert 28 <= len(desk.ids(DEAR, 99)) <= 33


def test_slots_bound_what_an_account_can_end_in_time(desk: Desk) -> None:
    """Five slots and renders of two seconds end about twenty in nine seconds; another campaign's part is its own."""
    desk.serve(CHEAP, gate=gates(slots=5), render_s=2)
    desk.serve(DEAR)
    desk.stock(40, within_s=9)
    assert 17 <= len(desk.ids(DEAR, 40)) <= 20
    desk.stock(40, {CHEAP: 1}, campaign="other")
    assert 9 <= len(desk.ids(DEAR, 40)) <= 12


def test_past_its_deadline_every_account_buys(desk: Desk) -> None:
    """What cannot be in time any more is to be late as little as possible."""
    desk.serve(CHEAP, DEAR, gate=gates(slots=1))
    jobs = desk.stock(3, within_s=0)
    assert desk.ids(DEAR, 9) == jobs


def test_a_dear_price_beyond_the_budget_parks_nobody(desk: Desk) -> None:
    """What the dear account cannot pay is left to the cheap one, whose price the budget still covers."""
    jobs = desk.stock(2, budget=2_000_000)
    desk.ledger.hold(CHEAP, park="out_of_credit", reason="top up")
    assert desk.ids(DEAR, 9) == []
    status = desk.ledger.status("spring")
    assert status is not None
    assert (status.parked, [why for why in status.stopped if "top up" in why] != []) == (None, True)
    halt(desk.ledger, "resume", "account", CHEAP)
    assert desk.ids(CHEAP, 9) == jobs[:1]


def test_a_cap_that_campaigns_share_holds_at_all_their_accounts(desk: Desk) -> None:
    """What is left of it pays for the cheap account and not for the dear one; a higher cap has both go on."""
    jobs = desk.stock(4)
    names = budget_names({"client": "acme"}, "ada", simulated=True)
    facts = {"simulated": "1", "accounts": f"{CHEAP}\n{DEAR}", "budgets": names}
    desk.ledger.open_campaign("spring", CHEAP, budget_uusd=None, facts=facts)

    def cap(usd: int) -> None:
        told = [Budget(name="client=acme", month_usd=Decimal(usd))]
        tell_budgets(desk.ledger, told, {}, simulated=True)

    cap(2)
    desk.serve(DEAR)
    assert desk.ids(DEAR, 9) == []
    desk.serve(CHEAP, DEAR)
    assert desk.ids(CHEAP, 9) == jobs[:2]
    assert desk.ids(DEAR, 9) == []
    halt(desk.ledger, "pause", "account", CHEAP)
    cap(5)
    assert desk.ids(DEAR, 9) == jobs[2:3]
    assert desk.bench.money("spring") == (5_000_000, 0, 0)


def test_a_job_changes_its_account_only_where_nothing_was_bought(desk: Desk) -> None:
    """Given back or proved absent it is anybody's again; unknown or rendering it stays where it was sent."""
    jobs = desk.stock(1)
    desk.ledger.hold(CHEAP, park="out_of_credit", reason="top up")
    (claim,) = desk.claim(DEAR)
    desk.bench.do(Move.RELEASE, State.QUEUED, claim)
    (claim,) = desk.claim(DEAR)
    assert desk.ledger.send(claim, FREE, token="t", send=2).word == "go"
    desk.bench.do(Move.LOSE, State.UNKNOWN, claim, due_s=1000)
    halt(desk.ledger, "resume", "account", CHEAP)
    assert desk.ids(CHEAP, 9) == []
    assert desk.bench.money("spring") == (0, 3_000_000, 0)
    fence = desk.ledger.job(jobs[0])["fence"]
    desk.bench.do(Move.ABSENT, State.QUEUED, Claim(jobs[0], fence))
    (claim,) = desk.claim(CHEAP)
    assert desk.bench.money("spring") == (1_000_000, 0, 0)
    row = desk.ledger.job(jobs[0])
    assert (row["account"], row["price"], row["why"]) == (CHEAP, "1000000", "cheapest")


def test_a_campaign_goes_on_while_one_of_its_accounts_does(desk: Desk) -> None:
    """It is parked when all that is left can be bought nowhere, and says why."""
    desk.stock(1, {CHEAP: 1})
    both = desk.stock(1)
    desk.ledger.hold(CHEAP, park="out_of_credit", reason="top up")
    first = desk.ledger.status("spring")
    assert first is not None
    assert (first.parked, first.states[State.QUEUED]) == (None, 2)
    assert first.needs == [f"nothing is bought at {CHEAP}, others go on: top up"]
    assert desk.ids(DEAR, 9) == both
    then = desk.ledger.status("spring")
    assert then is not None
    assert (then.parked_kind, then.parked, then.states[State.PARKED]) == ("out_of_credit", "top up", 1)


def test_pause_cancel_and_heirs_know_all_accounts(desk: Desk) -> None:
    """A paused campaign buys nowhere; a cancelled one leaves its jobs to one that buys at the same accounts."""
    jobs = desk.stock(3)
    desk.stock(0, campaign="summer")
    rows = [(job, place, 1, "{}", "queued") for place, job in enumerate(jobs[:2])]
    assert desk.ledger.enqueue("summer", [Lot(CHEAP, rows, lane=lane_text(USUAL.items()))]) == "jj"
    desk.ledger.open_campaign("plain", CHEAP, budget_uusd=None, facts={"simulated": "1"})
    assert desk.ledger.enqueue("plain", [Lot(CHEAP, [(jobs[2], 0, 1, "{}", "queued")])]) == "j"
    halt(desk.ledger, "pause", "campaign", "spring")
    desk.ledger.hold(CHEAP, park="out_of_credit", reason="top up")
    assert desk.ids(DEAR, 9) == []
    told = cancel(desk.ledger, "spring")
    assert told is not None
    assert (told.handed_over, told.cancelled) == (2, 1)
    assert desk.ids(DEAR, 9) == jobs[:2]


def test_a_recovered_ledger_has_the_same_choices(desk: Desk) -> None:
    """Lanes come back with their prices; what was sent stands at the account that sent it."""
    lane = lane_text(USUAL.items())
    desk.stock(0, within_s=0)
    rows = [
        Restored("a", 0, 3_000_000, DEAR, lane, "{}", State.UNKNOWN, due=True, tasks=((CHEAP, "t1"),)),
        Restored("b", 1, 1_000_000, CHEAP, lane, "{}", State.QUEUED),
    ]
    assert recovery.restore(desk.ledger, "spring", CHEAP, rows) == "nn"
    assert desk.redis.hget(f"wb:tasks:{CHEAP}", "t1") == "a"
    assert desk.redis.smembers(f"wb:sent:{DEAR}") == {"a"}
    assert desk.bench.money("spring") == (0, 3_000_000, 0)
    for account in (CHEAP, DEAR):
        desk.redis.hdel(f"wb:a:{account}", "hold_ms")
    desk.serve(CHEAP, DEAR, gate=gates(slots=0))
    assert desk.ids(DEAR, 9) == ["b"]


def test_what_is_bought_anew_has_its_choices_again(desk: Desk) -> None:
    """A failed job that comes in with its record, and is then wanted anew, goes to whoever asks least."""
    desk.stock(0)
    lane = lane_text([(DEAR, 5), (TWIN, 7)])
    assert desk.ledger.enqueue("spring", [Lot(DEAR, [("old", 0, 5, "{}", "failed")], lane=lane)]) == "e"
    assert LostSends(desk.ledger).retry("old", "failed", job="{}", purchases="[]", revision=2, sends=1)
    assert desk.ids(CHEAP, 9) == desk.ids(TWIN, 9) == []
    assert desk.ids(DEAR, 9) == ["old"]


def test_a_failed_job_of_a_campaign_that_buys_elsewhere_now_goes_there(desk: Desk) -> None:
    """The newest plan names one account: what is wanted anew is bought at that one, and at no other."""
    desk.stock(0)
    desk.ledger.enqueue(
        "spring", [Lot(CHEAP, [("old", 0, 5, "{}", "failed")], lane=lane_text([(CHEAP, 5), (DEAR, 7)]))]
    )
    desk.ledger.open_campaign("spring", TWIN, budget_uusd=None, facts={"simulated": "1"})
    assert desk.ledger.enqueue("spring", [Lot(TWIN, [("old", 0, 6, "{}", "failed")])]) == "k"
    assert LostSends(desk.ledger).retry("old", "failed", job="{}", purchases="[]", revision=2, sends=1)
    assert desk.ids(CHEAP, 9) == desk.ids(DEAR, 9) == []
    assert desk.ids(TWIN, 9) == ["old"]
    assert desk.bench.money("spring") == (6, 0, 0)


def test_racing_accounts_claim_each_job_once(desk: Desk, valkey: Valkey) -> None:
    """Eight workers at three accounts, giving back and claiming: no job is ever in two hands, and the money adds up."""
    desk.stock(300, {CHEAP: 10, TWIN: 10, DEAR: 11}, within_s=0, budget=2500)
    desk.serve(CHEAP, DEAR, TWIN)
    start = threading.Barrier(8)

    def work(number: int) -> list[str]:
        ledger = Ledger.connect(valkey.url, store_url=STORE)
        start.wait()
        account, kept = (CHEAP, TWIN, DEAR)[number % 3], []
        for turn in range(40):
            for claim in ledger.claim(account, FREE, most=3, most_waiting=10**6):
                if turn % 2:
                    desk.bench.do(Move.RELEASE, State.QUEUED, claim)
                else:
                    kept.append(claim.job_id)
        ledger.close()
        return kept

    with ThreadPoolExecutor(8) as pool:
        kept = [job for jobs in pool.map(work, range(8)) for job in jobs]
    assert len(kept) == len(set(kept))
    reserved = desk.bench.money("spring")[0]
    assert reserved <= 2500
    assert reserved == sum(int(desk.ledger.job(job)["price"]) for job in kept)


def test_the_deadline_is_told(desk: Desk) -> None:
    """The campaign's status has its deadline and all its accounts."""
    desk.stock(1, within_s=60)
    status = desk.ledger.status("spring")
    assert status is not None
    assert status.deadline is not None
    assert 50 < (status.deadline - datetime.now(UTC)).total_seconds() < 61
    assert [account.name for account in status.accounts] == [CHEAP, DEAR, TWIN]
