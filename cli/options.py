"""Options that several commands share, spelt and explained once."""

import math
from collections.abc import Callable, Sequence
from decimal import Decimal, InvalidOperation
from pathlib import Path
from typing import Any, Final

import click

from jobs.share import LEAST_WEIGHT, MOST_PRIORITY, MOST_WEIGHT

#: Dollars that nobody means: beyond, an amount is a slip of the hand, and no ledger counts it exactly.
MOST_USD: Final = 1_000_000_000

Decorator = Callable[[Callable[..., Any]], Callable[..., Any]]


class Dollars(click.ParamType[Decimal]):
    """An amount above zero in dollars: `25`, `12.50` or `$12.50`."""

    name = "usd"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Decimal:
        """Read the amount; a float never touches it."""
        try:
            amount = Decimal(str(value).lstrip("$"))
        except InvalidOperation:
            amount = Decimal(0)
        if not amount.is_finite() or not 0 < amount < MOST_USD:
            self.fail(f"{value!r} is no amount in dollars; write for example 25 or 12.50", param, ctx)
        return amount


class Where(click.ParamType[tuple[str, str]]):
    """`COLUMN=VALUE`."""

    name = "column=value"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> tuple[str, str]:
        """Split at the first equals sign."""
        if isinstance(value, tuple):
            return value
        column, sign, wanted = str(value).partition("=")
        if not sign or not column.strip():
            self.fail(f"{value!r} is not COLUMN=VALUE; write for example product=Lamp", param, ctx)
        return column.strip(), wanted.strip()


class Weighing(click.FloatRange):
    """A weight; what is no number at all lies in no range."""

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> float:
        """A number in the range."""
        weight: float = super().convert(value, param, ctx)
        if math.isnan(weight):
            self.fail(f"{value!r} is no number", param, ctx)
        return weight


def together(options: Sequence[Decorator]) -> Decorator:
    """Several options as one decorator, in the order in which help lists them."""

    def decorate(function: Callable[..., Any]) -> Callable[..., Any]:
        for option in reversed(options):
            function = option(function)
        return function

    return decorate


class Input(click.Path):
    """A file that is there, `-` for stdin, or an address on the web, which stays as it is."""

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        """A path; an address is text."""
        text = value.lower() if isinstance(value, str) else ""
        if text.startswith("s3://"):
            words = "a table in S3 is read by a schedule; here, fetch it first"
            self.fail(f"{words}: aws s3 cp {value} - | wanbatch ... - --campaign NAME", param, ctx)
        address = text.startswith(("https://", "http://"))
        return value if address else super().convert(value, param, ctx)


def matrix_file(*, required: bool = True) -> Decorator:
    """The MATRIX argument: a file (a matrix, a campaign file, a catalog), `-` for stdin, or an address."""
    kind = Input(exists=True, dir_okay=False, allow_dash=True, path_type=Path)
    return click.argument("matrix", type=kind, required=required)


store = click.option(
    "--store", metavar="URL", help="Where everything goes: file://./out (default), s3://bucket/prefix."
)
redis = click.option("--redis", metavar="URL", help="The ledger: redis://host:6379/0 (default: one that `run` embeds).")
as_json = click.option("--json", "as_json", is_flag=True, help="Print JSON, alone, on stdout.")
campaign = click.argument("campaign")


def one_form(*, as_json: bool, as_csv: bool) -> None:
    """Refuse two forms of output at once: stdout has room for one."""
    if as_json and as_csv:
        raise click.UsageError("--json and --csv: stdout holds one of them; leave the other out.")


#: Where everything is.
places = together([store, redis])

#: What to plan and for whom.
_planning = together(
    [
        click.option(
            "--template",
            type=click.Path(exists=True, dir_okay=False, path_type=Path),
            metavar="TOML",
            help="MATRIX is a product catalog, and this says what videos each product gets.",
        ),
        click.option(
            "--provider",
            metavar="NAME",
            help="The provider, or account, that buys, with real money; several with commas between (see `providers`).",
        ),
        click.option("--simulate", is_flag=True, help="Rehearse: the provider's real code against the simulator."),
        click.option("--campaign", metavar="NAME", help="The campaign's name (default: the file's)."),
        click.option("--limit", type=click.IntRange(min=1), metavar="N", help="Only the first N videos."),
        click.option(
            "--where", type=Where(), multiple=True, help="Only rows with COLUMN=VALUE; may be given several times."
        ),
        click.option(
            "--label",
            type=Where(),
            multiple=True,
            help="What stands in COLUMN where a row says nothing, such as client=acme; budgets may go by it.",
        ),
        click.option(
            "--seed-by", metavar="job|campaign|COLUMN", default="job", help="What shares a seed (default: nothing)."
        ),
        click.option(
            "--price", type=Dollars(), metavar="USD", help="A second's price, where the provider's list has none."
        ),
        click.option(
            "--takes", type=click.IntRange(1, 100), default=1, metavar="N", help="So many takes of each variant."
        ),
        click.option(
            "--seeds",
            type=click.Choice(["keep", "rotate", "fresh"]),
            help="The seed of a video that is bought anew, where the campaign names a `key`.",
        ),
        click.option(
            "--deadline",
            metavar="TIME",
            help="Be done by then (2h, 90m, or an instant): accounts that ask more buy what others cannot end in time.",
        ),
        click.option("--skip-bad-rows", is_flag=True, help="Go on with the good rows; the bad ones go to a file."),
        store,
    ]
)

planning = together([matrix_file(), _planning])
#: The same, or a plan that was saved.
planning_or_saved = together(
    [
        matrix_file(required=False),
        click.option(
            "--plan",
            "plan_file",
            type=click.Path(exists=True, dir_okay=False, path_type=Path),
            metavar="FILE",
            help="Instead of MATRIX: buy exactly what `plan --save FILE` told, or refuse.",
        ),
        _planning,
    ]
)

canary = click.option(
    "--canary",
    type=click.IntRange(1, 100),
    metavar="N",
    help="Make N videos first, as unlike as can be, and look at them; then go on with --yes, ask, or stop.",
)

#: How much of its account a campaign gets.
share = together(
    [
        click.option(
            "--weight",
            type=Weighing(LEAST_WEIGHT, MOST_WEIGHT),
            metavar="W",
            help="Of the account, beside other campaigns: twice the weight, twice the share (1).",
        ),
        click.option(
            "--priority",
            type=click.IntRange(-MOST_PRIORITY, MOST_PRIORITY),
            metavar="P",
            help="Of the campaign among others: each step doubles its share (0).",
        ),
    ]
)

#: What may be spent.
spending = together(
    [
        click.option("--budget", type=Dollars(), metavar="USD", help="The most this campaign may spend."),
        click.option("--yes", is_flag=True, help="Do not ask, nor have the sum typed, before real money is spent."),
    ]
)
