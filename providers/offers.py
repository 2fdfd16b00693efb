"""Whether a render is sold and what it costs: the same questions to every provider's facts, before any money moves."""

import re
from collections.abc import Iterator, Sequence
from decimal import Decimal
from urllib.parse import quote, urlsplit

from config.facts import Offer, ProviderFacts
from jobs.job import Mode, Render
from jobs.media import is_web, media_of
from providers.contract import Complaint

#: The matrix column that makes a row this mode.
MODE_COLUMNS = {Mode.T2V: "prompt", Mode.I2V: "image_url", Mode.R2V: "reference_urls"}

#: How a reference video's name ends; anything else counts as an image.
VIDEO_ENDINGS = (".mp4", ".mov")

#: Characters of a text too long that are shown of what would be lost.
LOST_SHOWN = 60


def complaints(render: Render, facts: ProviderFacts, region: str | None = None) -> list[Complaint]:
    """Everything for which this provider would refuse, cut or ignore part of the render; empty when it is sold."""
    offer = facts.offer(render.mode, render.model, region)
    if offer is None:
        return [_not_sold(render, facts, region)]
    checks = (_frame, _texts, _switches, _media)
    return [complaint for check in checks for complaint in check(render, offer, facts.title)]


def price_usd(
    render: Render, facts: ProviderFacts, region: str | None = None, *, named_usd: Decimal | None = None
) -> Decimal | None:
    """The most it can cost: a second's price x (duration + the most input that is billed); None if not known.

    `named_usd` is the price of a second that holds where the list has none.
    """
    offer = facts.offer(render.mode, render.model, region)
    if offer is None:
        return None
    second = facts.second_usd(offer, render.resolution, audio=render.audio, region=region)
    second = named_usd if second is None else second
    return None if second is None else second * (render.duration_s + offer.input_s_max)


def _not_sold(render: Render, facts: ProviderFacts, region: str | None) -> Complaint:
    sold = [f"{offer.mode} {offer.model}" for offer in facts.sold(region)]
    same_mode = any(offer.mode == render.mode for offer in facts.sold(region))
    where = facts.title + (f" in region {region or facts.default_region}" if len(facts.regions) > 1 else "")
    column = "model" if same_mode else MODE_COLUMNS[render.mode]
    what = f"{render.mode} with the {render.model} model"
    text = render.model if same_mode else render.mode.value
    return Complaint(column, text, f"{where} does not sell {what}", f"it sells {_listed(sold)}")


def _frame(render: Render, offer: Offer, title: str) -> Iterator[Complaint]:
    if render.resolution not in offer.resolutions:
        yield _one_of("resolution", render.resolution, offer.resolutions, f"{title} for {offer.slug}")
    if render.duration_s not in offer.durations_s:
        yield _one_of("duration", render.duration_s, _runs(offer.durations_s), f"{title} for {offer.slug}")
    if render.aspect_ratio in offer.aspect_ratios:
        return
    if offer.aspect_ratios:
        yield _one_of("aspect_ratio", render.aspect_ratio or "", offer.aspect_ratios, f"{title} for {offer.slug}")
    elif render.aspect_ratio is not None:
        yield Complaint(
            "aspect_ratio", render.aspect_ratio, "with an image, the image decides the frame's shape", "leave it empty"
        )


def _texts(render: Render, offer: Offer, title: str) -> Iterator[Complaint]:
    if offer.prompt_required and not render.prompt.strip():
        yield Complaint("prompt", render.prompt, f"{title} needs a prompt for {offer.slug}", "write one")
    for column, text, limit in (
        ("prompt", render.prompt, offer.prompt_limit),
        ("negative_prompt", render.negative_prompt, offer.negative_limit),
    ):
        if text.strip() and not limit:
            yield Complaint(column, text, f"{title} takes no {column} for {offer.slug}", "leave it empty")
        elif len(text) > limit:
            lost = text[limit : limit + LOST_SHOWN] + ("..." if len(text) > limit + LOST_SHOWN else "")
            problem = f'it has {len(text):,} characters and {title} takes {limit:,}: from "{lost}" on it would be lost'
            yield Complaint(column, lost, problem, f"shorten it by {len(text) - limit:,}")


def _switches(render: Render, offer: Offer, title: str) -> Iterator[Complaint]:
    if not render.audio and not offer.audio_switch:
        yield Complaint("audio", "false", f"{title} sells {offer.slug} with sound only", "leave it empty, or true")
    if not render.audio and render.audio_track is not None:
        yield Complaint("audio", "false", "audio_url names a sound, and audio says none", "keep one of the two")
    if render.watermark and not offer.watermark:
        yield Complaint("watermark", "true", f"{title} puts no watermark on {offer.slug}", "leave it empty, or false")
    if render.template is not None and not offer.template:
        yield Complaint("template", render.template, f"{title} has no templates for {offer.slug}", "leave it empty")
    if not render.prompt_expansion and not offer.expansion_switch:
        yield Complaint(
            "prompt_expansion", "false", f"{title} has no such switch for {offer.slug}", "leave it empty, or true"
        )
    if render.shot_type not in offer.shot_types:
        yield _one_of("shot_type", render.shot_type, offer.shot_types, f"{title} for {offer.slug}")
    elif render.shot_type == "multi" and not render.prompt_expansion and offer.expansion_switch:
        yield Complaint(
            "shot_type", "multi", "several shots need prompt expansion, which is off", "set prompt_expansion to true"
        )


def _media(render: Render, offer: Offer, title: str) -> Iterator[Complaint]:
    if render.mode is Mode.I2V and render.image is None:
        yield Complaint("image_url", "", f"{offer.slug} starts from an image, and there is none", "give its URL")
    if render.mode is Mode.R2V:
        yield from _references(render.references, offer, title)
        yield from _names(render)
    if render.audio_track is not None and not offer.audio_track:
        yield Complaint(
            "audio_url", render.audio_track, f"{title} takes no audio track for {offer.slug}", "leave it empty"
        )
    for column, uri in media_of(render):
        # Any other address is a file of one's own, and is handed over (`providers/media.py`).
        if is_web(uri):
            yield from _address(column, uri, title)


def _address(column: str, uri: str, title: str) -> Iterator[Complaint]:
    if not _leads_somewhere(uri):
        yield Complaint(column, uri, f"{title} fetches this file itself", "give an https:// URL it can reach")
    elif re.search(r"\s", uri):
        better = "".join(quote(char) if char.isspace() else char for char in uri)
        yield Complaint(column, uri, "there is no space in a URL", f"write it as {better}")


def _leads_somewhere(uri: str) -> bool:
    try:
        parts = urlsplit(uri)
        return parts.scheme in ("http", "https") and bool(parts.hostname)
    except ValueError:
        return False


def _references(references: Sequence[str], offer: Offer, title: str) -> Iterator[Complaint]:
    videos = sum(map(is_video, references))
    images = len(references) - videos
    if not references:
        yield Complaint("reference_urls", "", f"{offer.slug} starts from references, and there are none", "give a URL")
    limits = (offer.references_max, offer.reference_videos_max, offer.reference_images_max)
    if any(held > most for held, most in zip((len(references), videos, images), limits, strict=True)):
        text = f"{len(references)} files, {videos} of them videos"
        most_text = f"{limits[0]} files, {limits[1]} of them videos" + ("" if limits[2] else ", and no images")
        yield Complaint("reference_urls", text, f"{title} takes at most {most_text}", "leave some out")


def is_video(uri: str) -> bool:
    """Whether a reference counts as a video, by its name."""
    return uri.partition("?")[0].lower().endswith(VIDEO_ENDINGS)


def _names(render: Render) -> Iterator[Complaint]:
    """A prompt calls the references character1, character2, ... in their order; a name beyond them means nothing."""
    known = len(render.references)
    for number in dict.fromkeys(re.findall(r"\bcharacter(\d{1,9})\b", render.prompt, re.IGNORECASE)):
        if not 1 <= int(number) <= known:
            names = "character1" if known == 1 else f"character1 to character{known}"
            problem = f"the prompt names character{number}, and the row has {known} reference{'s' * (known != 1)}"
            yield Complaint("prompt", f"character{number}", problem, f"call them {names}, or add the reference")


def _one_of(column: str, text: object, sold: Sequence[str], seller: str) -> Complaint:
    problem = f"{text} is not sold by {seller}" if text else f"nothing is chosen, and {seller} has no default"
    return Complaint(column, str(text), problem, f"use {_listed(sold)}")


def _listed(names: Sequence[str]) -> str:
    """`5, 10 or 15`."""
    return names[0] if len(names) == 1 else f"{', '.join(names[:-1])} or {names[-1]}"


def _runs(durations_s: tuple[int, ...]) -> list[str]:
    """Durations for people: an unbroken run as `2 to 15`, else each one."""
    if len(durations_s) > 1 and durations_s == tuple(range(durations_s[0], durations_s[-1] + 1)):
        return [f"whole seconds from {durations_s[0]} to {durations_s[-1]}"]
    return [str(each) for each in durations_s]
