"""`wanbatch wait`: until a campaign has settled, wherever it is worked on."""

import click

from cli.balance import with_balance
from cli.following import follow
from cli.message import Messages
from cli.options import as_json, campaign, places
from cli.places import required_ledger_url
from cli.stack import running_simulator
from cli.summary import print_json, status_json, status_lines
from config.settings import load_settings
from jobs.errors import BadInput, WanbatchError
from ledger.jobs import Ledger
from producer.stored import store_of
from producer.watch import Progress


@click.command("wait")
@campaign
@places
@click.option("--timeout", type=click.FloatRange(min=0), metavar="S", help="Give up after so many seconds (exit 1).")
@as_json
def command(campaign: str, store: str | None, redis: str | None, timeout: float | None, as_json: bool) -> int:
    """Wait until CAMPAIGN has settled; ends with run's exit codes. Interrupting it stops nothing."""
    settings = load_settings(store=store, redis=redis)
    url = required_ledger_url(settings, "wait")
    objects = store_of(settings)
    messages = Messages(settings, objects)
    ledger = Ledger.connect(url, store_url=objects.url)
    try:
        if campaign not in (names := ledger.campaigns()):
            raise BadInput(
                f"the ledger has no campaign {campaign!r}", hint=f"it has {', '.join(names[:5]) or 'none yet'}"
            )
        end = follow(ledger, campaign, until_s=timeout, each_look=lambda status: messages.look(status, ledger))
        if end.exit_code is not None:
            end = with_balance(end, ledger, settings, settings.simulator_url or running_simulator(settings.store))
            messages.ended(end.status, ledger, None)
    finally:
        ledger.close()
    _tell(end, as_json=as_json)
    if end.exit_code is None:
        raise WanbatchError(f"{campaign} has not settled within {timeout:g} s", "it goes on; wait again")
    return end.exit_code


def _tell(end: Progress, *, as_json: bool) -> None:
    """Where the campaign stands now."""
    if as_json:
        print_json(status_json(end.status, end.eta_s))
    else:
        for line in status_lines(end.status, end.eta_s):
            click.echo(line)
