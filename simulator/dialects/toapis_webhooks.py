"""ToAPIs' webhooks: an event in an envelope, signed with the secret of the token's webhook."""

import hashlib
import hmac
import json
from typing import Any

from simulator.clock import iso
from simulator.renders import Task
from simulator.webhooks import CALL, Letter

#: Simulated seconds between the tries: 10 s, 30 s, 2 min, 10 min, 1 h, 6 h and 24 h.
AGAIN_S = (10.0, 30.0, 120.0, 600.0, 3_600.0, 21_600.0, 86_400.0)


def signed(task: Task, facts: dict[str, Any], secret: str, now: float) -> Letter:
    """What became of a task. Every try has the same id, and its own time."""
    name, at = f"evt_{hashlib.sha256(task.task_id.encode()).hexdigest()[:26]}", str(int(now))
    data = {
        "task_id": task.task_id, "client_business_id": task.notes.get("client_business_id"), "task_type": "video",
        "model": task.model, "status": facts["status"], "progress": facts["progress"], "result": facts.get("result"),
        "error": facts.get("error"), "submitted_at": int(task.at), "finished_at": int(task.ends_at),
    }  # fmt: skip
    event = "generation.completed" if facts["status"] == "completed" else "generation.failed"
    body = json.dumps({"id": name, "type": event, "api_version": "v1", "created_at": iso(now), "data": data}).encode()
    digest = hmac.digest(secret.encode(), f"{name}.{at}.".encode() + body, "sha256").hex()
    stem = "X-ToAPIs-Webhook"
    headers = {f"{stem}-Id": name, f"{stem}-Timestamp": at, f"{stem}-Signature": f"v1={digest}"}
    return Letter(task.notes[CALL], {"Content-Type": "application/json", **headers}, body)
