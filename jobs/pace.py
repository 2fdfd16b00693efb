"""How quickly an account goes now, where that is known better than by its documents: after a 429, as it was told, and
by the renders that ended of late. Pure.
"""

import math
from typing import Final, NamedTuple

#: Seconds of the provider's clock by which the end of a render is seen late, on average.
LATE_S: Final = 4.8
#: One of the longest renders, in usual ones, while too little is remembered.
LONGEST: Final = 1.4
#: What an account does of what its limits allow: waits and turn-around cost the rest (SURE in `routes.lua`).
SURE: Final = 0.98
#: The share of its rate that an account gets back with each answer to a submit (`move.lua`).
GIVEN_BACK: Final = 0.05


class Pace(NamedTuple):
    """`share` of its rate is left since a 429, and nothing is sent for `held_s` (of our seconds) yet.

    The provider has told that the first window holds `submits`, and that `slots` renders may be in flight; renders have
    lasted `render_s` of its seconds. None: the documents hold.
    """

    share: float = 1.0
    held_s: float = 0.0
    submits: int | None = None
    slots: int | None = None
    render_s: float | None = None

    def sends(self, count: int) -> float:
        """As many submits at the whole rate take as long as so many do now, while that is given back."""
        slow = min(count, math.ceil((1 - self.share) / GIVEN_BACK))
        return count - slow + sum(1 / min(1.0, self.share + GIVEN_BACK * sent) for sent in range(slow))


#: What an account of which nothing is known does.
AS_DOCUMENTED: Final = Pace()
