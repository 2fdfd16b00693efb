"""Which reader a catalog needs, by its first bytes: an Excel workbook, XML, or text."""

import re
from typing import BinaryIO, Final

from jobs.errors import BadInput
from producer.catalogs.delimited import open_text
from producer.catalogs.sheet import Sheet
from producer.encoding import SAMPLE_BYTES

_ZIP: Final = b"PK\x03\x04"
_NOISE: Final = re.compile(rb"^(?:\xef\xbb\xbf|\xff\xfe|\xfe\xff|[\s\x00])+")
_PAGE: Final = re.compile(rb"<(?:!doctype\s+html|html|head|body)\b", re.IGNORECASE)
_CONTENTS: Final = b"<rss"


def open_sheet(file: BinaryIO, name: str, *, sheet: str | None = None) -> Sheet:
    """The catalog in a seekable file, which it closes; `sheet` names the one to read of a workbook.

    Raises BadInput for a file that is no catalog: empty, binary, a web page, without a header.
    """
    sample = file.read(SAMPLE_BYTES)
    file.seek(0)
    if sample.startswith(_ZIP):
        from producer.catalogs.workbook import Workbook  # noqa: PLC0415 - openpyxl takes as long as all the rest

        return Workbook(file, name, sheet)
    if sheet is not None:
        raise BadInput(f"{name} is no Excel workbook", hint=f'Take `sheet = "{sheet}"` out of the template.')
    start = _NOISE.sub(b"", sample).replace(b"\x00", b"")
    if start.startswith(b"<"):
        if _PAGE.search(start) and _CONTENTS not in start:
            hint = "Give the feed's own address or file; a Google Sheet must be shared: Anyone with the link, Viewer."
            raise BadInput(f"{name} is a web page, and no catalog", hint=hint)
        from producer.catalogs.feed import Feed  # noqa: PLC0415 - XML is needed by feeds alone

        return Feed(file, name)
    return open_text(file, name)
