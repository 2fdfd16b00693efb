"""Sends whose answer was lost, as the ledger remembers them: what may still belong to them, and what became of them."""

import json
import secrets
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace

from ledger.gates import Policy
from ledger.jobs import Ledger
from ledger.orders import Leave

#: Seconds for which one worker alone looks for an account's lost sends; it stretches them while it looks, so that one
#: that is killed meanwhile keeps the others from looking only so long. Two looks at once do no harm but cost questions.
LOOK_LEASE_S = 1.5
#: Seconds between two looks on one account: its list is not asked for anew within them.
LOOK_EVERY_S = 1.0


@dataclass(frozen=True, slots=True)
class Watched:
    """A send that was given up, and is looked for a few times more. Times are Redis milliseconds.

    `token` is its intent's, by which the provider may know it.
    `doubt_uusd` is what it still holds in doubt (a person wanted the job anew before anything was proved);
    `misses` counts the complete looks that found no task of it; `purse` says to which budgets its claim counts.
    """

    job_id: str
    send: int
    sent_ms: int
    token: str
    job: str
    doubt_uusd: int = 0
    misses: int = 0
    purse: str = ""

    @property
    def name(self) -> str:
        """The send's name in the ledger."""
        return f"{self.job_id}:{self.send}"

    def text(self) -> str:
        """What the ledger keeps of it."""
        return json.dumps(asdict(self), separators=(",", ":"))

    def missed(self) -> "Watched":
        """The same after one more look in vain."""
        return replace(self, misses=self.misses + 1)


class LostSends:
    """The part of the ledger that reconciling reads and writes, beside the moves of the jobs themselves."""

    def __init__(self, ledger: Ledger) -> None:
        self._ledger = ledger
        self._redis = ledger.client
        self._token = secrets.token_hex(8)

    def begin(self, account: str) -> bool:
        """Become the one who looks on this account; False while another does, or did a second ago."""
        key = f"wb:looking:{account}"
        return bool(self._redis.set(key, self._token, nx=True, px=int(LOOK_LEASE_S * 1000)))

    def stretch(self, account: str) -> None:
        """Still looking: others stay away for another lease."""
        key = f"wb:looking:{account}"
        if self._redis.get(key) == self._token:
            self._redis.pexpire(key, int(LOOK_LEASE_S * 1000))

    def end(self, account: str) -> None:
        """Let others look, in a second."""
        key = f"wb:looking:{account}"
        if self._redis.get(key) == self._token:
            self._redis.pexpire(key, int(LOOK_EVERY_S * 1000))

    def now_ms(self) -> int:
        """Redis's own clock, by which sends are dated."""
        seconds, micros = self._redis.time()
        return int(seconds) * 1000 + int(micros) // 1000

    def poll_wait_s(self, account: str, policy: Policy) -> float:
        """Take a token of the account's poll rate: 0 when it was free, else the seconds to wait before asking again."""
        return int(self._ledger.call("token", account, policy.polls)) / 1000

    def sent(self, account: str) -> dict[str, dict[str, str]]:
        """Every field of the jobs whose POST is on the wire or was lost, by their ids."""
        ids = sorted(self._redis.smembers(f"wb:sent:{account}"))
        pipe = self._redis.pipeline(transaction=False)
        for job_id in ids:
            pipe.hgetall(f"wb:j:{job_id}")
        rows = pipe.execute() if ids else []
        return {job_id: row for job_id, row in zip(ids, rows, strict=True) if row}

    def watched(self, account: str) -> list[Watched]:
        """The sends that were given up and are still looked for."""
        return [Watched(**json.loads(text)) for text in self._redis.hvals(f"wb:watch:{account}")]

    def owners(self, account: str, tasks: Sequence[str]) -> Mapping[str, str]:
        """The jobs of those tasks that are claimed."""
        if not tasks:
            return {}
        owners = self._redis.hmget(f"wb:tasks:{account}", tasks)
        return {task: owner for task, owner in zip(tasks, owners, strict=True) if owner is not None}

    def surplus(self, account: str, watched: Watched, *, task: str, cost_uusd: int, purchase: str) -> bool:
        """Claim a task that a given-up send bought after all: its cost is spent, its purchase told in the job."""
        later = replace(watched, doubt_uusd=0).text()
        claimed = self._ledger.call(
            "surplus",
            account,
            watched.job_id,
            watched.name,
            task,
            cost_uusd,
            purchase,
            watched.doubt_uusd,
            later,
            watched.purse,
        )
        return bool(claimed)

    def resend(self, job_id: str, fence: str, policy: Policy, *, late: str = "") -> Leave:
        """Take a submit's token for a lost one; `late` is a grant that is given back, as nothing left in its time."""
        return self._ledger.ask_gate("resend", job_id, fence, policy.submits, late)

    def watch_on(self, account: str, watched: Watched, due_s: float) -> None:
        """Look again in so many seconds."""
        self._watch(account, watched, watched.text(), due_s, 0)

    def clear(self, account: str, watched: Watched, due_s: float) -> None:
        """It is proved that this send bought nothing: what it held in doubt is given back. A look or two follow."""
        text = replace(watched, doubt_uusd=0).text()
        self._watch(account, watched, text, due_s, watched.doubt_uusd)

    def watch_no_more(self, account: str, watched: Watched) -> None:
        """This send is not looked for any more."""
        self._watch(account, watched, "", 0, watched.doubt_uusd)

    def _watch(self, account: str, watched: Watched, text: str, due_s: float, freed_uusd: int) -> None:
        """Remember that text of a send that was given up (empty: forget it), and give back so much of its doubt."""
        due_ms = int(due_s * 1000)
        self._ledger.call("watch", account, watched.job_id, watched.name, text, due_ms, freed_uusd, watched.purse)

    def retry(
        self,
        job_id: str,
        state: str,
        *,
        job: str,
        purchases: str,
        revision: int,
        sends: int,
        watch: Watched | None = None,
        due_s: float = 0,
    ) -> bool:
        """Queue a failed or unknown job anew; False when it no longer stands in `state`."""
        name, text = (watch.name, watch.text()) if watch else ("", "")
        queued = self._ledger.call(
            "retry", job_id, state, job, purchases, revision, sends, name, text, int(due_s * 1000)
        )
        return bool(queued)
