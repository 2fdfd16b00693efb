"""The receiver of webhooks: an ASGI application that has renders looked at as soon as their provider calls.

A call is proved before the ledger hears of it: by its address, which only we can have made, then by its signature.
It is a hint then: the job's next look is now, and that look decides. What is not proved is answered alike, and costs no
more than it takes to see that.
"""

import asyncio
import hashlib
import logging
import time
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from http import HTTPStatus

import redis
from starlette.applications import Starlette
from starlette.requests import ClientDisconnect, Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route

from config.accounts import Accounts
from config.facts import ProviderFacts
from config.receiver import WELL
from config.settings import Settings, webhook_secret
from jobs.errors import Refused
from ledger.hints import Hint
from providers.clock import REAL, Clock
from providers.contract import Answer, Endpoint
from providers.registry import PROVIDERS, endpoint
from providers.webhooks import SKEW_S, About, Addresses, Keys, Unsigned, Webhook
from worker.wire import Asker
from worker.wiring import can_be_proved

#: Bytes. A call holds the order again, and that holds at most a file of a few hundred kilobytes.
LARGEST_BYTES = 2 * 1024 * 1024
#: The same of a call about no job, whose sender has proved nothing yet.
LARGEST_TRIAL_BYTES = 16 * 1024
#: Seconds in which the whole body must come.
BODY_WITHIN_S = 10.0
#: Seconds for which published keys are good, and after which they are asked for again when a signature does not fit.
KEYS_LIFE_S, KEYS_AGAIN_S = 3600.0, 60.0
#: Calls that wait for the ledger at once.
MOST_AT_LEDGER = 8
#: Seconds between two lines in the log about calls that were not proved.
TOLD_EVERY_S = 60.0
#: Answers other than 200, by what the ledger says of a proved call.
STATUSES = {"missing": HTTPStatus.NO_CONTENT, "foreign": HTTPStatus.SERVICE_UNAVAILABLE}

log = logging.getLogger(__name__)


@dataclass(slots=True)
class Door:
    """One account's webhooks: how they are proved, the provider's clock, and the keys that are known by now."""

    webhook: Webhook
    clock: Clock
    keys: Keys
    at: Endpoint
    asked_at: float | None = None
    lock: asyncio.Lock = field(default_factory=asyncio.Lock)

    @property
    def signed(self) -> bool:
        """Whether its calls are signed."""
        return not isinstance(self.webhook.proof, Unsigned)

    async def delivery(self, headers: Mapping[str, str], body: bytes, asker: Asker) -> str | None:
        """The name of this delivery; None unless it is proved."""
        await self._renew(asker, after_s=KEYS_LIFE_S)
        told = self._read(headers, body)
        if told is None and await self._renew(asker, after_s=KEYS_AGAIN_S):
            told = self._read(headers, body)
        return told

    def _read(self, headers: Mapping[str, str], body: bytes) -> str | None:
        return self.webhook.proof.delivery(headers, body, self.keys, self.clock.theirs(time.time()).timestamp())

    async def _renew(self, asker: Asker, *, after_s: float) -> bool:
        """Ask for the published keys if the last answer is older than that; whether there are new ones now."""
        call = self.webhook.proof.keys_call(self.at)
        async with self.lock:
            now = time.monotonic()
            if call is None or (self.asked_at is not None and now - self.asked_at < after_s):
                return False
            self.asked_at = now
            answer = await asker.ask(call)
            keys = self.webhook.proof.read_keys(answer) if isinstance(answer, Answer) else ()
            self.keys, before = keys or self.keys, self.keys
        if not keys:
            log.warning("the keys that sign webhooks were not told", extra={"url": call.url})
        return list(self.keys) != list(before)


def doors(settings: Settings, clock: Clock | None) -> dict[str, Door]:
    """The accounts that may be called about, by name; simulated ones where there is a simulator with that clock.

    Raises Refused for a secret that cannot be one.
    """
    found = {}
    known = Accounts(settings.limits)
    worlds = (False,) if clock is None else (False, True)
    for account in (each for name in PROVIDERS for each in known.of_provider(name)):
        facts, webhook = account.facts, PROVIDERS[account.facts.name].webhook
        if account.simulated not in worlds or webhook is None or not can_be_proved(facts):
            continue
        url = settings.simulator_url if account.simulated else None
        at = endpoint(facts.name, "", region=account.place, simulator_url=url)
        ours = clock if account.simulated and clock is not None else REAL
        found[account.name] = Door(webhook, ours, _keys(facts, webhook), at)
    return found


def _keys(known: ProviderFacts, webhook: Webhook) -> Keys:
    """The keys in the provider's shared secret; none where there is no such secret."""
    secret = webhook_secret(known)
    try:
        return () if secret is None else webhook.proof.secret_keys(secret.get_secret_value())
    except ValueError:
        raise Refused(
            f"what {known.webhook_secret_variable} holds is no signing secret of {known.title}",
            f"copy it anew ({known.docs_url}), or unset it: then {known.title} is not asked to call",
        ) from None


class Receiver:
    """Answers calls. `give` tells the ledger of a proved one, and for how many seconds it is known again."""

    def __init__(
        self, addresses: Addresses, open_doors: Mapping[str, Door], give: Callable[[Hint, float], str]
    ) -> None:
        self._addresses, self._doors, self._give = addresses, open_doors, give
        self._at_ledger = asyncio.Semaphore(MOST_AT_LEDGER)
        self._refused, self._told_at = 0, -TOLD_EVERY_S
        self._asker: Asker | None = None

    @asynccontextmanager
    async def open(self, _app: Starlette) -> AsyncIterator[None]:
        """Hold the client that asks for published keys as long as the server lives."""
        self._asker = Asker()
        yield
        await self._asker.close()

    async def call(self, request: Request) -> Response:
        """A provider's call: 200 when it is proved, 401 for whatever is not, 503 to be called again."""
        path = request.url.path
        about = self._addresses.read(path)
        door = self._doors.get(path.rpartition("/")[2] if about is None else about.account)
        if door is None or (about is None and not door.signed):
            return self._refuse()
        # A call about no job is what a provider's console tries an address out with; its sender has proved nothing yet.
        body = await _body(request, LARGEST_TRIAL_BYTES if about is None else LARGEST_BYTES)
        if body is None:
            return Response(status_code=HTTPStatus.REQUEST_ENTITY_TOO_LARGE)
        assert self._asker is not None
        told = await door.delivery(request.headers, body, self._asker)
        if told is None:
            # Without keys nothing can be told of a call, which will come again.
            return self._refuse() if door.keys else Response(status_code=HTTPStatus.SERVICE_UNAVAILABLE)
        return Response() if about is None else await self._tell(about, told, door, body)

    async def _tell(self, about: About, delivery: str, door: Door, body: bytes) -> Response:
        """Tell the ledger of a proved call."""
        name = hashlib.sha256("/".join((*map(str, about), delivery)).encode()).hexdigest()
        hint = Hint(*about, name, door.webhook.task_of(body))
        try:
            async with self._at_ledger:
                word = await asyncio.to_thread(self._give, hint, door.clock.ours_s(2 * SKEW_S))
        except redis.RedisError as error:
            word, reason = "foreign", str(error)
        else:
            reason = "it has been emptied, or belongs to another store"
        if word == "foreign":
            log.warning("the ledger does not serve; webhooks will come again", extra={"reason": reason})
        log.debug("a webhook came", extra={**about._asdict(), "found": word})
        return Response(status_code=STATUSES.get(word, HTTPStatus.OK))

    def _refuse(self) -> Response:
        """The one answer to all that is not proved; the log tells of them now and then."""
        self._refused += 1
        if time.monotonic() - self._told_at >= TOLD_EVERY_S:
            log.warning("calls were refused that no provider has made", extra={"calls": self._refused})
            self._refused, self._told_at = 0, time.monotonic()
        return Response(status_code=HTTPStatus.UNAUTHORIZED)


async def _body(request: Request, most_bytes: int) -> bytes | None:
    """The whole body; None when it is too long, too slow or broken off."""
    held = bytearray()
    if int(request.headers.get("content-length", "0") or 0) > most_bytes:
        return None
    try:
        async with asyncio.timeout(BODY_WITHIN_S):
            async for chunk in request.stream():
                held += chunk
                if len(held) > most_bytes:
                    return None
    except (ClientDisconnect, TimeoutError):
        return None
    return bytes(held)


async def _well(_: Request) -> Response:
    return PlainTextResponse(WELL)


def application(receiver: Receiver) -> Starlette:
    """The receiver, and `/healthz` beside it, below whatever path leads here."""
    well = [Route(path, _well, methods=["GET"]) for path in ("/healthz", "/{below:path}/healthz")]
    routes = [*well, Route("/{address:path}", receiver.call, methods=["POST"])]
    return Starlette(routes=routes, lifespan=receiver.open)
