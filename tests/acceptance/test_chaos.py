"""Each kind of fault once, on real processes: the short deck of `benchmarks.chaos`, with a fixed seed.

How long a recovery takes is the benchmark's to judge; here a slow machine only takes longer.
"""

from pathlib import Path

import pytest

from benchmarks.chaos.session import Asked, run

#: Seconds for the whole slice where it shares two cores with other tests; alone it takes about two minutes.
SLICE_TIMEOUT_S = 600
#: Kills without the ones that wait for a request, which may not come: one at random, one of all three workers.
LEAST_KILLS = 4


@pytest.mark.timeout(SLICE_TIMEOUT_S)
def test_nothing_is_lost_or_bought_twice_whatever_is_killed(tmp_path: Path) -> None:
    """Workers, the ledger and its lines are killed in the middle of buying: every job ends, bought once, books true."""
    figures, complaints = run(tmp_path, Asked(seed=1, provider="segmind", on_s3=True))
    assert complaints == []
    assert figures["kills"] >= LEAST_KILLS
    assert figures["done"] + figures["failed"] == figures["jobs"] > 0
