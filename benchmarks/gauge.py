"""What a process and its children take from the machine, out of /proc: shared memory is not counted twice; and what a
Valkey says that it takes.
"""

import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import redis

PROC = Path("/proc")
TICKS_A_SECOND = os.sysconf("SC_CLK_TCK")


@dataclass(frozen=True, slots=True)
class Reading:
    """CPU seconds since the start, of all processes and their ended children, and proportional set size in KiB."""

    cpu_s: float
    memory_kib: int


def read(pid: int) -> Reading:
    """The process with all its descendants."""
    family = _family(pid)
    return Reading(sum(map(_cpu_s, family)), sum(map(_memory_kib, family)))


def valkey_s(redis_url: str) -> float:
    """CPU seconds that a Valkey has used, its rewrites of the log included."""
    with redis.Redis.from_url(redis_url) as client:
        used: Any = client.info("cpu")
    return sum(float(used[f"used_cpu_{kind}"]) for kind in ("user", "sys", "user_children", "sys_children"))


def percentile(values: Sequence[float], share: float) -> float | None:
    """The value that `share` of the values do not exceed; None without values."""
    ranked = sorted(values)
    return ranked[min(len(ranked) - 1, int(len(ranked) * share))] if ranked else None


def _family(pid: int) -> list[int]:
    parents = {int(place.name): _parent(place) for place in PROC.iterdir() if place.name.isdecimal()}
    found = [pid]
    for one in found:
        found += [child for child, parent in parents.items() if parent == one]
    return found


def _parent(place: Path) -> int | None:
    fields = _stat(place)
    return int(fields[1]) if fields else None


def _cpu_s(pid: int) -> float:
    """User and system time, its own and that of children it has waited for."""
    return sum(map(int, _stat(PROC / str(pid))[11:15])) / TICKS_A_SECOND


def _stat(place: Path) -> list[str]:
    """The fields after the command's name, which may itself hold blanks; empty when the process has gone."""
    try:
        return (place / "stat").read_text().rpartition(")")[2].split()
    except OSError:
        return []


def _memory_kib(pid: int) -> int:
    try:
        rollup = (PROC / str(pid) / "smaps_rollup").read_text()
    except OSError:
        return 0
    return next((int(line.split()[1]) for line in rollup.splitlines() if line.startswith("Pss:")), 0)
