"""`wanbatch budget`: caps of a day and a month over all campaigns that share a label, or who submitted, or over all."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any, Final

import click

from cli.halting import opened
from cli.options import Dollars, as_json, places, together
from cli.places import ledger_of, ledger_url
from cli.progress import tell
from cli.stack import ledger_folder
from cli.summary import print_json
from config.settings import load_settings
from jobs.budgets import ALL, PERIODS, SUBMITTED_BY, Budget, budget_name, label_key
from jobs.errors import BadInput, LedgerRefused
from jobs.money import from_uusd, shown, usd_text
from ledger.budgets import Budgets, Standing, now_of, read_budgets, short_by, standings, write_budgets
from ledger.jobs import Ledger
from ledger.shelf import Shelf
from producer.budgets import recorded, take
from producer.labels import label_wrong
from producer.stored import store_of

simulated_too: Final = together(
    [
        click.option("--simulated", is_flag=True, help="Of rehearsals; they and real money have no budget in common."),
        places,
    ]
)


class Whose(click.ParamType[str]):
    """`all`, or LABEL=VALUE."""

    name = "budget"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> str:
        """The budget's name as it is compared."""
        label, sign, text = str(value).partition("=")
        if label_key(label) == ALL and not sign:
            return ALL
        if not sign:
            self.fail(f"{value!r} is no budget; write client=acme, submitted_by=anna@desk or all", param, ctx)
        wrong = label_wrong("client" if label_key(label) == SUBMITTED_BY else label, text)
        if wrong is not None:
            self.fail(f"{wrong.problem}; {wrong.fix}", param, ctx)
        return budget_name(label, text)


@click.group("budget")
def command() -> None:
    """Caps of a day and a month (UTC), held by the same step that reserves a video's money, whichever campaign buys it.

    NAME is `all`, a label such as client=acme, or submitted_by=anna@desk.
    """


@command.command("set")
@click.argument("name", type=Whose())
@click.option("--day", type=Dollars(), metavar="USD", help="The most for what is claimed on one day.")
@click.option("--month", type=Dollars(), metavar="USD", help="The most for what is claimed in one month.")
@simulated_too
def set_(
    name: str, day: Decimal | None, month: Decimal | None, simulated: bool, store: str | None, redis: str | None
) -> None:
    """Set, raise or lower the caps of NAME. They hold from the next claim of any worker on."""
    if day is None and month is None:
        raise BadInput("say how much", hint="--day USD, --month USD, or both")
    with _ledger("set", simulated, store, redis) as (shelf, ledger):
        known = {one.name: one for one in read_budgets(shelf).budgets}
        new = {"day_usd": day, "month_usd": month}
        given = {field: usd for field, usd in new.items() if usd is not None}
        one = known.get(name, Budget(name=name)).model_copy(update=given)
        _change(shelf, ledger, {**known, name: one})
        if not (name == ALL or name.startswith(f"{SUBMITTED_BY}=")) and one.label not in _labels(shelf):
            tell(f"no campaign has a label `{one.label}` yet: --label {name} gives one")
        _echo(shelf, ledger, [one])


@command.command("list")
@simulated_too
@as_json
def list_(simulated: bool, store: str | None, redis: str | None, as_json: bool) -> None:
    """Every cap, and what is left of it. Also what is spent, reserved or in doubt, when it ends, and who waits."""
    settings = load_settings(store=store, redis=redis)
    objects = store_of(settings)
    shelf, ledger = Shelf(objects, simulated=simulated), ledger_of(settings, objects)
    try:
        budgets = read_budgets(shelf).budgets
        if as_json:
            print_json({"simulated": simulated, "budgets": _json(shelf, ledger, budgets)})
        elif budgets:
            _echo(shelf, ledger, budgets)
            if ledger is None or not ledger.epoch:
                tell("no ledger is running: what is under way counts, too, and is not known here; --redis names one")
        else:
            click.echo(f"no budgets in {objects.url}: wanbatch budget set client=acme --month 2000")
    finally:
        if ledger:
            ledger.close()


@command.command("remove")
@click.argument("name", type=Whose())
@click.option("--day", is_flag=True, help="Only the cap of a day.")
@click.option("--month", is_flag=True, help="Only the cap of a month.")
@simulated_too
def remove(name: str, day: bool, month: bool, simulated: bool, store: str | None, redis: str | None) -> None:
    """Remove the caps of NAME; what waited for them goes on by itself."""
    with _ledger("remove", simulated, store, redis) as (shelf, ledger):
        known = {one.name: one for one in read_budgets(shelf).budgets}
        if name not in known:
            hint = f"there are {', '.join(known)}" if known else "there are none"
            raise BadInput(f"there is no budget {name!r}", hint=hint)
        gone = {
            f"{period}_usd": None for period, named in zip(PERIODS, (day, month), strict=True) if named or day == month
        }
        _change(shelf, ledger, {**known, name: known[name].model_copy(update=gone)})
    click.echo(f"removed {name}" + (f" --{'day' if day else 'month'}" if day != month else ""))


@contextmanager
def _ledger(verb: str, simulated: bool, store: str | None, redis: str | None) -> Iterator[tuple[Shelf, Ledger | None]]:
    """The world's shelf, and the ledger that keeps its sums; none where nothing was ever submitted."""
    settings = load_settings(store=store, redis=redis)
    objects = store_of(settings)
    shelf = Shelf(objects, simulated=simulated)
    new = not any(Shelf(objects, simulated=world).campaigns() for world in (False, True))
    if new and ledger_url(settings) is None and not (ledger_folder(settings.store) / "valkey.conf").exists():
        yield shelf, None
        return
    with opened(settings, objects, f"budget {verb}") as ledger:
        if not ledger.epoch and not new:
            hint = "its ledger is lost: `wanbatch recover --all`; or name the right one with --redis"
            raise LedgerRefused("this Redis holds no ledger, and the store has campaigns", hint)
        yield shelf, ledger if ledger.epoch else None


def _change(shelf: Shelf, ledger: Ledger | None, budgets: dict[str, Budget]) -> None:
    """Keep those budgets that have a cap."""
    kept = [one for one in budgets.values() if one.day_usd is not None or one.month_usd is not None]
    if ledger is None:
        write_budgets(shelf, Budgets(budgets=tuple(kept)))
    else:
        take(shelf, ledger, kept)


def _labels(shelf: Shelf) -> set[str]:
    """Every label and axis of the world's campaigns."""
    files = filter(None, map(shelf.campaign, shelf.campaigns()))
    return {label_key(name) for file in files for name in (*file.axes, *file.labels, *file.campaign_labels)}


def _told(shelf: Shelf, ledger: Ledger | None, budgets: Sequence[Budget]) -> list[Standing]:
    """Where the caps stand, by the ledger, or by the store's records where none runs."""
    if ledger is None or not ledger.epoch:
        return recorded(shelf, budgets, datetime.now(UTC))
    return standings(ledger, budgets, now_of(ledger), simulated=shelf.simulated)


def _echo(shelf: Shelf, ledger: Ledger | None, budgets: Sequence[Budget]) -> None:
    """A line a cap."""
    told = _told(shelf, ledger, budgets)
    waiting = short_by(ledger, simulated=shelf.simulated) if ledger and ledger.epoch else {}
    for one in told:
        spent, cap = shown(from_uusd(one.spent_uusd or 0)), shown(from_uusd(one.cap_uusd))
        stands = f"{spent} of {cap} spent by the records of the store"
        if one.left_uusd is not None:
            held = zip(("reserved", "in doubt"), (one.reserved_uusd, one.doubt_uusd), strict=True)
            sums = ", ".join([f"spent {spent}", *(f"{name} {shown(from_uusd(uusd or 0))}" for name, uusd in held)])
            stands = f"{shown(from_uusd(one.left_uusd))} left of {cap} ({sums})"
        click.echo(f"{one.budget.name}  {one.period} {one.when}: {stands}, until {one.ends_at:%Y-%m-%d %H:%M} UTC")
        if names := waiting.get((one.period, one.budget.name)):
            click.echo(f"  ! waiting for it: {', '.join(names)}")


def _json(shelf: Shelf, ledger: Ledger | None, budgets: Sequence[Budget]) -> list[dict[str, Any]]:
    """The caps for scripts; what only a ledger knows is null where there is none."""
    waiting = short_by(ledger, simulated=shelf.simulated) if ledger and ledger.epoch else None
    return [
        _cap(one, None if waiting is None else waiting.get((one.period, one.budget.name), []))
        for one in _told(shelf, ledger, budgets)
    ]


def _cap(one: Standing, waiting: list[str] | None) -> dict[str, Any]:
    sums = (one.spent_uusd, one.reserved_uusd, one.doubt_uusd, one.left_uusd)
    money = (None if uusd is None else usd_text(from_uusd(uusd)) for uusd in sums)
    return {
        "budget": one.budget.name,
        "period": one.period,
        "when": one.when,
        "ends_at": one.ends_at.isoformat().replace("+00:00", "Z"),
        "cap_usd": usd_text(one.budget.usd(one.period)),
        **dict(zip(("spent_usd", "reserved_usd", "in_doubt_usd", "left_usd"), money, strict=True)),
        "waiting": waiting,
    }
