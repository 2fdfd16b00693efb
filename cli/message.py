"""The one message of a run's end, or of a run that waits for a person, to where WANBATCH_NOTIFY says."""

import hashlib
import json
import time
from datetime import UTC, datetime
from pathlib import PurePosixPath
from typing import Final

from cli.progress import tell
from cli.results import Results
from config.settings import Settings
from jobs.errors import BadInput
from ledger.campaigns import CampaignStatus
from ledger.jobs import Ledger
from ledger.objects import ObjectStore, as_file
from producer.digest import Before, Digest, Need, digest, needs_of
from producer.lines import manifest_lines
from producer.manifest import read_jsonl
from producer.notify import Unsent, addresses, send
from producer.stored import Campaign, found

#: Seconds for which all work must have been waiting before a person is told in the middle of a run.
TROUBLED_FOR_S: Final = 120.0


class Messages:
    """Where this command's messages go; made before anything starts, so that a wrong address is told in time."""

    def __init__(self, settings: Settings, store: ObjectStore) -> None:
        """Raises BadInput for an address that no message can be sent to."""
        self._secret = settings.notify_secret.get_secret_value() if settings.notify_secret else None
        self._to = addresses(settings.notify.get_secret_value(), self._secret) if settings.notify else []
        self._store = store
        self._troubled_since: float | None = None

    def ended(self, status: CampaignStatus, ledger: Ledger, results: Results | None) -> None:
        """Tell how the campaign stands now that it has settled."""
        if self._to:
            self._tell(status, ledger, (results.manifest, results.report) if results else ())

    def look(self, status: CampaignStatus, ledger: Ledger) -> None:
        """Tell once when nothing has been able to go on for two minutes, whatever it is."""
        if not self._to or not status.troubles:
            self._troubled_since = None
            return
        now = time.monotonic()
        since = self._troubled_since = self._troubled_since or now
        if now - since >= TROUBLED_FOR_S:
            self._tell(status, ledger, ())
            self._troubled_since = now

    def _tell(self, status: CampaignStatus, ledger: Ledger, papers: tuple[str, ...]) -> None:
        campaign = found(self._store, status.campaign)
        message = _digest(campaign, status, ledger, papers)
        # Several machines may watch one campaign: whoever is first in the store sends. The same words are said once.
        key = _told_key(campaign, message)
        if not self._store.put(key, json.dumps({"at": datetime.now(UTC).isoformat()}).encode(), if_absent=True):
            return
        self._send(message)

    def needs(self, campaign: str, why: str, command: str | None, *, simulated: bool) -> None:
        """Tell that nothing was begun, why, and with which command it goes on, where one is enough."""
        need = Need(1, why, command)
        self._send(Digest(campaign, simulated, (need,), (f"1 needs you: {need.text()}",), ()))

    def _send(self, message: Digest) -> None:
        for address in self._to:
            try:
                send(message, address, self._secret)
            except Unsent as error:
                tell(f"{error.message}; {error.hint}")


def _digest(campaign: Campaign, status: CampaignStatus, ledger: Ledger, papers: tuple[str, ...]) -> Digest:
    left = status.credits_remaining
    return digest(
        status.campaign,
        manifest_lines(campaign, ledger),
        simulated=status.simulated,
        since=_began(campaign.file.run_id),
        needs=lambda tally: needs_of(status, tally),
        spent_usd=status.spent_usd,
        budget_usd=status.budget_usd,
        in_doubt_usd=status.in_doubt_usd,
        credits_left=None if left is None else (left, status.credits_unit or ""),
        before=_before(campaign),
        papers=papers,
    )


def _told_key(campaign: Campaign, message: Digest) -> str:
    name = hashlib.sha256(message.subject.encode()).hexdigest()[:12]
    return campaign.shelf.campaign_key(campaign.file.campaign, "runs", campaign.file.run_id, f"told.{name}.json")


def _began(run_id: str) -> datetime:
    """The instant with which a run's name begins."""
    return datetime.strptime(run_id.partition("-")[0], "%Y%m%dT%H%M%S").replace(tzinfo=UTC)


def _before(campaign: Campaign) -> Before | None:
    """The run before this one; None where there was none."""
    file, shelf = campaign.file, campaign.shelf
    runs = shelf.campaign_key(file.campaign, "runs") + "/"
    manifests = [key for key in shelf.store.list(runs) if PurePosixPath(key).name == "manifest.jsonl"]
    earlier = sorted(key for key in manifests if PurePosixPath(key).parent.name < file.run_id)
    if not earlier:
        return None
    try:
        with as_file(shelf.store, earlier[-1]) as manifest:
            done = frozenset(line.job_id for line in read_jsonl(manifest) if line.status == "done")
            return Before(_began(PurePosixPath(earlier[-1]).parent.name), done)
    except BadInput:
        tell(f"the manifest of the run before is of another version: nothing is set against it ({earlier[-1]})")
        return None
