"""`wanbatch worker`: one worker for the configured ledger, until it is told to end."""

import click

from cli.options import places
from cli.places import required_ledger_url
from config.accounts import Accounts
from config.logs import configure_logs, known_secrets
from config.settings import load_settings


@click.command("worker")
@places
@click.option("--threads", type=click.IntRange(2, 256), metavar="N", help="Threads for short tasks (default 8).")
@click.option("--accounts", metavar="NAMES", help="Serve only these accounts, comma-separated (default: all it can).")
def command(store: str | None, redis: str | None, threads: int | None, accounts: str | None) -> int:
    """Work for the configured ledger until SIGTERM or Ctrl-C; any number of workers may run.

    It buys for every account whose key is set, and for simulated ones where WANBATCH_SIMULATOR_URL is set.
    """
    from worker.app import serve  # noqa: PLC0415 - Celery is needed by this command alone

    settings = load_settings(store=store, redis=redis, threads=threads, accounts=accounts)
    settings = load_settings(
        store=settings.store,
        redis=required_ledger_url(settings, "worker"),
        threads=settings.threads,
        accounts=settings.accounts,
    )
    configure_logs(settings.log_level, secrets=known_secrets(settings, Accounts(settings.limits).keys()))
    return serve(settings)
