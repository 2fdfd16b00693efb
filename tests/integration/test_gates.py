"""The gates: whatever the limits, the speed and the luck of those who ask, no window at any phase holds more than its
count, and little of it is given away while work waits.
"""

import heapq
import json
import random
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from types import SimpleNamespace
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from lupa.lua51 import LuaRuntime

from config.facts import load_facts
from ledger import scripts
from ledger.gates import LEAVES_WITHIN_S, ON_THE_WIRE_S, POLL_SPREAD_S, SPREAD_S, TOLERANCE, Limited, Policy, policy
from simulator.limits import Limit, Limits
from tests.books import FREE, Rate
from worker.grant import ASKED_AHEAD_S

COUNTS = st.integers(1, 2000)
SECONDS = st.floats(0.1, 100_000)
SPEEDS = st.floats(0.01, 100_000)
#: How late, in seconds, each taker comes for its token.
DELAYS = st.lists(st.one_of(st.just(0.0), st.floats(0, 50)), min_size=30, max_size=120)
#: Seconds; `gates.lua` grants no instant that is further away.
GRANTED_AHEAD_S = 0.03


def spaced(window: Rate, speed: float) -> tuple[float, float]:
    """Interval and tolerance of polls in real seconds."""
    gates = policy(Limited(), polls=[window], longest_render_s=1, speed=speed)
    ((name, interval_ms, tolerance_ms),) = json.loads(gates.polls)
    assert name == "poll:0"
    return interval_ms / 1000, tolerance_ms / 1000


def granted(interval_s: float, tolerance_s: float, delays: list[float]) -> list[float]:
    """When each of so many takers gets its token, if each asks `delay` after the last was granted (GCRA)."""
    now_s = tat_s = 0.0
    times = []
    for delay_s in delays:
        now_s = max(now_s + delay_s * interval_s, tat_s - tolerance_s)
        tat_s = max(now_s, tat_s) + interval_s
        times.append(now_s)
    return times


@given(COUNTS, SECONDS, SPEEDS)
def test_the_spacing_of_polls_leaves_room_for_the_spread(count: int, window_s: float, speed: float) -> None:
    """One token more than the count never lies within a window plus the spread, though tolerance is used."""
    interval_s, tolerance_s = spaced(Rate(count, window_s), speed)
    # Each row is rounded to a microsecond.
    assert count * interval_s - tolerance_s >= window_s / speed + POLL_SPREAD_S - 1e-6 * count
    assert tolerance_s <= TOLERANCE * window_s / speed + 1e-6


@given(st.integers(1, 25), SECONDS, SPEEDS, DELAYS)
def test_no_run_of_pollers_overfills_a_window(count: int, window_s: float, speed: float, delays: list[float]) -> None:
    """However takers are late or in a crowd: the one after `count` others comes a window and the spread later."""
    times = granted(*spaced(Rate(count, window_s), speed), delays)
    for first_s, over_s in zip(times, times[count:], strict=False):
        assert over_s - first_s >= (window_s / speed + POLL_SPREAD_S) * (1 - 1e-9) - 1e-6 * count


class Emulated:
    """The gate's own Lua over a Redis of a few lines, on a clock of the test's: quick enough for thousands of sends."""

    def __init__(self) -> None:
        self.now = 1_700_000_000.0
        self.hashes: dict[str, dict[str, str]] = {}
        self.sorted: dict[str, dict[str, float]] = {}
        self._lua = LuaRuntime()
        self._lua.globals().redis = self._lua.table(call=self._call)
        ground = "\n".join(scripts.part(name) for name in scripts.GROUND)
        functions = "grant_send, give_back_send, answered_send, learn_limit"
        self._grant, self._give_back, self._answered, self._learn = self._lua.execute(f"{ground}\nreturn {functions}")

    def ask(self, gate: Policy, *, late: str = "", told: str = "") -> list[str]:
        """The answer of `send.lua` at its last gate."""
        asked = self._table(json.loads(gate.submits))
        if late:
            self._give_back("a", asked, late)
        return list(self._grant("a", asked, told).values())

    def answer(self, grant: str) -> None:
        """The submit of that grant was answered, as `move.lua` says it."""
        self._answered("a", self._lua.table_from([""]), grant)

    def learn(self, grant: str, **told: float) -> None:
        """The provider told of its first window, as `move.lua` says it."""
        self._learn("a", grant, self._lua.table_from(told))

    def _table(self, value: Any) -> Any:
        """JSON as Lua has it."""
        if isinstance(value, dict):
            return self._lua.table_from({key: self._table(each) for key, each in value.items()})
        return self._lua.table_from([self._table(each) for each in value]) if isinstance(value, list) else value

    def _call(self, name: str, *words: Any) -> Any:
        """What the gate calls, by Redis's own names; there is no false in Redis, and no nil in what it answers."""
        if name == "TIME":
            return self._lua.table_from([str(int(self.now)), str(int(self.now % 1 * 1e6))])
        if name.startswith("H"):
            return self._hash(name, *words)
        return self._zset(name, *words)

    def _hash(self, name: str, key: str, *words: Any) -> Any:
        held = self.hashes.setdefault(key, {})
        if name == "HMGET":
            return self._lua.table_from([held.get(word, False) for word in words])
        if name == "HGET":
            return held.get(words[0], False)
        by = float(held.get(words[0], "0")) if name == "HINCRBYFLOAT" else None
        held.update(zip(words[::2], map(str, words[1::2]), strict=True))
        if by is not None:
            held[words[0]] = str(by + float(words[1]))
        return True

    def _zset(self, name: str, key: str, *words: Any) -> Any:
        held = self.sorted.setdefault(key, {})
        ranked = sorted(held, key=lambda member: (held[member], member))
        match name, words:
            case "ZADD", ("XX", score, member):
                held |= {member: float(score)} if member in held else {}
            case "ZADD", (score, member):
                held[member] = float(score)
            case "ZREM", (member,):
                return int(held.pop(member, None) is not None)
            case "ZREMRANGEBYRANK", (0, last):
                for member in ranked[: max(0, len(ranked) + int(last) + 1)]:
                    del held[member]
            case "ZREVRANGE", (first, _, _):
                nth = ranked[-1 - int(first) : len(ranked) - int(first)] if first < len(ranked) else []
                return self._lua.table_from([text for member in nth for text in (member, str(held[member]))])
            case "ZRANGEBYSCORE", (least, "+inf"):
                return self._lua.table_from([member for member in ranked if held[member] >= float(least)])
            case _:
                raise AssertionError(f"the gate calls {name} {words}")
        return 1


@dataclass
class Rush:
    """Threads that all want to send; `dice` says how late each is, `missed` how many grants grow too old unused.

    Answered submits come back after their count within `answers_s`; the way of a `lagging` share of them is far longer.
    """

    redis: Emulated
    dice: random.Random
    missed: float = 0.0
    answers_s: float = 2.0
    lagging: float = 0.0

    def counted(self, gate: Policy, sends: int, threads: int) -> list[float]:
        """The instants at which the provider counts so many sends, in order."""
        waking: list[tuple[float, int, str, str]] = [(self.redis.now, number, "", "") for number in range(threads)]
        counted: list[float] = []
        while len(counted) < sends:
            self.redis.now, number, late, told = heapq.heappop(waking)
            if number < 0:
                self.redis.answer(late)
                continue
            word, first, second = self.redis.ask(gate, late=late, told=told)
            if word == "wait":
                wakes = self.redis.now + max(0.0, float(first) / 1000 - ASKED_AHEAD_S) + self.dice.uniform(0, 0.004)
                heapq.heappush(waking, (wakes, number, "", second))
                continue
            instant = float(first) / 1000
            assert instant - self.redis.now <= GRANTED_AHEAD_S
            wakes = max(instant, self.redis.now) + self.dice.uniform(0, LEAVES_WITHIN_S)
            missed = self.dice.random() < self.missed
            heapq.heappush(waking, (wakes, number, first if missed else "", ""))
            if not missed:
                way_s = 0.3 if self.dice.random() < self.lagging else SPREAD_S - LEAVES_WITHIN_S
                counted.append(wakes + self.dice.uniform(0, way_s))
                answered = counted[-1] + self.dice.uniform(self.answers_s / 2, self.answers_s)
                heapq.heappush(waking, (answered, -len(counted), first, ""))
        return sorted(counted)


#: Limits, at a speed: DashScope's second, ToAPIs' minute and burst, a minute of Segmind's, and one at a time.
LIMITS: dict[str, tuple[Sequence[Rate], float, int]] = {
    "a second, six times faster": ([Rate(5, 1)], 6, 200),
    "a minute and a burst": ([Rate(300, 60), Rate(50, 10)], 6, 400),
    "a minute": ([Rate(50, 60)], 1, 160),
    "one at a time": ([Rate(1, 2)], 1, 40),
}


def over(windows: Sequence[Rate], speed: float, counted: list[float]) -> int:
    """How many of these the simulator would have refused."""
    limits = Limits()
    for at in counted:
        for window in windows:
            limits.take("p", "a", Limit(f"{window.window_s} s", window.count, window.window_s), at * speed)
    return limits.count


@pytest.mark.parametrize("missed", [0.0, 0.1])
@pytest.mark.parametrize("case", LIMITS)
def test_no_window_is_overfull_and_little_is_given_away(case: str, missed: float) -> None:
    """Sixteen threads that wake and write late, some of them too late: no request is one too many, and of each window W
    with the spread J at least 0.99 W/(W + J) is used.
    """
    windows, speed, sends = LIMITS[case]
    gate = policy(Limited(windows), longest_render_s=1, speed=speed)
    counted = Rush(Emulated(), random.Random(7), missed).counted(gate, sends, threads=16)
    assert over(windows, speed, counted) == 0
    slowest = max(windows, key=lambda window: window.window_s / window.count)
    # At first it is not known how soon answers come; and what one gave back is not always taken in time.
    begun = counted[sends // 4 :]
    full, fair = (len(begun) - 1) // slowest.count, 0.99 * (1 - missed / 4)
    assert begun[full * slowest.count] - begun[0] <= full * (slowest.window_s / speed + SPREAD_S) / fair


@pytest.mark.parametrize("case", ["a second, six times faster", "a minute and a burst"])
def test_where_answers_come_soon_no_lag_overfills_a_window(case: str) -> None:
    """An answer proves the count of its submit: a way that is now and then far longer than the spread does no harm."""
    windows, speed, sends = LIMITS[case]
    gate = policy(Limited(windows), longest_render_s=1, speed=speed)
    rush = Rush(Emulated(), random.Random(3), 0.1, answers_s=0.003, lagging=0.1)
    assert over(windows, speed, rush.counted(gate, sends, threads=16)) == 0


@settings(max_examples=30)
@given(st.integers(1, 60), st.floats(0.05, 30), st.integers(1, 20), st.integers(0, 10**6))
def test_no_window_of_any_size_is_overfull(count: int, window_s: float, threads: int, seed: int) -> None:
    """Nor with any other limit, and however few ask."""
    dice = random.Random(seed)
    windows = [Rate(count, window_s), Rate(dice.randint(1, 9), window_s * dice.uniform(0.01, 1))]
    gate = policy(Limited(windows), longest_render_s=1)
    assert over(windows, 1, Rush(Emulated(), dice, 0.1).counted(gate, 100, threads)) == 0


def ask(redis: Emulated, gate: Policy, **more: str) -> tuple[str, float, str]:
    """Ask once: the word, the seconds to wait, and the instant that was granted or told."""
    word, first, second = redis.ask(gate, **more)
    return word, float(first) / 1000, first if word == "go" else second


def test_a_grant_given_back_is_free_again() -> None:
    """Nothing was sent at it: whoever asks next has its place in the window."""
    redis, gate = Emulated(), policy(Limited([Rate(1, 100)]), longest_render_s=1)
    _, _, grant = ask(redis, gate)
    assert ask(redis, gate)[0] == "wait"
    redis.now += 0.02
    assert ask(redis, gate, late=grant)[0] == "go"
    assert ask(redis, gate)[0] == "wait"


def test_those_who_wait_are_told_an_instant_each() -> None:
    """A crowd does not come back at once: each is told the instant of a token, and one who asks again the next."""
    redis, gate = Emulated(), policy(Limited([Rate(10, 1)]), longest_render_s=1)
    while (first := ask(redis, gate))[0] == "go":
        pass
    told = [first, *(ask(redis, gate) for _ in range(3))]
    apart = [after[1] - before[1] for before, after in pairwise(told)]
    assert apart == pytest.approx([0.1] * 3, abs=0.002)
    assert ask(redis, gate, told=told[-1][2])[1] == pytest.approx(told[0][1], abs=0.002)


SPRING = {"count": 50, "window_ms": 60_000}


def told_after(redis: Emulated, gate: Policy, sends: int, **told: float) -> str | None:
    """Send so many, one answered after the other; what is known of the first window after the last answer told this."""
    grant = ""
    for _ in range(sends):
        redis.now += 2
        grant = redis.ask(gate)[1]
        redis.answer(grant)
    redis.learn(grant, **SPRING, **told)
    return redis.hashes["wb:a:a"].get("told")


@pytest.mark.parametrize(
    ("told", "known"),
    [
        ({"limit": 1000, "remaining": 990}, "1000"),
        ({"limit": 1000}, "1000"),
        ({"remaining": 190}, "190"),
        ({"remaining": 45}, None),
        ({"remaining": 2}, "12"),
        ({"limit": 50, "remaining": 10}, "20"),
        ({"remaining": 0}, "10"),
        ({"limit": 50, "remaining": 40}, None),
        ({"limit": 50, "remaining": 39}, None),
    ],
)
def test_what_the_provider_tells_corrects_the_window(told: dict[str, float], known: str | None) -> None:
    """What is left and what is ours make the limit: a larger plan, a smaller one, or somebody else at the account.

    Without its limit a provider is believed to have more than is known only by what is left: ours is known to a few.
    """
    gate = policy(Limited([Rate(50, 60)]), longest_render_s=1)
    assert told_after(Emulated(), gate, 10, **told) == known


@pytest.mark.parametrize(("own", "a_minute"), [((), 100), (("submits",), 50)])
def test_a_larger_limit_is_used_unless_the_owner_set_one(own: tuple[str, ...], a_minute: int) -> None:
    """All windows grow in proportion; one's own are only ever lowered."""
    redis, gate = Emulated(), policy(Limited([Rate(50, 60)], own=own), longest_render_s=1)
    told_after(redis, gate, 2, limit=100)
    redis.now += 30
    counted = Rush(redis, random.Random(7)).counted(gate, 250, threads=8)
    assert counted[100 + a_minute] - counted[100] == pytest.approx(60, rel=0.05)


def test_a_rate_grows_slowly_after_a_rest() -> None:
    """From its first share to the whole, and again after the next rest; no window of growth is overfull."""
    ramp = SimpleNamespace(first=0.4, over_s=2, quiet_s=2)
    gate = policy(Limited([Rate(5, 1)], ramp=ramp), longest_render_s=1)
    redis = Emulated()
    for _ in range(2):
        counted = Rush(redis, random.Random(7), answers_s=0.003).counted(gate, 40, threads=8)
        in_second = [sum(at <= each < at + 1 for each in counted) for at in (counted[0], counted[0] + 1)]
        assert in_second[0] <= 3
        assert in_second[1] <= in_second[0] + 3
        assert (counted[-1] - counted[20]) / 19 == pytest.approx(0.2, rel=0.07)
        redis.now += 10


def test_a_model_has_windows_beside_the_accounts() -> None:
    """A submit passes both; one of another model waits for neither of its windows."""
    both = policy(Limited([Rate(10, 1)]), models={"t2v/flash": Limited([Rate(1, 5)], key=":f")}, longest_render_s=1)
    redis, flash = Emulated(), both.of("t2v", "flash")
    assert both.of("i2v", "standard") is both
    assert redis.ask(flash)[0] == "go"
    assert float(redis.ask(flash)[1]) > 5000
    assert redis.ask(both)[0] == "go"
    redis.now += 6.1
    assert redis.ask(flash)[0] == "go"


def test_after_a_429_nothing_is_caught_up() -> None:
    """Slowed down, submits keep an even distance, twice as long, from the hold's end on."""
    redis, gate = Emulated(), policy(Limited([Rate(50, 60)]), longest_render_s=1)
    ends = redis.now + 30
    redis.hashes["wb:a:a"] = {"factor": "0.5", "pace": str(ends * 1000)}
    counted = Rush(redis, random.Random(7)).counted(gate, 8, threads=12)
    assert counted[0] >= ends
    assert all(after - before > 2.38 for before, after in pairwise(counted))


@pytest.mark.parametrize(("provider", "a_minute"), [("segmind", 49), ("dashscope", 294)])
def test_the_documented_limits_are_nearly_used_up(provider: str, a_minute: int) -> None:
    """Submits a minute that the gate lets through of Segmind's 50 and DashScope's 300."""
    limits = load_facts()[provider].limits
    gates = policy(Limited(limits.submits, limits.slots), polls=limits.polls, longest_render_s=1800)
    ((count, window_ms),) = json.loads(gates.submits)["parts"][0]["windows"]
    assert int(60_000 / (window_ms + SPREAD_S * 1000) * count) >= a_minute
    assert json.loads(gates.admission).get("slots") == limits.slots
    # A lost submit's POST may arrive late, and its render begins only then.
    assert gates.longest_ms == (ON_THE_WIRE_S + 1800) * 1000


def test_each_window_of_polls_has_a_name_of_its_own() -> None:
    """The windows never share a token bucket."""
    windows = [Rate(1, 1), Rate(5, 60)]
    gates = policy(Limited(windows), polls=windows, longest_render_s=1)
    assert [row[0] for row in json.loads(gates.polls)] == ["poll:0", "poll:1"]


def test_no_limit_is_no_window() -> None:
    """Where nothing is documented, nothing is spaced."""
    assert json.loads(FREE.submits)["parts"][0]["windows"] == []
    assert FREE.polls == "[]"
    assert "slots" not in json.loads(FREE.admission)


def test_longest_render_is_in_our_own_time() -> None:
    """A simulator's render is 60 times faster; the POST is in nobody's time but ours."""
    gates = policy(Limited(slots=1), longest_render_s=1800, speed=60)
    assert gates.longest_ms == (ON_THE_WIRE_S + 30) * 1000
