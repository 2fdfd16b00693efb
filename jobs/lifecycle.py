"""Where a job may stand and how it may move: the table that the ledger's scripts and docs/lifecycle.md agree with."""

from enum import StrEnum


class State(StrEnum):
    """Where a job stands. `parked` is never stored: it is what a queued job shows while its campaign or its
    account is parked, so that pausing 50,000 jobs is one write.
    """

    QUEUED = "queued"
    CLAIMED = "claimed"
    SUBMITTING = "submitting"
    RENDERING = "rendering"
    READY = "ready"
    COLLECTING = "collecting"
    DONE = "done"
    FAILED = "failed"
    REFUSED = "refused"
    CANCELLED = "cancelled"
    UNKNOWN = "unknown"
    PARKED = "parked"


class Move(StrEnum):
    """Why a job moves."""

    CLAIM = "claim"
    TAKE = "take"
    RELEASE = "release"
    SEND = "send"
    RECALL = "recall"
    ACCEPT = "accept"
    DEFER = "defer"
    LOSE = "lose"
    REFUSE = "refuse"
    FAIL = "fail"
    WAIT = "wait"
    HINT = "hint"
    FINISH = "finish"
    REBUY = "rebuy"
    COLLECT = "collect"
    DROP = "drop"
    REFRESH = "refresh"
    SETTLE = "settle"
    WITHDRAW = "withdraw"
    RENEW = "renew"
    CANCEL = "cancel"
    INHERIT = "inherit"
    ADOPT = "adopt"
    ABSENT = "absent"
    LOOK = "look"
    RETRY = "retry"


#: Where a definite answer to a submit may find its job: a worker that was taken for dead may still bring one.
ANSWERED = (State.SUBMITTING, State.UNKNOWN)

#: Each move: where it may start, where it leads, and what it means.
MOVES: dict[Move, tuple[tuple[State, ...], tuple[State, ...], str]] = {
    Move.CLAIM: ((State.QUEUED,), (State.CLAIMED,), "a slot and the money are taken for it"),
    Move.TAKE: ((State.CLAIMED,), (State.CLAIMED,), "a thread takes it up; a doubled doorbell finds the claim gone"),
    Move.RELEASE: ((State.CLAIMED,), (State.QUEUED,), "given back, or its lease ran out; nothing was sent"),
    Move.SEND: ((State.CLAIMED,), (State.SUBMITTING,), "the rate token is taken and the POST leaves"),
    Move.RECALL: (
        (State.SUBMITTING,),
        (State.CLAIMED,),
        "its token grew too old before a byte left; it asks for another",
    ),
    Move.ACCEPT: (ANSWERED, (State.RENDERING,), "the provider gave a task id"),
    Move.DEFER: (ANSWERED, (State.QUEUED,), "throttled or out of credit; nothing was bought"),
    Move.LOSE: ((State.SUBMITTING,), (State.UNKNOWN,), "the answer was lost; money may have been spent"),
    Move.REFUSE: (ANSWERED, (State.REFUSED,), "the provider refused the content"),
    Move.FAIL: (ANSWERED, (State.FAILED,), "the provider refused the request"),
    Move.WAIT: ((State.RENDERING,), (State.RENDERING,), "not ended yet; the next look is set"),
    Move.HINT: ((State.RENDERING,), (State.RENDERING,), "its webhook came; the next look is now"),
    Move.FINISH: ((State.RENDERING,), (State.READY,), "the provider ended the render, well or badly"),
    Move.REBUY: ((State.RENDERING,), (State.QUEUED,), "the render failed unbilled; bought again at most once"),
    Move.COLLECT: ((State.READY,), (State.COLLECTING,), "a worker fetches and stores what came of it"),
    Move.DROP: ((State.COLLECTING,), (State.READY,), "collecting broke off; it will be tried again"),
    Move.REFRESH: ((State.COLLECTING,), (State.RENDERING,), "the link is dead; the provider is asked for it again"),
    Move.SETTLE: ((State.COLLECTING,), (State.DONE, State.FAILED, State.REFUSED), "video and record are stored"),
    Move.WITHDRAW: ((State.QUEUED,), (State.CANCELLED,), "nobody asks for it any more"),
    Move.INHERIT: (
        ANSWERED,
        (State.DONE, State.REFUSED),
        "another ledger has made it; its record is the end",
    ),
    Move.CANCEL: (
        (State.RENDERING,),
        (State.CANCELLED,),
        "its campaign is cancelled, and so is its task at the provider",
    ),
    Move.RENEW: ((State.CANCELLED,), (State.QUEUED,), "it is asked for again"),
    Move.ADOPT: ((State.UNKNOWN,), (State.RENDERING,), "the task that its submit bought was found"),
    Move.ABSENT: ((State.UNKNOWN,), (State.QUEUED,), "it is proved that its submit bought nothing"),
    Move.LOOK: ((State.UNKNOWN,), (State.UNKNOWN,), "looked for, and not decided yet; the next look is set"),
    Move.RETRY: ((State.FAILED, State.UNKNOWN), (State.QUEUED,), "a person wants it bought anew"),
}

#: States that no move leads out of by itself; a campaign has settled when all its jobs stand in one of these.
ENDS = frozenset({State.DONE, State.FAILED, State.REFUSED, State.CANCELLED})

#: States in which the job holds one of its account's slots.
HOLDS_SLOT = frozenset({State.CLAIMED, State.SUBMITTING, State.RENDERING, State.UNKNOWN})


def allowed(move: Move, start: State, end: State) -> bool:
    """Whether the table has this move."""
    starts, ends, _ = MOVES[move]
    return start in starts and end in ends
