"""What a person changes while ten thousand videos are being bought acts within a second: of the ledger's own time, or
counted in what may have been claimed in the second before.
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
RATE = 40
#: Jobs that may be claimed and not yet bought. Of these a later one may leave first.
ABREAST = int(RATE * LOOK_AHEAD_S) + 1 + WORKERS * THREADS
#: Purchases that are looked at after a change, in which campaigns have had their turns.
LOOKED_AT = 40
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

    def bought(self) -> list[str]:
        """Whose each purchase is, in the order in which the provider took them."""
        return [one["input"]["prompt"].partition(" ")[0] for one in self.fleet.provider.purchases()]

    def rendering(self, key: str = f"a:{ACCOUNT}") -> int:
        """How many purchases the ledger knows of the account, or of a campaign (`c:name`)."""
        return int(self.ledger.hget(f"wb:{key}", "n:rendering") or 0)

    def mark(self) -> int:
        """How many purchases there are when all claims that are older than this moment have become some: few, or the
        change is late.
        """
        claimed, submitting, rendering = self.ledger.hmget(
            f"wb:a:{ACCOUNT}", "n:claimed", "n:submitting", "n:rendering"
        )
        older = int(claimed or 0) + int(submitting or 0)
        assert older <= ABREAST
        return int(rendering or 0) + older

    def next(self, count: int = LOOKED_AT) -> Counter[str]:
        """Whose the next purchases are, after those that may be older than this moment."""
        mark = self.mark() + RATE // 2
        until(lambda: self.rendering() >= mark + count, 60, f"{count} more purchases")
        return Counter(self.bought()[mark : mark + count])

    def committed_usd(self, campaign: str) -> Decimal:
        """What a campaign has spent and reserved."""
        money = self.fleet.run("status", campaign, "--json").json["money_usd"]
        return sum((Decimal(money[name]) for name in ("spent", "reserved", "in_doubt")), Decimal(0))

    def now_s(self) -> float:
        """The ledger's own time."""
        seconds, micros = self.ledger.time()
        return int(seconds) + int(micros) / 1e6


def test_changes_act_within_a_second(fleet: Callable[..., Fleet], valkey: Valkey) -> None:
    """A short campaign starts within one turn; priority, budget, pause and cancel are obeyed by the next claims."""
    made = fleet("--no-limits")
    limits = made.folder / "limits.toml"
    limits.write_text(f"[{ACCOUNT}]\nsubmits = [{{ count = {RATE}, window_s = 1 }}]\n")
    made.hire(WORKERS, WANBATCH_LIMITS=str(limits))
    with valkey.client() as client:
        desk = Desk(made, client)
        desk.submit("night", 10_000)
        until(lambda: desk.rendering() >= RATE, 60, "the night run buys")

        desk.submit("short", 10)
        mark = desk.mark()
        until(lambda: desk.rendering("c:short") == 10, 60, "the short campaign's ten")
        assert desk.bought()[: mark + 2 * 10 + RATE].count("short") == 10

        desk.submit("day", 1_000, "--priority", "-2")
        assert desk.next()["day"] <= LOOKED_AT * 0.4
        desk.tell("adjust", "day", "--priority", "5")
        assert desk.next()["day"] >= LOOKED_AT * 0.8

        desk.tell("adjust", "day", "--budget", str(desk.committed_usd("day")))
        promised_usd = desk.committed_usd("day")
        assert desk.next()["night"] >= LOOKED_AT * 0.8
        assert desk.bought().count("day") * VIDEO_USD == desk.committed_usd("day") == promised_usd
        desk.tell("adjust", "day", "--budget", "1000")
        assert desk.next()["day"] >= LOOKED_AT * 0.8

        desk.tell("pause", "--all")
        paused_s = desk.now_s()
        until(lambda: desk.now_s() > paused_s + 2 * AT_ONCE_S, 60, "two seconds of the ledger")
        assert float(client.hget(f"wb:a:{ACCOUNT}", "last") or 0) <= (paused_s + AT_ONCE_S) * 1000
        stopped = desk.mark()
        assert len(desk.bought()) <= stopped
        desk.tell("resume", "--all")
        until(lambda: desk.rendering() > stopped, 60, "buying goes on")

        desk.tell("cancel", "night", "--yes")
        assert desk.next() == {"day": LOOKED_AT}
    states = made.run("status", "night", "--json").json["states"]
    assert states["queued"] == 0
    assert states["cancelled"] > 9_000
