"""A campaign's papers: manifest and gallery, made from the plan, the store's records and, where one runs, the ledger.

They can be made at any moment; nothing in them is remembered anywhere else, so making them again mends them.
"""

import tempfile
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path

from jobs.record import ManifestLine
from ledger.campaigns import CampaignStatus
from ledger.jobs import Ledger
from ledger.shelf import Shelf
from producer.lines import manifest_lines
from producer.manifest import read_jsonl, write_csv, write_jsonl
from producer.report import Credits, ReportHead, write_report
from producer.stored import Campaign


@dataclass
class Sums:
    """What the lines of a manifest come to: counts by status, and dollars known to be spent by its campaign."""

    states: Counter[str] = field(default_factory=Counter)
    unverified: int = 0
    surplus: int = 0
    spent_usd: Decimal = Decimal(0)
    credits: dict[str, Credits] = field(default_factory=dict)

    def counting(self, lines: Iterable[ManifestLine]) -> Iterator[ManifestLine]:
        """Pass the lines on and add them up."""
        for line in lines:
            self.states[line.status] += 1
            self.unverified += line.video is not None and not line.video.verified
            self.surplus += sum(purchase.state == "surplus" for purchase in line.purchases)
            if line.buyer in (None, line.campaign):
                self.spent_usd += line.cost_usd or 0
            self._see_credits(line)
            yield line

    def _see_credits(self, line: ManifestLine) -> None:
        """Keep each account's newest balance."""
        if line.remaining_credits is None or line.remaining_credits_at is None:
            return
        last = self.credits.get(line.account)
        if last is None or last.at < line.remaining_credits_at:
            self.credits[line.account] = Credits(
                remaining=line.remaining_credits,
                unit=line.remaining_credits_unit or "",
                at=line.remaining_credits_at,
            )


@dataclass(frozen=True, slots=True)
class Results:
    """Where the papers lie (a path on this machine, else a URI), and what they come to."""

    manifest: str
    manifest_csv: str
    report: str
    sums: Sums


def write_results(campaign: Campaign, ledger: Ledger | None, status: CampaignStatus | None) -> Results:
    """Write manifest.jsonl (also the run's own), manifest.csv and report.html to the campaign's shelf."""
    file, shelf, sums = campaign.file, campaign.shelf, Sums()
    with tempfile.TemporaryDirectory(prefix="wanbatch-") as temp:
        jsonl, table, page = (Path(temp) / name for name in ("manifest.jsonl", "manifest.csv", "report.html"))
        with jsonl.open("w", encoding="utf-8", newline="\n") as out:
            write_jsonl(sums.counting(manifest_lines(campaign, ledger)), out)
        with table.open("w", encoding="utf-8", newline="") as out:
            write_csv(read_jsonl(jsonl), out, axes=file.axes, labels=file.labels)
        with page.open("w", encoding="utf-8") as out:
            write_report(read_jsonl(jsonl), report_head(campaign, status, sums), out, video_href)
        _put(shelf, file.campaign, jsonl, "application/x-ndjson", "runs", file.run_id, jsonl.name)
        return Results(
            _put(shelf, file.campaign, jsonl, "application/x-ndjson", jsonl.name),
            _put(shelf, file.campaign, table, "text/csv; charset=utf-8", table.name),
            _put(shelf, file.campaign, page, "text/html; charset=utf-8", page.name),
            sums,
        )


def report_head(campaign: Campaign, status: CampaignStatus | None, sums: Sums) -> ReportHead:
    """What the gallery says of the campaign as a whole; money comes from the ledger where one runs."""
    file = campaign.file
    balances = dict(sums.credits)
    for account in status.accounts if status else ():
        if account.remaining is not None and account.at is not None:
            balances[account.name] = Credits(remaining=account.remaining, unit=account.unit or "", at=account.at)
    return ReportHead(
        campaign=file.campaign,
        simulated=file.simulated,
        provider=file.provider,
        store=campaign.shelf.store.url,
        as_of=datetime.now(UTC),
        total=sums.states.total(),
        states=sums.states,
        budget_usd=status.budget_usd if status else file.budget_usd,
        spent_usd=sums.spent_usd,
        reserved_usd=status.reserved_usd if status else Decimal(0),
        in_doubt_usd=status.in_doubt_usd if status else Decimal(0),
        credits=balances,
        manifest_href="manifest.jsonl",
    )


def video_href(line: ManifestLine) -> str | None:
    """The link from the report to a job's video: both lie in the same world of the same store."""
    return f"../../jobs/{line.job_id}/video.mp4" if line.video else None


def _put(shelf: Shelf, name: str, path: Path, content_type: str, *parts: str) -> str:
    """Put one paper on the shelf; answers its path on this machine, or its URI."""
    key = shelf.campaign_key(name, *parts)
    uri = shelf.put_text(key, path, content_type)
    here = shelf.store.local_path(key)
    return uri if here is None else str(here)
