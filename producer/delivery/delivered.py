"""The list beside the copies: what was delivered under which name, from which file of the store, with both hashes."""

import csv
import json
from collections.abc import Iterable, Iterator
from typing import Final, Literal, TextIO

from pydantic import ValidationError

from jobs.errors import BadInput, NewerVersion, ObjectNotFound
from jobs.job import Noun
from ledger.objects import ObjectStore
from producer.manifest import cell

#: The list for programs, which the next delivery reads, and the same for people.
LIST: Final = "delivered.jsonl"
TABLE: Final = "delivered.csv"
#: The shape of a line of the list.
VERSION: Final = 1
#: What stands in a feed's field for a copy that the feed names; else there is the reason why it does not.
LISTED: Final = "listed"


class Delivered(Noun):
    """One copy. `url` is where the public finds it, `meta` and `google` are `listed`, the reason why not, or None where
    that feed was not asked for; `store_sha256` is the stored video's hash, `sha256` and `bytes` are the copy's.
    """

    version: int = VERSION
    name: str
    uri: str
    url: str | None
    creative_id: str
    utm_content: str
    campaign: str
    job_id: str
    product_id: str | None
    simulated: bool
    duration_s: float | None
    width: int | None
    height: int | None
    store_uri: str
    store_sha256: str
    sha256: str
    bytes: int
    ai_disclosure: Literal["trainedAlgorithmicMedia"] | None
    meta: str | None
    google: str | None


def read_list(place: ObjectStore) -> dict[str, Delivered]:
    """What was delivered there before, by its name; BadInput for a file of that name that is no list of ours."""
    try:
        data = place.get(LIST)
    except ObjectNotFound:
        return {}
    return {copy.name: copy for copy in _copies(data, place.uri(LIST))}


def _copies(data: bytes, uri: str) -> Iterator[Delivered]:
    for number, text in enumerate(data.splitlines(), start=1):
        try:
            yield Delivered.model_validate_json(text)
        except ValidationError as error:
            if _version(text) > VERSION:
                raise NewerVersion(f"a newer wanbatch wrote {uri}", "upgrade wanbatch on this machine") from error
            raise BadInput(
                f"{uri}:{number}: this is no list of a delivery; nothing was copied",
                hint="move that file away, or deliver to another place",
            ) from error


def _version(text: bytes) -> int:
    try:
        return int(json.loads(text)["version"])
    except (ValueError, KeyError, TypeError):
        return 0


def write_list(copies: Iterable[Delivered], out: TextIO) -> None:
    """Write one JSON object a line; `out` is text, UTF-8."""
    for copy in copies:
        out.write(copy.model_dump_json())
        out.write("\n")


def write_table(copies: Iterable[Delivered], out: TextIO) -> None:
    """Write the same as a CSV; text that a spreadsheet would run as a formula gets a leading `'`."""
    writer = csv.writer(out)
    fields = list(Delivered.model_fields)
    writer.writerow(fields)
    writer.writerows([cell(getattr(copy, field)) for field in fields] for copy in copies)
