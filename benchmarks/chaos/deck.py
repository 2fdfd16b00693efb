"""The decks: which faults are played in a session, and how often, in the order of the dice."""

from collections.abc import Callable, Iterator
from functools import partial

from benchmarks.chaos.boundaries import BOUNDARIES
from benchmarks.chaos.faults import Director
from benchmarks.chaos.proxies import Fate, Moment, Mood

MOMENTS: tuple[Moment, ...] = ("request", "answer")
MOODS: tuple[Mood, ...] = ("503", "reset", "stall")
#: Share of the boundaries at which a line is cut in one way, in one round of the deck.
CUT_SHARE = 0.2
#: What the simulator can be told to do with the next requests, and with how many of them at most.
SCRIPTED = [
    ("submit", "429", 6), ("submit", "500", 1), ("submit", "502", 1), ("submit", "503", 1), ("submit", "504_after", 1),
    ("submit", "cut_before", 1), ("submit", "cut_after", 1), ("submit", "reset_before", 1),
    ("submit", "reset_after", 1),
    ("submit", "hang_before", 1), ("submit", "hang_after", 1), ("submit", "late_accept", 1), ("submit", "html", 1),
    ("submit", "truncated", 1), ("submit", "garbage", 1),
    ("status", "429", 6), ("status", "500", 4), ("status", "garbage", 3), ("status", "hang_after", 2),
    ("result", "502", 3), ("result", "html", 2), ("result", "expired", 2), ("result", "truncated", 2),
    ("clip", "html", 2), ("clip", "truncated", 2), ("clip", "cut_before", 3), ("clip", "503", 3),
    ("clip", "expired", 2),
    ("list", "500", 2), ("list", "cut_after", 1), ("list", "garbage", 1),
]  # fmt: skip
#: Where a purchase can be torn apart: before and after its intent, its grant, its POST, its move and its receipt, and
#: where a video is brought home.
TORN: tuple[tuple[str, str, Moment], ...] = (
    ("ledger", "claim", "answer"), ("store", "PUT intent", "answer"), ("ledger", "send", "answer"),
    ("provider", "submit", "request"), ("provider", "submit", "answer"), ("ledger", "move:rendering", "request"),
    ("store", "PUT receipt", "request"), ("ledger", "move:collecting", "answer"), ("store", "PUT record", "answer"),
)  # fmt: skip
#: One of each kind, for a session of a minute or two; what the provider can do wrong is dealt to it by half.
SHORT_SCRIPTED = 2

Play = tuple[str, Callable[[], None]]


def deck(director: Director) -> list[Play]:
    """Every fault once or more."""
    d = director
    plays: list[Play] = []
    for place in _places(d):
        plays += [("kill at a boundary", partial(d.kill_at, *place))] * 2
        for fate in (Fate.FIN, Fate.RST, Fate.FREEZE):
            if d.dice.random() < CUT_SHARE:
                plays.append((f"cut at a boundary ({fate.value})", partial(d.cut_at, *place, fate)))
    plays += [("kill at random", partial(d.kill_at_random, 1))] * 30
    plays += [("kill of two", partial(d.kill_at_random, 2))] * 6
    plays += [("kill of all", partial(d.kill_at_random, len(d.stage.workers)))] * 6
    plays += [("SIGTERM", d.dismiss)] * 4
    plays += [("sleep past the lease", partial(d.sleep_at, *place)) for place in _sleeps(d)]
    plays += [("Valkey killed", d.kill_valkey)] * 3
    plays += [("FLUSHALL and recover", d.flush)] * 2
    servers = _servers(d)
    plays += [(f"lines to {s} cut", partial(d.cut_all, s, fate)) for s in servers for fate in (Fate.FIN, Fate.RST)]
    if "store" in servers:
        plays += [(f"store {mood}", partial(d.spoil_store, mood)) for mood in MOODS]
    plays += [(f"provider {on} {then}", partial(d.script, on, then, most)) for on, then, most in SCRIPTED]
    plays += [("doorbells doubled", d.double_doorbells)] * 3 + [("doorbells dropped", d.drop_doorbells)] * 3
    d.dice.shuffle(plays)
    return plays


def short_deck(director: Director) -> list[Play]:
    """Each kind of fault once: kills where a purchase can be torn apart, of all, of Valkey, of the whole ledger."""
    d, servers = director, _servers(director)
    plays: list[Play] = [("kill at a boundary", partial(d.kill_at, *place)) for place in TORN if place[0] in servers]
    plays += [("kill at random", partial(d.kill_at_random, 1)), ("SIGTERM", d.dismiss)]
    plays += [("kill of all", partial(d.kill_at_random, len(d.stage.workers)))]
    plays += [("sleep past the lease", partial(d.sleep_at, "ledger", "send"))]
    plays += [("Valkey killed", d.kill_valkey), ("FLUSHALL and recover", d.flush)]
    plays += [(f"lines to {server} cut", partial(d.cut_all, server, Fate.RST)) for server in servers]
    plays += [(f"provider {on} {then}", partial(d.script, on, then, 1)) for on, then, _ in SCRIPTED[::SHORT_SCRIPTED]]
    plays += [("doorbells doubled", d.double_doorbells), ("doorbells dropped", d.drop_doorbells)]
    if "store" in servers:
        plays += [("store 503", partial(d.spoil_store, "503"))]
    d.dice.shuffle(plays)
    return plays


def _servers(director: Director) -> list[str]:
    """The servers behind proxies: a store that is a folder has none."""
    return [server for server in BOUNDARIES if server in director.stage.workers[0].proxies]


def _places(director: Director) -> Iterator[tuple[str, str, Moment]]:
    """Every boundary that this session has; only Segmind's results are asked for by themselves."""
    for server in _servers(director):
        for name in BOUNDARIES[server]:
            if name != "result" or director.stage.provider == "segmind":
                yield from ((server, name, moment) for moment in MOMENTS)


def _sleeps(director: Director) -> list[tuple[str, str]]:
    """The answers after which a worker may be about to send, or to write what it has bought."""
    places = [("ledger", "send"), ("ledger", "send"), ("provider", "submit"), ("ledger", "move:collecting")]
    return places + ([("store", "PUT intent")] if "store" in _servers(director) else [])
