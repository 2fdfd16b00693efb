"""What your own accounts may do, where that differs from the documented limits: a plan that costs more, a contract.

A TOML file with a table for each account, such as `[segmind]` or `[simulated-dashscope]`; what it leaves out stays as
documented.
"""

import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal

from pydantic import NonNegativeFloat, NonNegativeInt, ValidationError

from config.facts import Fact, ModelLimits, ProviderFacts, Ramp, Window, load_facts
from jobs.errors import BadInput


class OwnLimits(Fact):
    """One account's table: None was not written. An empty list, or no slots (0), means that there is no limit.

    `models` are further limits, by the provider's name of a model; below `credit_floor` nothing is bought.
    """

    submits: tuple[Window, ...] | None = None
    polls: tuple[Window, ...] | None = None
    slots: NonNegativeInt | None = None
    ramp: Ramp | None = None
    models: Mapping[str, ModelLimits] | None = None
    credit_floor: NonNegativeFloat | None = None
    turns: Literal["videos", "money"] = "videos"


def with_own_limits(facts: ProviderFacts, account: str, file: Path | None) -> ProviderFacts:
    """The provider's facts as they hold for the account. BadInput names what is wrong in the file."""
    own = _read(file).get(account) if file else None
    if own is None:
        return facts
    sold = {offer.slug for offer in facts.offers}
    if unsold := sorted(set(own.models or {}) - sold):
        raise BadInput(
            f"{file}: {account} has no model {unsold[0]!r}", hint=f"its models are {', '.join(sorted(sold))}"
        )
    changed: dict[str, Any] = {name: getattr(own, name) for name in own.model_fields_set}
    if own.slots == 0:
        changed["slots"] = None
    changed["own"] = frozenset(own.model_fields_set)
    return facts.model_copy(update={"limits": facts.limits.model_copy(update=changed)})


def _read(file: Path) -> Mapping[str, OwnLimits]:
    """Every account's table."""
    hint = "write a table for each account: [segmind], then submits = [{ count = 500, window_s = 60 }]"
    try:
        tables = tomllib.loads(file.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise BadInput(f"{file}: the limits cannot be read: {error}", hint=hint) from None
    for name in tables:
        plain = name.removeprefix("simulated-")
        if not any(plain == known or plain.startswith(f"{known}-") for known in load_facts()):
            raise BadInput(f"{file}: there is no account {name!r}", hint=f"the providers are {', '.join(load_facts())}")
    try:
        return {name: OwnLimits.model_validate(table) for name, table in tables.items()}
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        where = ".".join(map(str, first["loc"]))
        raise BadInput(f"{file}: {where}: {first['msg']}", hint=hint) from None
