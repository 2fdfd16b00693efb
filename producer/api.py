"""The desk for Python programs: what the commands do, as methods. docs/python-api.md shows them at work."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from decimal import Decimal
from pathlib import Path
from types import TracebackType
from typing import Final, Self

from config.settings import load_settings
from jobs.errors import LedgerRefused, Refused
from jobs.record import ManifestLine
from ledger.jobs import Ledger
from producer.delivery.deliver import Delivery
from producer.delivery.ordering import Wish, delivered_as
from producer.delivery.pattern import USUAL
from producer.enqueue import Submitted, hand_over
from producer.lines import manifest_lines
from producer.plan import Plan
from producer.planned import Asked, planned
from producer.rows import Seeds
from producer.stored import found, store_of
from producer.watch import Progress
from producer.watching import watching
from producer.world import check_money, choose

#: Seconds between two looks of `watch`, unless another number is asked for.
WATCH_EVERY_S: Final = 1.0


class Producer:
    """Plans, submits, watches and reads campaigns over one store; a context manager.

    What is not given comes from where the commands take it: `WANBATCH_*`, the secrets folder, `wanbatch.toml`, the
    default. `store` is `s3://bucket/prefix`, `file:///folder` or a folder; `redis` is the ledger's URL, which `submit`
    and `watch` need. Without a `provider`, and with `simulate`, nothing is ever bought. Methods block, and raise the
    errors of docs/operating.md: BadInput with every problem, Refused before anything starts. Raises BadInput for
    settings that cannot be used.
    """

    def __init__(
        self,
        *,
        store: str | None = None,
        redis: str | None = None,
        provider: str | None = None,
        region: str | None = None,
        simulate: bool = False,
    ) -> None:
        self._settings = load_settings(store=store, redis=redis, provider=provider, region=region)
        self._simulate = simulate
        self._world = choose(self._settings, simulate=simulate)
        self._store = store_of(self._settings)
        self._plans = ExitStack()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Remove the plans from this machine; what was submitted of them is in the store."""
        self._plans.close()

    @property
    def simulated(self) -> bool:
        """Whether nothing is bought."""
        return self._world.simulated

    def plan(
        self,
        matrix: Path | str,
        *,
        template: Path | None = None,
        campaign: str | None = None,
        limit: int | None = None,
        where: Iterable[tuple[str, str]] = (),
        seed_by: str = "job",
        takes: int = 1,
        price_usd: Decimal | None = None,
        skip_bad_rows: bool = False,
        seeds: Seeds | None = None,
        labels: Mapping[str, str] | None = None,
        deadline: str | None = None,
    ) -> Plan:
        """Check, expand and price a matrix (a file, or an `https://` address), or a catalog with its `template`.

        Spends nothing. The options are those of `wanbatch plan`; `where` holds pairs of column and value, `labels`
        what stands in a column where a row says nothing. The plan can
        be submitted until this producer is closed. Raises BadInput with every problem of every row.
        """
        address = isinstance(matrix, str) and matrix.lower().startswith(("https://", "http://"))
        asked = Asked(
            matrix=matrix if address else Path(matrix),
            template=template,
            provider=self._settings.provider,
            simulate=self._simulate,
            campaign=campaign,
            limit=limit,
            where=tuple(where),
            seed_by=seed_by,
            takes=takes,
            price=price_usd,
            skip_bad_rows=skip_bad_rows,
            store=self._settings.store,
            seeds=seeds,
            label=tuple((labels or {}).items()),
            deadline=deadline,
        )
        return self._plans.enter_context(planned(asked, self._world, self._store, self._settings))

    def submit(
        self,
        plan: Plan,
        *,
        budget_usd: Decimal | int | str | None = None,
        weight: float | None = None,
        priority: int | None = None,
    ) -> Submitted:
        """Queue every job of a plan that nobody has bought, for the ledger's workers. A second time changes nothing.

        `weight` and `priority` are the campaign's share of an account that it shares with others.
        With real money a budget in dollars must be named, and is never passed; nobody is asked again. Raises Refused
        (BudgetMissing, KeyMissing, CampaignConflict, LedgerRefused, ...) with nothing queued.
        """
        if isinstance(budget_usd, float):
            raise TypeError("budget_usd is a Decimal, a whole number or text: a float is not what was written")
        choose(self._settings, simulate=self._simulate, must_name="submit")
        if plan.accounts != self._world.names:
            here = ", ".join(self._world.names)
            raise Refused(f"the plan is for {', '.join(plan.accounts)}, and this producer buys at {here}")
        budget = self._settings.budget_usd if budget_usd is None else Decimal(budget_usd)
        if plan.to_buy:
            check_money(self._world, budget_usd=budget, cost_usd=plan.most_usd)
        with self._ledger("submit", found=True) as ledger:
            return hand_over(plan.sharing(weight, priority), ledger, self._store, budget, self._settings.submitted_by)

    def watch(
        self, campaign: str, *, timeout_s: float | None = None, every_s: float = WATCH_EVERY_S
    ) -> Iterator[Progress]:
        """Yield where a campaign stands, every `every_s` seconds, until it has settled or `timeout_s` has passed.

        The last one has the `exit_code` of `wanbatch wait`, or None after a timeout. Leaving the loop stops no work.
        Raises LedgerLost when the ledger has been silent for a minute.
        """
        with self._ledger("watch") as ledger:
            yield from watching(ledger, campaign, until_s=timeout_s, look_every_s=every_s)

    def manifest(self, campaign: str) -> Iterator[ManifestLine]:
        """Yield a campaign's lines as of now, in matrix order; the memory of a few is enough.

        Without a ledger jobs that have not ended show as queued. Raises BadInput for a campaign that nobody knows.
        """
        named = found(self._store, campaign)
        if self._settings.redis_url is None:
            yield from manifest_lines(named, None)
            return
        with self._ledger("manifest") as ledger:
            yield from manifest_lines(named, ledger)

    def deliver(
        self,
        campaign: str,
        to: str | Path,
        *,
        name: str = USUAL,
        fixed: Mapping[str, str] | None = None,
        where: Iterable[tuple[str, str]] = (),
        feeds: Sequence[str] = (),
        product_id: str = "id",
        public_base_url: str | None = None,
        ai_disclosure: bool = True,
    ) -> Delivery:
        """Copy a campaign's videos to a folder or `s3://bucket/prefix`, as `wanbatch deliver` does (docs/deliver.md).

        `fixed` holds words for fields of `name` that no column has, `where` pairs of field and word that videos must
        have; `feeds` are `meta` and `google`.
        """
        wish = Wish(
            to=str(to),
            name=name,
            fixed=fixed or {},
            where=where,
            feeds=feeds,
            product_id=product_id,
            public_base_url=public_base_url,
            ai_disclosure=ai_disclosure,
        )
        return delivered_as(wish, found(self._store, campaign), self._settings)

    @contextmanager
    def _ledger(self, purpose: str, *, found: bool = False) -> Iterator[Ledger]:
        """A connection to the ledger for one purpose. Raises LedgerRefused where none is named, or it is unfit."""
        if self._settings.redis_url is None:
            raise LedgerRefused(
                f"to {purpose} takes a ledger, and none is named",
                'Producer(redis="redis://host:6379/0"), or WANBATCH_REDIS',
            )
        ledger = Ledger.connect(self._settings.redis_url, store_url=self._store.url, found=found)
        try:
            yield ledger
        finally:
            ledger.close()
