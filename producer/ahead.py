"""Rows in matrix order, each when its media were looked at: while one is waited for, those behind it are asked for."""

from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Final, NamedTuple

from jobs.media import media_of
from producer.matrix import Trouble, Variant
from producer.media import Media
from producer.rows import Row

#: Videos that may wait for their media at a time; it bounds memory, and is enough to keep all looks busy.
VIDEOS_AHEAD: Final = 1000

Found = Sequence[Variant | Trouble]


class _Waiting(NamedTuple):
    """A row, what it asks for, and the addresses of all its media."""

    row: Row
    found: Found
    uris: frozenset[str]


def ahead(
    rows: Iterable[Row], expand: Callable[[Row], Found], media: Media, *, most: int = VIDEOS_AHEAD
) -> Iterator[tuple[Row, Found]]:
    """Each row with what it asks for, in order; rows whose media are known are not held up by memory or order."""
    waiting: deque[_Waiting] = deque()
    videos = 0
    for row in rows:
        found = expand(row)
        uris = frozenset(uri for each in found if isinstance(each, Variant) for _, uri in media_of(each.render))
        for uri in uris:
            media.ask(uri)
        waiting.append(_Waiting(row, found, uris))
        videos += len(found)
        while waiting and (videos >= most or not any(map(media.ask, waiting[0].uris))):
            first = waiting.popleft()
            videos -= len(first.found)
            yield first.row, first.found
    for each in waiting:
        yield each.row, each.found
