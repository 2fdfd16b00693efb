"""What a person changes while ten thousand videos are being bought acts within a second: the next claims go by it, and
older ones are few. Time is the ledger's own; what was bought is for the provider to say.
"""

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from decimal import Decimal

from redis import Redis

from ledger.jobs import LOOK_AHEAD_S
from tests.acceptance.driving import THREADS, Fleet, prompts_file, until
from tests.services import Valkey

#: Seconds in which a change must act.
AT_ONCE_S = 1.0
WORKERS = 2
#: Submits a second that the account's owner allows.
RATE = 20
#: Jobs that are claimed and not yet bought, at most: those of one second, and of every thread.
ABREAST = int(RATE * LOOK_AHEAD_S) + 1 + WORKERS * THREADS
#: Claims that are looked at after a change, in which campaigns have had their turns.
LOOKED_AT = 30
CAMPAIGNS = ("night", "day")
VIDEO_USD = Decimal("0.625")
ACCOUNT = "simulated-segmind"


@dataclass(frozen=True)
class Desk:
    """A fleet that buys, and its ledger; nothing that it buys ends before the test does."""

    fleet: Fleet
    ledger: Redis

    def submit(self, campaign: str, count: int, *more: str) -> None:
        """Queue so many videos, whose prompts begin with the campaign's name."""
        file = prompts_file(self.fleet.folder / f"{campaign}.txt", count, words=campaign)
        self.tell("submit", str(file), "--simulate", "--campaign", campaign, *more)

    def tell(self, *words: str) -> None:
        """Give one command."""
        ended = self.fleet.run(*words)
        assert ended.code == 0, ended.err

    def bought(self, campaign: str) -> int:
        """How many of a campaign's videos the provider has sold."""
        statement = self.fleet.provider.purchases()
        return sum(one["input"]["prompt"].startswith(f"{campaign} ") for one in statement)

    def count(self, key: str, *states: str) -> int:
        """How many jobs of the account, or of a campaign (`c:name`), stand in one of these states."""
        return sum(int(found or 0) for found in self.ledger.hmget(f"wb:{key}", [f"n:{state}" for state in states]))

    def next(self, count: int = LOOKED_AT) -> Counter[str]:
        """Whose the next claims are."""
        assert self.count(f"a:{ACCOUNT}", "claimed", "submitting") <= ABREAST

        def queued() -> Counter[str]:
            return Counter({name: self.count(f"c:{name}", "queued") for name in CAMPAIGNS})

        before = queued()
        until(lambda: before.total() - queued().total() >= count, 60, f"{count} more claims")
        return before - queued()

    def committed_usd(self, campaign: str) -> Decimal:
        """What a campaign has spent and reserved."""
        money = self.fleet.run("status", campaign, "--json").json["money_usd"]
        return sum((Decimal(money[name]) for name in ("spent", "reserved", "in_doubt")), Decimal(0))

    def now_s(self) -> float:
        """The ledger's own time."""
        seconds, micros = self.ledger.time()
        return int(seconds) + int(micros) / 1e6

    def last_grant_s(self) -> float:
        """When the last submit was let out, in the ledger's time."""
        return float(self.ledger.hget(f"wb:a:{ACCOUNT}", "last") or 0) / 1000


def test_changes_act_within_a_second(fleet: Callable[..., Fleet], valkey: Valkey) -> None:
    """A short campaign starts within one turn; priority, budget, pause and cancel are obeyed by the next claims."""
    made = fleet("--no-limits")
    limits = made.folder / "limits.toml"
    limits.write_text(f"[{ACCOUNT}]\nsubmits = [{{ count = {RATE}, window_s = 1 }}]\n")
    made.hire(WORKERS, WANBATCH_LIMITS=str(limits))
    with valkey.client() as client:
        desk = Desk(made, client)
        desk.submit("night", 10_000)
        until(lambda: desk.count("c:night", "rendering") >= RATE, 60, "the night run buys")

        desk.submit("short", 10)
        waiting = desk.count("c:night", "queued")
        until(lambda: desk.count("c:short", "queued") == 0, 60, "the short campaign's turns")
        assert waiting - desk.count("c:night", "queued") <= 10 + RATE
        until(lambda: desk.bought("short") == 10, 60, "the short campaign's ten")

        desk.submit("day", 1_000, "--priority", "-2")
        assert desk.next()["day"] <= LOOKED_AT * 0.4
        desk.tell("adjust", "day", "--priority", "5")
        assert desk.next()["day"] >= LOOKED_AT * 0.8

        desk.tell("adjust", "day", "--budget", str(desk.committed_usd("day")))
        promised_usd = desk.committed_usd("day")
        assert "day" not in desk.next()
        until(lambda: desk.bought("day") * VIDEO_USD == desk.committed_usd("day"), 60, "what was claimed is bought")
        assert desk.committed_usd("day") <= promised_usd
        desk.tell("adjust", "day", "--budget", "1000")
        assert desk.next()["day"] >= LOOKED_AT * 0.8

        desk.tell("pause", "--all")
        paused_s = desk.now_s()
        until(lambda: desk.now_s() > paused_s + 1.5 * AT_ONCE_S, 60, "a second and a half")
        assert desk.last_grant_s() <= paused_s + AT_ONCE_S
        desk.tell("resume", "--all")
        until(lambda: desk.last_grant_s() > paused_s + AT_ONCE_S, 60, "buying goes on")

        desk.tell("cancel", "night", "--yes")
        most = desk.count("c:night", "rendering", "submitting")
        assert set(desk.next()) == {"day"}
        until(lambda: not desk.count("c:night", "claimed", "submitting"), 60, "what was claimed is given up")
        assert desk.bought("night") == desk.count("c:night", "rendering")
        assert desk.bought("night") <= most
        assert desk.count("c:night", "queued") == 0
        assert desk.count("c:night", "cancelled") > 9_000
