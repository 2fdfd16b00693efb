"""From a manifest to named copies, their list, and the feeds that ad systems take. A second time copies nothing.

Everything that is wrong is told before anything is copied; the store itself is only ever read.
"""

import hashlib
from collections.abc import Callable, Container, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Final, NamedTuple, TextIO

from jobs.disclosure import SOURCE_TYPE
from jobs.errors import BadInput, ObjectNotFound, Refused, WanbatchError
from jobs.record import ManifestLine
from ledger.objects import ObjectStore
from ledger.shelf import Shelf
from producer.delivery.copies import Copy, NotCopied, fill, sha256_of
from producer.delivery.delivered import LIST, LISTED, TABLE, Delivered, read_list, write_list, write_table
from producer.delivery.feeds import Feed, judged, public_base
from producer.delivery.only import Only
from producer.delivery.pattern import Pattern
from producer.delivery.staging import remove_leftovers, staged
from producer.delivery.wanted import Choice, LeftOut, Wanted, choose

#: Copies that are made at once.
COPIERS: Final = 8
#: Folders of a store, into which nothing may be delivered.
SHELVES: Final = ("accounts", "campaigns", "jobs", "media", "simulated")


@dataclass(frozen=True, slots=True, kw_only=True)
class Order:
    """How to deliver a campaign: names, whether copies say that a machine made them, and feeds, which need an address.

    `source` is the matrix, as problems call it, `only` says which videos are meant; `product_column` holds the id that
    a catalog knows a product by.
    """

    campaign: str
    source: str
    pattern: Pattern
    only: Only = field(default_factory=Only)
    disclose: bool = True
    feeds: tuple[Feed, ...] = ()
    product_column: str = "id"
    public_base_url: str | None = None


@dataclass
class Delivery:
    """What became of an order: `copied` now, `there` already with the same hash, and `left_out`.

    `refused` holds, by feed, the copies that the ad system would not take; why stands in each. `papers` are the
    addresses of the list, its table and the feeds, by their names.
    """

    copied: list[Delivered] = field(default_factory=list)
    there: list[Delivered] = field(default_factory=list)
    left_out: list[LeftOut] = field(default_factory=list)
    refused: dict[str, list[Delivered]] = field(default_factory=dict)
    papers: dict[str, str] = field(default_factory=dict)

    @property
    def complete(self) -> bool:
        """Whether every video of the campaign is there, and in every feed that was asked for."""
        return not self.left_out and not any(self.refused.values())


def deliver(
    lines: Iterable[ManifestLine],
    shelf: Shelf,
    place: ObjectStore,
    order: Order,
    *,
    each: Callable[[int, int], None] = lambda _done, _of: None,
) -> Delivery:
    """Copy the videos of a manifest to a place, and write the list and the feeds beside them.

    `each` is told after each copy how many of how many are made. Raises BadInput with every problem of names, and
    Refused for what must not be delivered so, with nothing copied. What breaks off later leaves a list.
    """
    _check_place(shelf.store, place)
    remove_leftovers(place)
    base = _base(shelf, order)
    choice = choose(lines, order.only, order.pattern, source=order.source, product_column=order.product_column)
    desk = _Desk(shelf, place, order, read_list(place), base)
    with ThreadPoolExecutor(COPIERS) as pool:
        looks = list(pool.map(desk.look, choice.wanted))
        _check(choice, looks, place)
        missing = [look.one for look in looks if look.there is None]
        copies: dict[str, Copy | str] = {look.one.name: look.there for look in looks if look.there is not None}
        try:
            for number, copy in enumerate(pool.map(desk.copy, missing)):
                copies[missing[number].name] = copy
                each(number + 1, len(missing))
        except BaseException:
            pool.shutdown(cancel_futures=True)
            with suppress(WanbatchError):
                desk.keep(choice.wanted, copies)
            raise
    return desk.finish(choice, copies, copied={one.name for one in missing})


class _Look(NamedTuple):
    """A wanted video, the copy of it that lies there with the right bytes, or what is wrong with what lies there."""

    one: Wanted
    there: Copy | None = None
    wrong: str | None = None


class _Desk:
    """One delivery under way: looks at what is there, copies what is not, and writes it down."""

    def __init__(
        self, shelf: Shelf, place: ObjectStore, order: Order, before: Mapping[str, Delivered], base: str | None
    ) -> None:
        self._shelf = shelf
        self._place = place
        self._order = order
        self._before = before
        self._base = base

    def look(self, one: Wanted) -> _Look:
        """What lies under the name of a wanted video."""
        try:
            size = self._place.size(one.name)
        except ObjectNotFound:
            return _Look(one)
        last = self._before.get(one.name)
        if last is None:
            return self._unlisted(one, size)
        if last.job_id != one.job_id:
            return _Look(one, wrong=f"is the copy of another video, of job {last.job_id}")
        # To read an object of S3 again costs what copying it costs: its size must do there.
        elsewhere = self._place.local_path(one.name) is None
        if size != last.bytes or not (elsewhere or sha256_of(self._place, one.name) == last.sha256):
            return _Look(one, wrong="was changed since it was delivered")
        same = last.store_sha256 == one.video.sha256 and bool(last.ai_disclosure) == self._order.disclose
        return _Look(one, Copy(last.sha256, last.bytes) if same else None)

    def _unlisted(self, one: Wanted, size: int) -> _Look:
        """What lies there and is on no list: the very copy, of a delivery that broke off, or something else."""
        if size >= one.video.bytes:
            with suppress(NotCopied), staged(self._place, one.name) as path:
                copy = self._fill(path, one)
                if copy.bytes == size and copy.sha256 == sha256_of(self._place, one.name):
                    return _Look(one, copy)
        return _Look(one, wrong="is something else, which no delivery to this place put there")

    def copy(self, one: Wanted) -> Copy | str:
        """Make the copy; a text is the reason why there is none."""
        try:
            with staged(self._place, one.name) as path:
                copy = self._fill(path, one)
                self._place.put_file(one.name, path, content_type="video/mp4", sha256=copy.sha256)
                return copy
        except NotCopied as error:
            return str(error)

    def _fill(self, path: Path, one: Wanted) -> Copy:
        key = self._shelf.job_key(one.job_id, "video.mp4")
        identifier = one.job_id if self._order.disclose else None
        return fill(path, self._shelf.store, key, sha256=one.video.sha256, identifier=identifier)

    def delivered(self, one: Wanted, copy: Copy) -> Delivered:
        """The line of the list; what the last delivery said of feeds that are not asked for now stays."""
        last = self._before.get(one.name)
        return Delivered(
            name=one.name,
            uri=self._place.uri(one.name),
            url=f"{self._base}/{one.name}" if self._base else last.url if last else None,
            creative_id=one.creative_id,
            utm_content=one.utm_content,
            campaign=one.campaign,
            job_id=one.job_id,
            product_id=one.product_id,
            simulated=one.simulated,
            duration_s=one.video.duration_s,
            width=one.video.width,
            height=one.video.height,
            store_uri=self._shelf.store.uri(self._shelf.job_key(one.job_id, "video.mp4")),
            store_sha256=one.video.sha256,
            sha256=copy.sha256,
            bytes=copy.bytes,
            ai_disclosure=SOURCE_TYPE if self._order.disclose else None,
            meta=last.meta if last else None,
            google=last.google if last else None,
        )

    def keep(self, wanted: Iterable[Wanted], copies: Mapping[str, Copy | str]) -> None:
        """Write down what is there so far, beside what was there before."""
        made = {one.name: self.delivered(one, copy) for one, copy in _made(wanted, copies)}
        self._put(LIST, "application/x-ndjson", partial(write_list, [*(dict(self._before) | made).values()]))

    def finish(self, choice: Choice, copies: Mapping[str, Copy | str], *, copied: Container[str]) -> Delivery:
        """Write the list, which keeps what else was delivered here, and the feeds; tell what became of all."""
        made = {one.name: self.delivered(one, copy) for one, copy in _made(choice.wanted, copies)}
        ours = self._order.campaign
        listed = [copy for copy in self._before.values() if copy.campaign != ours or copy.job_id in choice.others]
        listed = [*(copy for copy in listed if copy.name not in made), *made.values()]
        done = Delivery(left_out=choice.left_out)
        for feed in self._order.feeds:
            listed = list(judged(listed, feed, asked=made))
            told = [(copy, getattr(copy, feed.name)) for copy in listed]
            done.refused[feed.name] = [copy for copy, said in told if copy.name in made and said != LISTED]
            taken = [copy for copy, said in told if said == LISTED]
            done.papers[feed.file] = self._put(feed.file, feed.content_type, partial(feed.write, taken))
        done.papers[LIST] = self._put(LIST, "application/x-ndjson", partial(write_list, listed))
        done.papers[TABLE] = self._put(TABLE, "text/csv; charset=utf-8", partial(write_table, listed))
        mine = [copy for copy in listed if copy.name in made]
        done.copied = [copy for copy in mine if copy.name in copied]
        done.there = [copy for copy in mine if copy.name not in copied]
        reasons = ((one, copies[one.name]) for one in choice.wanted)
        done.left_out += [LeftOut(one.job_id, one.line, why) for one, why in reasons if isinstance(why, str)]
        return done

    def _put(self, name: str, content_type: str, write: Callable[[TextIO], None]) -> str:
        """Put a paper there; answers its path on this machine, or its URI."""
        with staged(self._place, name) as path:
            with path.open("w", encoding="utf-8", newline="") as out:
                write(out)
            with path.open("rb") as written:
                sha256 = hashlib.file_digest(written, "sha256").hexdigest()
            self._place.put_file(name, path, content_type=content_type, sha256=sha256)
        return str(self._place.local_path(name) or self._place.uri(name))


def _made(wanted: Iterable[Wanted], copies: Mapping[str, Copy | str]) -> Iterator[tuple[Wanted, Copy]]:
    """The wanted videos that have a copy by now, with it."""
    for one in wanted:
        copy = copies.get(one.name)
        if isinstance(copy, Copy):
            yield one, copy


def _check(choice: Choice, looks: Sequence[_Look], place: ObjectStore) -> None:
    """Raise BadInput with everything that is wrong with the names, here and where they would lie."""
    for one, _, wrong in looks:
        if wrong:
            fix = "move it away, deliver to another place, or name the copies otherwise"
            choice.wrong(one.line, "", one.name, f"{place.uri(one.name)} {wrong}", fix)
    choice.check()


def _check_place(store: ObjectStore, place: ObjectStore) -> None:
    """Refuse to deliver among what the store keeps: its own keys never change."""
    shelves = [f"{store.url}/{shelf}" for shelf in SHELVES]
    if place.url == store.url or any(f"{place.url}/".startswith(f"{shelf}/") for shelf in shelves):
        raise BadInput(
            f"--to {place.url} lies among what the store itself keeps; nothing was copied",
            hint="name a folder or a prefix of its own",
        )


def _base(shelf: Shelf, order: Order) -> str | None:
    """Where the public finds the copies; None where nobody said so. Refuses feeds that could not be fetched from."""
    if order.feeds and shelf.simulated:
        raise Refused(
            "these videos are simulated: no ad system may get them, and no feed is written",
            "leave --feed out to rehearse names and copies; nothing was copied",
        )
    if order.public_base_url is not None:
        return public_base(order.public_base_url)
    if order.feeds:
        hint = "add --public-base-url https://cdn.example.com/videos; nothing was copied"
        raise BadInput("a feed holds links, and nobody said where the public finds the copies", hint=hint)
    return None
