"""Whether a file may go into a render: what was seen of it against what the provider takes."""

from collections.abc import Iterator, Mapping
from collections.abc import Set as AbstractSet

from config.facts import MediaLimit, Offer, ProviderFacts
from jobs.job import Render
from jobs.media import MediaFacts, media_of
from providers.contract import Complaint

#: What a column's file may be.
KINDS = {"image_url": ("image",), "reference_urls": ("image", "video"), "audio_url": ("audio",)}

#: Seconds by which a sound may miss its video's length without a word: encoders add about that much.
SOUND_SLACK_S = 0.25


def complaints(
    render: Render,
    seen: Mapping[str, MediaFacts],
    facts: ProviderFacts,
    offer: Offer,
    handed: AbstractSet[str],
    *,
    linked: bool,
) -> Iterator[Complaint]:
    """Everything for which the provider would refuse the render's files, or not even get them; what nobody has seen is
    passed over. `handed` are the files that must be handed over to it, `linked` tells that the store can give links
    which it can follow.
    """
    for column, uri in media_of(render):
        found = seen.get(uri)
        if found is None:
            continue
        if found.kind not in KINDS[column]:
            wanted = " or ".join(KINDS[column])
            yield Complaint(
                column, uri, f"the file is {found.format}, which is no {wanted}", f"give {_article(wanted)}"
            )
            continue
        limit = facts.media.get(found.kind)
        for problem, fix in misfits(found, limit, facts.title, fittable=column == "image_url") if limit else ():
            yield Complaint(column, uri, problem, fix)
        if uri in handed and facts.way(offer, column, found.size_bytes, linked=linked) is None:
            yield _no_way(column, uri, found, facts, offer)
    kinds = [seen[uri].kind for uri in render.references if uri in seen]
    if kinds.count("video") > offer.reference_videos_max and offer.references_max:
        problem = (
            f"{kinds.count('video')} of the files are videos, and {facts.title} takes {offer.reference_videos_max}"
        )
        yield Complaint("reference_urls", f"{len(render.references)} files", problem, "leave some out")


def notes(render: Render, seen: Mapping[str, MediaFacts]) -> Iterator[Complaint]:
    """What the provider takes, but the person should know."""
    for column, uri in media_of(render):
        found = seen.get(uri)
        if found is None:
            continue
        if found.kind == "audio" and column == "audio_url" and found.duration_s is not None:
            over_s = found.duration_s - render.duration_s
            if over_s > SOUND_SLACK_S:
                said = f"the sound has {found.duration_s:g} s and the video {render.duration_s}: its end is cut"
                yield Complaint(column, uri, said, "")
            elif over_s < -SOUND_SLACK_S:
                said = f"the sound has {found.duration_s:g} s and the video {render.duration_s}: the rest is silent"
                yield Complaint(column, uri, said, "")
        if found.colours == "CMYK":
            yield Complaint(column, uri, "the image is in CMYK, for print: its colours may come out otherwise", "")


def misfits(found: MediaFacts, limit: MediaLimit, title: str, *, fittable: bool) -> Iterator[tuple[str, str]]:
    """What keeps a file out at a provider, and what would help; `fittable`: a row may have it made to fit."""
    fitted = ", or set `fit` to pad or crop, with an aspect_ratio" if fittable else ""
    if found.format not in limit.formats:
        yield f"the file is {found.format}, and {title} takes {_or(limit.formats)}", "convert it"
    if found.size_bytes > limit.most_bytes:
        yield (
            f"the {found.kind} has {_mb(found.size_bytes)} MB, and {title} takes {_mb(limit.most_bytes)} MB",
            f"make it smaller{fitted}",
        )
    if limit.px is not None and found.width is not None and found.height is not None:
        low, high = limit.px
        if not (low <= found.width <= high and low <= found.height <= high):
            problem = (
                f"the {found.kind} has {found.width} x {found.height} pixels, and {title} takes {low} to {high} a side"
            )
            yield problem, "scale it" + (fitted if min(found.width, found.height) >= low else "")
    if found.alpha and not limit.alpha:
        yield (
            f"the image has an alpha channel (see-through parts), which {title} refuses",
            "flatten it onto a background, and save it without transparency"
            + (f"{fitted}: it is then put on white" if fitted else ""),
        )
    if limit.length_s is not None and found.duration_s is not None:
        short, long = limit.length_s
        if not short <= found.duration_s <= long:
            yield f"it is {found.duration_s:g} s long, and {title} takes {short:g} to {long:g} s", "cut it, or loop it"


def _mb(size_bytes: int) -> str:
    """Megabytes to two places, never rounded to the limit that they pass."""
    return f"{size_bytes / 1_000_000:.6g}"


def _or(names: tuple[str, ...]) -> str:
    return names[0] if len(names) == 1 else f"{', '.join(names[:-1])} or {names[-1]}"


def _article(wanted: str) -> str:
    return f"an {wanted}" if wanted[0] in "aeiou" else f"a {wanted}"


def _no_way(column: str, uri: str, found: MediaFacts, facts: ProviderFacts, offer: Offer) -> Complaint:
    """Why a file that lies here cannot get there, and what would."""
    ways = facts.hand_over if offer.hand_over is None else offer.hand_over
    fix = "give an https:// URL that it can reach, or use a store on S3 (--store s3://...), which can give it a link"
    if "data" in ways.get(column, ()):
        most = f"{_mb(facts.most_data_bytes)} MB"
        return Complaint(
            column, uri, f"{facts.title} is given files of at most {most} with the order", f"make it smaller, {fix}"
        )
    return Complaint(column, uri, f"{facts.title} fetches {found.kind} files itself, and cannot reach this one", fix)
