"""Whoever makes the slips: the same hands at our program, and at a Celery task that posts rows.

Both sides buy at one simulator, which plays the real provider; its statement tells what each of them has spent.
"""

import csv
import os
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from pathlib import Path
from typing import Any, Protocol

from celery import Celery

from benchmarks.servers import ask, await_

ROOT = Path(__file__).resolve().parents[2]
SPEED = 600
KEY = "sim-mistakes"
#: Seconds in which a command, or all of the plain side's tasks, must have ended.
WITHIN_S = 120.0


class Side(Protocol):
    """The same hands, whatever they type into: `folder` has a person's files, `settings` is what is set for good."""

    folder: Path
    settings: dict[str, str]

    def makes(
        self,
        file: str,
        *,
        at: str = "segmind",
        folder: str = "",
        budget: str | None = "10",
        web: bool = False,
        by_cron: bool = False,
    ) -> None:
        """Make a matrix's videos at a provider, as that person usually does, from a folder. `web`: it has addresses;
        `by_cron`: a clock does it, without the person's settings.
        """
        ...

    def rehearses(self, file: str) -> None:
        """Try it first, as far as one can."""
        ...

    def makes_twice_at_once(self, file: str) -> None:
        """Two people do, at the same moment."""
        ...


class Bank:
    """The simulator's statement."""

    def __init__(self, url: str) -> None:
        self.url = url

    def spent_usd(self) -> Decimal:
        """What all purchases so far have cost, once each has ended."""
        await_(lambda: all(one["state"] != "rendering" for one in self._statement()), "all renders have ended")
        return sum((Decimal(one["cost_usd"] or 0) for one in self._statement()), Decimal(0))

    def _statement(self) -> list[dict[str, Any]]:
        statement: list[dict[str, Any]] = ask(f"{self.url}/_simulator/purchases")["purchases"]
        return statement


@dataclass
class Ours:
    """`wanbatch run`, for real money where it can be. A real provider reaches no web server of this machine: matrices
    with addresses are played with --simulate against the same bank.
    """

    folder: Path
    program: Path
    bank: Bank
    settings: dict[str, str] = field(default_factory=dict)
    told: str = ""

    def makes(
        self,
        file: str,
        *,
        at: str = "segmind",
        folder: str = "",
        budget: str | None = "10",
        web: bool = False,
        by_cron: bool = False,
    ) -> None:
        """Type it, and keep what is said. A real run is of Segmind's videos; cron knows the key alone."""
        words = ["run", str(self.folder / file), "--provider", at]
        words += ["--budget", budget] if budget else []
        words += ["--simulate"] if web or at != "segmind" else []
        env = self._env() if not by_cron else {name: self._env()[name] for name in _CRON}
        self._ended(self._begun(words, env, self.folder / folder))

    def rehearses(self, file: str) -> None:
        """The same words with --simulate, and a simulator of its own."""
        env = self._env()
        del env["WANBATCH_SIMULATOR_URL"]
        words = ["run", file, "--provider", "segmind", "--simulate", "--speed", str(SPEED)]
        self._ended(self._begun(words, env, self.folder))

    def makes_twice_at_once(self, file: str) -> None:
        """Two processes."""
        words = ["run", file, "--provider", "segmind", "--budget", "10"]
        both = [self._begun(words, self._env(), self.folder) for _ in range(2)]
        told = []
        for process in both:
            self._ended(process)
            told.append(self.told)
        self.told = "".join(told)

    def _env(self) -> dict[str, str]:
        """A person's environment."""
        return {
            "PATH": os.environ["PATH"],
            "HOME": str(self.folder),
            "PYTHONPATH": str(self.program),
            "SEGMIND_API_KEY": KEY,
            "WANBATCH_SIMULATOR_URL": self.bank.url,
        } | self.settings

    @staticmethod
    def _begun(words: Sequence[str], env: dict[str, str], folder: Path) -> "subprocess.Popen[str]":
        folder.mkdir(exist_ok=True)
        return subprocess.Popen(
            [sys.executable, "-m", "cli.app", *words],
            cwd=folder,
            env=env,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )

    def _ended(self, process: "subprocess.Popen[str]") -> None:
        self.told, _ = process.communicate(timeout=WITHIN_S)


#: What a crontab's line has: nothing of a person's profile but the key.
_CRON = ("PATH", "HOME", "PYTHONPATH", "SEGMIND_API_KEY")


@dataclass
class Plain:
    """A worker of `benchmarks.peers.rows`, and a loop that sends it a CSV's rows."""

    folder: Path
    app: Celery
    settings: dict[str, str] = field(default_factory=dict)

    def makes(
        self,
        file: str,
        *,
        at: str = "segmind",
        folder: str = "",
        budget: str | None = "10",
        web: bool = False,
        by_cron: bool = False,
    ) -> None:
        """Send every row, and wait until each is ordered or refused; all else makes no difference."""
        del folder, budget, web, by_cron
        with (self.folder / file).open(encoding="utf-8", newline="") as rows:
            sent = [self.app.send_task(at, [row]) for row in csv.DictReader(rows)]
        for each in sent:
            each.get(timeout=WITHIN_S, propagate=False)

    def rehearses(self, file: str) -> None:
        """There is nothing to rehearse with but the provider."""
        self.makes(file)

    def makes_twice_at_once(self, file: str) -> None:
        """Neither run knows of the other."""
        self.makes(file)
        self.makes(file)
