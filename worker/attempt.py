"""One send of one job: what the steps of a submit need of it, and what is written down of it."""

import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime

from jobs.job import Job
from jobs.record import Purchase, purchases_of
from ledger.gates import Policy
from ledger.orders import Claim
from ledger.shelf import Receipt
from providers.contract import Accepted
from worker.wiring import Counter, Workshop


@dataclass(frozen=True, slots=True)
class Attempt:
    """One send of one job: what the steps of a submit need of it. `granted` is the last one that this ledger let go."""

    job: Job
    claim: Claim
    counter: Counter
    send: int
    granted: int
    token: str
    attempts: int
    purchases: tuple[Purchase, ...]
    queued_ms: str
    kept: dict[str, str]

    @property
    def policy(self) -> Policy:
        """The gates of its account and model."""
        return self.counter.policy.of(self.job.render.mode, self.job.render.model)


def job_of(row: Mapping[str, str]) -> Job:
    """The job of a row, as the account makes it that it was given to."""
    return Job.model_validate_json(row["job"]).at(row["account"])


def attempt_of(row: dict[str, str], claim: Claim, shop: Workshop) -> Attempt | None:
    """The send at hand; None when this worker does not serve the job's account."""
    counter = shop.counters.get(row["account"])
    if counter is None:
        return None
    return Attempt(
        job=job_of(row),
        claim=claim,
        counter=counter,
        send=int(row["sends"]),
        granted=int(row.get("granted", "0")),
        token=secrets.token_hex(16),
        attempts=int(row.get("attempts", "0")),
        purchases=purchases_of(row.get("purchases")),
        queued_ms=row.get("queued_ms", "0"),
        kept={name: row[name] for name in ("revision", "surplus", "why") if name in row},
    )


def purchase_of(attempt: Attempt, task: Accepted | None = None) -> Purchase:
    """What this send has bought, or may have bought as long as nobody knows of a task."""
    return Purchase(
        send=attempt.send,
        task_id=task.task_id if task else None,
        request_id=task.request_id if task else None,
        account=attempt.counter.name,
        submitted_at=datetime.now(UTC),
        state="rendering" if task else "unknown",
        cost_usd=None,
        cost_source="unknown",
        price_as_of=attempt.job.price_as_of,
    )


def receipt_of(attempt: Attempt, outcome: str, **told: str | None) -> Receipt:
    """What came of this send."""
    return Receipt.model_validate(
        {
            "job_id": attempt.claim.job_id,
            "send": attempt.send,
            "token": attempt.token,
            "answered_at": datetime.now(UTC),
            "outcome": outcome,
            **told,
        }
    )
