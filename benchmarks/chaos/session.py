"""One session: campaigns are submitted and faults played while work goes on, then everything settles and is judged."""

import random
import sys
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import redis

from benchmarks.chaos.campaigns import Campaign, open_campaign
from benchmarks.chaos.cast import Stage, stage
from benchmarks.chaos.deck import Play, deck, short_deck
from benchmarks.chaos.faults import Director
from benchmarks.chaos.judge import judge
from benchmarks.chaos.times import settle_s, slow, times
from benchmarks.chaos.watch import Watch
from jobs.lifecycle import State
from ledger.halt import Place, halt

#: Simulated seconds in a second: a render takes about three.
SPEED = 60
#: Jobs of one campaign, and jobs under way or waiting below which the next one is submitted.
JOBS = 60
LEAST_LIVE = 60
#: Jobs that may be unknown at once; beyond, no more faults are played until some are cleared up.
MOST_UNKNOWN = 40
#: Seconds in which everything must have settled after the last fault.
SETTLES_WITHIN_S = 300
#: 2 % of submits are accepted and never answered, as many renders fail; late ones come after the client has given up.
WEATHER = {"p_lost": 0.01, "p_cut": 0.01, "p_failed": 0.02, "p_late_accept": 0.002, "late_accept_s": 21.0}
#: What may be nothing but 0.
NEVER = ("lost", "bought_twice", "overspend_uusd", "books_minus_statement_uusd", "violations", "never_recovered")


@dataclass(frozen=True, slots=True)
class Asked:
    """What a session is to be: its seed, on what it runs, and its length in minutes and kills.

    Without a length the short deck is played once, each kind of fault one time.
    """

    seed: int
    provider: str
    on_s3: bool
    minutes: float = 0.0
    kills: int = 0
    #: Seconds without a fault after each kill, so that it can be seen what follows from it alone.
    rest_s: float = 0.0


@dataclass(slots=True)
class Session:
    """A session under way: its campaigns, what was played when, and how often the account had to be resumed."""

    stage: Stage
    director: Director
    watch: Watch
    campaigns: list[Campaign] = field(default_factory=list)
    played: list[tuple[float, str]] = field(default_factory=list)
    resumed: int = 0

    def play(self, asked: Asked) -> None:
        """Play the deck again and again until the time, or the wanted number of kills, is reached."""
        ends = time.monotonic() + asked.minutes * 60
        plays: list[Play] = []
        while time.monotonic() < ends and self.director.kills < asked.kills:
            plays = plays or deck(self.director)
            kills = self.director.kills
            self._play(*plays.pop())
            if self.director.kills > kills:
                self._rest(asked.rest_s)

    def play_short(self) -> None:
        """Play the short deck once."""
        for name, play in short_deck(self.director):
            self._play(name, play)

    def settle(self) -> None:
        """No more faults: wait until every job has ended, or is held."""
        self.stage.heal()
        ends = time.monotonic() + SETTLES_WITHIN_S
        while self.watch.waits() and time.monotonic() < ends:
            self._resume()
            self.director.wake()
            time.sleep(0.2)

    def _rest(self, rest_s: float) -> None:
        """Play nothing for a while; work goes on."""
        ends = time.monotonic() + rest_s
        while time.monotonic() < ends:
            self.director.wake()
            self._keep_busy()
            time.sleep(0.2)

    def _play(self, name: str, play: Callable[[], None]) -> None:
        self._keep_busy()
        self.played.append((time.monotonic(), name))
        play()
        self.director.wake()
        self._tell(name)

    def _keep_busy(self) -> None:
        """Enough jobs under way, and not too many in doubt."""
        self._resume()
        waits_until = time.monotonic() + SETTLES_WITHIN_S
        while self.watch.count(State.UNKNOWN) > MOST_UNKNOWN and time.monotonic() < waits_until:
            time.sleep(0.2)
        in_doubt = sum(stand.state == State.UNKNOWN for stand in list(self.watch.live.values()))
        if len(self.watch.live) - in_doubt < LEAST_LIVE:
            campaign = open_campaign(self.stage, f"chaos-{len(self.campaigns):04d}", JOBS)
            self.campaigns.append(campaign)
            self.watch.follow(campaign.job_ids)

    def _resume(self) -> None:
        """What a person does who has read why the account, or a campaign, does not buy."""
        client, account = self.stage.redis, self.stage.account
        parked: list[tuple[Place, str]] = (
            [("account", account)] if client.hexists(f"wb:a:{account}", "parked_kind") else []
        )
        parked += [
            ("campaign", one.name) for one in self.campaigns if client.hexists(f"wb:c:{one.name}", "parked_kind")
        ]
        if parked:
            ledger = self.stage.ledger()
            for place, name in parked:
                halt(ledger, "resume", place, name)
            ledger.close()
        self.resumed += len(parked)

    def _tell(self, name: str) -> None:
        counts = Counter(str(stand.state) for stand in list(self.watch.live.values()))
        print(
            f"{self.director.kills} kills, {self.watch.ended} ended, {dict(counts)}: {name}",
            file=sys.stderr,
            flush=True,
        )


def run(folder: Path, asked: Asked) -> tuple[dict[str, Any], list[str]]:
    """One session: its figures, and a sentence for each thing that is wrong; how long things took is not judged."""
    began = time.monotonic()
    weather = ["--speed", str(SPEED), "--balance-usd", "1e7"]
    weather += [text for name, share in WEATHER.items() for text in (f"--{name.replace('_', '-')}", str(share))]
    with stage(folder, provider=asked.provider, on_s3=asked.on_s3, seed=asked.seed, weather=weather) as scene:
        client = redis.Redis.from_url(scene.redis_url, decode_responses=True, socket_timeout=5)
        watch = Watch(client, scene.account)
        session = Session(scene, Director(scene, watch, random.Random(asked.seed)), watch)
        watch.start()
        if asked.minutes:
            session.play(asked)
        else:
            session.play_short()
        played_s = time.monotonic() - began
        session.settle()
        watch.stop()
        verdict = judge(scene, session.campaigns, watch.unknown)
        verdict.complaints.extend(session.director.complaints)
        polls = scene.ask("/_simulator/stats")[asked.provider]["polls"]
        violations = scene.ask("/_simulator/violations")["count"]
    polls -= verdict.figures.pop("polls")
    figures: dict[str, Any] = {
        "benchmark": "chaos",
        "provider": asked.provider,
        "store": "s3" if asked.on_s3 else "file",
    }
    figures |= {
        "seed": asked.seed,
        "rest_s": asked.rest_s,
        "played_s": round(played_s),
        "seconds": round(time.monotonic() - began),
    }
    figures |= {"kills": session.director.kills, "faults": len(session.played)} | verdict.figures | times(watch)
    figures |= {"extra_polls": polls, "violations": violations, "resumed": session.resumed}
    figures |= {"left_late": session.director.left_late}
    figures |= {"rebuilt_s": [round(one, 1) for one in session.director.rebuilt_s]}
    figures |= {"played": dict(sorted(Counter(name for _, name in session.played).items()))}
    figures |= {"moments": dict(sorted(session.director.played.items()))}
    for line in slow(watch, session.played, settle_s(asked.provider, SPEED)):
        print(line, file=sys.stderr)
    return figures, verdict.complaints + beyond(figures)


def beyond(figures: dict[str, Any]) -> list[str]:
    """Figures that may be nothing but 0 and are not, and kills that left more in doubt than was on its way."""
    found = [f"{name} is {figures[name]}, and may be 0" for name in NEVER if figures[name]]
    if figures["unknown_beyond_submitting"]:
        found.append(f"{figures['unknown_beyond_submitting']} jobs were not in submitting at a kill, and unknown after")
    if figures["wrongly_held"]:
        found.append(f"{figures['wrongly_held']} jobs are held, though the provider tells what became of them")
    return found
