"""What is left on a campaign's accounts, asked once at its end: the last words of a run are not a minute old."""

import time
from contextlib import suppress
from dataclasses import replace

from redis.exceptions import RedisError

from config.accounts import Accounts
from config.settings import Settings
from config.simulator import simulator_clock
from jobs.errors import WanbatchError
from ledger.balance import Balances
from ledger.jobs import Ledger
from producer.fetch import balance
from producer.watch import Progress
from providers.accounts import Account, open_real, open_simulated
from providers.clock import Clock


def with_balance(end: Progress, ledger: Ledger, settings: Settings, simulator_url: str | None) -> Progress:
    """The same end with what is left now, which the ledger keeps too; where it cannot be asked, with what was seen."""
    for each in end.status.accounts:
        # No key here, a provider that tells nobody, a ledger that is just away: the older figure says how old it is.
        with suppress(WanbatchError, RedisError):
            account = account_called(each.name, settings, simulator_url)
            left, _ = (None, None) if account is None else balance(account)
            if left is not None:
                Balances(ledger).remember(each.name, str(left.remaining), left.unit, time.time())
    with suppress(RedisError):
        status = ledger.status(end.status.campaign)
        return end if status is None else replace(end, status=status)
    return end


def account_called(name: str, settings: Settings, simulator_url: str | None) -> Account | None:
    """The account of that name; None for a simulated one without its simulator. Raises KeyMissing for a real one."""
    known = Accounts(settings.limits).called(name)
    if known is None or (known.simulated and not simulator_url):
        return None
    if not known.simulated:
        return open_real(known)
    return open_simulated(known, simulator_url or "", Clock(*simulator_clock(simulator_url or "")))
