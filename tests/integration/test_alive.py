"""A container's health check tells a living worker from one that hangs, and from none."""

import platform
import subprocess
import sys

from config.settings import load_settings
from ledger.jobs import Ledger
from tests.services import Valkey
from worker.alive import alive

STORE = "file:///nowhere"


def test_a_worker_is_alive_by_its_own_heartbeat(valkey: Valkey) -> None:
    """Alive before there is a ledger to beat for and while this machine's worker beats; not by another machine's."""
    settings = load_settings(redis=valkey.url, store=STORE)
    assert alive(settings) is None, "an empty ledger takes no heartbeats"
    ledger = Ledger.connect(valkey.url, store_url=settings.store, found=True)
    ledger.renew("another-machine-7/8", [])
    assert alive(settings) == f"no worker on {platform.node()} has been heard of in the last seconds"
    ledger.renew(f"{platform.node()}-7/8", [])
    assert alive(settings) is None
    ledger.close()


def test_a_ledger_that_cannot_be_used_is_told_without_a_traceback(valkey: Valkey) -> None:
    """The health check's output is a sentence that a person can act on."""
    given = {"WANBATCH_REDIS": f"redis://127.0.0.1:{valkey.port}/99", "WANBATCH_STORE": STORE}
    ended = subprocess.run(
        [sys.executable, "-m", "worker.alive"], env=given, capture_output=True, text=True, check=False
    )
    assert ended.returncode == 1
    assert "the ledger cannot be used" in ended.stderr
    assert "Traceback" not in ended.stderr
