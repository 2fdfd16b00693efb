"""What was seen of a render's media, as troubles of its row."""

from collections.abc import Iterator

from config.facts import ProviderFacts
from jobs.job import Render
from jobs.media import MediaFacts, media_of, with_media
from producer.columns import Wrong
from producer.matrix import Trouble
from producer.media import Media
from providers.contract import Complaint
from providers.media import complaints, notes


def media_troubles(
    render: Render, media: Media, facts: ProviderFacts, region: str | None, *, linked: bool
) -> Iterator[Trouble]:
    """Every file that cannot be had, is none, is none that this provider takes, or cannot be handed over to it.

    `linked` tells that the store can give links that the provider can follow.
    """
    seen = {}
    for column, uri in media_of(render):
        found = media.seen(uri)
        if isinstance(found, Wrong):
            yield _trouble(Complaint(column, uri, found.problem, found.fix), render)
        elif found is not None:
            seen[uri] = found
    offer = facts.offer(render.mode, render.model, region)
    for complaint in complaints(render, seen, facts, offer, linked=linked) if seen and offer else ():
        media.forget(complaint.text)
        yield _trouble(complaint, render)


def media_notes(render: Render, media: Media) -> Iterator[Trouble]:
    """What the person should know of files that the provider takes."""
    seen = {uri: found for _, uri in media_of(render) if isinstance(found := media.seen(uri), MediaFacts)}
    for note in notes(render, seen):
        yield _trouble(note, render)


def placed(render: Render, media: Media) -> tuple[Render, dict[str, str]]:
    """The render with the addresses that its files have in the store, and how the matrix spells each of those."""
    stored = {}
    for _, uri in media_of(render):
        found = media.seen(uri)
        if isinstance(found, MediaFacts) and found.stored is not None:
            stored[uri] = found.stored
    if not stored:
        return render, {}
    return with_media(render, stored), {address: uri for uri, address in stored.items()}


def _trouble(complaint: Complaint, render: Render) -> Trouble:
    """The complaint, saying which one of several references it is about."""
    problem = complaint.problem
    if complaint.column == "reference_urls" and complaint.text in render.references and len(render.references) > 1:
        problem = f"`{complaint.text.partition('?')[0]}`: {problem}"
    return Trouble(complaint.column, complaint.text, Wrong(problem, complaint.fix))
