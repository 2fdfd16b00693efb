"""`wanbatch manifest`: a campaign's manifest as of now, for a pipe or a file."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Literal, TextIO, get_args

import click

from cli.options import campaign, places
from cli.places import ledger_of
from config.settings import load_settings
from jobs.errors import BadInput
from jobs.record import Status
from producer.lines import manifest_lines
from producer.manifest import write_csv, write_jsonl
from producer.stored import found, store_of


@click.command("manifest")
@campaign
@places
@click.option("--format", "form", type=click.Choice(["jsonl", "csv"]), help="Default: jsonl, or what FILE's name says.")
@click.option("-o", "--output", type=click.Path(dir_okay=False, writable=True, path_type=Path), metavar="FILE")
@click.option("--status", type=click.Choice(get_args(Status)), multiple=True, help="Only jobs with this status.")
def command(
    campaign: str,
    store: str | None,
    redis: str | None,
    form: Literal["jsonl", "csv"] | None,
    output: Path | None,
    status: tuple[str, ...],
) -> None:
    """Print CAMPAIGN's manifest as of now, on stdout or to FILE."""
    settings = load_settings(store=store, redis=redis)
    objects = store_of(settings)
    named = found(objects, campaign)
    ledger = ledger_of(settings, objects)
    try:
        lines = (line for line in manifest_lines(named, ledger) if not status or line.status in status)
        with _opened(output) as out:
            if (form or ("csv" if output and output.suffix == ".csv" else "jsonl")) == "csv":
                write_csv(lines, out, axes=named.file.axes, labels=named.file.labels)
            else:
                write_jsonl(lines, out)
    finally:
        if ledger:
            ledger.close()
    if ledger is None:
        click.echo("no ledger is running: jobs without a record show as queued", err=True)


@contextmanager
def _opened(output: Path | None) -> Iterator[TextIO]:
    """The file, or stdout; both UTF-8 with plain newlines."""
    if output is None:
        sys.stdout.reconfigure(encoding="utf-8", newline="")  # type: ignore[union-attr]
        yield sys.stdout
        sys.stdout.flush()
    else:
        try:
            opened = output.open("w", encoding="utf-8", newline="")
        except OSError as error:
            raise BadInput(f"the manifest cannot be written to {output}: {error.strerror}") from error
        with opened as out:
            yield out
