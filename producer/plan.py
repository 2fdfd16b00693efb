"""Variants to a plan: priced, without repeats, in matrix order, on disk. Planning spends nothing.

The rows stream; a matrix of a million rows needs little more memory than its job ids.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, field, replace
from decimal import Decimal
from pathlib import Path
from typing import Any, Self, cast

from config.accounts import AccountFacts, account_name
from config.facts import ProviderFacts
from jobs.deadline import Deadline
from jobs.errors import BadInput, Problem, problems_json
from jobs.money import usd_text
from jobs.share import Share
from jobs.visible import visible
from jobs.words import counted
from producer.badrows import BadRows
from producer.campaigns.campaign import read_campaign
from producer.campaigns.campaignfile import CampaignToml, is_campaign
from producer.campaigns.combined import Combined
from producer.catalogs.catalog import read_catalog
from producer.catalogs.template import read_template
from producer.contents import Contents
from producer.derived import Derived
from producer.desk import Desk, PlanOptions
from producer.encoding import Source
from producer.kinds import Cost
from producer.labels import over
from producer.media import Media
from producer.names import campaign_name
from producer.planfile import PlanWriter, Repeats, iter_plan
from producer.readers import Rows, read_matrix
from producer.refresh import LastPlan, earlier, no_plan
from producer.routing import Routing, to_buy
from producer.rows import Refresh, Removed
from producer.seller import Seller
from producer.sources import Sources
from providers.provider import Provider

__all__ = ["Plan", "PlanOptions", "campaign_name", "iter_plan", "make_plan"]

#: Which of these jobs are bought already.
Bought = Callable[[Iterable[str]], AbstractSet[str]]


@dataclass(frozen=True, slots=True)
class Plan:
    """A finished plan. `lines` are the matrix's rows, `variants` the distinct videos that they ask for.

    Costs are dollars of what is still to buy, here and at others (`elsewhere`); `bought` are the jobs that are, `key`
    the columns by which a video is known again; `eta_s` is in the provider's own seconds, as its documents have it.
    Where it may be bought at several accounts `routing` says what each makes, and `most_usd` what it costs if all of it
    has to be bought where it costs most. By its `deadline` it should be done, on a clock that is `speed` times faster.
    `renders` counts what is to be made by how long it lasts; `axes` counts the values of each axis; `refused` holds the
    first problems of rows that were left out, `refused_count` says how many there are. `weight` and `priority` are the
    campaign's share of its account; None leaves it as it is. `campaign_labels` stand where a row has none of its own.
    Of the media `looked` files were read, `recalled` had not changed and `unlooked` addresses nobody looked at;
    `unkept` says why what was seen cannot be remembered;
    `warnings` are the first things worth a second look for which nothing is refused; `kept` are the files to store, by
    address there as the matrix spells them, which `sources` opens; those of them that were made of others, beside the
    plan, are `derived`. `read_as` says what a catalog or campaign file was taken for, `removed` what its own rules have
    left out.
    """

    campaign: str
    simulated: bool
    provider: str
    account: str
    accounts: tuple[str, ...]
    source: str
    read_as: str
    removed: Sequence[Removed]
    path: Path
    sha256: str
    lines: int
    variants: int
    duplicates: Repeats
    already_bought: int
    to_buy: int
    cost_low_usd: Decimal
    cost_high_usd: Decimal
    eta_s: float
    axes: dict[str, int]
    labels: tuple[str, ...]
    most_usd: Decimal
    campaign_labels: Mapping[str, str] = field(default_factory=dict)
    weight: float | None = None
    priority: int | None = None
    elsewhere: list[Cost] = field(default_factory=list)
    routing: Routing | None = None
    deadline: Deadline | None = None
    speed: float = 1.0
    renders: dict[str, int] = field(default_factory=dict)
    bought: AbstractSet[str] = frozenset()
    key: tuple[str, ...] = ()
    refused: list[Problem] = field(default_factory=list)
    refused_count: int = 0
    bad_rows_path: Path | None = None
    sources: Sources = field(default_factory=lambda: Sources(Path()))
    warnings: list[Problem] = field(default_factory=list)
    warnings_count: int = 0
    looked: int = 0
    recalled: int = 0
    unlooked: int = 0
    unkept: str | None = None
    kept: dict[str, str] = field(default_factory=dict)
    derived: list[Derived] = field(default_factory=list)

    def sharing(self, weight: float | None, priority: int | None) -> Self:
        """The plan with another share of the account, where one is given. Raises BadInput."""
        Share().with_(weight, priority)
        weight = self.weight if weight is None else weight
        return replace(self, weight=weight, priority=self.priority if priority is None else priority)

    def json(self) -> dict[str, Any]:
        """The plan in the shape that `plan --json` prints."""
        return {
            "campaign": self.campaign,
            "variants": self.variants,
            "duplicates": self.duplicates.count,
            "already_bought": self.already_bought,
            "to_buy": self.to_buy,
            "refused": problems_json(self.refused),
            "refused_count": self.refused_count,
            "warnings": problems_json(self.warnings),
            "warnings_count": self.warnings_count,
            "cost_usd": {"low": usd_text(self.cost_low_usd), "high": usd_text(self.cost_high_usd)},
            **({"most_usd": usd_text(self.most_usd)} if self.routing else {}),
            **({"deadline": self.deadline.said} if self.deadline else {}),
            "eta_s": round(self.eta_s, 1),
            **({"read_as": self.read_as} if self.read_as else {}),
            **({"removed": [each._asdict() for each in self.removed]} if self.removed else {}),
        }


def make_plan(
    source: Source,
    *,
    options: PlanOptions,
    provider: Provider,
    facts: ProviderFacts,
    bought: Bought,
    spool: Path,
    media: Media | None = None,
    template: Path | None = None,
    name: str | None = None,
    last: LastPlan = no_plan,
    contents: Contents | None = None,
    also: Sequence[AccountFacts] = (),
) -> Plan:
    """Plan a matrix: every row checked, multiplied out, priced, and written to a file in `spool`.

    With a `template` the source is a catalog; messages call it by `name`, where that is not its file's.
    Raises BadInput with every problem (the first 1,000) unless bad rows are skipped; then no plan is left behind.
    `last` opens what a campaign knows of its videos, where it says what a refresh is; `contents` knows older names.
    Besides at `provider`, whose account `options` name, videos may be bought at `also`: each where it can be made.
    `bought` is asked once, with the ids of all jobs, unless `reuse` is `none`. Without `media` none is fetched.
    """
    written = _campaign_file(source, template)
    campaign = _named(source, written, options)
    if written is not None:
        options = _below(options, written)
    with (
        _opened(source, written, template, media.sources.base if media else base_of(source), name) as matrix,
        BadRows(matrix) as bad,
        PlanWriter(spool) as writer,
        media or Media(None, Sources(base_of(source)), spool) as looks,
        earlier(_refresh(matrix, options), campaign, last) as before,
    ):
        sellers = [_first(options, provider, facts), *map(Seller.of, also)]
        desk = Desk(matrix, campaign, options, sellers, looks, before, contents)
        for row, lines, problems in desk.planned():
            if problems:
                bad.add(row, problems)
            elif not desk.write(lines, writer):
                break
        _refuse(matrix, bad, writer, desk, skip=options.skip_bad_rows)
        if options.price_usd is not None and not any(ask.named for kind in desk.kinds.found for ask in kind.asks):
            hint = "leave --price out: it is for videos whose price is not known"
            raise BadInput(f"{provider.name} has a price for every video of {matrix.name}", hint=hint)
        known = bought(writer.ids) if options.reuse != "none" else frozenset[str]()
        bad_rows_path = bad.write("stdin" if source == "-" else source.stem) if bad.rows else None
        path, sha256 = writer.finish()
        return Plan(
            campaign=campaign,
            simulated=options.simulated,
            provider=provider.name,
            source=visible(matrix.name),
            read_as=matrix.read_as,
            removed=matrix.removed,
            key=matrix.refresh.key if matrix.refresh else (),
            weight=written.said.weight if written else None,
            priority=written.said.priority if written else None,
            path=path,
            sha256=sha256,
            lines=desk.lines,
            variants=len(writer.ids),
            duplicates=writer.named_repeats(),
            **to_buy(desk, writer, known),
            axes={axis: len(values) for axis, values in sorted(desk.axes.items())},
            labels=tuple(sorted(desk.labels)),
            campaign_labels=options.labels,
            refused=bad.problems,
            refused_count=bad.problem_count,
            bad_rows_path=bad_rows_path,
            **_of_media(desk, looks),
        )


def _campaign_file(source: Source, template: Path | None) -> CampaignToml | None:
    if not is_campaign(source):
        return None
    if template is not None:
        hint = "A template is for a catalog; leave one of the two out."
        raise BadInput(f"{source} is a campaign file, and {template} a template", hint=hint)
    return read_campaign(cast("Path", source))


def _refresh(matrix: Rows, options: PlanOptions) -> Refresh | None:
    """What is a refresh of these videos; BadInput where an option speaks of refreshes that there are none of."""
    if options.seeds is None:
        return matrix.refresh
    if matrix.refresh is None:
        hint = "It needs a campaign file or template with `key`: the columns by which a video is known again."
        raise BadInput(f"--seeds: {matrix.name} does not say what a refresh is", hint=hint)
    return matrix.refresh._replace(seeds=options.seeds)


def _first(options: PlanOptions, provider: Provider, facts: ProviderFacts) -> Seller:
    """The account that is named first."""
    name = options.account or account_name(facts, options.region, simulated=options.simulated)
    return Seller(AccountFacts(name, facts, options.region, options.simulated), provider)


def _below(options: PlanOptions, written: CampaignToml) -> PlanOptions:
    """What was asked for, with what the campaign file says where nothing was."""
    said = written.said
    seed_by = said.seed_by if options.seed_by == "job" else options.seed_by
    return replace(
        options, seed_by=seed_by, labels=over(options.labels, said.labels), deadline=options.deadline or said.deadline
    )


def _named(source: Source, written: CampaignToml | None, options: PlanOptions) -> str:
    """The campaign's name: as given, as its file says, or after the file."""
    if options.campaign is None and written is not None and written.said.campaign is not None:
        return f"simulated-{written.said.campaign}" if options.simulated else written.said.campaign
    return campaign_name(source, given=options.campaign, simulated=options.simulated)


def _opened(source: Source, written: CampaignToml | None, template: Path | None, base: Path, name: str | None) -> Rows:
    if written is not None:
        return Combined(written)
    if template is None:
        return read_matrix(source, name)
    return read_catalog(source, read_template(template, base), name)


def _of_media(desk: Desk, looks: Media) -> dict[str, Any]:
    """What a plan says of the files that go in."""
    return {
        "warnings": desk.warnings,
        "warnings_count": desk.warnings_count,
        "looked": looks.looked,
        "recalled": looks.recalled,
        "unlooked": looks.unlooked,
        "unkept": desk.remember(),
        "kept": desk.kept,
        "derived": [made for address, made in desk.derived.items() if address in desk.kept],
        "sources": looks.sources,
    }


def base_of(source: Source) -> Path:
    """The folder from which the paths in a matrix count: its own, or the current one for standard input."""
    return Path.cwd() if source == "-" else source.absolute().parent


def _refuse(matrix: Rows, bad: BadRows, writer: PlanWriter, desk: Desk, *, skip: bool) -> None:
    """Stop where there are bad rows that may not be skipped, a header that cannot be used, or nothing is left."""
    amiss = matrix.header.problems
    if amiss or (bad.rows and not (skip and writer.ids)):
        problems, count = [*amiss, *bad.problems], len(amiss) + bad.problem_count
        rows = [counted(bad.rows, matrix.noun)] if bad.rows else []
        where = " and ".join([*(["the header"] if amiss else ()), *rows])
        hint = "Mend them, or queue the others with --skip-bad-rows." if not skip else "No row is left to plan."
        if amiss:
            hint = "Mend the header; the rows were looked at as if it said what was most likely meant."
        name = matrix.name + (f", read as {matrix.read_as}," if matrix.read_as else "")
        message = f"{name} has {counted(count, 'problem')} in {where}; nothing was queued"
        raise BadInput(message, problems, hint, warnings=desk.warnings, count=count)
    if not writer.ids:
        raise BadInput(f"{matrix.name} asks for no video", hint="It has no rows, or none that --where keeps.")
