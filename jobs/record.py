"""The manifest record: one JSON object a line, the same fields in `manifest.schema.json` and in the CSV.

A line joins what the campaign asked (its plan) with what became of the job (its record). Unknown is null, never 0;
money is a string of dollars; times are UTC, ISO 8601.
"""

from collections.abc import Iterable
from datetime import datetime
from decimal import Decimal
from typing import Annotated, Any, Literal

from pydantic import Field, PlainSerializer, TypeAdapter

from jobs.job import AspectRatio, Fit, Mode, Model, Noun, Resolution, SeedSource, ShotType

#: The shape of a manifest line; it rises when a field changes its meaning or goes.
SCHEMA_VERSION = 1

Money = Annotated[Decimal, PlainSerializer(lambda usd: format(usd, "f"), return_type=str, when_used="json")]
CostSource = Literal["provider", "price_table", "unknown"]
#: Why a job was bought at one of several accounts: it fits no other, none asks less, the deadline could not be met
#: without it, or whoever asks less could not buy.
RouteReason = Literal[
    "only", "cheapest", "deadline", "cheaper_parked", "cheaper_paused", "cheaper_down", "cheaper_unserved"
]
Status = Literal["queued", "rendering", "parked", "done", "failed", "refused", "unknown", "cancelled"]


class Media(Noun):
    """A file that went in: where it lies, and its SHA-256 where it is known."""

    uri: str
    sha256: str | None = None


class StartImage(Media):
    """The image of a video that starts from one. `fit` says how it was brought to its ratio, `original_sha256` is that
    of the file at `uri` where what went in was made of it.
    """

    fit: Fit | None = None
    original_sha256: str | None = None


class NativeAmount(Noun):
    """An amount in the provider's own unit (USD, CNY, credits, seconds)."""

    amount: Money
    unit: str


class Purchase(Noun):
    """A POST that the provider accepted: a task that is, was or may be billed."""

    send: int
    task_id: str | None
    request_id: str | None
    account: str
    submitted_at: datetime
    state: Literal["rendering", "succeeded", "failed", "cancelled", "unknown", "surplus"]
    cost_usd: Money | None
    cost_source: CostSource
    cost_native: NativeAmount | None = None
    price_as_of: str | None


_PURCHASES = TypeAdapter(tuple[Purchase, ...])


def purchases_of(text: str | None) -> tuple[Purchase, ...]:
    """Purchases as the ledger keeps them; none where it keeps nothing."""
    return _PURCHASES.validate_json(text) if text else ()


def purchases_text(purchases: Iterable[Purchase]) -> str:
    """The same as text."""
    return _PURCHASES.dump_json(tuple(purchases)).decode()


class Trouble(Noun):
    """Why a job ended badly or is held: a kind that scripts may match, the provider's words, and the next step."""

    kind: str
    code: str | None
    message: str
    hint: str


class Video(Noun):
    """The stored file, as measured; `problems` is empty when it is what was ordered."""

    uri: str
    sha256: str
    bytes: int
    width: int | None
    height: int | None
    duration_s: float | None
    fps: float | None
    codec: str | None
    has_audio: bool | None
    verified: bool
    problems: tuple[str, ...] = ()


class Verdict(Noun):
    """What a person thought of the video."""

    value: str
    reason: str | None
    by: str | None
    at: datetime


class JobRecord(Noun):
    """What became of one job: `record.json` on its shelf once it has ended. Campaigns share it."""

    record_version: int = 1
    record_revision: int = 1
    tool_version: str
    job_id: str
    #: The campaign that paid; None in records that do not say.
    buyer: str | None = None
    status: Literal["done", "failed", "refused"]
    error: Trouble | None = None
    attempts: int
    polls: int
    provider: str
    account: str
    region: str | None
    #: None where its campaign names one account, so that nobody chose.
    route_reason: RouteReason | None = Field(None, exclude_if=lambda reason: reason is None)
    purchases: tuple[Purchase, ...]
    prompt_expanded: str | None = None
    seed_reported: int | None = None
    task_id: str | None
    submitted_at: datetime | None
    completed_at: datetime | None
    stored_at: datetime | None
    queue_wait_s: float | None
    render_s: float | None
    remaining_credits: Money | None = None
    remaining_credits_unit: str | None = None
    remaining_credits_at: datetime | None = None
    video: Video | None = None


class LiveJob(Noun):
    """Where a job that has not ended stands, as the ledger has it."""

    status: Status
    error: Trouble | None = None
    attempts: int = 0
    polls: int = 0
    purchases: tuple[Purchase, ...] = ()
    task_id: str | None = None
    submitted_at: datetime | None = None
    account: str | None = None
    route_reason: RouteReason | None = None


class ManifestLine(Noun):
    """One line of the manifest; every field is always there, null where nothing is known."""

    schema_version: int = SCHEMA_VERSION
    record_revision: int
    campaign: str
    run_id: str
    job_id: str
    variant_id: str
    creative_id: str
    source_lines: tuple[int, ...]
    variant: dict[str, str]
    labels: dict[str, str]
    submitted_by: str | None
    tool_version: str
    mode: Mode
    provider: str
    account: str
    region: str | None
    route_reason: RouteReason | None
    buyer: str | None
    simulated: bool
    model: Model
    template: str | None
    prompt: str
    prompt_expanded: str | None
    negative_prompt: str
    resolution: Resolution
    aspect_ratio: AspectRatio | None
    size: str | None
    duration_s: int
    audio: bool
    shot_type: ShotType
    prompt_expansion: bool
    watermark: bool
    image: StartImage | None
    references: tuple[Media, ...]
    audio_track: Media | None
    take: int
    parent_job_id: str | None
    seed: int
    seed_source: SeedSource
    seed_reported: int | None
    status: Status
    error: Trouble | None
    attempts: int
    polls: int
    purchases: tuple[Purchase, ...]
    task_id: str | None
    submitted_at: datetime | None
    completed_at: datetime | None
    stored_at: datetime | None
    queue_wait_s: float | None
    render_s: float | None
    cost_usd_estimated: Money
    cost_usd: Money | None
    cost_source: CostSource
    remaining_credits: Money | None
    remaining_credits_unit: str | None
    remaining_credits_at: datetime | None
    video: Video | None
    verdict: Verdict | None
    ai_disclosure: str | None


def manifest_schema() -> dict[str, Any]:
    """The JSON Schema of a manifest line, as shipped in `manifest.schema.json`."""
    return ManifestLine.model_json_schema(mode="serialization")
