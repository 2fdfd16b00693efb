"""fal's webhooks: signed with ED25519 by a key that its key set publishes; ten tries in two hours.

Made up, since no document tells: how the tries are spread, and the user's id.
"""

import base64
import hashlib
import json
from typing import Any

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import BaseRoute, Route

from simulator.renders import Task
from simulator.webhooks import CALL, Letter

#: Simulated seconds between the ten tries, doubling, of about two hours in all.
AGAIN_S = tuple(14.0 * 2**number for number in range(9))


class FalWebhooks:
    """The key of this world, and what is signed with it. The host `rest.fal.ai` is below `/fal/rest`."""

    def __init__(self, seed: int) -> None:
        self._key = Ed25519PrivateKey.from_private_bytes(hashlib.sha256(f"fal:{seed}".encode()).digest())

    def routes(self) -> list[BaseRoute]:
        """The key set."""
        return [Route("/rest/.well-known/jwks.json", self._keys)]

    def letter(self, task: Task, fault: tuple[str, str] | None, payload: dict[str, Any], now: float) -> Letter:
        """A finished request, signed."""
        ids = {"request_id": task.task_id, "gateway_request_id": task.task_id}
        told = {"status": "OK"} if fault is None else {"status": "ERROR", "error": fault[1]}
        body = json.dumps({**ids, **told, "payload": payload}).encode()
        user = hashlib.sha256(task.account.encode()).hexdigest()[:20]
        names = (task.task_id, user, str(int(now)))
        text = "\n".join((*names, hashlib.sha256(body).hexdigest())).encode()
        heads = ("Request-Id", "User-Id", "Timestamp", "Signature")
        signed = zip(heads, (*names, self._key.sign(text).hex()), strict=True)
        headers = {f"X-Fal-Webhook-{head}": value for head, value in signed}
        return Letter(task.notes[CALL], {"Content-Type": "application/json", **headers}, body)

    async def _keys(self, _: Request) -> Response:
        public = base64.urlsafe_b64encode(self._key.public_key().public_bytes_raw()).decode().rstrip("=")
        return JSONResponse({"keys": [{"kty": "OKP", "crv": "Ed25519", "kid": "sim", "x": public}]})
