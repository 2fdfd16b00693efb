"""How Wan's own schema spells an order, as most hosts of the bare model take it, and the names of its references."""

import re
from typing import Any

from jobs.job import Job, Mode, Render
from providers.offers import is_video


def order(job: Job) -> dict[str, Any]:
    """The order without its media, each field said; a dialect adds what it spells otherwise."""
    render = job.render
    return {
        "prompt": render.prompt,
        "negative_prompt": render.negative_prompt,
        "duration": render.duration_s,
        "multi_shots": render.shot_type == "multi",
        "enable_prompt_expansion": render.prompt_expansion,
        "seed": job.seed,
    }


def sized_order(job: Job) -> dict[str, Any]:
    """The same with its media: the size spells resolution and ratio, but in i2v the resolution; `audio` is a URL."""
    render = job.render
    image = {"image": render.image, "resolution": render.resolution}
    return {
        **order(job),
        **(image if render.mode is Mode.I2V else {"size": render.size}),
        **({} if render.audio_track is None else {"audio": render.audio_track}),
    }


def videos_first(render: Render, stem: str) -> tuple[str, list[str], list[str]]:
    """Prompt, videos and images for a host that counts references so, and calls them by the stem and a number.

    The matrix calls them character1, character2, ... in its own order.
    """
    videos = [uri for uri in render.references if is_video(uri)]
    images = [uri for uri in render.references if not is_video(uri)]
    names = {uri: f"{stem}{place}" for place, uri in reversed([*enumerate((*videos, *images), 1)])}

    def named(found: re.Match[str]) -> str:
        number = int(found[1])
        return names[render.references[number - 1]] if 1 <= number <= len(render.references) else found[0]

    return re.sub(r"\bcharacter(\d{1,9})\b", named, render.prompt, flags=re.IGNORECASE), videos, images
