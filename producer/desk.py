"""One matrix's rows into the lines of one plan: checked with the provider, priced, seeded and named."""

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from functools import partial

from jobs.budgets import label_key
from jobs.deadline import Deadline
from jobs.errors import BadInput, Problem
from jobs.identity import derived_seed, job_id, variant_id
from jobs.job import SEED_MAX, Job, PlanLine, Render, SeedSource
from jobs.media import with_media
from producer.ahead import VIDEOS_AHEAD, Found, ahead
from producer.columns import Wrong, meant, resolve
from producer.contents import Contents, Names
from producer.craft import remarks
from producer.derived import Derived
from producer.kinds import Kinds
from producer.labels import over
from producer.matrix import Rest, Trouble, Variant, located, survey, variants
from producer.media import Media
from producer.mediacheck import MediaCheck
from producer.planfile import PlanWriter
from producer.readers import Rows
from producer.refresh import Earlier
from producer.rows import Row, Seeds, Survey
from producer.seller import Seller, besides

#: Warnings that are named one by one; the rest is counted.
WARNINGS_KEPT = 1000

#: Values of an axis that are counted one by one; above, the count stays here.
AXIS_VALUES_COUNTED = 1000


@dataclass(frozen=True, slots=True)
class PlanOptions:
    """What the command line asked for. `where` holds (column, text) pairs: the same column twice means either.

    `seed_by` is `job`, `campaign` or a column whose equal values share a seed; `limit` bounds the videos;
    `price_usd` is a second's price where the provider's list has none; `seeds` goes before what the campaign says of
    refreshes; `linked` says that the store can give links that the provider can follow; `labels` are the campaign's; by
    the `deadline` all should be done, on a provider's clock that runs `speed` times faster.
    """

    simulated: bool
    campaign: str | None = None
    region: str | None = None
    account: str | None = None
    seed_by: str = "job"
    takes: int = 1
    reuse: str = "store"
    limit: int | None = None
    price_usd: Decimal | None = None
    where: Sequence[tuple[str, str]] = ()
    skip_bad_rows: bool = False
    linked: bool = False
    seeds: Seeds | None = None
    labels: Mapping[str, str] = field(default_factory=dict)
    deadline: Deadline | None = None
    speed: float = 1.0


class Desk:
    """Turns the rows of one matrix into the lines of one plan.

    `lines` counts the rows, `axes` holds the values of each axis, `labels` the names of the label columns, `kinds` what
    was priced; `warnings` are the first things that are worth a second look though nothing is refused;
    `kept` holds the files that must be in the store, by their addresses there, `derived` those that were made.
    BadInput where an option names a column that the matrix does not have.
    """

    def __init__(
        self,
        matrix: Rows,
        campaign: str,
        options: PlanOptions,
        sellers: Sequence[Seller],
        media: Media,
        earlier: Earlier | None = None,
        contents: Contents | None = None,
    ) -> None:
        self.matrix = matrix
        self._earlier = earlier
        self._contents = contents
        self._placed: set[str] = set()
        media.begin(campaign)
        if contents is not None:
            contents.begin(campaign)
        accounts = [seller.account for seller in sellers]
        checks = [MediaCheck(media, each, linked=options.linked, makers=accounts) for each in accounts]
        self.check = checks[0]
        self.sellers = sellers
        self._makers = list(zip(sellers, checks, strict=True))
        self.campaign = campaign
        self.options = options
        self.seen = survey(matrix)
        self.where = _where(options.where, self.seen, matrix)
        self.seed_by = options.seed_by
        if self.seed_by not in {"job", "campaign"}:
            self.seed_by = _column(self.seed_by, self.seen, matrix, "--seed-by")
        spelt = {label_key(column): column for column in self.seen.columns}
        self.below = {spelt.get(label_key(name), name): text for name, text in options.labels.items()}
        self.lines = 0
        self.axes: defaultdict[str, set[str]] = defaultdict(set)
        self.labels: set[str] = set()
        self.kept: dict[str, str] = {}
        self.derived: dict[str, Derived] = {}
        self.warnings: list[Problem] = []
        self.warnings_count = 0
        self.kinds = Kinds(sellers, options.price_usd)
        self._elsewhere: set[Problem] = set()
        self._warn([matrix.doubt] if matrix.doubt else [])

    def planned(self) -> Iterator[tuple[Row, list[PlanLine], list[Problem]]]:
        """Each row with the plan's lines for it, or with everything that is wrong with it."""
        most = min(VIDEOS_AHEAD, self.options.limit or VIDEOS_AHEAD)
        for row, found in ahead(self.matrix, self._wanted, self.check, most=most):
            self.lines += 1
            lines, problems = self._decided(row, found)
            yield row, lines, problems

    def _wanted(self, row: Row) -> list[Variant | Trouble | Rest]:
        unread = row.problems and (row.origin is not None or not row.cells)
        return [] if unread else list(variants(row, self.seen, self.where))

    def _decided(self, row: Row, found: Found) -> tuple[list[PlanLine], list[Problem]]:
        if row.problems and self._left_out(row):
            return [], []
        lines: list[PlanLine] = []
        troubles: list[Trouble] = []
        warnings: list[Trouble] = []
        for each in found:
            if isinstance(each, Trouble):
                troubles.append(each)
                continue
            if isinstance(each, Rest):
                troubles.extend(besides(each, self.sellers))
                continue
            fitting, complaints = self._fitting(each)
            troubles.extend(complaints)
            warnings.extend(remarks(each.render))
            if not troubles:
                warnings.extend(self.check.notes(each) if each.media else ())
                lines.extend(self._takes(each, row, fitting))
        notes = row.origin.notes if row.origin and lines else ()
        if notes or warnings:
            self._warn([*notes, *located(warnings, row, self.matrix.name)])
        found_wrong = located(troubles, row, self.matrix.name)
        if row.problems:
            told = {problem.column for problem in row.problems}
            return [], [*row.problems, *(each for each in found_wrong if each.column not in told)]
        return lines, found_wrong

    def _left_out(self, row: Row) -> bool:
        """Whether a row with problems is none that `where` keeps, which is known of a product, not of a broken line."""
        if row.origin is None or not row.cells:
            return False
        values = {column: row.cells.get(column, "") for column in self.where}
        literal = row.origin.literal
        return any(
            self.where[column].isdisjoint([text] if column in literal else text.split("|"))
            for column, text in values.items()
        )

    def _warn(self, warnings: Sequence[Problem]) -> None:
        """Keep what is new; what is wrong with a line of a template is told once, not of every product."""
        for warning in warnings:
            if warning in self._elsewhere:
                continue
            self.warnings_count += 1
            if len(self.warnings) < WARNINGS_KEPT:
                self._elsewhere.add(warning)
                self.warnings.append(warning)

    def write(self, lines: Sequence[PlanLine], writer: PlanWriter) -> bool:
        """Put the lines into the plan; False when the limit is reached."""
        for line in lines:
            if self.options.limit is not None and len(writer.ids) >= self.options.limit:
                return False
            writer.add(line, self.kinds.number(line.job))
            self._keep(line.written)
            self.labels.update(line.labels)
            for axis, value in line.variant.items():
                if len(self.axes[axis]) < AXIS_VALUES_COUNTED:
                    self.axes[axis].add(value)
        return True

    def _keep(self, written: Mapping[str, str]) -> None:
        """Note what must be in the store; an image that was made is opened where it was put."""
        for address, uri in written.items():
            if address not in self._placed:
                continue  # a file of the last plan's video, which is in the store
            made = self.derived.get(address)
            if made is None:
                self.kept[address] = uri
            elif made.path is not None:
                self.kept[address] = str(made.path)

    def remember(self) -> str | None:
        """Have the store remember what was seen of files on the web; why it cannot, where it takes no writes."""
        return self.check.media.save() or (self._contents.save() if self._contents else None)

    def _fitting(self, variant: Variant) -> tuple[list[Seller], list[Trouble]]:
        """The accounts that can make a video; without any, everything for which each of them would not."""
        fitting, found = [], dict[Trouble, None]()
        named = [each for each in self._makers if each[0].is_meant(variant.provider)]
        if not named:
            fix = f"run these rows apart: --where provider={variant.provider} --provider {variant.provider}"
            here = " and ".join(seller.account.bare for seller in self.sellers)
            wrong = Wrong(f"the row is for {variant.provider}, and this campaign buys at {here}", fix)
            found[Trouble("provider", str(variant.provider), wrong)] = None
        for seller, check in named or self._makers:
            troubles = [*seller.complaints(variant.render), *(check.troubles(variant) if variant.media else ())]
            if troubles:
                found.update(dict.fromkeys(troubles))
            elif named:
                fitting.append(seller)
        return fitting, [] if fitting else list(found)

    def _takes(self, variant: Variant, row: Row, fitting: Sequence[Seller]) -> Iterator[PlanLine]:
        placed = self.check.placed(variant)
        if placed.derived is not None:
            self.derived[placed.derived.address] = placed.derived
        names = self._contents.names(placed.contents) if self._contents else Names(placed.contents)
        self._placed.update(placed.written)
        for take in range(1, (variant.takes or self.options.takes) + 1):
            render = placed.render if take == 1 else placed.render.model_copy(update={"take": take})
            named = partial(self._job, variant, render, fitting)
            line = PlanLine(
                job=self._contents.chosen(names, named) if self._contents else named(names.contents),
                source_lines=(row.line,),
                variant=variant.axes,
                labels=self._labels(variant),
                written=placed.written,
                contents=placed.contents,
                fitted=placed.fitted,
            )
            yield self._earlier.refreshed(line, names, self._usable) if self._earlier else line

    def _labels(self, variant: Variant) -> dict[str, str]:
        """The row's own labels, and those of the campaign where the row says nothing."""
        if not self.below:
            return variant.labels
        said = set(map(label_key, variant.axes))
        return over(variant.labels, {name: text for name, text in self.below.items() if label_key(name) not in said})

    def _job(self, variant: Variant, render: Render, fitting: Sequence[Seller], names: Mapping[str, str]) -> Job:
        """The job that buys a render, under the name that it has with these names of its files."""
        identity = variant_id(with_media(render, names) if names else render)
        seed, source = self._seed(variant, identity, render.take)
        return Job(
            job_id=job_id(identity, seed, simulated=self.options.simulated),
            variant_id=identity,
            render=render,
            seed=seed,
            seed_source=source,
            simulated=self.options.simulated,
            priority=variant.priority,
            **self.kinds.of(render, fitting).sold,
        )

    def _usable(self, before: Job) -> Job | None:
        """A job of the last plan as this one may have it: bought where this one buys; None where that cannot be."""
        known = {before.account, *(route.account for route in before.routes)}
        fitting = [
            seller for seller in self.sellers if seller.name in known or not seller.provider.complaints(before.render)
        ]
        return before.model_copy(update=self.kinds.of(before.render, fitting).sold) if fitting else None

    def _seed(self, variant: Variant, identity: str, take: int) -> tuple[int, SeedSource]:
        """The row's seed, the group's, or one that follows from the video; takes count up from the first two."""
        if variant.seed is not None:
            return (variant.seed + take - 1) % (SEED_MAX + 1), "row"
        group = ""
        if self.seed_by != "job":
            group = self.campaign if self.seed_by == "campaign" else variant.cells.get(self.seed_by, "")
        if not group:
            return derived_seed(identity), "job"
        return (derived_seed(f"{self.seed_by}={group}") + take - 1) % (SEED_MAX + 1), "group"


def _where(pairs: Sequence[tuple[str, str]], seen: Survey, matrix: Rows) -> Mapping[str, frozenset[str]]:
    wanted: defaultdict[str, set[str]] = defaultdict(set)
    for column, text in pairs:
        wanted[_column(column, seen, matrix, "--where")].add(text.strip())
    return {column: frozenset(texts) for column, texts in wanted.items()}


def _column(name: str, seen: Survey, matrix: Rows, flag: str) -> str:
    """The key of a column that a flag names; BadInput when the matrix has none of that name."""
    key, _ = resolve(name)
    if key not in seen.columns:
        raise BadInput(f"{flag}: {matrix.name} has no column `{name}`", hint=meant(name, sorted(seen.columns)))
    return key
