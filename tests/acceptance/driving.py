"""How a stranger drives the program: whole processes by their command line, and what can be seen of them from outside.

The judge is the provider's bank statement, never what the program says of itself.
"""

import contextlib
import io
import json
import os
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from cli.app import exit_code
from tests.services import Child, Simulator, start

ROOT = Path(__file__).resolve().parents[2]
WANBATCH = str(Path(sys.executable).with_name("wanbatch"))
CAMPAIGN_FILE = ROOT / "examples" / "summer-campaign.csv"
#: The videos that the example asks for.
CAMPAIGN_VIDEOS = 24
#: A worker's threads, in every test that counts on them.
THREADS = 8


@dataclass(frozen=True)
class Ended:
    """A command that has ended: its exit code, what it said, and the seconds that it took."""

    code: int
    out: str
    err: str
    took_s: float

    @property
    def json(self) -> Any:
        """What it printed under --json."""
        return json.loads(self.out)


def wanbatch(
    *arguments: str | Path,
    cwd: Path,
    env: Mapping[str, str] | None = None,
    given: bytes = b"",
    within_s: float = 120,
    command: Sequence[str] = (WANBATCH,),
) -> Ended:
    """Run one command to its end without a terminal; `given` is its stdin."""
    began = time.monotonic()
    done = subprocess.run(
        [*command, *map(str, arguments)],
        cwd=cwd,
        env=os.environ | (env or {}),
        input=given,
        capture_output=True,
        timeout=within_s,
        check=False,
    )
    return Ended(done.returncode, done.stdout.decode(), done.stderr.decode(), time.monotonic() - began)


def typed(*arguments: str | Path, cwd: Path, env: Mapping[str, str] | None = None, given: bytes = b"") -> Ended:
    """The same in the test's own process, for commands that ask and tell: most of their time goes into a new Python."""
    out, err, stdin = (io.TextIOWrapper(io.BytesIO(data), "utf-8", newline="") for data in (b"", b"", given))
    began = time.monotonic()
    with pytest.MonkeyPatch.context() as patch, contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
        patch.chdir(cwd)
        patch.setattr(sys, "stdin", stdin)
        for name, value in (env or {}).items():
            patch.setenv(name, value)
        code = exit_code([*map(str, arguments)])
    took_s = time.monotonic() - began
    for told in (out, err):
        told.seek(0)
    return Ended(code, out.read(), err.read(), took_s)


@dataclass(frozen=True)
class Command:
    """A command that is running."""

    child: Child

    def tell(self, number: signal.Signals) -> None:
        """Send it a signal."""
        self.child.process.send_signal(number)

    def ended(self, within_s: float) -> int:
        """Its exit code, once it has ended."""
        return self.child.process.wait(within_s)

    @property
    def said(self) -> str:
        """All that it has said so far."""
        return self.child.log.read_text(errors="replace")


def begin(log: Path, *arguments: str | Path, env: Mapping[str, str] | None = None) -> Command:
    """Start one command, its output in `log`; it dies with the test run."""
    return Command(start([WANBATCH, *map(str, arguments)], log, dict(env or {})))


def until(true: Callable[[], object], within_s: float, what: str) -> None:
    """Wait until it holds; fail in words when it has not within that time."""
    deadline = time.monotonic() + within_s
    while not true():
        assert time.monotonic() < deadline, f"not within {within_s:g} s: {what}"
        time.sleep(0.02)


def processes_with(text: str) -> list[str]:
    """Every other process that has the text in its command line or its environment."""
    found = []
    for folder in Path("/proc").iterdir():
        if not folder.name.isdigit() or int(folder.name) == os.getpid():
            continue
        try:
            command = (folder / "cmdline").read_bytes()
            if text.encode() in command + (folder / "environ").read_bytes():
                found.append(f"{folder.name} {command.decode(errors='replace')}")
        except OSError:
            continue  # it has just ended, or is not ours
    return found


def papers(store: Path, campaign: str, *, simulated: bool = True) -> Path:
    """The folder with a campaign's manifest and gallery in a file store."""
    return store / ("simulated" if simulated else ".") / "campaigns" / campaign


def manifest_of(file: Path) -> list[dict[str, Any]]:
    """The lines of a manifest."""
    return [json.loads(line) for line in file.read_text(encoding="utf-8").splitlines()]


def journal(store: Path) -> list[dict[str, Any]]:
    """Purchases on the journal of the simulator that a run embedded, which outlives it."""
    file = store / "simulated" / ".simulator" / "journal.jsonl"
    entries = [json.loads(line) for line in file.read_bytes().splitlines()] if file.exists() else []
    ends = {entry["task_id"]: entry["state"] for entry in entries if entry["kind"] == "ended"}
    bought = [entry for entry in entries if entry["kind"] == "accepted"]
    return [entry | {"state": ends.get(entry["task_id"], "rendering")} for entry in bought]


def throttled(store: Path) -> list[str]:
    """Receipts of submits that the provider threw back, in a file store; each would be a limit passed."""
    receipts = store.glob("**/jobs/*/receipt.*.json")
    return [text for text in (file.read_text() for file in receipts) if json.loads(text)["outcome"] == "rejected"]


def bought_twice(purchases: Sequence[Mapping[str, Any]]) -> dict[str, int]:
    """Inputs of which more than one purchase neither failed nor was cancelled at the provider."""
    kept = (one for one in purchases if one["state"] not in ("failed", "cancelled"))
    counted = Counter(json.dumps([one["model"], one["input"]], sort_keys=True) for one in kept)
    return {what: number for what, number in counted.items() if number > 1}


def tasks(lines: Sequence[Mapping[str, Any]]) -> Counter[str]:
    """The provider's names of all purchases in a manifest."""
    return Counter(bought["task_id"] for line in lines for bought in line["purchases"] if bought["task_id"])


def billed_usd(purchases: Sequence[Mapping[str, Any]]) -> Decimal:
    """The sum of a bank statement."""
    return sum((Decimal(one["cost_usd"] or 0) for one in purchases), Decimal(0))


def spent_usd(lines: Sequence[Mapping[str, Any]]) -> Decimal:
    """The sum of a manifest."""
    return sum((Decimal(line["cost_usd"] or 0) for line in lines), Decimal(0))


def statuses(lines: Sequence[Mapping[str, Any]]) -> Counter[str]:
    """How many lines of a manifest have each status."""
    return Counter(line["status"] for line in lines)


def agree(provider: Simulator, lines: Sequence[Mapping[str, Any]]) -> None:
    """The provider's statement and the manifest name the same purchases at the same cost, and no limit was passed."""
    statement = provider.purchases()
    assert bought_twice(statement) == {}
    assert tasks(lines) == Counter(one["task_id"] for one in statement)
    assert spent_usd(lines) == billed_usd(statement)
    assert provider.violations() == []


def good_videos(lines: Sequence[Mapping[str, Any]]) -> None:
    """Every line has a verified video, and no two are the same file."""
    assert all(line["status"] == "done" and line["video"]["verified"] for line in lines), statuses(lines)
    assert len({line["video"]["sha256"] for line in lines}) == len(lines)


def prompts_file(path: Path, count: int, *, words: str = "a paper boat passes the") -> Path:
    """A matrix of so many prompts, a line each."""
    path.write_text("".join(f"{words} lamp number {number}\n" for number in range(1, count + 1)))
    return path


@dataclass(frozen=True)
class Fleet:
    """Settings that several processes share, as containers would: a ledger, a store and a simulated provider."""

    folder: Path
    env: Mapping[str, str]
    provider: Simulator
    workers: list[Command] = field(default_factory=list)

    def hire(self, count: int = 1, **env: str) -> list[Command]:
        """Start so many workers more, and wait until Celery has them ready for work."""
        more = []
        for number in range(len(self.workers), len(self.workers) + count):
            log = self.folder / f"worker-{number}.log"
            more.append(begin(log, "worker", "--threads", str(THREADS), env={**self.env, **env}))
        self.workers.extend(more)
        return more

    def run(self, *arguments: str | Path, **env: str) -> Ended:
        """Run one command with the fleet's settings."""
        return typed(*arguments, cwd=self.folder, env={**self.env, **env})

    def lines(self, campaign: str) -> list[dict[str, Any]]:
        """The campaign's manifest as of now."""
        ended = self.run("manifest", campaign)
        assert ended.code == 0, ended.err
        return [json.loads(line) for line in ended.out.splitlines()]

    def dismiss(self) -> None:
        """End every worker that still runs."""
        for worker in self.workers:
            worker.child.process.terminate()
        for worker in self.workers:
            worker.child.stop()
