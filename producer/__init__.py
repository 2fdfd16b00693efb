"""The desk, for Python programs: plan, submit, watch and read campaigns, and deliver them (docs/python-api.md).

Importing it starts nothing and loads nothing: each name comes from its module when it is first asked for.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from jobs.errors import BadInput, Problem, Refused, WanbatchError
    from jobs.record import ManifestLine
    from producer.api import Producer
    from producer.delivery.deliver import Delivery
    from producer.enqueue import Submitted
    from producer.plan import Plan
    from producer.watch import Progress

__all__ = [
    "BadInput",
    "Delivery",
    "ManifestLine",
    "Plan",
    "Problem",
    "Producer",
    "Progress",
    "Refused",
    "Submitted",
    "WanbatchError",
]

_HOMES = {
    "BadInput": "jobs.errors",
    "Delivery": "producer.delivery.deliver",
    "ManifestLine": "jobs.record",
    "Plan": "producer.plan",
    "Problem": "jobs.errors",
    "Producer": "producer.api",
    "Progress": "producer.watch",
    "Refused": "jobs.errors",
    "Submitted": "producer.enqueue",
    "WanbatchError": "jobs.errors",
}


def __getattr__(name: str) -> Any:
    """Fetch one of the names above from its module."""
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(_HOMES[name]), name)
