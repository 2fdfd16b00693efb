"""The judge: compares what was wanted, the provider's bank statement, the store, the manifest and the books.

The statement decides; our own papers are the accused.
"""

import json
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from benchmarks.chaos.campaigns import Campaign
from benchmarks.chaos.cast import Stage
from jobs.errors import ObjectNotFound
from jobs.lifecycle import HOLDS_SLOT, State
from jobs.money import to_uusd
from jobs.record import ManifestLine
from ledger.jobs import Ledger
from producer.lines import manifest_lines
from producer.stored import found

#: States of a purchase for which nothing is billed.
UNBILLED = ("failed", "cancelled")


@dataclass(slots=True)
class Verdict:
    """Figures by name, and a sentence for each thing that is wrong."""

    figures: dict[str, Any]
    complaints: list[str]


def judge(stage: Stage, campaigns: Iterable[Campaign], unknown: Mapping[str, str | None]) -> Verdict:
    """Every job of every campaign, against every purchase of the statement.

    `unknown` are the jobs that were unknown at some time, with the send whose answer was lost.
    """
    ledger = stage.ledger()
    statement: dict[tuple[str, int], list[dict[str, Any]]] = defaultdict(list)
    for one in stage.ask("/_simulator/purchases")["purchases"]:
        sent = one["input"]
        # DashScope's orders have two parts.
        words, numbers = (sent["input"], sent["parameters"]) if "parameters" in sent else (sent, sent)
        statement[words["prompt"], numbers["seed"]].append(one)
    total: Counter[str] = Counter()
    complaints: list[str] = []
    for campaign in campaigns:
        lines = list(manifest_lines(found(stage.store, campaign.name), ledger))
        wanted = {(line.prompt, line.seed) for line in lines}
        total["lost"] += campaign.jobs - len(wanted)
        sums = _campaign(stage, lines, statement, complaints)
        for line in lines:
            if line.job_id in unknown and line.status != "unknown":
                bought = any(str(one.send) == unknown[line.job_id] for one in line.purchases)
                sums["unknown_adopted" if bought else "unknown_absent"] += 1
        sums["overspend_uusd"] = max(0, sums["statement_uusd"] - campaign.budget_uusd)
        complaints += _books(ledger, campaign, sums)
        total.update(sums)
        for key in wanted:
            statement.pop(key, None)
    for (prompt, _), strays in statement.items():
        complaints.append(f"{len(strays)} purchases of {prompt!r}, which nobody wanted")
        total["bought_twice"] += len(strays)
    complaints += _account(stage.redis, stage.account)
    ledger.close()
    figures = {name: total[name] for name in ("jobs", "done", "failed", "lost", "bought_twice")}
    figures |= {name: total[name] for name in ("unknown_held", "wrongly_held", "failed_untold")}
    figures |= {
        name: total[name] for name in ("unknown_adopted", "unknown_absent", "surplus", "overspend_uusd", "polls")
    }
    figures["books_minus_statement_uusd"] = total["books_uusd"] - total["statement_uusd"]
    return Verdict(figures, complaints)


def _campaign(
    stage: Stage,
    lines: Sequence[ManifestLine],
    statement: Mapping[tuple[str, int], list[dict[str, Any]]],
    complaints: list[str],
) -> Counter[str]:
    """One campaign's manifest, line by line."""
    sums: Counter[str] = Counter()
    alike = Counter(line.prompt for line in lines)
    for line in lines:
        bought = statement.get((line.prompt, line.seed), [])
        kept = [one for one in bought if one["state"] not in UNBILLED]
        named = Counter(one.task_id for one in line.purchases if one.task_id)
        surplus = sum(one.state == "surplus" for one in line.purchases)
        sums["jobs"] += 1
        sums["polls"] += line.polls
        sums["statement_uusd"] += sum(to_uusd(Decimal(one["cost_usd"] or 0)) for one in bought)
        sums["books_uusd"] += to_uusd(line.cost_usd or Decimal(0))
        sums["surplus"] += surplus
        sums["failed_untold"] += len(bought) - len(_told(stage, bought, named))
        told = f"{line.job_id} ({line.status}, {len(bought)} bought)"
        if len(kept) > 1:
            sums["bought_twice"] += 1
            complaints.append(f"{told}: bought twice: {json.dumps(kept)}; the books name {sorted(named)}")
        if line.status == "unknown":
            sums["unknown_held"] += 1
            # Only a twin that differs by its seed may be left to a person, where the provider never tells a seed.
            if stage.provider != "dashscope" or alike[line.prompt] == 1:
                sums["wrongly_held"] += 1
                complaints.append(f"{told}: held")
            sums["books_uusd"] += sum(to_uusd(Decimal(one["cost_usd"] or 0)) for one in bought)
        elif named != Counter(one["task_id"] for one in _told(stage, bought, named)):
            complaints.append(f"{told}: the books name {sorted(named)}, the statement {json.dumps(bought)}")
        if line.status == "done":
            sums["done"] += 1
            complaints += _video(stage, line)
        elif line.status in ("failed", "refused"):
            sums["failed"] += 1
            if not line.error or line.error.kind != "render_failed":
                complaints.append(f"{told}: {line.error}")
        elif line.status != "unknown":
            sums["lost"] += 1
            complaints.append(f"{told}: never came to an end")
    return sums


def _told(stage: Stage, bought: Sequence[dict[str, Any]], named: Mapping[str, int]) -> list[dict[str, Any]]:
    """The purchases of which the books must know. DashScope never tells what a failed task was: it costs nothing."""
    untold = stage.provider == "dashscope"
    return [one for one in bought if one["task_id"] in named or not (untold and one["state"] == "failed")]


def _video(stage: Stage, line: ManifestLine) -> list[str]:
    """The stored file is the one that the record describes."""
    video = line.video
    if video is None:
        return [f"{line.job_id} is done and has no video"]
    wrong = [] if video.verified else [f"{line.job_id}: the video does not verify: {video.problems}"]
    try:
        size = stage.store.size(video.uri.removeprefix(stage.store.url).lstrip("/"))
    except ObjectNotFound:
        return [*wrong, f"{line.job_id} is done and its video is not in the store"]
    return wrong if size == video.bytes else [*wrong, f"{line.job_id}: the stored video has {size} bytes"]


def _books(ledger: Ledger, campaign: Campaign, sums: Mapping[str, int]) -> list[str]:
    """The ledger's sums for a campaign are what its manifest says."""
    status = ledger.status(campaign.name)
    if status is None:
        return []
    wrong = []
    spent, reserved = to_uusd(status.spent_usd), to_uusd(status.reserved_usd)
    if sums["unknown_held"] == 0 and spent != sums["books_uusd"]:
        wrong.append(f"{campaign.name}: the ledger has {spent} micro-USD spent, the manifest {sums['books_uusd']}")
    if reserved:
        wrong.append(f"{campaign.name}: {reserved} micro-USD are still reserved")
    return wrong


def _account(client: Any, account: str) -> list[str]:
    """The account's counts and slots follow from where its jobs stand."""
    states: Counter[str] = Counter()
    holders: set[str] = set()
    for key in client.scan_iter("wb:j:*", count=1000):
        state = client.hget(key, "state")
        states[state] += 1
        if state in HOLDS_SLOT - {State.UNKNOWN}:
            holders.add(key.removeprefix("wb:j:"))
    held = client.hgetall(f"wb:a:{account}")
    counts = {name[2:]: int(number) for name, number in held.items() if name.startswith("n:") and int(number)}
    wrong = [] if counts == dict(states) else [f"the account counts {counts}, and its jobs stand {dict(states)}"]
    slots = set(client.smembers(f"wb:slots:{account}"))
    unknown = {job for job in slots - holders if client.hget(f"wb:j:{job}", "state") == State.UNKNOWN}
    return wrong if slots - unknown == holders else [*wrong, f"slots are held by {sorted(slots ^ holders)[:5]}"]
