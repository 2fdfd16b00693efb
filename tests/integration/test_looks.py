"""When to look again: bounded for any memory, near the optimum for a true one, not blind when it is true no more."""

import math
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from benchmarks.polling.optimum import least_polls
from benchmarks.polling.rehearsal import Law, Learned, drawn, either, lognormal, means, rehearse
from jobs.backoff import Cadence
from jobs.looks import (
    ENOUGH_KNOWN,
    LATE_S,
    LEAST_WAIT_S,
    MOVED,
    NET_MARGIN,
    NET_SHARE,
    NET_TIMES_USUAL,
    PAST_HALF,
    POLL_SHARE,
    Aim,
    Looks,
    aim,
    net_s,
    plan,
)
from jobs.rendertimes import RenderTimes, cell, known, remembered

DRAWS = st.floats(0, 1, exclude_max=True)
CADENCE = Cadence(first_s=20, growth=1.15, cap_s=30, deadline_s=1800)
USUAL = Aim(LATE_S, math.inf)


@st.composite
def memories(draw: st.DrawFn) -> RenderTimes:
    """Any memory that is trusted, one of renders beyond the deadline among them."""
    times = draw(st.dictionaries(st.integers(0, 200), st.integers(1, 60), min_size=1, max_size=12))
    return times if known(times) >= ENOUGH_KNOWN else {**times, draw(st.integers(0, 200)): ENOUGH_KNOWN}


AIMS = st.builds(Aim, st.floats(0.2, 60), st.one_of(st.just(math.inf), st.floats(0.5, 50)))


def planned(times: RenderTimes, wanted: Aim = USUAL, cap_s: float = 30, deadline_s: float = 1800) -> Looks:
    """The looks of a memory that is trusted."""
    looks = plan(times, wanted, cap_s=cap_s, deadline_s=deadline_s)
    assert looks is not None
    return looks


def times_of(law: Law, count: int, seed: int = 1) -> RenderTimes:
    """What is remembered of so many renders after a law."""
    times: RenderTimes = {}
    for length_s in drawn(law, count, seed):
        times = remembered(times, length_s)
    return times


@settings(max_examples=40)
@given(memories(), AIMS, st.floats(5, 60), st.floats(60, 1800), st.lists(st.floats(0, 4000), max_size=8), DRAWS)
def test_a_look_is_neither_too_soon_nor_too_late(
    times: RenderTimes, wanted: Aim, cap_s: float, deadline_s: float, ages_s: list[float], draw: float
) -> None:
    """For any memory, aim, age and dice: after a least wait, within the bound, and not beyond the deadline."""
    looks = planned(times, wanted, cap_s, deadline_s)
    half_s = looks.shape.age_s(0.5)
    step_s = max((later - age for age, later in pairwise(looks.ages_s) if later > half_s), default=0.0)
    for age_s in [0.0, *ages_s]:
        wait_s = looks.wait_s(age_s, draw)
        assert wait_s >= LEAST_WAIT_S * (1 - MOVED)
        assert wait_s <= max(PAST_HALF * half_s - age_s, cap_s, age_s / 2) + step_s + 2 * MOVED * wanted.late_s
        assert age_s + wait_s <= max(deadline_s, age_s + LEAST_WAIT_S) + 1e-6


@settings(max_examples=40)
@given(memories(), AIMS)
def test_who_is_older_is_not_looked_at_before(times: RenderTimes, wanted: Aim) -> None:
    """Of two renders of one kind the older one's next look is planned for no lower age."""
    looks = planned(times, wanted)
    assert list(looks.next_s) == sorted(looks.next_s)
    assert all(later > age for age, later in zip(looks.ages_s[:-1], looks.next_s[:-1], strict=True))


@given(memories(), st.integers(0, 2))
def test_few_renders_teach_nothing(times: RenderTimes, less: int) -> None:
    """Under thirty the documented cadence is kept; a rebuilt ledger, which knows none, is no exception."""
    assert plan({}, USUAL, cap_s=30, deadline_s=1800) is None
    assert plan({max(times): ENOUGH_KNOWN - 1 - less}, USUAL, cap_s=30, deadline_s=1800) is None


def test_renders_of_one_length_are_looked_at_about_once() -> None:
    """Where all last alike there is one good moment, just after."""
    looks = planned({cell(180): 150})
    assert looks.polls < 2
    assert 175 < looks.wait_s(0, 0.5) < 195


def test_what_outlives_all_others_is_looked_at_more_and_more_rarely() -> None:
    """Long after the last known render the waits grow, and the deadline gets the last look."""
    looks = planned(times_of(lognormal(180, 0.15), 150))
    ages_s, age_s = [], 400.0
    while age_s < 1800:
        ages_s.append(age_s)
        age_s += looks.wait_s(age_s, 0.5)
    waits_s = [later - age for age, later in pairwise(ages_s)]
    assert 1800 <= age_s <= 1800 + LEAST_WAIT_S
    assert waits_s[0] < 60
    assert max(waits_s) < 120
    assert waits_s[-3] > waits_s[0] * 0.8


def test_renders_that_began_together_are_not_asked_after_together() -> None:
    """The dice move a look by a little, though its first wait is long."""
    looks = planned(times_of(lognormal(180, 0.15), 150))
    waits_s = [looks.wait_s(0, draw) for draw in (0.0, 0.25, 0.5, 0.75, 0.99)]
    assert waits_s == sorted(waits_s)
    assert 1.5 < waits_s[-1] - waits_s[0] < 2.5


def test_lateness_costs_more_where_it_keeps_a_slot() -> None:
    """With five slots a render of three minutes may be two seconds late; with none, as late as a user may wait."""
    dashscope = aim(187, submits_per_s=5, polls_per_s=20, slots=5)
    assert dashscope.late_s == pytest.approx(1.87)
    assert aim(60, submits_per_s=5, polls_per_s=20, slots=5).late_s == pytest.approx(0.6)
    assert aim(187, submits_per_s=50 / 60, polls_per_s=10, slots=None).late_s == LATE_S
    assert aim(187, submits_per_s=0.01, polls_per_s=10, slots=5).late_s == LATE_S
    assert aim(187, submits_per_s=5, polls_per_s=20, slots=None, last=True).late_s == LATE_S / 2
    times = times_of(lognormal(187, 0.15), 150)
    assert planned(times, dashscope).late_s < 2.2
    assert planned(times, dashscope).polls > planned(times).polls


def test_the_limit_of_polls_is_kept() -> None:
    """Thirty submits and 180 polls a minute leave six looks a render, and some of them are for other questions."""
    aimlapi = aim(205, submits_per_s=0.5, polls_per_s=3, slots=None)
    assert aimlapi.most_polls == pytest.approx(6 * POLL_SHARE)
    looks = planned(times_of(lognormal(205, 0.25), 150), aimlapi)
    assert looks.polls <= aimlapi.most_polls * 1.05
    assert looks.late_s > LATE_S
    assert aim(205, submits_per_s=math.inf, polls_per_s=3, slots=None).most_polls == math.inf


@pytest.mark.parametrize(("mean_s", "cv"), [(60, 0.05), (187, 0.1), (187, 0.25), (60, 0.5)])
def test_after_some_hundred_renders_little_is_left_to_learn(mean_s: float, cv: float) -> None:
    """In a closed loop, which sees ends only by its own looks: within 15 % of the least polls at the same lateness."""
    law = lognormal(mean_s, cv)
    seen = rehearse(Learned(CADENCE, USUAL, told=False), drawn(law, 1300, 3), under_way=50, seed=4, deadline_s=1800)
    polls, late_s = means(seen[300:])
    assert late_s < 5.3
    assert polls <= 1.15 * least_polls(law.ended, late_s, mean_s / 120)


@pytest.mark.parametrize(
    ("after", "worst_polls", "worst_late_s"),
    [
        (lognormal(374, 0.15), 30, 16),
        (lognormal(94, 0.15), 5, 80),
        (either(lognormal(187, 0.15), lognormal(60, 0.15)), 12, 80),
    ],
    ids=["twice as long", "half as long", "two kinds"],
)
def test_a_change_of_speed_is_noticed(after: Law, worst_polls: float, worst_late_s: float) -> None:
    """From one render to the next all is different: bounded at once, as good as before some hundred later."""
    lengths_s = drawn(lognormal(187, 0.15), 300, 5) + drawn(after, 700, 6)
    seen = rehearse(Learned(CADENCE, USUAL, told=False), lengths_s, under_way=50, seed=7, deadline_s=1800)
    at_once, later = means(seen[300:400]), means(seen[700:])
    assert at_once[0] < worst_polls
    assert at_once[1] < worst_late_s
    assert later[1] < 7
    assert later[0] < 1.6 * least_polls(after.ended, later[1], 1.5)


@settings(max_examples=40)
@given(memories(), DRAWS)
def test_the_look_for_lost_webhooks_lies_beyond_nearly_all_ends(times: RenderTimes, draw: float) -> None:
    """Of the renders that are remembered all but one in a hundred have ended by then; without any, twice the usual."""
    looks = planned(times)
    beyond_s = looks.shape.age_s(NET_SHARE)
    assert beyond_s * (1 + NET_MARGIN) <= net_s(looks, 180, draw) <= beyond_s * (1 + 3 * NET_MARGIN)
    assert 180 * NET_TIMES_USUAL < net_s(None, 180, draw) < 180 * NET_TIMES_USUAL * (1 + 3 * NET_MARGIN) + 1e-6
