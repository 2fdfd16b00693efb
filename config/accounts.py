"""Your own accounts: further keys at a provider, and what each may do where that differs from the documented limits.

A TOML file with a table for each account. A usual account, one a provider and region, needs a table only for limits of
its own (`[segmind]`, `[simulated-dashscope]`); a further one says whose it is and which variable holds its key. The key
itself never stands there.
"""

import tomllib
from collections.abc import Iterator, Mapping
from difflib import get_close_matches
from pathlib import Path
from typing import Any, Literal, NamedTuple

from pydantic import Field, NonNegativeFloat, NonNegativeInt, ValidationError

from config.facts import Fact, ModelLimits, ProviderFacts, Ramp, Window, load_facts
from jobs.errors import BadInput

#: What stands before the name of an account at the simulator.
SIMULATED = "simulated-"
#: The fields of a table that are no limits.
WHOSE = frozenset({"provider", "region", "key_variable", "webhook_secret_variable"})
#: Where the hint of every slip begins.
HINT = "write a table for each account: [segmind], then submits = [{ count = 500, window_s = 60 }]"


class OwnAccount(Fact):
    """One account's table: None was not written. An empty list, or no slots (0), means that there is no limit.

    `provider` and `key_variable` make it an account of its own; `models` are further limits, by the provider's name of
    a model; below `credit_floor` nothing is bought.
    """

    provider: str | None = None
    region: str | None = None
    key_variable: str | None = Field(None, pattern=r"^[A-Z][A-Z0-9_]*$")
    webhook_secret_variable: str | None = Field(None, pattern=r"^[A-Z][A-Z0-9_]*$")
    submits: tuple[Window, ...] | None = None
    polls: tuple[Window, ...] | None = None
    slots: NonNegativeInt | None = None
    ramp: Ramp | None = None
    models: Mapping[str, ModelLimits] | None = None
    credit_floor: NonNegativeFloat | None = None
    turns: Literal["videos", "money"] = "videos"


class AccountFacts(NamedTuple):
    """An account in one world: the name that gates count by, and its provider's facts with its own key and limits.

    No region is the provider's usual one; a further account has a key of its own, beside the provider's usual one.
    """

    name: str
    facts: ProviderFacts
    region: str | None
    simulated: bool
    is_further: bool = False

    @property
    def place(self) -> str:
        """The region by its name."""
        return self.region or self.facts.default_region

    @property
    def bare(self) -> str:
        """The name without its world, as people give it."""
        return self.name.removeprefix(SIMULATED) if self.simulated else self.name


class Accounts:
    """Every account that is known here: the usual ones of `region`, where a provider has it, and those of the file.

    BadInput names what is wrong in the file.
    """

    def __init__(self, file: Path | None = None, region: str | None = None) -> None:
        self._file = file
        self._region = region
        self._tables = {} if file is None else _read(file)
        #: The further accounts by name.
        self._further = {name: table for name, table in self._tables.items() if table.provider}

    def named(self, name: str, *, simulated: bool) -> AccountFacts:
        """The account of that name, or a provider's usual one by the provider's. BadInput names the known ones."""
        if name in self._further:
            return self._own(name, simulated=simulated)
        known = load_facts()
        if name in known:
            found = known[name]
            return self.usual(found, self._region, simulated=simulated)
        every = [*known, *self._further]
        near = get_close_matches(name.lower(), every, 1)
        hint = f"did you mean {near[0]}?" if near else "`wanbatch providers` lists what they sell"
        what = "provider or account" if self._further else "provider"
        raise BadInput(f'There is no {what} "{name}"; there are {", ".join(every)}', hint=hint)

    def usual(self, facts: ProviderFacts, region: str | None, *, simulated: bool) -> AccountFacts:
        """A provider's usual account in a region. BadInput for a region that it does not have."""
        facts.region(region)
        name = account_name(facts, region, simulated=simulated)
        if name.removeprefix(SIMULATED) in self._further:
            return self._own(name.removeprefix(SIMULATED), simulated=simulated)
        return AccountFacts(name, self._limited(facts, name), region, simulated)

    def every(self, *, simulated: bool) -> Iterator[AccountFacts]:
        """The usual account of each provider (of all its regions, where simulated), then the further ones."""
        for facts in load_facts().values():
            here = self._region if self._region in facts.regions else None
            for region in facts.regions if simulated else (here,):
                account = self.usual(facts, region, simulated=simulated)
                if account.bare not in self._further:
                    yield account
        for name in self._further:
            yield self._own(name, simulated=simulated)

    def called(self, name: str) -> AccountFacts | None:
        """The account that the ledger knows by that name, in whichever region and world; None for a stranger."""
        simulated = name.startswith(SIMULATED)
        bare = name.removeprefix(SIMULATED)
        if bare in self._further:
            return self._own(bare, simulated=simulated)
        for facts in load_facts().values():
            for region in facts.regions:
                if account_name(facts, region, simulated=simulated) == name:
                    return self.usual(facts, region, simulated=simulated)
        return None

    def of_provider(self, name: str) -> list[AccountFacts]:
        """All accounts of a provider, or the one of that name, in both worlds. BadInput for a stranger."""
        if name in self._further:
            return [self._own(name, simulated=world) for world in (False, True)]
        facts = Accounts(self._file).named(name, simulated=False).facts
        found = [self.usual(facts, region, simulated=world) for region in facts.regions for world in (False, True)]
        for further, table in self._further.items():
            if table.provider == name:
                found += [self._own(further, simulated=world) for world in (False, True)]
        return list({account.name: account for account in found}.values())

    def keys(self) -> list[ProviderFacts]:
        """Whatever knows the variables of a key: every provider, and every further account."""
        return [*load_facts().values(), *(self._own(name, simulated=False).facts for name in self._further)]

    def _own(self, name: str, *, simulated: bool) -> AccountFacts:
        table = self._further[name]
        facts = load_facts()[table.provider or ""]
        # A secret that is not named is none: the usual account's proves nothing of this one's calls.
        secret = table.webhook_secret_variable or ("" if facts.webhook_secret_variable else None)
        keys = {"key_variables": (table.key_variable,), "webhook_secret_variable": secret}
        full = f"{SIMULATED}{name}" if simulated else name
        own = self._limited(facts.model_copy(update=keys), full)
        return AccountFacts(full, own, table.region, simulated, is_further=True)

    def _limited(self, facts: ProviderFacts, account: str) -> ProviderFacts:
        """The provider's facts as they hold for the account of that name."""
        own = self._tables.get(account)
        written = frozenset() if own is None else own.model_fields_set - WHOSE
        if own is None or not written:
            return facts
        sold = {offer.slug for offer in facts.offers}
        if unsold := sorted(set(own.models or {}) - sold):
            raise BadInput(
                f"{self._file}: {account} has no model {unsold[0]!r}", hint=f"its models are {', '.join(sorted(sold))}"
            )
        changed: dict[str, Any] = {name: getattr(own, name) for name in written}
        if own.slots == 0:
            changed["slots"] = None
        changed["own"] = written
        return facts.model_copy(update={"limits": facts.limits.model_copy(update=changed)})


def account_name(facts: ProviderFacts, region: str | None, *, simulated: bool) -> str:
    """The name of a usual account: the provider's, with the region where it is not the usual one, and its world."""
    place = facts.name if region in (None, facts.default_region) else f"{facts.name}-{region}"
    return f"{SIMULATED}{place}" if simulated else place


def _read(file: Path) -> dict[str, OwnAccount]:
    """Every account's table."""
    try:
        tables = tomllib.loads(file.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise BadInput(f"{file}: the accounts cannot be read: {error}", hint=HINT) from None
    read = {name: _table(file, name, table) for name, table in tables.items()}
    for name, table in read.items():
        _check(file, name, table, read)
    return read


def _table(file: Path, name: str, table: object) -> OwnAccount:
    try:
        return OwnAccount.model_validate(table)
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        where = ".".join(map(str, (name, *first["loc"])))
        raise BadInput(f"{file}: {where}: {first['msg']}", hint=HINT) from None


def _check(file: Path, name: str, table: OwnAccount, tables: Mapping[str, OwnAccount]) -> None:
    """Refuse a table of nobody's, and one that says half of what a further account needs."""
    known = load_facts()
    usual = {account_name(facts, region, simulated=False) for facts in known.values() for region in facts.regions}
    if not table.model_fields_set & WHOSE:
        bare = name.removeprefix(SIMULATED)
        if bare not in usual and not (bare in tables and tables[bare].provider):
            hint = f"the providers are {', '.join(known)}; a further account names its provider and key_variable"
            raise BadInput(f"{file}: there is no account {name!r}", hint=hint)
        return
    hint = f'[{name}], then provider = "segmind" and key_variable = "SEGMIND_CLIENT2_API_KEY"'
    if table.provider is None or table.key_variable is None:
        raise BadInput(f"{file}: {name}: a further account names its provider and the variable of its key", hint=hint)
    if table.provider not in known:
        raise BadInput(f"{file}: {name}: there is no provider {table.provider!r}", hint=f"{', '.join(known)}")
    facts = known[table.provider]
    facts.region(table.region)
    if not _is_name(name):
        hint = f"an account's name has small letters, digits and hyphens, and does not begin with {SIMULATED!r}"
        raise BadInput(f"{file}: {name!r} is no name for an account", hint=hint)
    if name in usual and name != account_name(facts, table.region, simulated=False):
        raise BadInput(f"{file}: {name} is another provider's or region's own name", hint="call it something else")
    for other, rival in tables.items():
        if other < name and rival.provider == table.provider and rival.key_variable == table.key_variable:
            hint = "one key is one account: its limits would be counted twice"
            raise BadInput(f"{file}: {other} and {name} have the same key_variable", hint=hint)


def _is_name(name: str) -> bool:
    plain = name.replace("-", "")
    return plain.isascii() and plain.isalnum() and name == name.lower() and not name.startswith((SIMULATED, "-"))
