"""What is asked for: a provider's limits, and how many videos; and the systems that are to make them."""

import os
import subprocess
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from benchmarks.prompts import put_prompts, send_messages
from benchmarks.servers import our_env, python

ACCOUNT = "simulated-segmind"
#: Processes of Celery's pools: for tasks that sleep, which then are its slots, and for short ones.
SLEEPERS, STAGES = 96, 8
#: Processes and threads of dramatiq.
ACTORS = (4, 64)
PEERS = Path(__file__).parent.parent / "peers"


@dataclass(frozen=True, slots=True)
class Scene:
    """So many submits in any minute of the provider's clock, and so many renders at once (None: any)."""

    name: str
    submits: int
    slots: int | None


@dataclass(frozen=True, slots=True)
class Bench:
    """A folder, a Valkey and a simulator for one side of one scene; the clock runs `speed` times faster than life."""

    folder: Path
    redis_url: str
    simulator_url: str
    scene: Scene
    speed: float

    @property
    def env(self) -> dict[str, str]:
        """What ours and peers need to know."""
        slots = "" if self.scene.slots is None else f"slots = {self.scene.slots}\n"
        windows = f"submits = [{{ count = {self.scene.submits}, window_s = 60 }}]\npolls = []\n"
        limits = f"[{ACCOUNT}]\n{windows}{slots}"
        given = our_env(self.folder, self.redis_url, self.simulator_url, limits) | {
            "BENCHMARK_BROKER": self.redis_url,
            "BENCHMARK_SIMULATOR_URL": self.simulator_url,
            "BENCHMARK_FOLDER": str(self.folder),
            "BENCHMARK_SPEED": f"{self.speed:g}",
            "BENCHMARK_SUBMITS": str(self.scene.submits),
            "WANBATCH_ACCOUNTS": ACCOUNT,
            "TMPDIR": str(self.folder),
        }
        return given if self.scene.slots is None else given | {"BENCHMARK_SLOTS": str(self.scene.slots)}


@dataclass(frozen=True, slots=True)
class Side:
    """One system: its processes, how jobs are put in, where its videos appear, and what its user had to write.

    `whole` tells whether it is asked for all of a scene's videos, or for as many as it can make in the time.
    """

    name: str
    command: Sequence[str]
    put_in: Callable[[Bench, int], None]
    videos: str
    written: Sequence[Path]
    whole: bool


def sides(jobs: int) -> list[Side]:
    """Ours, the two best of what users write today, and two more."""
    celery = [*python("celery", "-A")]
    quiet = ["--loglevel", "warning", "--without-mingle", "--without-gossip"]
    shared = PEERS / "provider.py"
    processes, threads = map(str, ACTORS)
    return [
        Side("wanbatch", python("cli.app", "worker"), _ours, "store/simulated/jobs/*/record.json", (), whole=True),
        Side(
            "asyncio script", python("benchmarks.peers.script", str(jobs)), lambda _bench, _jobs: None, "*.mp4",
            (shared, PEERS / "script.py"), whole=True,
        ),
        Side(
            "celery stages",
            [*celery, "benchmarks.peers.paced_stages", "worker", "-c", str(STAGES), "-Q", "looks,celery", *quiet],
            _messages, "*.mp4", (shared, PEERS / "paced_stages.py"), whole=True,
        ),
        Side(
            "celery sleeping", [*celery, "benchmarks.peers.paced_sleeping", "worker", "-c", str(SLEEPERS), *quiet],
            _messages, "*.mp4", (shared, PEERS / "sleeping.py", PEERS / "paced_sleeping.py"), whole=False,
        ),
        Side(
            "dramatiq", python("dramatiq", "benchmarks.peers.actors", "-p", processes, "-t", threads),
            _actors, "*.mp4", (shared, PEERS / "actors.py"), whole=False,
        ),
    ]  # fmt: skip


def _ours(bench: Bench, jobs: int) -> None:
    put_prompts(jobs, bench.redis_url, bench.folder)


def _messages(bench: Bench, jobs: int) -> None:
    send_messages(jobs, bench.redis_url)


def _actors(bench: Bench, jobs: int) -> None:
    """A dramatiq message a job."""
    subprocess.run(python("benchmarks.peers.actors", str(jobs)), env=os.environ | bench.env, check=True)
