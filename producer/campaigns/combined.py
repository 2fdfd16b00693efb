"""A campaign file as the rows of a matrix: one row a combination, each cell with the place where it was written."""

import itertools
import math
from collections.abc import Iterator, Mapping, Sequence
from typing import Final, NamedTuple, Self

from jobs.errors import Problem
from jobs.words import counted
from producer.campaigns.campaignfile import CampaignToml, FileColumn
from producer.campaigns.factors import factors_of
from producer.campaigns.laws import Override, holds, laws_of, overrides_of, slips, unmet
from producer.campaigns.places import Places
from producer.campaigns.sampling import Pairwise, drawn
from producer.campaigns.table import Base, BaseRows
from producer.columns import FREE_TEXT, KNOWN, PROMPT, Wrong, meant
from producer.prompts import Template, compiled, field_names, filled, is_template
from producer.rows import Origin, Refresh, Removed, Row, Survey
from producer.tables import Header

#: Combinations that are looked at one by one; pairwise and first do without.
COMBINATIONS_MAX: Final = 2_000_000


class Combination(NamedTuple):
    """A row with one value of each factor; `cells` are all of it, with the defaults below."""

    base: Base
    cells: dict[str, str]


class Combined:
    """An open campaign file; a context manager. Iterating gives its combinations as rows.

    `removed` says, after an iteration, what each rule and the sample have left out.
    """

    format: Final = "csv"
    noun: Final = "combination"

    def __init__(self, file: CampaignToml) -> None:
        self.file = file
        self.name = file.name
        self._laws = laws_of(file)
        self._overrides = overrides_of(file)
        watched = {column for law in self._laws for column in (*law.when, *law.then)}
        watched |= {column for each in self._overrides for column in each.when}
        self._factors, fixed, problems = factors_of(file)
        self.rows = BaseRows(file, frozenset(watched - fixed.keys()))
        self.doubt = self.rows.doubt
        try:
            self._check(fixed, problems)
        except BaseException:
            self.close()
            raise
        self.header = Header(",", self._columns(), "", tuple(self.rows.problems))
        self._all = frozenset(self._columns())
        self.seen: Survey | None = Survey(self._all, frozenset(self._axes(fixed)))
        self.refresh = self._refresh(fixed)
        self._warnings = tuple(unmet(file, self.rows.values))
        self._filled = self._templated()
        self._counts: list[int] | None = None
        self._sampled: int | None = None
        self._impossible = 0

    @property
    def read_as(self) -> str:
        """What is multiplied with what: `12 rows of products.csv x hook (3) x market (2)`."""
        said = self.file.said
        parts = [] if said.rows is None else [f"{counted(self.rows.count, 'row')} of {said.rows}"]
        parts += [f"{' + '.join(factor.columns)} ({len(factor.values)})" for factor in self._factors]
        return f"a campaign of {counted(self.total, 'combination')}: " + " x ".join(parts or ["one row"])

    @property
    def total(self) -> int:
        """All combinations, before rules and sample."""
        return self.rows.count * math.prod(len(factor.values) for factor in self._factors)

    @property
    def removed(self) -> list[Removed]:
        """What each rule and the sample have left out in the last iteration."""
        counts = self._counts
        found = [
            Removed(law.kind, law.file, law.line, law.why, None if counts is None else counts[at])
            for at, law in enumerate(self._laws)
        ]
        combine = self.file.said.combine
        if combine.sample != "all":
            left = None if self._sampled is None or counts is None else self.total - sum(counts) - self._sampled
            why = f"the rules keep {counted(self._impossible, 'pair')} apart" if self._impossible else ""
            found.append(Removed(f"sample {combine.sample}", self.name, self.file.line("combine", "sample"), why, left))
        return found

    def __iter__(self) -> Iterator[Row]:
        """A row a combination; a row of the table that cannot be read is a row with its problems."""
        self._counts = self._sampled = None
        notes = self._warnings
        for base in self.rows:
            if base.problems:
                yield Row(base.line, {}, "", base.problems, Origin(lambda: ""))
        made = 0
        for combination in self._sample():
            made += 1
            yield self._row(combination, notes)
            notes = ()
        self._sampled = made

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Let go of the table."""
        self.rows.close()

    # What is left of all combinations.

    def _sample(self) -> Iterator[Combination]:
        combine = self.file.said.combine
        if combine.sample == "first":
            return itertools.islice(self._lawful(), combine.count)
        if combine.sample == "random":
            chosen = drawn(map(self._drawn_as, self._lawful()), combine.count or 0, combine.seed)
            return (each for at, each in enumerate(self._lawful()) if at in chosen)
        if combine.sample == "pairwise":
            return self._pairwise()
        return self._lawful()

    def _lawful(self) -> Iterator[Combination]:
        """All combinations that no rule removes; those that one does are counted, by the first that does."""
        defaults = self.file.said.defaults
        counts = self._counts = [0] * len(self._laws)
        for base in self.rows:
            if base.problems:
                continue
            start = {**defaults, **base.cells}
            for values in itertools.product(*(factor.values for factor in self._factors)):
                cells = start.copy()
                for value in values:
                    cells.update(value)
                for at, law in enumerate(self._laws):
                    if law.breaks(cells):
                        counts[at] += 1
                        break
                else:
                    yield Combination(base, cells)

    def _drawn_as(self, combination: Combination) -> str:
        """What a draw knows a combination by: its row and its axes, wherever they stand, but none of the defaults."""
        axes, base = self.file.said.axes, combination.base.cells
        named = ((column, text) for column, text in combination.cells.items() if column in axes or column in base)
        return "\0".join(f"{column}={text}" for column, text in sorted(named))

    def _pairwise(self) -> Iterator[Combination]:
        if self.total <= COMBINATIONS_MAX:
            for _ in self._lawful():
                pass  # what the rules remove is counted of all combinations
        bases = [base for base in self.rows if not base.problems]
        factors = [tuple(base.cells for base in bases), *(factor.values for factor in self._factors)]
        columns = [self.rows.names.keys(), *(factor.columns for factor in self._factors)]

        def cells_of(picks: Sequence[int | None]) -> dict[str, str]:
            cells = dict(self.file.said.defaults)
            for values, pick in zip(factors, picks, strict=True):
                cells.update(values[pick] if pick is not None else {})
            return cells

        def allowed(picks: Sequence[int | None]) -> bool:
            cells = cells_of(picks)
            unsaid = frozenset(
                column for names, pick in zip(columns, picks, strict=True) if pick is None for column in names
            )
            return not any(law.breaks(cells, unsaid) for law in self._laws)

        cover = Pairwise([len(values) for values in factors], allowed)
        for picks in cover.made():
            yield Combination(bases[picks[0]], cells_of(picks))
        self._impossible = cover.impossible

    # A combination as a row.

    def _row(self, combination: Combination, notes: tuple[Problem, ...]) -> Row:
        base, cells = combination
        applied: list[Override] = []
        for each in self._overrides:
            if holds(each.when, combination.cells):
                cells = {**cells, **each.cells}
                applied.append(each)
        places = Places(self.file, self.rows, self.header.keys, base, cells, applied)
        problems = []
        for column in self._filled:
            text = cells.get(column, "")
            if is_template(text):
                ready = filled(text, {name: cell for name, cell in cells.items() if cell}, self._all)
                if isinstance(ready, Wrong):
                    problems.append(Problem(*places[ready.column or column], text[:200], ready.problem, ready.fix))
                else:
                    cells = {**cells, column: ready}
        origin = Origin(places.written, self._all, places=places, notes=notes)
        return Row(base.line, cells, "", tuple(problems), origin)

    # What is known beforehand.

    def _check(self, fixed: Mapping[str, frozenset[str]], found: Sequence[Problem]) -> None:
        """BadInput where the file does not fit its tables, with what was `found` wrong with its axes."""
        file = self.file
        problems = [*found, *self._misfits(fixed)]
        long = self.total > COMBINATIONS_MAX and file.said.combine.sample in {"all", "random"}
        if long and not file.cut:
            what = f"there are {self.total:,} combinations, and {COMBINATIONS_MAX:,} at most are looked at one by one"
            fix = 'shorten an axis, split the campaign, or take few: [combine] sample = "pairwise"'
            problems.append(file.problem(("axes",), "", what, fix))
        if problems or not self.rows.known:
            raise file.refusal([*problems, *self.rows.problems])

    def _misfits(self, fixed: Mapping[str, frozenset[str]]) -> Iterator[Problem]:
        """What speaks of columns or values that there are not; of columns only where all are known."""
        file, said, unread = self.file, self.file.said, self.file.unread
        if unread is None or not self.rows.known:
            yield from self._unknown_fields(None)
            return
        columns = frozenset({*self._columns(), *unread})
        yield from slips(file, fixed, columns)
        for name in said.axes:
            if name in self.rows.names:
                what = f"`{name}` is an axis, and a column of {said.rows}, too"
                yield file.problem(("axes", name), name, what, "keep it in one of the two")
        if said.seed_by not in {"job", "campaign", *columns}:
            fix = meant(said.seed_by, ["job", "campaign", *sorted(columns)])
            yield file.problem(("seed_by",), said.seed_by, "there is no such column", fix)
        if columns.isdisjoint({PROMPT, "image_url", "reference_urls"}):
            fix = 'write one under [defaults]: prompt = "A slow shot of {{ product }}"'
            yield file.problem(("defaults",), "", "the campaign has no prompt", fix)
        for name in ("key", "refresh_on"):
            for column in getattr(said, name) or ():
                if column not in columns:
                    fix = meant(column, sorted(columns))
                    yield file.problem((name,), column, f"there is no column `{column}`", fix)
        yield from self._unknown_fields(columns)

    def _refresh(self, axes: Mapping[str, frozenset[str]]) -> Refresh | None:
        said = self.file.said
        if not said.key:
            return None
        key = tuple(dict.fromkeys([*said.key, *axes, *sorted(self.rows.axes)]))
        return Refresh(key, None if said.refresh_on is None else tuple(said.refresh_on), said.seeds)

    def _texts(self) -> Iterator[tuple[tuple[str | int, ...], str]]:
        """Every text that the file itself brings for a cell, with its keys."""
        said = self.file.said
        yield from ((("defaults", column), text) for column, text in said.defaults.items())
        for at, each in enumerate(said.override):
            yield from ((("override", at, "set", column), text) for column, text in each.set.items())
        for axis, values in said.axes.items():
            if not isinstance(values, FileColumn):
                yield from ((("axes", axis), text) for text in values)

    def _unknown_fields(self, columns: frozenset[str] | None) -> Iterator[Problem]:
        """Templates that cannot be read, or that call what none of the columns is, where these are known."""
        known = {name for column in columns or () for name in field_names(column)}
        for keys, text in self._texts():
            template = compiled(text) if is_template(text) else None
            if isinstance(template, Wrong):
                yield self.file.problem(keys, text, template.problem, template.fix)
            elif template is not None and columns is not None:
                for name in sorted(template.fields - known):
                    fix = meant(name, sorted(columns - FREE_TEXT))
                    yield self.file.problem(keys, name, f"the template's field `{name}` is no column", fix)

    def _columns(self) -> tuple[str, ...]:
        said = self.file.said
        names = dict.fromkeys(self.rows.names)
        names.update(dict.fromkeys(said.defaults))
        names.update(dict.fromkeys(said.axes))
        names.update(dict.fromkeys(column for each in said.override for column in each.set))
        return tuple(names)

    def _axes(self, fixed: Mapping[str, frozenset[str]]) -> set[str]:
        """The axes of the file and of the table, and whatever column of one's own a template calls."""
        fields = {
            name
            for _, text in self._texts()
            if is_template(text) and isinstance(template := compiled(text), Template)
            for name in template.fields
        }
        called = {column for column in self._all if column not in KNOWN and not fields.isdisjoint(field_names(column))}
        return {*fixed, *self.rows.axes, *called}

    def _templated(self) -> tuple[str, ...]:
        """Settings, other than the prompts, that are filled before the row is read."""
        columns = {str(keys[-1]) for keys, text in self._texts() if is_template(text)}
        return tuple(sorted(columns - FREE_TEXT))
