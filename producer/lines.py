"""A campaign's manifest as of now, line by line: its plan, the store's records and, where one runs, the ledger."""

import itertools
from collections.abc import Iterator
from typing import Final

from jobs.errors import StoreDamaged
from jobs.job import PlanLine
from jobs.record import ManifestLine
from jobs.words import counted
from ledger.jobs import Ledger
from producer.manifest import join
from producer.planfile import iter_plan
from producer.stored import Campaign

#: Jobs whose records, and whose places in the ledger, are asked for at once.
BATCH: Final = 256


def manifest_lines(campaign: Campaign, ledger: Ledger | None) -> Iterator[ManifestLine]:
    """Every line of the campaign's manifest as of now, in matrix order. Raises ObjectNotFound without its plan, and at
    last StoreDamaged where that is not whole.
    """
    file, shelf = campaign.file, campaign.shelf
    status = ledger.status(file.campaign) if ledger else None
    parked = bool(status and status.parked)
    count = 0
    with shelf.plan(file.campaign, file.plan_sha256) as plan:
        lines = iter_plan(plan)
        while batch := list(itertools.islice(lines, BATCH)):
            records = list(shelf.records(line.job.job_id for line in batch))
            pending = [line.job.job_id for line, record in zip(batch, records, strict=True) if record is None]
            live = ledger.live(pending, parked=parked) if ledger and pending else {}
            count += len(batch)
            for line, record in zip(batch, records, strict=True):
                yield join(
                    line,
                    campaign=file.campaign,
                    run_id=file.run_id,
                    submitted_by=file.submitted_by,
                    record=record,
                    live=live.get(line.job.job_id),
                )
    if count != file.jobs:
        place = shelf.store.uri(shelf.campaign_key(file.campaign, "plans", f"{file.plan_sha256}.jsonl"))
        raise StoreDamaged(
            f"{place} has {counted(count, 'job')}, and {file.jobs:,} were submitted: it is cut off, or was changed",
            "bring it back from a backup",
        )


def plan_lines(campaign: Campaign) -> Iterator[PlanLine]:
    """What the campaign asks for, in matrix order. Raises ObjectNotFound without its plan."""
    with campaign.shelf.plan(campaign.file.campaign, campaign.file.plan_sha256) as plan:
        yield from iter_plan(plan)
