"""What share of its account a campaign gets: a weight, and a priority that doubles it step by step."""

from typing import Annotated, Final, Self

from pydantic import Field, ValidationError

from jobs.errors import BadInput
from jobs.job import Noun

LEAST_WEIGHT: Final = 0.001
MOST_WEIGHT: Final = 1000.0
#: A priority lies between this and as much below 0.
MOST_PRIORITY: Final = 10
#: Both bounds in words.
BOUNDS: Final = f"a weight is above 0 and up to {MOST_WEIGHT:g}, a priority from {-MOST_PRIORITY} to {MOST_PRIORITY}"

Weight = Annotated[float, Field(ge=LEAST_WEIGHT, le=MOST_WEIGHT)]
Priority = Annotated[int, Field(ge=-MOST_PRIORITY, le=MOST_PRIORITY)]


class Share(Noun):
    """A campaign of twice the weight, or of one priority more, gets twice as much of an account that it shares."""

    version: int = 1
    weight: Weight = 1.0
    priority: Priority = 0

    def with_(self, weight: float | None, priority: int | None) -> Self:
        """The share with what is given in place of its own. Raises BadInput for what is out of bounds."""
        given = {"weight": weight, "priority": priority}
        changed = self.model_dump() | {name: value for name, value in given.items() if value is not None}
        try:
            return self.model_validate(changed)
        except ValidationError as error:
            words = ", ".join(f"{name} {value}" for name, value in given.items() if value is not None)
            raise BadInput(f"{words}: no campaign has such a share", hint=BOUNDS) from error
