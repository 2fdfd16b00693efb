"""A schedule: what is planned again and again, when, and what it may spend; in TOML that is checked to the last key."""

import re
from datetime import datetime
from decimal import Decimal
from pathlib import Path
from typing import Annotated, Any, Final, Literal, Self

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, ValidationError

from jobs.errors import BadInput, Problem
from jobs.share import MOST_PRIORITY, Priority, Weight
from producer.columns import meant
from producer.names import is_name
from producer.schedules.cron import read_cron
from producer.tomlfile import Places, read_toml

EXAMPLE: Final = "examples/nightly.toml"
_FAR: Final = re.compile(r"(https?|s3)://", re.IGNORECASE)


def _usd(value: Any) -> Any:
    """Dollars as people write them: 25, "12.50", "$12.50"; never by way of a float."""
    return str(value).lstrip("$") if isinstance(value, str | int | float) and not isinstance(value, bool) else value


def _name(value: str) -> str:
    if not is_name(value):
        raise ValueError(f"`{value}` is no name: use letters, digits, dots, dashes and underscores")
    return value


def _fields(value: str) -> str:
    return _readable(value, value, "UTC")


def _zone(value: str) -> str:
    return _readable(value, "0 0 * * *", value)


def _readable(value: str, fields: str, zone: str) -> str:
    """The value, where a schedule can be made of it; ValueError for one of which none can."""
    try:
        read_cron(fields, zone)
    except BadInput as error:
        raise ValueError(error.message) from error
    return value


Usd = Annotated[Decimal, BeforeValidator(_usd), Field(gt=0, max_digits=12, decimal_places=6)]


class Wish(BaseModel):
    """The keys of a schedule's file."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    matrix: str = Field(description="a matrix, campaign file or catalog: a path, s3://bucket/key or https://...")
    template: str | None = Field(None, description="what videos each product of a catalog gets: a path")
    campaign: Annotated[str, AfterValidator(_name)] = Field(description="the campaign's name, the same in every run")
    provider: str | None = Field(None, description="who buys, with real money; several with commas between")
    deadline: str | None = Field(None, description="by when a run should be done, such as 6h from its start")
    simulate: bool = Field(default=False, description="true rehearses: the provider's real code against the simulator")
    cron: Annotated[str, AfterValidator(_fields)] | None = Field(
        None, description='when: minute, hour, day of month, month, day of week: "0 2 * * *"'
    )
    timezone: Annotated[str, AfterValidator(_zone)] | None = Field(
        None, description="on whose clock: a place such as Europe/Berlin"
    )
    budget_per_run_usd: Usd | None = Field(None, description="the most that one run may spend, such as 25")
    budget_per_month_usd: Usd | None = Field(None, description="the most that all runs of a month may spend")
    weight: Weight | None = Field(None, description="of the account beside other campaigns: 2 is twice the share")
    priority: Priority | None = Field(
        None, description=f"of the campaign, from {-MOST_PRIORITY} to {MOST_PRIORITY}: each step doubles its share"
    )
    max_change: float = Field(
        0.2,
        ge=0,
        le=1,
        description="the share of the videos that a run may buy anew before it asks: 0.2 is a fifth, 1 never asks",
    )
    missed: Literal["once", "skip"] = Field(
        "once", description="what becomes of runs that were missed: one is made up for, or none"
    )
    seed_by: str = Field("job", description="what shares a seed: job, campaign or a column")
    takes: int = Field(1, ge=1, le=100, description="takes of each variant")
    price: Usd | None = Field(None, description="a second's price, where the provider's list has none")
    skip_bad_rows: bool = Field(default=False, description="true goes on with the good rows")

    def sharing(self, weight: float | None, priority: int | None) -> Self:
        """The same with another share of the account, where one is given."""
        given = {"weight": weight, "priority": priority}
        return self.model_copy(update={name: value for name, value in given.items() if value is not None})


class Schedule(Wish):
    """A schedule as the store keeps it: whole, with the paths of the machine that runs it, and who added it."""

    version: int = 1
    name: str
    cron: str
    timezone: str
    added_by: str
    added_at: datetime
    paused: bool = False


class Ran(BaseModel):
    """How one run of a schedule ended. `outcome` is for scripts, `words` are for people."""

    model_config = ConfigDict(frozen=True)

    version: int = 1
    at: datetime
    began_at: datetime
    ended_at: datetime
    outcome: Literal["done", "nothing", "bad", "asks", "overlap", "skipped", "money", "refused"]
    words: str
    variants: int = 0
    bought: int = 0
    spent_usd: Decimal = Decimal(0)


def read_wish(path: Path) -> Wish:
    """Read a schedule's file; paths in it are seen from its folder. BadInput names every wrong key at once."""
    told, places = read_toml(path, "schedule", EXAMPLE)
    try:
        wish = Wish.model_validate(told)
    except ValidationError as error:
        problems = [_problem(path, places, dict(each)) for each in error.errors(include_url=False)]
        problems.sort(key=lambda problem: problem.line)
        raise BadInput(f"{path} is no schedule that can be used", problems) from None
    here = path.resolve().parent
    near = {"matrix": _near(wish.matrix, here), "template": wish.template and _near(wish.template, here)}
    return wish.model_copy(update=near)


def _near(written: str, folder: Path) -> str:
    return written if _FAR.match(written) else str((folder / written).resolve())


def _problem(path: Path, places: Places, wrong: dict[str, Any]) -> Problem:
    at = [part for part in wrong["loc"] if isinstance(part, str | int)]
    key = str(at[0]) if at else ""
    field = Wish.model_fields.get(key)
    if field is None:
        fix = meant(key, [*Wish.model_fields])
        return Problem(str(path), places.line(at), key, key, f"there is no key `{key}`", fix)
    if wrong["type"] == "missing":
        return Problem(str(path), 1, key, "", f"`{key}` is missing", f"it is {field.description}")
    told = str(wrong["input"])
    if wrong["type"] == "value_error":
        what = str(wrong["msg"]).removeprefix("Value error, ")
        return Problem(str(path), places.line(at), key, told, what, f"wanted is {field.description}")
    return Problem(str(path), places.line(at), key, told, f"`{told}` cannot be used", f"wanted is {field.description}")
