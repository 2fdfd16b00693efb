"""What is remembered of render times: counts that add up in any order, fade, and tell which share has ended by when."""

import math

from hypothesis import given, settings
from hypothesis import strategies as st

from jobs.job import Mode, Render
from jobs.rendertimes import (
    CELLS_A_DOUBLING,
    MOST_KNOWN,
    RenderTimes,
    cell,
    cell_s,
    curve,
    evenly_s,
    kind_of,
    known,
    mean_s,
    merged,
    remembered,
)

LENGTHS = st.floats(1, 20_000)
TIMES = st.dictionaries(st.integers(0, 220), st.integers(1, 200), min_size=1, max_size=40)
DRAWS = st.floats(0, 1, exclude_max=True)


def test_a_kind_is_what_decides_how_long_a_render_lasts() -> None:
    """Mode, model, resolution and duration; not the words, nor the seed."""
    shoe = Render(mode=Mode.T2V, prompt="a shoe", resolution="1080p", duration_s=10)
    assert kind_of(shoe) == "t2v-standard-1080p-10s" == kind_of(shoe.model_copy(update={"prompt": "a hat"}))
    assert kind_of(shoe.model_copy(update={"model": "flash"})) != kind_of(shoe)


@given(LENGTHS)
def test_a_cell_tells_a_length_to_a_few_per_cent(render_s: float) -> None:
    """Whatever the length, its cell's middle is within half a cell of it."""
    assert abs(math.log2(cell_s(cell(render_s)) / render_s)) <= 0.5 / CELLS_A_DOUBLING + 1e-9


def test_what_ends_at_once_counts_as_the_shortest() -> None:
    """A clock that went backwards, or no time at all, is no error."""
    assert cell(0) == cell(-5) == cell(1) == 0


@settings(max_examples=40)
@given(TIMES, TIMES, TIMES)
def test_memories_add_up_in_any_order(one: RenderTimes, two: RenderTimes, three: RenderTimes) -> None:
    """Merging commutes and associates, and loses no render."""
    assert merged(one, two) == merged(two, one)
    assert merged(merged(one, two), three) == merged(one, merged(two, three))
    assert known(merged(one, two)) == known(one) + known(two)


@given(st.lists(LENGTHS, min_size=1, max_size=3 * MOST_KNOWN))
def test_a_memory_stays_small(lengths: list[float]) -> None:
    """However many renders end, no more are known than that, and the newest is among them."""
    times: RenderTimes = {}
    for render_s in lengths:
        before = known(times)
        times = remembered(times, render_s)
        assert known(times) < MOST_KNOWN
        assert known(times) > before or before == MOST_KNOWN - 1
        assert all(count > 0 for count in times.values())


def test_what_is_older_fades() -> None:
    """A provider that has become twice as fast is known as such after a few hundred renders."""
    times: RenderTimes = {}
    for render_s in [180.0] * 1000 + [90.0] * 2 * MOST_KNOWN:
        times = remembered(times, render_s)
    assert mean_s(times) < 110


@given(TIMES, st.lists(st.floats(0, 4000), min_size=2, max_size=20))
def test_a_curve_only_rises(times: RenderTimes, ages_s: list[float]) -> None:
    """From none that has ended to all of them, the deadline being the end of any."""
    shape = curve(times, 1800)
    shares = [shape.ended(age_s) for age_s in [0.0, *sorted(ages_s)]]
    assert shares[0] < 0.5
    assert shares == sorted(shares)
    assert all(0 <= share <= 1 + 1e-9 for share in shares)
    assert shape.ended(1800) == shape.ended(1e9) == 1


@given(TIMES, st.floats(0, 1000), st.floats(0.1, 1000), DRAWS)
def test_a_guessed_length_lies_between_the_looks(times: RenderTimes, ran_s: float, wait_s: float, draw: float) -> None:
    """Nobody saw the end, but it was after the one look and before the other."""
    for guess in (evenly_s, curve(times, 1800).length_s):
        assert ran_s <= guess(ran_s, ran_s + wait_s, draw) <= ran_s + wait_s


def test_guesses_follow_what_is_known() -> None:
    """Of renders that mostly last three minutes, one that ended between one and four probably did so at three."""
    shape = curve({cell(170): 20, cell(180): 50, cell(190): 30}, 1800)
    guesses = [shape.length_s(60, 240, (number + 0.5) / 100) for number in range(100)]
    assert sum(150 < each < 215 for each in guesses) > 90
    assert min(guesses) < 110
