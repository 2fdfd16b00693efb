"""Replicate's webhooks: Standard Webhooks, signed with a secret that its own path tells the account.

Made up, since no document tells: how the tries are spread. The last one comes about a minute after the end.
"""

import base64
import hashlib
import hmac
import json
from typing import Any

from simulator.renders import Task
from simulator.webhooks import CALL, Letter

#: Simulated seconds between the tries.
AGAIN_S = (2.0, 4.0, 8.0, 16.0, 30.0)


def secret_of(account: str) -> str:
    """`whsec_` and the key in base64."""
    return f"whsec_{base64.b64encode(_key(account)).decode()}"


def signed(task: Task, prediction: dict[str, Any], now: float) -> Letter:
    """The prediction as its own path would tell it. Every try has the same id, and its own time."""
    body = json.dumps(prediction).encode()
    name, at = f"msg_{hashlib.sha256(task.task_id.encode()).hexdigest()[:27]}", str(int(now))
    digest = hmac.digest(_key(task.account), f"{name}.{at}.".encode() + body, "sha256")
    signature = f"v1,{base64.b64encode(digest).decode()}"
    headers = {"webhook-id": name, "webhook-timestamp": at, "webhook-signature": signature}
    return Letter(task.notes[CALL], {"Content-Type": "application/json", **headers}, body)


def _key(account: str) -> bytes:
    return hashlib.sha256(f"replicate:{account}".encode()).digest()[:24]
