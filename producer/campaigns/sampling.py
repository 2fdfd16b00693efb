"""Which combinations are made where not all are: a draw that stays when it grows, and pairwise coverage."""

import hashlib
import heapq
import itertools
import random
from collections.abc import Callable, Iterable, Sequence
from typing import Final

Picks = tuple[int, ...]
#: Whether a combination may be made, of which the factors with None are still open.
Allowed = Callable[[Sequence[int | None]], bool]
#: Steps of the search for a whole combination around one pair; where rules are that tangled, the pair is given up.
STEPS_MAX: Final = 2000
#: How often each combination is tried for the one in which most pairs meet; less often where there are many pairs.
TRIES_MAX: Final = 60
TRIES_PAIRS: Final = 60_000


def drawn(names: Iterable[str], count: int, seed: int) -> frozenset[int]:
    """The places of `count` of the names, drawn by a hash of each: another name beside them changes few of the draw."""
    salt = str(seed).encode()
    lots = ((hashlib.blake2b(name.encode("utf-8", "surrogatepass"), key=salt, digest_size=8).digest(), at)
            for at, name in enumerate(names))  # fmt: skip
    return frozenset(at for _, at in heapq.nsmallest(count, lots))


class Pairwise:
    """Few combinations in which every two values of two factors meet, one combination after the other.

    Each is begun with a pair that has not met, and filled with the values that let most others meet; `impossible`
    counts the pairs that the rules keep apart.
    """

    def __init__(self, sizes: Sequence[int], allowed: Allowed) -> None:
        self._sizes = sizes
        self._allowed = allowed
        self._steps = 0
        self._dice = random.Random(0)  # noqa: S311 - the same campaign draws the same combinations
        self._tries = max(
            1, min(TRIES_MAX, TRIES_PAIRS // (1 + sum(a * b for a, b in itertools.combinations(sizes, 2))))
        )
        self.impossible = 0
        #: For two factors (the lower first) and a value of the first: the values of the second that it has not met.
        self._open: dict[tuple[int, int], list[set[int]]] = {
            (one, two): [set(range(sizes[two])) for _ in range(sizes[one])]
            for one, two in itertools.combinations(range(len(sizes)), 2)
        }

    def made(self) -> list[Picks]:
        """The combinations, in the order of the factors' values."""
        if len(self._sizes) == 1:
            return [(value,) for value in range(self._sizes[0]) if self._allowed((value,))]
        found = []
        # The largest two factors need the most combinations, in which all others meet along the way.
        by_size = sorted(self._open, key=lambda pair: -self._sizes[pair[0]] * self._sizes[pair[1]])
        for one, two in by_size:
            for value, unmet in enumerate(self._open[one, two]):
                while unmet:
                    picks = self._around(one, value, two, min(unmet))
                    if picks is None:
                        unmet.remove(min(unmet))
                        self.impossible += 1
                    else:
                        found.append(picks)
                        self._met(picks)
        return sorted(found)

    def _around(self, one: int, value: int, two: int, other: int) -> Picks | None:
        """The whole combination with this pair in which most others meet; None where the rules allow none."""
        best: tuple[int, Picks] | None = None
        for _ in range(self._tries):
            picks: list[int | None] = [None] * len(self._sizes)
            picks[one], picks[two] = value, other
            self._steps = 0
            order = [at for at, pick in enumerate(picks) if pick is None]
            self._dice.shuffle(order)
            if not self._allowed(picks) or not self._fill(picks, order):
                break
            whole = tuple(pick for pick in picks if pick is not None)
            gain = sum(whole[second] in unmet[whole[first]] for (first, second), unmet in self._open.items())
            if best is None or gain > best[0]:
                best = (gain, whole)
        return best[1] if best else None

    def _fill(self, picks: list[int | None], order: Sequence[int]) -> bool:
        """Fill the factors in that order, each with its best value that leads to a whole combination."""
        if not order:
            return True
        at, gains = order[0], self._gains(order[0], picks)
        ties = [self._dice.random() for _ in gains]
        for value in sorted(range(self._sizes[at]), key=lambda value: (-gains[value], ties[value])):
            self._steps += 1
            if self._steps > STEPS_MAX:
                return False
            picks[at] = value
            if self._allowed(picks) and self._fill(picks, order[1:]):
                return True
            picks[at] = None
        return False

    def _gains(self, at: int, picks: Sequence[int | None]) -> list[int]:
        """How many new pairs each value of a factor would make with what is picked already."""
        gains = [0] * self._sizes[at]
        for other, pick in enumerate(picks):
            if pick is None or other == at:
                continue
            if other < at:
                for value in self._open[other, at][pick]:
                    gains[value] += 1
            else:
                for value, unmet in enumerate(self._open[at, other]):
                    gains[value] += pick in unmet
        return gains

    def _met(self, picks: Picks) -> None:
        for (one, two), unmet in self._open.items():
            unmet[picks[one]].discard(picks[two])
