"""How a plan's videos may be shared out among its accounts: each alone, and the cheapest way to be done in time.

The ledger decides while the work goes on, by what is queued then (`ledger/routes.lua`); this is the same rule, before
anything is bought.
"""

from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from collections.abc import Set as AbstractSet
from datetime import UTC, datetime
from decimal import Decimal
from math import inf, isfinite
from typing import Any, NamedTuple

from jobs.money import from_uusd
from jobs.rendertimes import kind_of
from producer.desk import Desk
from producer.kinds import Kind, cost_here, costs_elsewhere, lengths
from producer.planfile import PlanWriter
from producer.seller import Ask, Seller

#: So many of a kind are at each account.
Held = dict[str, float]


class Share(NamedTuple):
    """So many videos at one account: what they cost, at the least and at the most, and how many last how long."""

    seller: Seller
    makes: int
    low_usd: Decimal
    high_usd: Decimal
    renders: Mapping[str, int]


class Routing(NamedTuple):
    """What each account could make `alone`, the `split` that is meant, and whether it is `in_time` (None: no deadline).

    `most_usd` is what it would cost if everything had to be bought where it costs most.
    """

    alone: tuple[Share, ...]
    split: tuple[Share, ...]
    in_time: bool | None
    most_usd: Decimal


def routed(
    sellers: Sequence[Seller], kinds: Sequence[Kind], wanted: Mapping[int, int], within_s: float | None
) -> Routing:
    """Share so many videos of each kind out, all of them to end within so many of the providers' seconds."""
    counts = {number: count for number, count in wanted.items() if count}
    held, late = _split(sellers, kinds, counts, within_s)
    shared: defaultdict[str, Counter[int]] = defaultdict(Counter)
    for number, of in held.items():
        for name, count in _whole(of, counts[number]).items():
            shared[name][number] = count
    alone = [
        _share(seller, kinds, {n: count for n, count in counts.items() if _ask(kinds[n], seller.name) is not None})
        for seller in sellers
    ]
    most = sum(max(ask.high_uusd for ask in kinds[number].asks) * count for number, count in counts.items())
    return Routing(
        tuple(alone),
        tuple(_share(seller, kinds, shared[seller.name]) for seller in sellers),
        None if within_s is None else not late,
        from_uusd(most),
    )


def _split(
    sellers: Sequence[Seller], kinds: Sequence[Kind], counts: Mapping[int, int], within_s: float | None
) -> tuple[dict[int, Held], bool]:
    """Each kind to whoever asks least, and what those cannot end in time to others, the least dear first."""
    facts = {seller.name: seller.facts for seller in sellers}
    able = {name: inf if within_s is None else each.can_end(within_s) for name, each in facts.items()}
    held = {number: _at_the_cheapest(kinds[number], count) for number, count in counts.items()}
    load = dict.fromkeys(facts, 0.0)
    for of in held.values():
        for name, much in of.items():
            load[name] += much
    while move := _cheapest_move(kinds, held, load, able):
        number, giver, taker = move
        much = min(held[number][giver], load[giver] - able[giver], able[taker] - load[taker])
        held[number][giver] -= much
        held[number][taker] = held[number].get(taker, 0.0) + much
        load[giver] -= much
        load[taker] += much
        if much < 1e-6:  # noqa: PLR2004 - what is left of a video by rounding
            break
    return held, any(load[name] - able[name] >= 1 for name in facts)


def _at_the_cheapest(kind: Kind, count: int) -> Held:
    """All of a kind where it costs least; accounts that ask the same take as many as their pace allows."""
    least = [ask.seller for ask in kind.asks if ask.high_uusd == kind.best.high_uusd]
    paces = {seller.name: seller.facts.pace_per_s() for seller in least}
    if not all(map(isfinite, paces.values())):
        return {least[0].name: float(count)}
    return {name: count * pace / sum(paces.values()) for name, pace in paces.items()}


def _cheapest_move(
    kinds: Sequence[Kind], held: Mapping[int, Held], load: Mapping[str, float], able: Mapping[str, float]
) -> tuple[int, str, str] | None:
    """Of which kind, from whom and to whom: what unburdens an account and costs least more."""
    moves = (
        (ask.high_uusd - asked.high_uusd, ask.seller.name, number, giver)
        for number, of in held.items()
        for giver, count in of.items()
        if count > 0 and load[giver] > able[giver] and (asked := _ask(kinds[number], giver))
        for ask in kinds[number].asks
        if load[ask.seller.name] < able[ask.seller.name]
    )
    best = min(moves, default=None)
    return None if best is None else (best[2], best[3], best[1])


def _ask(kind: Kind, name: str) -> Ask | None:
    return next((ask for ask in kind.asks if ask.seller.name == name), None)


def _whole(of: Held, count: int) -> dict[str, int]:
    """The same in whole videos; what rounding leaves goes to the largest remainders."""
    whole = {name: int(much) for name, much in of.items()}
    left = count - sum(whole.values())
    for name in sorted(of, key=lambda each: whole[each] - of[each])[:left]:
        whole[name] += 1
    return whole


def _share(seller: Seller, kinds: Sequence[Kind], counts: Mapping[int, int]) -> Share:
    low = high = 0
    renders: Counter[str] = Counter()
    for number, count in counts.items():
        ask = _ask(kinds[number], seller.name)
        if ask is not None and count:
            low, high = low + ask.low_uusd * count, high + ask.high_uusd * count
            renders[kind_of(kinds[number].render)] += count
    return Share(seller, renders.total(), from_uusd(low), from_uusd(high), renders)


def to_buy(desk: Desk, writer: PlanWriter, known: AbstractSet[str]) -> dict[str, Any]:
    """What a plan says of the videos that are still to buy, and of where they are bought."""
    kinds = desk.kinds.found
    wanted = Counter(kind for job, kind in zip(writer.ids, writer.kinds, strict=True) if job not in known)
    low, high = cost_here(kinds, wanted)
    most, routing = high, None
    if len(desk.sellers) > 1:
        deadline, speed = desk.options.deadline, desk.options.speed
        within_s = deadline.within_s(datetime.now(UTC), speed) if deadline else None
        routing = routed(desk.sellers, kinds, wanted, within_s)
        low = sum((share.low_usd for share in routing.split), Decimal(0))
        high = sum((share.high_usd for share in routing.split), Decimal(0))
        most = routing.most_usd
    return {
        "account": desk.sellers[0].name,
        "accounts": tuple(seller.name for seller in desk.sellers),
        "deadline": desk.options.deadline,
        "speed": desk.options.speed,
        "already_bought": len(writer.ids) - wanted.total(),
        "to_buy": wanted.total(),
        "cost_low_usd": low,
        "cost_high_usd": high,
        "most_usd": most,
        "routing": routing,
        "elsewhere": costs_elsewhere(kinds, wanted, {seller.facts.name for seller in desk.sellers}),
        "bought": known,
        "eta_s": desk.sellers[0].facts.eta_s(wanted.total()),
        "renders": lengths(kinds, wanted),
    }
