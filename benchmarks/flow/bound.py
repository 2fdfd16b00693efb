"""The soonest that a side's videos could have been made by one who knows everything: the benchmark's yardstick."""

import heapq
from collections import deque
from collections.abc import Sequence


def soonest_s(renders_s: Sequence[float], *, submits: int, window_s: float, slots: int | None) -> float:
    """Seconds from the first submit to the last end, for renders of these lengths in this order.

    Each is submitted at the first instant at which no window of `window_s`, at any phase, holds more than `submits` of
    them and at most `slots` are under way; its end is known as it happens, and costs nothing.
    """
    sent: deque[float] = deque(maxlen=submits)
    under_way: list[float] = []
    now = last = 0.0
    for render_s in renders_s:
        if len(sent) == submits:
            now = max(now, sent[0] + window_s)
        if slots is not None and len(under_way) == slots:
            now = max(now, heapq.heappop(under_way))
        sent.append(now)
        heapq.heappush(under_way, now + render_s)
        last = max(last, now + render_s)
    return last
