"""`wanbatch webhooks`: the receiver of providers' calls, until it is told to end."""

import socket

import click

from cli.options import places
from cli.places import required_ledger_url
from config.accounts import Accounts
from config.logs import configure_logs, known_secrets
from config.settings import Settings, load_settings
from config.simulator import simulator_clock
from jobs.errors import Refused
from ledger.hints import give_hint
from ledger.jobs import Ledger
from producer.stored import store_of
from providers.clock import Clock

#: Calls that are served at once; more are told to come again.
MOST_AT_ONCE = 512
#: Seconds for which an idle connection is kept, and that calls under way get when it ends.
KEEP_ALIVE_S, GRACE_S = 5, 5


@click.command("webhooks")
@places
@click.option("--host", default="127.0.0.1", metavar="ADDRESS", help="The address to listen on (default 127.0.0.1).")
@click.option("--port", type=click.IntRange(0, 65535), default=8800, metavar="N", help="The port (default 8800).")
def command(store: str | None, redis: str | None, host: str, port: int) -> None:
    """Receive webhooks until SIGTERM or Ctrl-C, and have the workers look at what has ended; several may run.

    It needs WANBATCH_WEBHOOK_URL, the public address that leads here, and WANBATCH_WEBHOOK_SECRET.
    """
    settings = load_settings(store=store, redis=redis)
    configure_logs(settings.log_level, secrets=known_secrets(settings, Accounts(settings.limits).keys()))
    _serve(settings, host, port)


def _serve(settings: Settings, host: str, port: int) -> None:
    import uvicorn  # noqa: PLC0415 - a server is needed by this command alone

    from worker.webhooks import Receiver, application, doors  # noqa: PLC0415 - the same
    from worker.wiring import addresses  # noqa: PLC0415 - the same

    made_at = addresses(settings)
    if made_at is None:
        raise Refused(
            "no address is known at which providers could reach the receiver",
            "set WANBATCH_WEBHOOK_URL and WANBATCH_WEBHOOK_SECRET, the same for workers and receivers",
        )
    clock = Clock(*simulator_clock(settings.simulator_url)) if settings.simulator_url else None
    ledger_url = required_ledger_url(settings, "webhooks")
    ledger = Ledger.connect(ledger_url, store_url=store_of(settings).url)
    try:
        receiver = Receiver(made_at, doors(settings, clock), lambda hint, for_s: give_hint(ledger, hint, for_s))
        with _listening(host, port) as door:
            config = uvicorn.Config(
                application(receiver), ws="none", log_config=None, access_log=False, server_header=False,
                limit_concurrency=MOST_AT_ONCE, timeout_keep_alive=KEEP_ALIVE_S, timeout_graceful_shutdown=GRACE_S,
            )  # fmt: skip
            where = door.getsockname()
            click.echo(f"webhooks for {settings.webhook_url} are received on {where[0]}:{where[1]}", err=True)
            uvicorn.Server(config).run(sockets=[door])
    finally:
        ledger.close()


def _listening(host: str, port: int) -> socket.socket:
    """The socket to accept calls on. Raises Refused where it cannot be had."""
    try:
        return socket.create_server((host, port), family=socket.AF_INET6 if ":" in host else socket.AF_INET)
    except OSError as error:
        raise Refused(f"nothing can listen on {host}:{port}: {error}", "try another --host or --port") from error
