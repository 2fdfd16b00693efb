"""Our worker as it is shipped, run as a child of a benchmark; when it ends it leaves how late its polls were.

argv: the file to write. Lateness counts from the instant at which the ledger had the poll due to the one at which it is
asked, in seconds; the ledger's answer is dated at its question, so that the figure is never too small.
"""

import json
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from unittest.mock import patch

from config.facts import load_facts
from config.logs import configure_logs, known_secrets
from config.settings import load_settings
from ledger.jobs import Ledger
from ledger.orders import Ask, Due, Moved, Order, Paid, Told
from worker.app import serve
from worker.poll import look
from worker.wire import Asker
from worker.wiring import Counter

#: When each leased poll was due, on the monotonic clock.
_due_at: dict[str, float] = {}
_late_s: list[float] = []


class _Timed(Ledger):
    def visit(
        self, orders: Sequence[Order], asks: Sequence[Ask] = (), paid: Sequence[Paid] = ()
    ) -> tuple[list[Moved], list[Told]]:
        """Note when each poll was due."""
        now = time.monotonic()
        moved, told = super().visit(orders, asks, paid)
        dues = (each for one in told for each in one.due if each.state == "rendering")
        _due_at.update({each.job_id: now - each.late_ms / 1000 for each in dues})
        return moved, told


async def _look(due: Due, counter: Counter, asker: Asker) -> Order:
    _late_s.append(time.monotonic() - _due_at.pop(due.job_id))
    return await look(due, counter, asker)


def main() -> int:
    """Serve until told to stop."""
    settings = load_settings()
    configure_logs(settings.log_level, secrets=known_secrets(settings, load_facts().values()))
    try:
        with patch("worker.wiring.Ledger", _Timed), patch("worker.pump.look", _look):
            return serve(settings)
    finally:
        Path(sys.argv[1]).write_text(json.dumps(_late_s))


if __name__ == "__main__":
    sys.exit(main())
