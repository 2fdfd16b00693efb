"""Hands a job's files over to its provider before anything is bought: in the order, by its upload door, or as a link.

Nothing here buys, so all of it may be repeated; a file that cannot be handed over costs neither a token nor a doubt.
"""

import base64
from typing import Final

from jobs.errors import ObjectNotFound
from jobs.job import Job
from jobs.media import content_type, media_of, stored_parts, with_media
from providers.contract import Answer, Kind, Rejected
from worker.wiring import Counter, Workshop

#: Seconds for which a link to the store is good: longer than any provider waits before it fetches.
LINK_S: Final = 86_400
#: Seconds for one upload of at most 20 MB.
UPLOAD_S: Final = 120.0
#: Seconds that are left of an uploaded file's life when it is uploaded anew.
MARGIN_S: Final = 60.0


def handed_over(job: Job, counter: Counter, shop: Workshop) -> Job | Rejected:
    """The job as the provider can use it, or why it cannot get it; a job without stored files is what it was."""
    given: dict[str, str] = {}
    for column, uri in media_of(job.render):
        if stored_parts(uri) is None or uri in given:
            continue
        where = _handed(column, uri, job, counter, shop)
        if isinstance(where, Rejected):
            return where
        given[uri] = where
    return job.model_copy(update={"render": with_media(job.render, given)}) if given else job


def _handed(column: str, uri: str, job: Job, counter: Counter, shop: Workshop) -> str | Rejected:
    """The address or the data that the provider is given for one file."""
    account = counter.account
    key = shop.shelf(simulated=job.simulated).media_key(uri)
    linked = shop.store.url.startswith("s3://")
    try:
        size = shop.store.size(key)
        way = account.facts.way(account.provider.offer(job), column, size, linked=linked)
        if way == "data":
            return f"data:{content_type(uri)};base64,{base64.b64encode(shop.store.get(key)).decode()}"
        if way == "upload":
            return _uploaded(uri, key, counter, shop)
    except ObjectNotFound:
        hint = "give the same `wanbatch submit` or `run` again, which puts it there, then `wanbatch retry --failed`"
        return Rejected(Kind.BAD_REQUEST, f"the file {uri} is no longer in the store", hint=hint)
    if way == "link":
        return shop.store.presign(key, LINK_S)
    return _no_way(uri, counter)


def _no_way(uri: str, counter: Counter) -> Rejected:
    hint = "use a store on S3, which can give it a link, or an https:// address"
    return Rejected(Kind.BAD_REQUEST, f"{counter.account.facts.title} cannot be given the file {uri}", hint=hint)


def _uploaded(uri: str, key: str, counter: Counter, shop: Workshop) -> str | Rejected:
    """The provider's own link to the file, which is uploaded once as long as that lives."""
    account = counter.account
    with shop.uploads.alone(account.name, uri):
        if link := shop.uploads.link(account.name, uri):
            return link
        call = account.provider.upload_call(
            uri.removeprefix("media:"), content_type(uri), shop.store.get(key), account.endpoint
        )
        if call is None:
            return _no_way(uri, counter)
        answer = shop.wire.post(call, within_s=UPLOAD_S)
        if not isinstance(answer, Answer):
            return Rejected(Kind.PROVIDER_DOWN, f"the upload did not get through: {answer.reason}")
        found = account.provider.read_upload(answer)
        if isinstance(found, str):
            life_s = account.clock.ours_s(account.facts.upload_life_s - MARGIN_S)
            shop.uploads.keep(account.name, uri, found, life_s)
        return found
