"""`wanbatch report`: a campaign's manifest and gallery as of now, in the store; `--open` shows them."""

import click

from cli.options import campaign, places
from cli.places import ledger_of
from cli.results import write_results
from config.settings import load_settings
from producer.stored import found, store_of


@click.command("report")
@campaign
@places
@click.option(
    "--open", "open_it", is_flag=True, help="Serve it on loopback, with links signed on demand; Ctrl-C ends it."
)
def command(campaign: str, store: str | None, redis: str | None, open_it: bool) -> None:
    """Make CAMPAIGN's manifest and gallery as of now and say where they lie."""
    settings = load_settings(store=store, redis=redis)
    objects = store_of(settings)
    named = found(objects, campaign)
    ledger = ledger_of(settings, objects)
    try:
        results = write_results(named, ledger, ledger.status(campaign) if ledger else None)
    finally:
        if ledger:
            ledger.close()
    if ledger is None:
        click.echo("no ledger is running: jobs without a record show as queued", err=True)
    click.echo(f"manifest  {results.manifest}\ngallery   {results.report}")
    if open_it:
        from producer.serve import serve_report  # noqa: PLC0415 - a server is needed by this option alone

        key = named.shelf.campaign_key(campaign, "report.html")
        serve_report(objects, key, open_browser=True, announce=lambda url: click.echo(f"open      {url}"))
