"""Where the store is, and what it knows of campaigns: their lasting facts, in the world that each belongs to."""

import difflib
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

from config.settings import Settings, s3_keys
from jobs.errors import BadInput, ObjectNotFound
from ledger.campaignfile import CampaignFile
from ledger.objects import ObjectStore, S3Options, open_store
from ledger.shelf import Shelf


@dataclass(frozen=True, slots=True)
class Campaign:
    """A campaign that the store knows: its lasting facts, and the shelf of its world."""

    file: CampaignFile
    shelf: Shelf


def store_of(settings: Settings) -> ObjectStore:
    """The object store of the settings; nothing is read or written yet."""
    return open_store(settings.store, s3=s3_options(settings))


def s3_options(settings: Settings) -> S3Options:
    """How to reach S3, as the settings say."""
    key, secret = s3_keys()
    return S3Options(endpoint_url=settings.s3_endpoint, region=settings.s3_region, access_key=key, secret_key=secret)


def known(store: ObjectStore, name: str) -> Campaign | None:
    """The campaign of that name in either world of the store; None when there is none."""
    for simulated in (False, True):
        shelf = Shelf(store, simulated=simulated)
        if (file := shelf.campaign(name)) is not None:
            return Campaign(file, shelf)
    return None


def found(store: ObjectStore, name: str) -> Campaign:
    """The campaign of that name; BadInput names those that come close, or some that are there."""
    campaign = known(store, name)
    if campaign is None:
        names = every(store)
        hint = "this store has none yet: see --store"
        if close := difflib.get_close_matches(name, names, n=3):
            hint = f"did you mean {' or '.join(close)}?"
        elif names:
            hint = f"it has {', '.join(names[:10])}" + (", ..." if len(names) > 10 else "")  # noqa: PLR2004 - enough to see
        raise BadInput(f"there is no campaign {name!r} in {store.url}", hint=hint)
    return campaign


@contextmanager
def last_plan(shelf: Shelf, name: str) -> Iterator[Path | None]:
    """The last plan that was submitted under a campaign's name; None for a new one. BadInput where it has gone."""
    file = shelf.campaign(name)
    if file is None:
        yield None
        return
    try:
        opened = ExitStack()
        plan = opened.enter_context(shelf.plan(name, file.plan_sha256))
    except ObjectNotFound as error:
        hint = "Restore it, or give the campaign another name with --campaign."
        raise BadInput(f"the last plan of {name} is gone from {shelf.store.url}", hint=hint) from error
    with opened:
        yield plan


def every(store: ObjectStore) -> list[str]:
    """Names of all campaigns of both worlds; where a submit was killed before it was one, there is a folder alone."""
    shelves = (Shelf(store, simulated=simulated) for simulated in (False, True))
    return [
        name
        for shelf in shelves
        for name in shelf.campaigns()
        if store.exists(shelf.campaign_key(name, "campaign.json"))
    ]
