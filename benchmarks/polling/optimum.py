"""The fewest looks with which a mean lateness can be reached by one who knows the law of the lengths.

By dynamic programming over a fine grid of ages, for a price of lateness in looks; the price is sought. Between two
prices a mixture of both schedules is as good as any, so the optimum is read from the line between them.
"""

import math
from collections.abc import Sequence

from benchmarks.polling.rehearsal import Ended

#: Renders that are ignored at either end of the law.
NEGLIGIBLE = 1e-6
TRIES = 36


def least_polls(ended: Ended, late_s: float, step_s: float) -> float:
    """Looks a render at that mean lateness, on ages `step_s` apart."""
    ages_s = _ages_s(ended, step_s)
    shares = [*map(ended, ages_s[:-1]), 1.0]
    low, high = 1e-4, 1e4
    for _ in range(TRIES):
        price = math.sqrt(low * high)
        if _best(ages_s, shares, price)[1] > late_s:
            low = price
        else:
            high = price
    (few, later_s), (many, sooner_s) = _best(ages_s, shares, low), _best(ages_s, shares, high)
    if later_s - sooner_s < 1e-9:
        return many
    part = (later_s - late_s) / (later_s - sooner_s)
    return few * (1 - part) + many * part


def _ages_s(ended: Ended, step_s: float) -> list[float]:
    """From nothing to the last end that counts."""
    age_s = step_s
    while ended(age_s) < NEGLIGIBLE:
        age_s += step_s
    ages_s = [0.0]
    while not ages_s[-1] or ended(ages_s[-1]) < 1 - NEGLIGIBLE:
        ages_s.append(age_s)
        age_s += step_s
    return ages_s


def _best(ages_s: Sequence[float], shares: Sequence[float], price: float) -> tuple[float, float]:
    """Looks and lateness of the best schedule at a price."""
    last = len(ages_s) - 1
    area_s = [0.0]
    for here in range(last):
        area_s.append(area_s[-1] + (ages_s[here + 1] - ages_s[here]) * (shares[here] + shares[here + 1]) / 2)
    rest, polls, late_s = [0.0] * (last + 1), [0.0] * (last + 1), [0.0] * (last + 1)
    for here in range(last - 1, -1, -1):
        share, area, age_s = shares[here], area_s[here], ages_s[here]
        least, next_, lateness_s = math.inf, last, 0.0
        for there in range(here + 1, last + 1):
            late = area_s[there] - area - share * (ages_s[there] - age_s)
            if price * late >= least:
                break
            if price * late + rest[there] < least:
                least, next_, lateness_s = price * late + rest[there], there, late
        rest[here] = least + 1 - share
        polls[here], late_s[here] = polls[next_] + 1 - share, late_s[next_] + lateness_s
    return polls[0], late_s[0]
