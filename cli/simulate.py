"""`wanbatch simulate`: the simulator's own command line, under our name."""

import click

from jobs.errors import WanbatchError


@click.command("simulate", context_settings={"ignore_unknown_options": True, "help_option_names": []})
@click.argument("arguments", nargs=-1, type=click.UNPROCESSED)
def command(arguments: tuple[str, ...]) -> None:
    """Be the provider next door until told to end; `wanbatch simulate --help` lists its own options."""
    from simulator.app import serve  # noqa: PLC0415 - uvicorn is needed by this command alone
    from simulator.journal import JournalRefused  # noqa: PLC0415
    from simulator.options import parse  # noqa: PLC0415

    try:
        serve(parse(arguments))
    except (JournalRefused, OSError) as error:
        raise WanbatchError(
            f"the simulator cannot start: {error}", "try another --port, --journal or --certificate"
        ) from error
