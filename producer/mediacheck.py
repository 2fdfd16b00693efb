"""What a row's media are and become: troubles of the row, notes, and the places that they have in the store."""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Final, Literal, NamedTuple

from config.accounts import AccountFacts
from jobs.job import AspectRatio, Fitted, Render
from jobs.media import MediaFacts, is_web, with_media
from jobs.ratio import is_near, shape_of
from producer.columns import Wrong
from producer.derived import Derived
from producer.fit import MOST_BYTES, Fitting
from producer.matrix import Trouble, Variant
from producer.media import Asked, Media
from providers.contract import Complaint
from providers.media import complaints, notes

#: How the image is brought to the ratio, as the complaint about the outcome begins.
_DONE: Final = {"pad": "padded", "crop": "cut"}


class Placed(NamedTuple):
    """A render with the addresses that its files have in the store, how the matrix spells each of those, what the files
    hold that stay on the web, what was asked of its image's shape, and the image that was made for that.
    """

    render: Render
    written: dict[str, str]
    contents: dict[str, str]
    fitted: Fitted | None
    derived: Derived | None


class MediaCheck:
    """Looks at media for one account; `linked` tells that the store can give links that its provider can follow.

    What is made of an image is made as the first of `makers` that sells the video takes it: these are this account,
    unless a video may be bought at several.
    """

    def __init__(
        self, media: Media, account: AccountFacts, *, linked: bool, makers: Sequence[AccountFacts] = ()
    ) -> None:
        self.media = media
        self._facts = account.facts
        self._region = account.region
        self._linked = linked
        self._makers = makers or (account,)

    def asked(self, variant: Variant) -> list[tuple[str, str, Asked]]:
        """Column, address, and what to ask for, of everything that goes in."""
        return [
            (column, uri, (self._fitting(variant) if column == "image_url" else None) or uri)
            for column, uri in variant.media
        ]

    def troubles(self, variant: Variant) -> Iterator[Trouble]:
        """Every file that cannot be had, is none, is none that this provider takes, or cannot be handed over to it."""
        render = variant.render
        seen = {}
        for column, uri, asked in self.asked(variant):
            found = self.media.seen(asked)
            if isinstance(found, Wrong):
                yield _trouble(Complaint(column, uri, found.problem, found.fix), render)
            elif found is not None:
                seen[uri] = found
        yield from self._shape_troubles(variant, seen.get(render.image or ""))
        known = {uri: found.facts if isinstance(found, Derived) else found for uri, found in seen.items()}
        offer = self._facts.offer(render.mode, render.model, self._region) if known else None
        handed = frozenset(uri for uri, found in seen.items() if isinstance(found, Derived) or not is_web(uri))
        told = complaints(render, known, self._facts, offer, handed, linked=self._linked) if offer else ()
        for complaint in told:
            yield _trouble(self._of_derived(complaint, variant, seen.get(complaint.text)), render)

    def notes(self, variant: Variant) -> Iterator[Trouble]:
        """What the person should know of files that the provider takes."""
        seen = {
            uri: found
            for _, uri, asked in self.asked(variant)
            if isinstance(found := self.media.seen(asked), MediaFacts)
        }
        for note in notes(variant.render, seen):
            yield _trouble(note, variant.render)

    def placed(self, variant: Variant) -> Placed:
        """Where the files of a video without troubles lie."""
        stored: dict[str, str] = {}
        contents: dict[str, str] = {}
        derived: Derived | None = None
        for _, uri, asked in self.asked(variant):
            found = self.media.seen(asked)
            if isinstance(found, Derived):
                derived, stored[uri] = found, found.address
            elif isinstance(found, MediaFacts) and found.stored is not None:
                (contents if is_web(uri) else stored)[uri] = found.stored
        render = with_media(variant.render, stored) if stored else variant.render
        written = {address: uri for uri, address in stored.items()}
        return Placed(render, written, contents, _fitted(variant, derived), derived)

    def _fitting(self, variant: Variant) -> Fitting | None:
        """What is to be made of the variant's image, if it may be changed."""
        render = variant.render
        if variant.shape is None or variant.fit in {None, "as_is"} or not render.image:
            return None
        offers = ((one.facts, one.facts.offer(render.mode, render.model, one.region)) for one in self._makers)
        facts, offer = next((each for each in offers if each[1] is not None), (self._facts, None))
        limit = facts.media.get("image")
        if limit is None or offer is None:
            return None
        sent = facts.way(offer, "image_url", MOST_BYTES, linked=self._linked)
        most_bytes = MOST_BYTES if sent is not None else facts.most_data_bytes
        how: Literal["pad", "crop"] = "pad" if variant.fit == "pad" else "crop"
        return Fitting(render.image, how, variant.shape, limit, min(MOST_BYTES, limit.most_bytes, most_bytes))

    def _shape_troubles(self, variant: Variant, found: MediaFacts | Derived | None) -> Iterator[Trouble]:
        """A row that names another ratio than its image has, or one whose image nobody has looked at."""
        if variant.shape is None or variant.fit == "as_is":
            return
        column = "aspect_ratio" if "aspect_ratio" in variant.cells else "size"
        if found is None:
            if self.media.looks(variant.render.image or ""):
                return  # what is wrong with the image itself has been said
            wrong = Wrong(
                "nobody has looked at the image, so its shape is unknown: no provider was named",
                "name one (--provider NAME looks, with --simulate too), or set fit to as_is",
            )
            yield Trouble(column, variant.cells[column], wrong)
        elif variant.fit is None and isinstance(found, MediaFacts) and _misses(found, variant.shape):
            yield Trouble(column, variant.cells[column], _misshapen(found, variant.shape))

    def _of_derived(self, complaint: Complaint, variant: Variant, found: MediaFacts | Derived | None) -> Complaint:
        """A complaint about an image that was made, in words that lead to another picture."""
        if not isinstance(found, Derived):
            return complaint
        problem = f"{_DONE[variant.fit or 'pad']} to {variant.shape}, {complaint.problem}"
        limit = self._facts.media["image"]
        if limit.px is not None and min(found.facts.width or 0, found.facts.height or 0) < limit.px[0]:
            return replace(complaint, problem=problem, fix="give a larger picture")
        fix = f"use a store on S3 (--store s3://...), or give a picture of {variant.shape} at an https:// URL"
        return replace(complaint, problem=problem, fix=fix)


def _fitted(variant: Variant, derived: Derived | None) -> Fitted | None:
    """What the plan says of an image's shape; nothing of a row that asked for nothing."""
    if variant.fit is None and variant.shape is None:
        return None
    if variant.fit == "as_is":
        return Fitted(how="as_is")
    if derived is None:
        return Fitted(aspect_ratio=variant.shape)
    return Fitted(how=variant.fit, aspect_ratio=variant.shape, original_sha256=derived.original_sha256)


def _misses(found: MediaFacts, shape: AspectRatio) -> bool:
    """Whether a picture has another shape, or one that hangs on whether its EXIF data is obeyed."""
    if not found.width or not found.height:
        return False
    return found.lying or not is_near(found.width, found.height, shape)


def _misshapen(found: MediaFacts, shape: str) -> Wrong:
    width, height = found.width or 1, found.height or 1
    own = f"{shape_of(width, height)} ({width} x {height} pixels)"
    if found.lying:
        own += f", turned by its EXIF data to {shape_of(height, width)}"
    choices = f"pad (bars), crop (a cut) or as_is (the video is {shape_of(width, height)})"
    if found.lying:
        choices = "pad (bars) or crop (a cut), which turn it for good, or as_is"
    return Wrong(f"the image is {own}, and its video takes the image's shape, not {shape}", f"set `fit` to {choices}")


def _trouble(complaint: Complaint, render: Render) -> Trouble:
    """The complaint, saying which one of several references it is about."""
    problem = complaint.problem
    if complaint.column == "reference_urls" and complaint.text in render.references and len(render.references) > 1:
        problem = f"`{complaint.text.partition('?')[0]}`: {problem}"
    return Trouble(complaint.column, complaint.text, Wrong(problem, complaint.fix))
