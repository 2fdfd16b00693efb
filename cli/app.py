"""The front door: finds the command, and turns every error into words for a person and an exit code for a script.

Commands are imported when they are called, so that `wanbatch --help` needs neither Celery nor boto3.
"""

import difflib
import errno
import importlib
import json
import os
import sys
import tempfile
import traceback
from pathlib import Path
from typing import Any, Final, NoReturn

import click

from jobs.errors import BadInput, Refused, WanbatchError, problems_json
from jobs.visible import visible

#: Every command and its one line in `--help`; the command lies in the module of its name.
COMMANDS: Final = {
    "plan": "Validate every row, expand, dedupe, price, estimate the time; spends nothing.",
    "run": "Plan, then make the videos with a ledger and a worker on this machine; waits.",
    "submit": "Plan, then put the jobs on the configured ledger and return.",
    "schedule": "Refresh campaigns by the clock: add, list, run, pause, resume, remove, history, serve.",
    "worker": "Work for the configured ledger until told to end.",
    "webhooks": "Receive providers' calls that a render has ended, until told to end.",
    "wait": "Wait until a campaign has settled; ends with run's exit codes.",
    "status": "Counts, money, pace, and what needs a person.",
    "pause": "Stop buying for a campaign, a provider or everything; what is bought is collected.",
    "resume": "Go on after a pause, a cancel, or whatever parked a campaign or account.",
    "adjust": "Change a campaign's share of its account, or its budget, while it runs.",
    "budget": "Caps of a day and a month over all campaigns of a client, a team, a person, or all: set, list, remove.",
    "cancel": "Buy nothing more for a campaign; says what will still be billed, and asks.",
    "reconcile": "Look for submits whose answer was lost, now; says what only a person can decide.",
    "retry": "Buy anew what failed, or what is held unknown; shows what may be paid twice, and asks.",
    "recover": "Rebuild a lost ledger from the store alone.",
    "manifest": "Print a campaign's manifest, at any moment.",
    "report": "Make a campaign's gallery page, at any moment.",
    "deliver": "Copy a campaign's videos to where they are used, under names of their own, with feeds.",
    "spend": "Add up what was paid, over all campaigns: by campaign, provider, day, or a column such as client.",
    "audit": "Set a provider's statement against our own records.",
    "providers": "What each provider sells, its prices and limits, and whether its key is set.",
    "check": "Look at settings, Redis, store, keys and balances.",
    "simulate": "Be the provider next door: a simulator of every dialect on a port.",
}
HELP: Final = """Turn a matrix of ad variants into Wan 2.6 videos: as fast as the provider allows, each bought once.

\b
First steps:
  wanbatch run examples/summer-campaign.csv        a simulated run; buys nothing
  wanbatch check --provider segmind                what is missing for a real one
  wanbatch run MATRIX --provider segmind --limit 1 --budget 1

\b
Exit codes: 0 all done; 1 a bug of ours; 2 bad input; 3 some failed or need a look;
4 refused before starting; 5 stopped early for money; 130 interrupted; 141 output closed.
"""
BUG, INTERRUPTED = 1, 130
#: As a shell has it of a program that a closed pipe has ended.
UNREAD = 141
#: What a machine refuses, and no code of ours can mend: rights, a full or read-only disk, a name that is too long.
MACHINE: Final = frozenset(
    {errno.EACCES, errno.EPERM, errno.ENOSPC, errno.EDQUOT, errno.EROFS, errno.EIO, errno.ENOTDIR, errno.ENAMETOOLONG}
)
#: A message may have several lines, with columns.
LINES: Final = "\n\t"


class Door(click.Group):
    """A group whose commands are imported only when they are called."""

    def get_command(self, _ctx: click.Context, cmd_name: str) -> click.Command | None:
        """The command of that name, from the module of that name."""
        if cmd_name not in COMMANDS:
            return None
        command: click.Command = importlib.import_module(f"cli.{cmd_name}").command
        return command

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """The command of the first word; of one that is misspelt, which was meant."""
        if args[0] not in COMMANDS and (close := difflib.get_close_matches(args[0], COMMANDS, n=1)):
            ctx.fail(f"No such command '{args[0]}'. (Did you mean '{close[0]}'?)")
        return super().resolve_command(ctx, args)

    def format_commands(self, _ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """List the commands without importing them."""
        with formatter.section("Commands"):
            formatter.write_dl(list(COMMANDS.items()))


@click.command(
    cls=Door,
    help=HELP,
    commands={name: click.Command(name, short_help=words) for name, words in COMMANDS.items()},
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 110},
)
@click.version_option(package_name="wanbatch")
def wanbatch() -> None:
    """The group of all commands."""


def main() -> NoReturn:
    """Run the command line; never returns."""
    for name, mode in (("stdin", "r"), ("stdout", "w"), ("stderr", "w")):
        # Started without one (`>&-`): its number would go to the next file that is opened, and our words into that.
        if getattr(sys, name) is None:
            setattr(sys, name, open(os.devnull, mode, encoding="utf-8"))  # noqa: PTH123, SIM115 - for good
    sys.exit(exit_code(sys.argv[1:]))


def exit_code(arguments: list[str]) -> int:
    """Run a command and give its exit code; every error has been told."""
    as_json = "--json" in arguments
    try:
        with wanbatch.make_context("wanbatch", arguments) as context:
            code = wanbatch.invoke(context)
    except click.exceptions.Exit as wish:
        code = wish.exit_code
    except click.ClickException as error:
        error.show()
        if as_json:
            click.echo(json.dumps({"error": error.format_message(), "hint": None}, ensure_ascii=False))
        code = error.exit_code if isinstance(error, click.UsageError) else BadInput.exit_code
    except WanbatchError as error:
        _tell(error, as_json=as_json)
        code = error.exit_code
    except (KeyboardInterrupt, click.Abort):
        click.echo("interrupted; the same command goes on from here", err=True)
        code = INTERRUPTED
    except BrokenPipeError:
        # Whoever read our output (head, less) has gone. What was left to do was not done, so this is no 0, which
        # `plan --exit-code` has for "nothing to buy".
        _drop_output()
        code = UNREAD
    except OSError as error:
        code = _tell_machine(error) if error.errno in MACHINE else _tell_bug(error)
    except Exception as error:  # noqa: BLE001 - the process door: whatever else comes is a bug of ours
        code = _tell_bug(error)
    return code if isinstance(code, int) else 0


def _tell(error: WanbatchError, *, as_json: bool) -> None:
    """Say what went wrong: on stderr for a person, and on stdout as an object where JSON was asked for."""
    click.echo(f"wanbatch: {visible(error.message, keep=LINES)}", err=True)
    if isinstance(error, BadInput):
        _tell_problems(error)
    if error.hint:
        click.echo(visible(error.hint, keep=LINES), err=True)
    if as_json:
        said: dict[str, Any] = {"error": error.message, "hint": error.hint or None}
        if isinstance(error, BadInput):
            said |= {"refused": problems_json(error.problems), "refused_count": error.count}
            said["warnings"] = problems_json(error.warnings)
        click.echo(json.dumps(said, ensure_ascii=False))


def _tell_problems(error: BadInput) -> None:
    """Every problem with its place; then, apart from them, what is no more than a warning."""
    for problem in error.problems:
        click.echo(str(problem), err=True)
    if error.count > len(error.problems):
        click.echo(f"... and {error.count - len(error.problems):,} more", err=True)
    for warning in error.warnings:
        click.echo(f"warning: {warning}", err=True)


def _tell_machine(error: OSError) -> int:
    """Say what this machine would not do, wherever that was; the exit code of what is refused."""
    _tell(
        Refused(
            f"{error.filename or 'the output'}: {error.strerror}",
            "mend that (rights, space, the path), or name another place; the same command goes on from here",
        ),
        as_json=False,
    )
    if error.filename is None:
        _drop_output()
    return Refused.exit_code


def _drop_output() -> None:
    """What could not be written must not be tried once more as Python ends, nor complained of then."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def _tell_bug(error: Exception) -> int:
    """Keep the traceback in a file of its own and say where."""
    descriptor, name = tempfile.mkstemp(prefix="wanbatch-bug-", suffix=".log")
    with os.fdopen(descriptor, "w", encoding="utf-8") as out:
        traceback.print_exception(error, file=out)
    words = str(error).splitlines()
    click.echo(
        f"wanbatch: this is a bug in wanbatch: {type(error).__name__}: {words[0] if words else ''}\n"
        f"the details are in {Path(name)}; nothing is bought twice when you repeat the command",
        err=True,
    )
    return BUG


if __name__ == "__main__":
    main()
