"""The shelves in the object store: what must outlive Redis, under names that say what they are.

<store>/[simulated/]jobs/<job_id>/       intent.<send>.json  receipt.<send>.json  record.json  video.mp4
<store>/[simulated/]campaigns/<name>/    campaign.json  plans/<sha256>.jsonl  runs/<run>/manifest.jsonl
                                         manifest.jsonl  manifest.csv  report.html
<store>/[simulated/]media/               <sha256>.<ending>  <sha256>.<fit>.json  seen/  addresses/;  accounts/
"""

import hashlib
import json
from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from datetime import datetime
from itertools import islice
from pathlib import Path
from typing import Literal, TypeVar

from pydantic import ValidationError

from jobs.errors import NewerVersion, ObjectNotFound, StoreDamaged
from jobs.job import Noun
from jobs.record import JobRecord
from jobs.trial import ReplayTrial
from ledger.campaignfile import CampaignFile
from ledger.objects import ObjectStore, as_file

#: Small objects that are read from a store at once.
READERS = 16
#: How the lines of a plan open, since a job's id is its first field.
PLAN_LINE = b'{"job":{"job_id":"'


class Intent(Noun):
    """Written before a POST: who means to buy, under which token, and until when the POST may leave."""

    version: int = 1
    job_id: str
    send: int
    token: str
    account: str
    epoch: str
    written_at: datetime
    send_by: datetime
    worker: str


class Receipt(Noun):
    """Written after every definite answer, so that the answer outlives Redis.

    `absent` is no answer of the provider: it is proved by its own list that the send bought nothing.
    """

    version: int = 1
    job_id: str
    send: int
    token: str
    answered_at: datetime
    outcome: Literal["accepted", "rejected", "not_sent", "absent"]
    task_id: str | None = None
    request_id: str | None = None
    kind: str | None = None
    code: str | None = None
    message: str | None = None


N = TypeVar("N", bound=Noun)
#: The newest version that this house can read of each thing on a shelf.
VERSIONS: dict[type[Noun], int] = {Intent: 1, Receipt: 1, JobRecord: 1, CampaignFile: 2, ReplayTrial: 1}


class Shelf:
    """One world (simulated or real) of one store."""

    def __init__(self, store: ObjectStore, *, simulated: bool) -> None:
        self.store = store
        self.simulated = simulated
        self._root = "simulated/" if simulated else ""
        self._present: frozenset[str] | None = None

    def other_world(self) -> "Shelf":
        """The same store's other world."""
        return Shelf(self.store, simulated=not self.simulated)

    def job_key(self, job_id: str, *parts: str) -> str:
        """The key of something on a job's shelf."""
        return "/".join((f"{self._root}jobs/{job_id}", *parts))

    def key(self, *parts: str) -> str:
        """The key of something of this world that is no job's and no campaign's."""
        return self._root + "/".join(parts)

    def campaign_key(self, name: str, *parts: str) -> str:
        """The key of something on a campaign's shelf."""
        return "/".join((f"{self._root}campaigns/{name}", *parts))

    def media_key(self, uri: str) -> str:
        """The key of a stored file, by its address `media:<sha256>.<ending>`."""
        return f"{self._root}media/{uri.removeprefix('media:')}"

    def derived_key(self, original_sha256: str, recipe: str) -> str:
        """The key of what is known of the image that was made of a picture by a recipe."""
        return f"{self._root}media/{original_sha256}.{recipe}.json"

    def write_intent(self, intent: Intent) -> Intent:
        """Make the intent durable unless there is one for this send; answers the one that stands, ours by its token."""
        key = self.job_key(intent.job_id, f"intent.{intent.send}.json")
        if self.store.put(key, _bytes(intent), if_absent=True):
            return intent
        # boto3 may have retried a PUT that had succeeded: then what is there is our own.
        return read_noun(Intent, self.store, key)

    def intent(self, job_id: str, send: int) -> Intent | None:
        """The intent of one send, if anybody ever meant it."""
        try:
            return read_noun(Intent, self.store, self.job_key(job_id, f"intent.{send}.json"))
        except ObjectNotFound:
            return None

    def write_receipt(self, receipt: Receipt) -> None:
        """Make a definite answer durable; a second time writes the same."""
        self.store.put(self.job_key(receipt.job_id, f"receipt.{receipt.send}.json"), _bytes(receipt))

    def receipt(self, job_id: str, send: int) -> Receipt | None:
        """The receipt of one send, if its answer was definite."""
        try:
            return read_noun(Receipt, self.store, self.job_key(job_id, f"receipt.{send}.json"))
        except ObjectNotFound:
            return None

    def write_record(self, record: JobRecord, video: Path | None = None) -> None:
        """Make the end of a job durable, with the file of its video if there is one: never the record without it."""
        key, data = self.job_key(record.job_id, "record.json"), _bytes(record)
        if video is None or record.video is None:
            self.store.put(key, data)
        else:
            where, digest = self.video_key(record.job_id), record.video.sha256
            self.store.put_file(where, video, content_type="video/mp4", sha256=digest, notes={key: data})

    def video_key(self, job_id: str) -> str:
        """The key of a job's video."""
        return self.job_key(job_id, "video.mp4")

    def set_aside(self, record: JobRecord) -> None:
        """Keep a record under its revision, and take it away as the job's end: the job is bought anew."""
        kept = self.job_key(record.job_id, f"record.{record.record_revision}.json")
        self.store.put(kept, _bytes(record))
        self.store.delete(self.job_key(record.job_id, "record.json"))

    def record(self, job_id: str, revision: int | None = None) -> JobRecord | None:
        """What became of a job, or an earlier revision of that; None while it has not ended."""
        name = "record.json" if revision is None else f"record.{revision}.json"
        try:
            return read_noun(JobRecord, self.store, self.job_key(job_id, name))
        except ObjectNotFound:
            return None

    def records(self, job_ids: Iterable[str]) -> Iterator[JobRecord | None]:
        """The records of many jobs, in their order."""
        if self.store.local_path("x") is not None:
            yield from map(self.record, job_ids)
            return
        with ThreadPoolExecutor(READERS) as pool:
            for batch in _batches(job_ids, READERS * 8):
                yield from pool.map(self.record, batch)

    def ended(self, job_ids: Iterable[str]) -> set[str]:
        """Which of these jobs have a record: they are never bought again."""
        present = self._jobs().intersection(job_ids)
        if not present:
            return set()
        if self.store.local_path("x") is not None:
            return {job_id for job_id in present if self.store.exists(self.job_key(job_id, "record.json"))}
        with ThreadPoolExecutor(READERS) as pool:
            known = pool.map(lambda job_id: self.store.exists(self.job_key(job_id, "record.json")), present)
            return {job_id for job_id, ends in zip(present, known, strict=True) if ends}

    def begun(self, job_id: str) -> bool:
        """Whether anybody ever meant to buy a job."""
        return job_id in self._jobs()

    def _jobs(self) -> frozenset[str]:
        """The jobs that have a shelf. One listing serves all of a plan; who begins meanwhile is known to the ledger."""
        if self._present is None:
            self._present = frozenset(self.store.shelves(f"{self._root}jobs"))
        return self._present

    def campaign(self, name: str) -> CampaignFile | None:
        """The campaign's lasting facts; None when this world has no such campaign."""
        try:
            return read_noun(CampaignFile, self.store, self.campaign_key(name, "campaign.json"))
        except ObjectNotFound:
            return None

    def campaigns(self) -> list[str]:
        """Names of all campaigns of this world."""
        return list(self.store.shelves(f"{self._root}campaigns"))

    def found_campaign(self, campaign: CampaignFile) -> bool:
        """Make a new campaign's facts durable; False when there is one of that name by now."""
        return self.store.put(self.campaign_key(campaign.campaign, "campaign.json"), _bytes(campaign), if_absent=True)

    def write_campaign(self, campaign: CampaignFile) -> None:
        """Make the campaign's facts durable."""
        self.store.put(self.campaign_key(campaign.campaign, "campaign.json"), _bytes(campaign))

    def write_trial(self, trial: ReplayTrial) -> None:
        """Make the outcome of a trial durable; it stands in place of an earlier one."""
        self.store.put(f"{self._trials(trial.account)}{trial.model}.json", _bytes(trial))

    def trials(self, account: str) -> dict[str, ReplayTrial]:
        """What was tried at an account, by the provider's name of the model."""
        found = (read_noun(ReplayTrial, self.store, key) for key in self.store.list(self._trials(account)))
        return {trial.model: trial for trial in found}

    def _trials(self, account: str) -> str:
        return f"{self._root}accounts/{account}/replay/"

    def write_plan(self, name: str, plan: Path, sha256: str) -> None:
        """Put an immutable plan on the campaign's shelf."""
        key = self.campaign_key(name, "plans", f"{sha256}.jsonl")
        if not self.store.exists(key):
            self.store.put_file(key, plan, content_type="application/x-ndjson", sha256=sha256)

    @contextmanager
    def plan(self, name: str, sha256: str) -> Iterator[Path]:
        """A plan as a local file: the plan itself where the store is files, else a copy for as long as it is open.

        Raises ObjectNotFound.
        """
        with as_file(self.store, self.campaign_key(name, "plans", f"{sha256}.jsonl")) as plan:
            yield plan

    def put_text(self, key: str, path: Path, content_type: str) -> str:
        """Put a file that people read (manifest, report); answers its URI."""
        with path.open("rb") as file:
            digest = hashlib.file_digest(file, "sha256").hexdigest()
        self.store.put_file(key, path, content_type=content_type, sha256=digest)
        return self.store.uri(key)


def plan_ids(plan: Path) -> Iterator[str]:
    """The job ids of a plan file, in matrix order: what its lines open with."""
    at = len(PLAN_LINE)
    with plan.open("rb") as lines:
        for line in lines:
            plain = line.startswith(PLAN_LINE)
            yield line[at : line.index(b'"', at)].decode() if plain else json.loads(line)["job"]["job_id"]


def read_noun(kind: type[N], store: ObjectStore, key: str) -> N:
    """What lies on a shelf. Raises ObjectNotFound, StoreDamaged for what nobody wrote like that, and NewerVersion for
    what a newer wanbatch wrote: it may mean what we cannot know.
    """
    data = store.get(key)
    try:
        return kind.model_validate_json(data)
    except ValidationError as error:
        version = _version(data)
        if version > VERSIONS[kind]:
            raise NewerVersion(
                f"a newer wanbatch wrote this {kind.__name__} (version {version}, and this one knows {VERSIONS[kind]})",
                "upgrade wanbatch on this machine; what is newer is left to newer workers",
            ) from error
        raise StoreDamaged(
            f"{store.uri(key)} is no {kind.__name__} that can be read: it is cut off, or was changed",
            "bring it back from a backup; until then nothing that needs it goes on",
        ) from error


def _version(data: bytes) -> int:
    """The version that an object says it has; 0 where it says none."""
    try:
        told = json.loads(data)
    except ValueError:
        return 0
    found = told.get("version", told.get("record_version", 0)) if isinstance(told, dict) else 0
    return found if isinstance(found, int) else 0


def _bytes(noun: Noun) -> bytes:
    return noun.model_dump_json().encode()


def _batches(items: Iterable[str], size: int) -> Iterator[list[str]]:
    rest = iter(items)
    while batch := list(islice(rest, size)):
        yield batch
