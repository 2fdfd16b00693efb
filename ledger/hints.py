"""What a webhook may do in the ledger: have a job looked at now, once for each delivery and not in a rush."""

from typing import NamedTuple

from ledger.jobs import Ledger

#: Seconds. Of a job's hints that come closer together only the first counts.
LEAST_APART_S = 2.0


class Hint(NamedTuple):
    """A delivery that is proved: the send that it is about, its own name, and the task that it names, if any."""

    account: str
    job_id: str
    send: int
    delivery: str
    task_id: str | None


def give_hint(ledger: Ledger, hint: Hint, known_for_s: float) -> str:
    """Have the job looked at; the same delivery is known again for so long. Answers the word of `hint.lua`."""
    about = (hint.account, hint.job_id, hint.send, hint.delivery)
    args = (*about, max(1, int(known_for_s * 1000)), int(LEAST_APART_S * 1000), hint.task_id or "")
    word = ledger.call("hint", *args)
    if word == "foreign" and ledger.is_founded():
        # The ledger was founded or recovered since the last look.
        word = ledger.call("hint", *args)
    return str(word)
