"""The durable intent before a POST. The store has one for each send of a job, whichever ledger's worker wrote it first.

A claim may end before its intent, so two ledgers over one store may count the same job's sends differently. A send is
therefore meant only where every lower number is settled: what another ledger means or has bought is followed, and a
number that nobody used is taken and given up, so that nobody can buy under it any more.
"""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

from ledger.shelf import Intent, Shelf
from worker.attempt import Attempt, receipt_of
from worker.wiring import Workshop

#: Seconds from the intent in which the POST may leave; later nothing is sent.
SEND_WITHIN_S = 10.0


def intend(attempt: Attempt, shop: Workshop) -> tuple[Attempt, Intent | None]:
    """Make the intent durable; answers the send that stands, and its intent where that is another ledger's: followed.

    Under the token of the intent that stands the provider knows the send, and nobody else's is looked for.
    """
    shelf = shop.shelf(simulated=attempt.job.simulated)
    before, unused = _before(attempt, shelf)
    if before is not None and not _settled(before, attempt, shelf, shop.ledger.epoch):
        return _under(before, attempt), before
    for send in unused:
        gap = replace(attempt, send=send)
        standing = _write(gap, shelf, shop)
        if standing.token != attempt.token:
            return _under(standing, attempt), standing
        shelf.write_receipt(receipt_of(gap, "not_sent"))
    standing = _write(attempt, shelf, shop)
    return _under(standing, attempt), None if standing.token == attempt.token else standing


def _before(attempt: Attempt, shelf: Shelf) -> tuple[Intent | None, range]:
    """The intent before this one, and the numbers between the two that nobody has used."""
    job_id, last = attempt.claim.job_id, attempt.send - 1
    for send in range(last, 0, -1):
        if (found := shelf.intent(job_id, send)) is not None:
            return found, range(send + 1, attempt.send)
    return None, range(1, attempt.send)


def _settled(intent: Intent, attempt: Attempt, shelf: Shelf, epoch: str) -> bool:
    """Whether this ledger may go on after an earlier send: one of its own, one that it has followed, one that bought
    nothing.
    """
    if intent.epoch == epoch or intent.send <= attempt.granted:
        return True
    receipt = shelf.receipt(intent.job_id, intent.send)
    return receipt is not None and receipt.outcome != "accepted"


def _write(attempt: Attempt, shelf: Shelf, shop: Workshop) -> Intent:
    written = datetime.now(UTC)
    return shelf.write_intent(
        Intent(
            job_id=attempt.claim.job_id,
            send=attempt.send,
            token=attempt.token,
            account=attempt.counter.name,
            epoch=shop.ledger.epoch,
            written_at=written,
            send_by=written + timedelta(seconds=SEND_WITHIN_S),
            worker=shop.name,
        )
    )


def _under(standing: Intent, attempt: Attempt) -> Attempt:
    ours = standing.send == attempt.send and standing.token == attempt.token
    return attempt if ours else replace(attempt, send=standing.send, token=standing.token)
