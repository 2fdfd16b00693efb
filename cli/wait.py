"""`wanbatch wait`: until a campaign has settled, wherever it is worked on."""

import click

from cli.balance import with_balance
from cli.following import follow
from cli.message import Messages
from cli.options import as_json, campaign, places
from cli.places import required_ledger_url
from cli.progress import tell
from cli.results import Results, write_results
from cli.stack import running_simulator
from cli.summary import print_json, status_json, status_lines
from config.settings import load_settings
from jobs.errors import BadInput, WanbatchError
from ledger.jobs import Ledger
from producer.stored import Campaign, found, store_of
from producer.watch import Progress


@click.command("wait")
@campaign
@places
@click.option("--timeout", type=click.FloatRange(min=0), metavar="S", help="Give up after so many seconds (exit 1).")
@as_json
def command(campaign: str, store: str | None, redis: str | None, timeout: float | None, as_json: bool) -> int:
    """Wait until CAMPAIGN has settled, and write its manifest and gallery; ends with run's exit codes. Interrupting it
    stops nothing.
    """
    settings = load_settings(store=store, redis=redis)
    url = required_ledger_url(settings, "wait")
    objects = store_of(settings)
    messages = Messages(settings, objects)
    ledger = Ledger.connect(url, store_url=objects.url)
    results = None
    try:
        if campaign not in (names := ledger.campaigns()):
            raise BadInput(
                f"the ledger has no campaign {campaign!r}", hint=f"it has {', '.join(names[:5]) or 'none yet'}"
            )
        end = follow(ledger, campaign, until_s=timeout, each_look=lambda status: messages.look(status, ledger))
        if end.exit_code is not None:
            end = with_balance(end, ledger, settings, settings.simulator_url or running_simulator(settings.store))
            results = _papers(found(objects, campaign), ledger, end)
            messages.ended(end.status, ledger, results)
    finally:
        ledger.close()
    _tell(end, results, as_json=as_json)
    if end.exit_code is None:
        raise WanbatchError(f"{campaign} has not settled within {timeout:g} s", "it goes on; wait again")
    return end.exit_code


def _papers(campaign: Campaign, ledger: Ledger, end: Progress) -> Results | None:
    """What a run leaves; who may only read the store is told, and the campaign's end stands."""
    try:
        return write_results(campaign, ledger, end.status)
    except WanbatchError as error:
        again = f"`wanbatch report {campaign.file.campaign}` writes them"
        tell(f"manifest and gallery are not written: {error.message}; {again}")
        return None


def _tell(end: Progress, results: Results | None, *, as_json: bool) -> None:
    """Where the campaign stands now, and where its papers lie."""
    if as_json:
        print_json(status_json(end.status, end.eta_s))
    else:
        for line in status_lines(end.status, end.eta_s):
            click.echo(line)
        if results is not None:
            click.echo(f"manifest  {results.manifest}\ngallery   {results.report}")
