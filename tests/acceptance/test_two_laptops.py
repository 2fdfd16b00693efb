"""Two people press run: each on a laptop with a ledger of its own, over one bucket and one provider."""

from collections.abc import Callable
from pathlib import Path

from tests.acceptance.driving import begin, bought_twice, prompts_file, typed
from tests.services import Seaweed, Simulator

VIDEOS = 20
#: Seconds in which a run ends on a busy machine.
RUN_WITHIN_S = 120


def test_two_laptops_over_one_bucket(tmp_path: Path, seaweed: Seaweed, simulator: Callable[..., Simulator]) -> None:
    """Each video is bought by one of the two, and both have all; one that runs the other's campaign buys nothing."""
    provider = simulator("--speed", "60")
    shared = {"WANBATCH_STORE": f"s3://{seaweed.bucket()}/ads", "WANBATCH_SIMULATOR_URL": provider.url}
    shared |= seaweed.environment()
    lamps = prompts_file(tmp_path / "lamps.txt", VIDEOS)
    laptops = {name: {**shared, "XDG_STATE_HOME": str(tmp_path / name)} for name in ("anna", "ben")}
    runs = [
        begin(tmp_path / f"{name}.log", "run", lamps, "--simulate", "--campaign", name, env=laptop)
        for name, laptop in laptops.items()
    ]
    assert [run.ended(within_s=RUN_WITHIN_S) for run in runs] == [0, 0], [run.said for run in runs]
    assert len(provider.purchases()) == VIDEOS
    assert bought_twice(provider.purchases()) == {}
    for run in runs:
        assert f"{VIDEOS} of {VIDEOS} done" in run.said
    again = typed("run", lamps, "--simulate", "--campaign", "anna", cwd=tmp_path, env=laptops["ben"])
    assert (again.code, "all of it is there already" in again.err) == (0, True), again.err
    assert len(provider.purchases()) == VIDEOS
