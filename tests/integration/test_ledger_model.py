"""The ledger under orders in any sequence: the real scripts, a real Valkey, and a provider who knows what was bought.

Workers die between any two steps, answers are lost, orders come twice or too late; after each step the books add up
and no job was bought twice.
"""

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from decimal import Decimal
from typing import Any, ClassVar

import pytest
import redis
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule, run_state_machine_as_test

from jobs.budgets import Budget, budget_names
from jobs.lifecycle import Move, State
from ledger.budgets import standings, tell_budgets
from ledger.halt import Place, Verb, cancel, halt
from ledger.jobs import Ledger
from ledger.lost import LostSends, Watched
from ledger.lots import Lot
from ledger.orders import Claim, Due, Order
from tests.books import ACCOUNT, STORE, Bench, Clock, Rate, faults, gates, settable_clock
from tests.services import Valkey

CAMPAIGNS = ("spring", "autumn")
PRICE, BUDGET, SLOTS, MOST_JOBS = 100, 250, 5, 12
GATE = gates(slots=SLOTS, polls=[Rate(10**6, 1.0)], submits=[Rate(10**6, 1.0)])
#: Labels of each campaign; every third row of autumn has its own.
LABELS = {"spring": {"client": "Acme"}, "autumn": {"team": "growth"}}
OWN = budget_names({"client": "acme", "team": "growth"}, "ada", simulated=True)
SHARED = ("all", "client=acme", "team=growth")
PICK = st.integers(0, 10**6)


@dataclass
class Post:
    """A POST that left: whose, whether the provider took it, and what we know of it. `given_up`: a person said so."""

    claim: Claim
    bought: bool
    answered: bool = False
    failed: bool = False
    given_up: bool = False

    @property
    def kept(self) -> bool:
        """Whether it is a purchase that counts."""
        return self.bought and not self.failed and not self.given_up


@dataclass
class World:
    """What the model knows beside the ledger."""

    rows: dict[str, list[tuple[str, int, int, str, str]]] = field(default_factory=lambda: {n: [] for n in CAMPAIGNS})
    claims: list[Claim] = field(default_factory=list)
    posts: list[Post] = field(default_factory=list)
    dues: list[Due] = field(default_factory=list)
    orders: list[Order] = field(default_factory=list)
    spent: int = 0
    #: What was billed, by the purse of the claim that bought it.
    billed: Counter[str] = field(default_factory=Counter)
    caps: tuple[Budget, ...] = ()


class Model(RuleBasedStateMachine):
    """One ledger, and everything that may happen to it; Hypothesis makes one for each example."""

    valkey: ClassVar[Valkey]
    clock: ClassVar[Clock]

    def __init__(self) -> None:
        super().__init__()
        self.redis: Any = redis.Redis(port=self.valkey.port, decode_responses=True)
        self.redis.flushall()
        self.clock.move(0)
        self.ledger = Ledger.connect(self.valkey.url, store_url=STORE, found=True)
        self.world = World()
        for name in CAMPAIGNS:
            facts = {"simulated": "1", "budgets": budget_names(LABELS[name], "ada", simulated=True)}
            self.ledger.open_campaign(name, ACCOUNT, budget_uusd=BUDGET, facts=facts)
            self.stock(name, 3)

    def teardown(self) -> None:
        """Let the connections go."""
        self.ledger.close()
        self.redis.close()

    @rule(pick=PICK, luck=PICK, times=st.integers(1, 6))
    def work(self, pick: int, luck: int, times: int) -> None:
        """Good workers bring a job on by some steps, from wherever it stands."""
        every = sorted(key[5:] for key in self.redis.scan_iter("wb:j:*"))
        for step in range(times):
            self.bring_on(every[pick % len(every)], luck >> step)

    @rule(pick=PICK, luck=PICK)
    def work_on_all(self, pick: int, luck: int) -> None:
        """Good workers bring each job on by one step."""
        for at, key in enumerate(sorted(self.redis.scan_iter("wb:j:*"))):
            self.bring_on(key[5:], (luck + pick) >> at % 12)

    @rule(campaign=st.sampled_from(CAMPAIGNS), count=st.integers(1, 4))
    @precondition(lambda self: sum(map(len, self.world.rows.values())) < MOST_JOBS)
    def stock(self, campaign: str, count: int) -> None:
        """New rows come in, and come in again."""
        rows = self.world.rows[campaign]
        own = {f"autumn-{n}": OWN for n in range(0, MOST_JOBS * 2, 3)}
        fresh = [(f"{campaign}-{len(rows) + n}", len(rows) + n, PRICE, "{}", "queued") for n in range(count)]
        rows += fresh
        assert set(self.ledger.enqueue(campaign, [Lot(ACCOUNT, fresh, own)])) == {"n"}
        before = self.snapshot()
        assert set(self.ledger.enqueue(campaign, [Lot(ACCOUNT, fresh, own)])) == {"k"}
        assert self.snapshot() == before

    @rule(campaign=st.sampled_from(CAMPAIGNS), pick=PICK)
    @precondition(lambda self: any(self.world.rows.values()))
    def want_another_s_job(self, campaign: str, pick: int) -> None:
        """A campaign asks for what another one buys, or for what was withdrawn."""
        every = [row for rows in self.world.rows.values() for row in rows]
        row = every[pick % len(every)]
        self.ledger.enqueue(campaign, [Lot(ACCOUNT, [row], {row[0]: OWN} if pick % 2 else {})])

    @rule(campaign=st.sampled_from(CAMPAIGNS), pick=PICK)
    @precondition(lambda self: any(self.world.rows.values()))
    def withdraw(self, campaign: str, pick: int) -> None:
        """A newer plan no longer asks for a row."""
        every = [row[0] for rows in self.world.rows.values() for row in rows]
        self.ledger.withdraw(campaign, [every[pick % len(every)]])

    @rule(most=st.integers(1, 4), lost=st.booleans())
    def claim(self, most: int, *, lost: bool) -> None:
        """Jobs are admitted; an answer that never comes leaves claims that nobody holds."""
        before = self.shared()
        claims = self.ledger.claim(ACCOUNT, GATE, most=most, most_waiting=8)
        self.world.claims += [] if lost else claims
        now = self.shared()
        assert [place for place, left in now.items() if left < min(0, before[place])] == [], "a cap was passed"

    @rule(caps=st.dictionaries(st.sampled_from(SHARED), st.tuples(*[st.sampled_from([None, 1, 2, 4, 9])] * 2)))
    def cap(self, caps: dict[str, tuple[int | None, int | None]]) -> None:
        """A person sets, raises, lowers and removes caps of a day and a month."""
        usd = [[None if each is None else Decimal(each * PRICE) / 10**6 for each in pair] for pair in caps.values()]
        self.world.caps = tuple(
            Budget(name=name, day_usd=d, month_usd=m) for name, (d, m) in zip(caps, usd, strict=True)
        )
        tell_budgets(self.ledger, self.world.caps, {}, simulated=True)

    @rule(days=st.sampled_from([0, 1, 40]))
    def midnight(self, days: int) -> None:
        """It is another day, which may be in another month."""
        self.clock.move(days * 86_400_000)

    def shared(self) -> dict[str, int]:
        """What is left of each cap in its present day or month, by the ledger's own sums."""
        told = {}
        for cap in standings(self.ledger, self.world.caps, self.clock.now(self.redis), simulated=True):
            assert cap.left_uusd is not None
            told[f"{cap.when} {cap.budget.name}"] = cap.left_uusd
        return told

    @rule(pick=PICK)
    @precondition(lambda self: self.world.claims)
    def take(self, pick: int) -> None:
        """A thread takes a claim up: whoever comes second with the same doorbell has nothing."""
        claim = self.pick(self.world.claims, pick)
        order = Order(move=Move.TAKE, to=State.CLAIMED, claim=claim, due_s=100, new_fence=True)
        fence = self.carry_out(order)
        if fence:
            self.world.claims.append(Claim(claim.job_id, fence))
            assert not self.ledger.move(replace(order, token="a doubled doorbell")).ok

    @rule(pick=PICK, bought=st.booleans(), lost=st.booleans())
    @precondition(lambda self: self.world.claims)
    def send(self, pick: int, *, bought: bool, lost: bool) -> None:
        """Any claim ever held asks to send. Only one that is told to go may POST, and only if it hears so."""
        claim = self.pick(self.world.claims, pick)
        leave = self.ledger.send(claim, GATE, token="t", send=1)
        if leave.word == "go":
            undecided = [post for post in self.posts_of(claim.job_id) if post.kept]
            assert undecided == [], f"{claim.job_id} would be bought a second time"
            if not lost:
                self.world.posts.append(Post(claim, bought))

    @rule(pick=PICK, bought=st.booleans(), times=st.integers(1, 2))
    @precondition(lambda self: self.world.claims)
    def send_late(self, pick: int, *, bought: bool, times: int) -> None:
        """A grant grows too old before a byte left: who has it, and nobody else, gives it back and asks for another."""
        claim = self.pick(self.world.claims, pick)
        leave = self.ledger.send(claim, GATE, token="mine", send=1)
        for _ in range(times):
            if leave.word != "go":
                return
            assert self.ledger.send(claim, GATE, token="another", send=1, late=leave.grant).word == "stop"
            assert self.ledger.send(claim, GATE, token="mine", send=1, late="1.000").word == "stop"
            assert self.redis.hmget(f"wb:j:{claim.job_id}", "state", "grant") == ["submitting", leave.grant]
            granted = self.redis.zcard(f"wb:sends:{ACCOUNT}")
            leave = self.ledger.send(claim, GATE, token="mine", send=1, late=leave.grant)
            assert self.redis.zcard(f"wb:sends:{ACCOUNT}") == granted - (leave.word != "go")
        if leave.word == "go":
            assert not [post for post in self.posts_of(claim.job_id) if post.kept]
            self.world.posts.append(Post(claim, bought))

    @rule(pick=PICK)
    @precondition(lambda self: self.world.claims)
    def give_back(self, pick: int) -> None:
        """A worker that may not send gives its claim back."""
        self.carry_out(Order(move=Move.RELEASE, to=State.QUEUED, claim=self.pick(self.world.claims, pick)))

    @rule(pick=PICK, end=st.sampled_from([Move.DEFER, Move.REFUSE, Move.FAIL]))
    @precondition(lambda self: any(not post.answered for post in self.world.posts))
    def answer(self, pick: int, end: Move) -> None:
        """The provider's definite answer arrives, in time or when its worker was taken for dead."""
        self.answered(self.pick([post for post in self.world.posts if not post.answered], pick), end)

    def answered(self, post: Post, end: Move) -> None:
        """What the provider said goes into the ledger."""
        post.answered = True
        if post.bought:
            task = f"task-{post.claim.fence}-{post.claim.job_id}"
            told = {"task": task, "attempts": "1"}
            order = Order(
                move=Move.ACCEPT,
                to=State.RENDERING,
                claim=post.claim,
                due_s=100,
                answered=True,
                set=told,
                task=task,
            )
        else:
            to = {Move.DEFER: State.QUEUED, Move.REFUSE: State.REFUSED, Move.FAIL: State.FAILED}[end]
            order = Order(move=end, to=to, claim=post.claim, answered=True, bad=end is not Move.DEFER)
        self.carry_out(order)

    @rule(pick=PICK)
    @precondition(lambda self: any(not post.answered for post in self.world.posts))
    def lose(self, pick: int) -> None:
        """The answer is lost, and the worker says so."""
        post = self.pick([post for post in self.world.posts if not post.answered], pick)
        self.carry_out(Order(move=Move.LOSE, to=State.UNKNOWN, claim=post.claim, due_s=100))

    @rule(pick=PICK, lost=st.booleans())
    def time_passes(self, pick: int, *, lost: bool) -> None:
        """A lease runs out, or a time comes; some pump takes it up, or dies at that."""
        waiting = self.redis.zrange(f"wb:due:{ACCOUNT}", 0, -1)
        if waiting:
            self.redis.zadd(f"wb:due:{ACCOUNT}", {waiting[pick % len(waiting)]: 1})
        due = self.ledger.lease(ACCOUNT, GATE, most=4, rings=3)
        self.world.dues += [] if lost else due

    @rule(pick=PICK, move=st.sampled_from([Move.WAIT, Move.FINISH, Move.REBUY, Move.CANCEL]))
    @precondition(lambda self: self.world.dues)
    def look(self, pick: int, move: Move) -> None:
        """A look at a render: still open, ended, failed unbilled, or cancelled at the provider."""
        due = self.pick(self.world.dues, pick)
        ends = {Move.REBUY: State.QUEUED, Move.FINISH: State.READY, Move.CANCEL: State.CANCELLED}
        due_s = 100 if move in (Move.WAIT, Move.FINISH) else None
        claim = Claim(due.job_id, due.fence)
        done = self.carry_out(Order(move=move, to=ends.get(move, State.RENDERING), claim=claim, due_s=due_s))
        if done and move in (Move.REBUY, Move.CANCEL):
            self.end_purchases(due.job_id)

    @rule(pick=PICK)
    @precondition(lambda self: self.world.dues)
    def collect(self, pick: int) -> None:
        """A worker begins to collect; its claim may be stale."""
        due = self.pick(self.world.dues, pick)
        claim = Claim(due.job_id, due.fence)
        self.carry_out(Order(move=Move.COLLECT, to=State.COLLECTING, claim=claim, due_s=100))

    @rule(pick=PICK, move=st.sampled_from([Move.DROP, Move.REFRESH, Move.SETTLE]), cost=st.integers(0, PRICE))
    @precondition(lambda self: self.world.dues)
    def end_collecting(self, pick: int, move: Move, cost: int) -> None:
        """Collecting breaks off, finds a dead link, or ends; some of it by workers that have lost the job."""
        due = self.pick(self.world.dues, pick)
        claim = Claim(due.job_id, due.fence)
        if move is Move.SETTLE:
            to = State.DONE if cost else State.FAILED
            order = Order(move=move, to=to, claim=claim, cost_uusd=cost, bad=to is State.FAILED)
        else:
            to = State.READY if move is Move.DROP else State.RENDERING
            order = Order(move=move, to=to, claim=claim, due_s=100)
        purse = self.redis.hget(f"wb:j:{due.job_id}", "purse")
        if self.carry_out(order) and move is Move.SETTLE:
            self.world.spent += cost
            self.world.billed[purse] += cost
            if to is State.FAILED:
                self.end_purchases(due.job_id)

    @rule(pick=PICK)
    @precondition(lambda self: self.world.posts)
    def reconcile(self, pick: int) -> None:
        """The provider's own list decides: a task is adopted, its absence is proved."""
        self.reconciled(self.pick(self.world.posts, pick))

    def reconciled(self, post: Post) -> None:
        """Decide what the provider's list proves of the job's newest send, if the job is held for it."""
        job = self.ledger.job(post.claim.job_id)
        newest = self.posts_of(post.claim.job_id)[-1] is post
        if job["state"] != "unknown" or not newest or job["fence"] != post.claim.fence:
            return
        if post.bought:
            task = f"task-{post.claim.fence}-{post.claim.job_id}"
            self.carry_out(Order(move=Move.ADOPT, to=State.RENDERING, claim=post.claim, due_s=0, task=task))
        else:
            self.carry_out(Order(move=Move.ABSENT, to=State.QUEUED, claim=post.claim))

    @rule(pick=PICK)
    @precondition(lambda self: self.world.posts)
    def retry(self, pick: int) -> None:
        """A person wants a failed or unknown job anew; what its lost submit may have cost stays in doubt."""
        job = self.pick(self.world.posts, pick).claim.job_id
        state, sends = self.redis.hmget(f"wb:j:{job}", "state", "sends")
        if state not in ("failed", "unknown"):
            return
        purse = self.redis.hget(f"wb:j:{job}", "purse") or ""
        lost = Watched(job, int(sends), 0, "t", "{}", doubt_uusd=PRICE, purse=purse) if state == "unknown" else None
        told: dict[str, Any] = {
            "job": "{}",
            "purchases": "[]",
            "revision": 2,
            "sends": int(sends),
            "watch": lost,
            "due_s": 100,
        }
        assert LostSends(self.ledger).retry(job, state, **told)
        before = self.snapshot()
        assert not LostSends(self.ledger).retry(job, state, **told)
        assert self.snapshot() == before
        for post in self.posts_of(job):
            post.given_up = True

    @rule(pick=PICK)
    @precondition(lambda self: self.redis.hlen(f"wb:watch:{ACCOUNT}"))
    def prove(self, pick: int) -> None:
        """A given-up send bought nothing: its doubt is given back, once, however often that is found."""
        lost = LostSends(self.ledger)
        watched = self.pick(sorted(lost.watched(ACCOUNT), key=str), pick)
        lost.clear(ACCOUNT, watched, due_s=100)
        lost.clear(ACCOUNT, watched, due_s=100)
        if pick % 2:
            lost.watch_no_more(ACCOUNT, watched)

    @rule(
        verb=st.sampled_from(["pause", "resume", "resume"]),
        place=st.sampled_from(["campaign", "account", "everything"]),
        campaign=st.sampled_from(CAMPAIGNS),
    )
    def person(self, verb: Verb, place: Place, campaign: str) -> None:
        """A person stops and resumes buying; while all is stopped, nothing is claimed."""
        halt(self.ledger, verb, place, {"campaign": campaign, "account": ACCOUNT, "everything": ""}[place])
        if verb == "pause" and place != "campaign":
            assert self.ledger.claim(ACCOUNT, GATE, most=4, most_waiting=8) == []

    @rule(campaign=st.sampled_from(CAMPAIGNS), dice=st.integers(0, 3))
    @precondition(lambda self: self.world.posts)
    def call_off(self, campaign: str, dice: int) -> None:
        """Now and then a campaign is cancelled, and its queue is empty."""
        if dice:
            return
        cancel(self.ledger, campaign)
        assert self.redis.zcard(f"wb:q:{campaign}") == 0

    @rule(pick=PICK)
    @precondition(lambda self: self.world.orders)
    def repeat(self, pick: int) -> None:
        """Any order of the past, carried out again, changes nothing."""
        before = self.snapshot()
        self.ledger.move(self.pick(self.world.orders, pick))
        assert self.snapshot() == before

    @rule(pick=PICK)
    @precondition(lambda self: self.world.claims)
    def another_ledger(self, pick: int) -> None:
        """A worker of another epoch moves nothing."""
        before, own = self.snapshot(), self.ledger.epoch
        claim = self.pick(self.world.claims, pick)
        self.ledger.epoch = "feed"
        try:
            assert self.ledger.send(claim, GATE, token="t", send=1)[0] == "stop"
            assert not self.ledger.move(Order(move=Move.RELEASE, to=State.QUEUED, claim=claim)).ok
            for act in (self.claim_one, self.lease_one):
                with pytest.raises(redis.ResponseError, match="FOREIGN"):
                    act()
        finally:
            self.ledger.epoch = own
        assert self.snapshot() == before

    @rule()
    def restart(self) -> None:
        """Redis comes back without its scripts."""
        self.redis.script_flush()

    @invariant()
    def the_books_add_up(self) -> None:
        """Counters, money, slots, queues and due times follow from where the jobs stand."""
        assert list(faults(self.redis)) == []

    @invariant()
    def no_budget_is_passed(self) -> None:
        """Reserved, in doubt and spent stay within the budget together, and what was spent is what was billed."""
        spent = 0
        for name in CAMPAIGNS:
            held = [int(each or 0) for each in self.redis.hmget(f"wb:c:{name}", "reserved", "doubt", "spent")]
            assert sum(held) <= BUDGET
            assert min(held) >= 0
            spent += held[2]
        assert spent == self.world.spent
        assert self.redis.scard(f"wb:slots:{ACCOUNT}") <= SLOTS

    @invariant()
    def what_was_billed_counts_to_the_day_of_its_claim(self) -> None:
        """What budgets have spent is what was billed, by the day and the month of the claim that bought it."""
        real, sets = Counter[str](), self.redis.hgetall("wb:sets") if self.world.billed else {}
        for purse, uusd in self.world.billed.items():
            date, number = purse.split()
            for budget in sets[number].split("\t"):
                for when in (date, date[:7]):
                    real[f"wb:b:{when}:{budget}"] += uusd
        keys, pipe = self.redis.keys("wb:b:*"), self.redis.pipeline(transaction=False)
        for key in keys:
            pipe.hget(key, "spent")
        told = {key: int(uusd) for key, uusd in zip(keys, pipe.execute(), strict=True) if uusd and int(uusd)}
        assert told == +real

    @invariant()
    def nothing_is_bought_twice(self) -> None:
        """At most one purchase of a job is neither failed nor cancelled."""
        kept = [post.claim.job_id for post in self.world.posts if post.kept]
        assert len(kept) == len(set(kept))

    def bring_on(self, job: str, luck: int) -> None:
        """One step of a job, as a worker takes it who has what it needs; `luck` says how it goes."""
        state, fence = self.redis.hmget(f"wb:j:{job}", "state", "fence")
        claim, lucky, posts = Claim(job, fence or ""), luck % 4 != 0, self.posts_of(job)
        if state == "queued":
            self.claim(4, lost=False)
        elif state == "claimed" and claim in self.world.claims:
            if self.ledger.send(claim, GATE, token="t", send=1).word == "go":
                assert not [post for post in posts if post.kept], f"{job} would be bought a second time"
                self.world.posts.append(Post(claim, bought=lucky))
        elif state == "submitting" and posts and lucky:
            self.answered(posts[-1], Move.DEFER if luck % 8 < 6 else Move.REFUSE)
        elif state == "unknown" and posts and not lucky:
            self.reconciled(posts[-1])
        else:
            self.bring_home(job, claim, luck)

    def bring_home(self, job: str, claim: Claim, luck: int) -> None:
        """The steps after a task was accepted: what is due is leased, looked at, collected and settled."""
        if self.redis.zadd(f"wb:due:{ACCOUNT}", {job: 1}, xx=True, ch=True):
            self.world.dues += self.ledger.lease(ACCOUNT, GATE, most=4, rings=3)
        state, fence = self.redis.hmget(f"wb:j:{job}", "state", "fence")
        claim = Claim(job, fence or "")
        if state == "rendering":
            self.carry_out(Order(move=Move.FINISH, to=State.READY, claim=claim, due_s=100))
        elif state == "ready":
            self.carry_out(Order(move=Move.COLLECT, to=State.COLLECTING, claim=claim, due_s=100))
            cost = luck % PRICE
            order = Order(move=Move.SETTLE, to=State.DONE, claim=claim, cost_uusd=cost, bad=luck % 3 == 0)
            purse = self.redis.hget(f"wb:j:{job}", "purse")
            if luck % 2 and self.carry_out(order):
                self.world.spent += cost
                self.world.billed[purse] += cost

    def pick(self, things: list[Any], number: int) -> Any:
        """One of them, the newest most likely."""
        return things[-1 - min(number % (2 * len(things)), number % len(things))]

    def posts_of(self, job: str) -> list[Post]:
        """Every POST of a job, oldest first."""
        return [post for post in self.world.posts if post.claim.job_id == job]

    def end_purchases(self, job: str) -> None:
        """The provider gave the render up, unbilled."""
        for post in self.posts_of(job):
            post.failed = True

    def carry_out(self, order: Order) -> str:
        """Move, lose the answer, and move again: both say the same. Answers the fence, empty when it was stale."""
        before = self.snapshot()
        first = self.ledger.move(order)
        between = self.snapshot()
        assert self.ledger.move(order) == first
        assert self.snapshot() == between
        assert first.ok or between == before, "a stale order changed something"
        if first.ok:
            # One that came too soon may be right later.
            self.world.orders.append(order)
        return first.detail if first.ok else ""

    def claim_one(self) -> None:
        """Claim from the account."""
        self.ledger.claim(ACCOUNT, GATE, most=1, most_waiting=9)

    def lease_one(self) -> None:
        """Lease from the account."""
        self.ledger.lease(ACCOUNT, GATE, most=1, rings=1)

    def snapshot(self) -> dict[str, Any]:
        """Everything that the ledger holds."""
        return dict(_contents(self.redis))


def _contents(client: Any) -> Iterator[tuple[str, Any]]:
    keys = sorted(client.keys("wb:*"))
    pipe = client.pipeline(transaction=False)
    for key in keys:
        pipe.dump(key)
    yield from zip(keys, _raw(pipe), strict=True)


def _raw(pipe: Any) -> list[Any]:
    return list(pipe.execute())


@pytest.mark.timeout(120)
def test_any_sequence_of_orders_keeps_the_books(valkey: Valkey) -> None:
    """Claims, sends, deaths, repeats, stale and foreign orders, pauses and cancels, in any order."""
    examples = settings(max_examples=70, stateful_step_count=30, suppress_health_check=list(HealthCheck), deadline=None)
    Model.valkey = valkey
    with settable_clock() as Model.clock:
        run_state_machine_as_test(Model, settings=examples)


def test_a_doubt_is_given_back_once(bench: Bench) -> None:
    """A worker that was frozen in its look, and wakes after another one proved the same, changes no sum."""
    bench.stock("spring", 2)
    claim, other = bench.reach(State.UNKNOWN), bench.reach(State.UNKNOWN)
    purse = bench.ledger.job(claim.job_id)["purse"]
    lost, watched = LostSends(bench.ledger), Watched(claim.job_id, 1, 0, "t", "{}", doubt_uusd=PRICE, purse=purse)
    assert lost.retry(claim.job_id, "unknown", job="{}", purchases="[]", revision=2, sends=1, watch=watched)
    assert bench.money("spring") == (0, 2 * PRICE, 0)
    for _ in range(2):
        lost.clear(ACCOUNT, watched, due_s=100)
        assert bench.money("spring") == (0, PRICE, 0)
    lost.watch_no_more(ACCOUNT, watched)
    assert bench.money("spring") == (0, PRICE, 0)
    assert bench.state(other.job_id) == State.UNKNOWN
