"""How long it took: until all is in good hands, until lost sends are decided, and the story of what was slow."""

from collections.abc import Iterator, Sequence
from typing import Any

from benchmarks.chaos.watch import Kill, Watch
from benchmarks.gauge import percentile
from config.facts import load_facts
from ledger.gates import ON_THE_WIRE_S
from ledger.jobs import LEASE_S

#: Seconds of grace beyond what the protocol itself waits for.
GRACE_S = 10.0


def settle_s(provider: str, speed: float) -> float:
    """Seconds from a send after which its absence can be proved."""
    return ON_THE_WIRE_S + load_facts()[provider].unknown_settle_s / speed


def times(watch: Watch) -> dict[str, Any]:
    """What followed the kills: seconds, and how many sends died beside how many were on their way."""
    kills = watch.kills
    plain = [kill.recovered_s for kill in kills if kill.recovered_s is not None]
    clear = [kill.cleared_s for kill in kills if kill.cleared_s is not None and kill.died]
    return {
        "instants_of_kills": len(kills) + watch.unfollowed,
        "unfollowed": watch.unfollowed,
        "never_recovered": sum(kill.recovered_s is None for kill in kills),
        "submitting_at_kills": sum(len(kill.submitting) for kill in kills),
        "unknown_from_kills": sum(len(kill.died) for kill in kills),
        "unknown_beyond_submitting": sum(len(kill.strange) for kill in kills),
        "with_unknown": len(clear),
        "recovery_p50_s": _rounded(percentile(plain, 0.5)),
        "recovery_p99_s": _rounded(percentile(plain, 0.99)),
        "recovery_most_s": _rounded(max(plain, default=None)),
        "cleared_p50_s": _rounded(percentile(clear, 0.5)),
        "cleared_p99_s": _rounded(percentile(clear, 0.99)),
        "cleared_most_s": _rounded(max(clear, default=None)),
        "recoveries_s": sorted(round(one, 1) for one in plain),
        "clearings_s": sorted(round(one, 1) for one in clear),
    }


def too_slow(figures: dict[str, Any], speed: float) -> list[str]:
    """The 99th percentiles that miss their bar: the lease and 10 s, and with lost sends the settle time and 10 s."""
    most = {
        "recovery_p99_s": LEASE_S + GRACE_S,
        "cleared_p99_s": settle_s(figures["provider"], speed) + GRACE_S,
    }
    return [f"{name} is {figures[name]}, and may be {bar}" for name, bar in most.items() if (figures[name] or 0) > bar]


def slow(watch: Watch, played: Sequence[tuple[float, str]], settles_s: float) -> Iterator[str]:
    """The story of every kill that was beyond a bar: what was played then, and what became of the last job."""
    for kill in watch.kills:
        if kill.recovered_s is None or kill.recovered_s > LEASE_S + GRACE_S:
            yield from _story(watch, played, kill, kill.last or next(iter(kill.held), ""), kill.recovered_s)
        if kill.died and (kill.cleared_s is None or kill.cleared_s > settles_s + GRACE_S):
            yield from _story(watch, played, kill, kill.last_decided, kill.cleared_s)


def _story(
    watch: Watch, played: Sequence[tuple[float, str]], kill: Kill, job: str, seconds: float | None
) -> Iterator[str]:
    lasted_s = 200.0 if seconds is None else seconds
    events = [(at, name) for at, name in played]
    events += [
        (at, f"{stand.state} {stand.fence} send {stand.sends} {stand.trouble or ''}")
        for at, stand in watch.stories.get(job, [])
    ]
    yield f"slow kill: {_rounded(seconds)} s, last {job}"
    for at, what in sorted(events):
        if -6 < at - kill.at < lasted_s + 2:
            yield f"  {at - kill.at:7.2f}  {what}"


def _rounded(seconds: float | None) -> float | None:
    return None if seconds is None else round(seconds, 2)
