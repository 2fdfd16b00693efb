"""The rules of a campaign: which combinations are not made, and what stands in the cells of some."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Final, Literal

from jobs.errors import Problem
from producer.campaigns.campaignfile import CampaignToml
from producer.columns import meant

Cells = Mapping[str, str]
Wish = Mapping[str, frozenset[str]]
_NOTHING: Final[frozenset[str]] = frozenset()
#: Values of a column that are kept to tell a slip in a rule.
VALUES_KEPT: Final = 10_000


def holds(wish: Wish, cells: Cells, unsaid: frozenset[str] = _NOTHING) -> bool:
    """Whether every column has one of the values wished for; what is not said yet may still turn out otherwise."""
    return all(column not in unsaid and cells.get(column, "") in values for column, values in wish.items())


@dataclass(frozen=True, slots=True)
class Law:
    """An `exclude` (without `then`) or a `require`."""

    kind: Literal["exclude", "require"]
    when: Wish
    then: Wish
    why: str
    file: str
    line: int

    def breaks(self, cells: Cells, unsaid: frozenset[str] = _NOTHING) -> bool:
        """Whether a combination may not be made, whatever is still to be said of it."""
        if not holds(self.when, cells, unsaid):
            return False
        return not self.then or any(
            column not in unsaid and cells.get(column, "") not in values for column, values in self.then.items()
        )


@dataclass(frozen=True, slots=True)
class Override:
    """What stands in the cells of some combinations."""

    when: Wish
    cells: Cells
    at: int


def laws_of(file: CampaignToml) -> list[Law]:
    """The rules, in the order of their kinds."""
    said = file.said
    return [
        *(
            Law("exclude", _wish(rule.when), {}, rule.why, file.name, file.line("exclude", at))
            for at, rule in enumerate(said.exclude)
        ),
        *(
            Law("require", _wish(rule.when), _wish(rule.then), rule.why, file.name, file.line("require", at))
            for at, rule in enumerate(said.require)
        ),
    ]


def overrides_of(file: CampaignToml) -> list[Override]:
    """The overrides, in the order of the file; a later one wins."""
    return [Override(_wish(each.when), each.set, at) for at, each in enumerate(file.said.override)]


def _wish(when: Mapping[str, tuple[str, ...]]) -> Wish:
    return {column: frozenset(values) for column, values in when.items()}


def slips(file: CampaignToml, fixed: Mapping[str, frozenset[str]], columns: frozenset[str]) -> Iterator[Problem]:
    """Rules that name a column or, of an axis with `fixed` values, a value that there is not."""
    said = file.said
    tables = [(("exclude", at, "when"), rule.when) for at, rule in enumerate(said.exclude)]
    for at, require in enumerate(said.require):
        tables += [(("require", at, "when"), require.when), (("require", at, "then"), require.then)]
    tables += [(("override", at, "when"), each.when) for at, each in enumerate(said.override)]
    for keys, wishes in tables:
        for column, values in wishes.items():
            if column not in columns:
                fix = meant(column, sorted(columns))
                yield file.problem((*keys, column), column, f"there is no column `{column}`", fix)
            for value in values:
                if column in fixed and value not in fixed[column]:
                    fix = meant(value, sorted(fixed[column]))
                    yield file.problem((*keys, column), value, f"`{column}` is never `{value}`", fix)
    for at, each in enumerate(said.override):
        for column in each.set:
            if column in said.axes:
                what, fix = f"`{column}` is an axis, and stays what it is", "set other columns, or use a rule"
                yield file.problem(("override", at, "set", column), each.set[column], what, fix)


def unmet(file: CampaignToml, seen: Mapping[str, set[str]]) -> Iterator[Problem]:
    """Rules that wait for a value which no row has now: not wrong, for rows come and go, but worth a look."""
    said = file.said
    tables: list[tuple[str, int, Mapping[str, tuple[str, ...]]]] = [
        *(("exclude", at, rule.when) for at, rule in enumerate(said.exclude)),
        *(("require", at, rule.when) for at, rule in enumerate(said.require)),
        *(("override", at, each.when) for at, each in enumerate(said.override)),
    ]
    for kind, at, when in tables:
        for column, values in when.items():
            known = seen.get(column)
            if known is None or len(known) >= VALUES_KEPT:
                continue
            for value in values:
                if value not in known:
                    what = f"no row has `{value}` in `{column}`, so the rule does nothing for it"
                    yield file.problem((kind, at, "when", column), value, what, meant(value, sorted(known)[:20]))
