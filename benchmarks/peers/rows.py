"""The plainest shape of all: a Celery task that fills the template of a CSV's row and posts it, as it stands."""

from typing import Any

import httpx
from celery import Celery
from jinja2 import Template

from benchmarks.peers import provider

app = Celery("rows", broker=provider.BROKER, backend=provider.BROKER)


@app.task(name="segmind")
def make(row: dict[str, str]) -> str:
    """Buy one row's video; answers its task."""
    order: dict[str, Any] = {"prompt": Template(row["prompt"]).render(row), "duration": int(row.get("duration") or 5)}
    if row.get("shot_type"):
        order["multi_shots"] = row["shot_type"] == "multi"
    if row.get("prompt_expansion"):
        order["enable_prompt_expansion"] = row["prompt_expansion"] == "true"
    if row.get("image_url"):
        return provider.buy("/v2/wan-2.6-i2v", order | {"image": row["image_url"]})
    return provider.buy(provider.MODEL, order)


@app.task(name="dashscope")
def make_at_model_studio(row: dict[str, str]) -> str:
    """The same at Alibaba's own, where the size is left to the provider."""
    url = f"{provider.BASE.removesuffix('/segmind')}/dashscope/api/v1/services/aigc/video-generation/video-synthesis"
    headers = {"Authorization": f"Bearer {provider.KEY['x-api-key']}", "X-DashScope-Async": "enable"}
    order = {"model": "wan2.6-t2v", "input": {"prompt": row["prompt"]}, "parameters": {}}
    answer = httpx.post(url, json=order, headers=headers, timeout=20).raise_for_status()
    return str(answer.json()["output"]["task_id"])
