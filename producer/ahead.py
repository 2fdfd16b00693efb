"""Rows in matrix order, each when its media were looked at: while one is waited for, those behind it are asked for."""

from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Final, NamedTuple

from producer.matrix import Rest, Trouble, Variant
from producer.media import Asked
from producer.mediacheck import MediaCheck
from producer.rows import Row

#: Videos that may wait for their media at a time; it bounds memory, and is enough to keep all looks busy.
VIDEOS_AHEAD: Final = 1000

Found = Sequence[Variant | Trouble | Rest]


class _Waiting(NamedTuple):
    """A row, what it asks for, and all its media."""

    row: Row
    found: Found
    asked: frozenset[Asked]


def ahead(
    rows: Iterable[Row], expand: Callable[[Row], Found], check: MediaCheck, *, most: int = VIDEOS_AHEAD
) -> Iterator[tuple[Row, Found]]:
    """Each row with what it asks for, in order; rows whose media are known are not held up by memory or order."""
    waiting: deque[_Waiting] = deque()
    videos = 0
    for row in rows:
        found = expand(row)
        asked = frozenset([ask for each in found if isinstance(each, Variant) for _, _, ask in check.asked(each)])
        for ask in asked:
            check.media.ask(ask)
        waiting.append(_Waiting(row, found, asked))
        videos += len(found)
        while waiting and (videos >= most or not any(map(check.media.ask, waiting[0].asked))):
            first = waiting.popleft()
            videos -= len(first.found)
            yield first.row, first.found
    for each in waiting:
        yield each.row, each.found
