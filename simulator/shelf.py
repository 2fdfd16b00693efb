"""The shelf: files that clients upload, kept in memory under links of their own until they expire or room is needed."""

import base64
import binascii
import secrets
from dataclasses import dataclass
from email.message import EmailMessage
from email.parser import BytesParser
from email.policy import HTTP

#: Bytes of all files together; beyond that the oldest ones go.
ROOM_BYTES = 256 * 2**20


@dataclass(frozen=True, slots=True)
class Upload:
    """One file, until the simulated instant `dies_at`."""

    data: bytes
    media_type: str
    dies_at: float


class Shelf:
    """Every upload that is still there."""

    def __init__(self, room_bytes: int = ROOM_BYTES) -> None:
        self._room_bytes = room_bytes
        self._held_bytes = 0
        self._uploads: dict[str, Upload] = {}

    def put(self, upload: Upload) -> str:
        """Keep a file; its name, which nobody can guess."""
        name = secrets.token_hex(16)
        self._uploads[name] = upload
        self._held_bytes += len(upload.data)
        while self._held_bytes > self._room_bytes and len(self._uploads) > 1:
            oldest = self._uploads.pop(next(iter(self._uploads)))
            self._held_bytes -= len(oldest.data)
        return name

    def get(self, name: str, now: float) -> Upload | None:
        """The file of that name, or None where it never was, has expired, or had to make room."""
        found = self._uploads.get(name)
        return found if found is not None and now < found.dies_at else None


def unpacked(uri: object) -> tuple[str, bytes] | None:
    """Media type and bytes of a base64 `data:` URI, or None where it is none."""
    head, comma, text = uri.partition(",") if isinstance(uri, str) else ("", "", "")
    if not (comma and head.startswith("data:") and head.endswith(";base64")):
        return None
    try:
        data = base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        return None
    return (head[len("data:") : -len(";base64")].split(";")[0], data) if data else None


def form_file(content_type: str, body: bytes, field: str) -> tuple[str, bytes] | None:
    """File name and bytes of one field of a `multipart/form-data` body, or None where it is not there."""
    form = _headers(b"content-type: " + content_type.encode())
    between = form.get_boundary()
    if form.get_content_type() != "multipart/form-data" or not between:
        return None
    for part in (b"\r\n" + body).split(b"\r\n--" + between.encode(errors="surrogateescape"))[1:-1]:
        head, _, data = part.removeprefix(b"\r\n").partition(b"\r\n\r\n")
        words = _headers(head)
        if words.get_param("name", header="content-disposition") == field and words.get_filename():
            return str(words.get_filename()), data
    return None


def _headers(text: bytes) -> EmailMessage:
    return BytesParser(policy=HTTP).parsebytes(text, headersonly=True)


def picture_type(data: bytes) -> str | None:
    """The media type that the bytes themselves show, or None where they are no picture."""
    marks = {b"\xff\xd8\xff": "image/jpeg", b"\x89PNG\r\n\x1a\n": "image/png", b"GIF8": "image/gif"}
    if data[:4] == b"RIFF" and data[8:12] == b"WEBP":
        return "image/webp"
    return next((kind for mark, kind in marks.items() if data.startswith(mark)), None)
