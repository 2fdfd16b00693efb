"""Bytes to text: which encoding a matrix is written in, found without ever holding the whole file.

People save matrices from spreadsheets, and spreadsheets write UTF-8, UTF-16 and old Windows pages without saying so.
"""

import codecs
import re
import shutil
import sys
import tempfile
from pathlib import Path
from typing import BinaryIO, Literal, NamedTuple, cast

import charset_normalizer

from jobs.errors import BadInput, Problem

Source = Path | Literal["-"]

#: Bytes read at a time while the encoding is looked for.
CHUNK_BYTES = 1 << 20

#: Bytes looked at to tell text from a workbook, a picture or an archive.
SAMPLE_BYTES = 8192

#: Control characters that a small text may hold; each is named with its row.
CONTROLS_MAX = 8

#: Bytes of a file that is no UTF-8, from which its encoding is guessed.
GUESS_BYTES = 1 << 18

#: What a file starts with that is no text, and how it becomes a matrix.
MAGIC: tuple[tuple[bytes, str, str], ...] = (
    (
        b"PK\x03\x04",
        "a zip archive or an Excel workbook",
        "save the sheet as CSV UTF-8; a catalog of products needs --template",
    ),
    (b"\xd0\xcf\x11\xe0", "an old Excel workbook", "save the sheet as CSV UTF-8"),
    (b"\x1f\x8b", "compressed with gzip", "decompress it first: gunzip -c FILE | wanbatch ... -"),
    (b"%PDF", "a PDF", "export the table as CSV"),
    (b"PAR1", "a Parquet file", "export it as CSV or JSONL"),
)

BYTE_ORDER_MARKS: tuple[tuple[bytes, str, str], ...] = (
    (codecs.BOM_UTF8, "utf-8-sig", "UTF-8 with a byte order mark"),
    (codecs.BOM_UTF32_LE, "utf-32", "UTF-32"),
    (codecs.BOM_UTF16_LE, "utf-16", "UTF-16"),
    (codecs.BOM_UTF16_BE, "utf-16", "UTF-16"),
)

#: What spreadsheets write beside UTF-8 where letters are not Latin. No others are looked for: every page fits somehow.
PAGES = ("cp1251", "koi8_r", "cp1253", "cp1255", "cp1256", "cp874", "cp932", "euc_jp", "gb18030", "big5", "cp949")

#: What Polish l, a, z with their strokes, tails and dots become when cp1250 is read as cp1252.
_SYMBOL_IN_WORD = re.compile("[^\\W\\d_][\u00b3\u00b9\u00bf\u00a3\u00a5][^\\W\\d_]")
_ODD_BYTES = re.compile(rb"[\x80-\xff]+")
_ODD_WORD = re.compile(r"[^\s,;]*[^\x00-\x7f][^\s,;]*")
_BROKEN = re.compile("[\udc80-\udcff]")
_OTHER_LETTERS = re.compile("[\x80-\ud7ff\ue000-\U0010ffff]")
_CONTROLS = bytes(set(range(32)) - {9, 10, 12, 13, 27})


class Encoding(NamedTuple):
    """A codec's name, what to tell a person about it, and, where it was guessed, what the guess makes of the file."""

    codec: str
    said: str
    doubt: Problem | None = None


def open_source(source: Source) -> BinaryIO:
    """The matrix as a seekable binary file; what cannot be read twice (stdin, a pipe) goes to a temporary file."""
    if source == "-":
        return _spooled(sys.stdin.buffer)
    try:
        opened = source.open("rb")
    except FileNotFoundError:
        raise BadInput(f"There is no file {source}", hint="Name the matrix, or `-` for standard input.") from None
    except IsADirectoryError:
        raise BadInput(f"{source} is a folder", hint="Name one matrix file in it.") from None
    except OSError as error:
        raise BadInput(f"{source} cannot be read: {error.strerror}") from error
    if opened.seekable():
        return opened
    with opened:
        return _spooled(opened)


def detect(file: BinaryIO, name: str) -> Encoding:
    """The encoding of the whole file, which is left at its start.

    Raises BadInput for an empty or binary file, and names the line of a stray byte in UTF-8.
    """
    sample = file.read(SAMPLE_BYTES)
    file.seek(0)
    if not sample.strip():
        raise BadInput(f"{name} is empty", hint="Give a header with a column `prompt` and one row a video.")
    for mark, codec, said in BYTE_ORDER_MARKS:
        if sample.startswith(mark):
            return Encoding(codec, said)
    _refuse_binary(sample, name)
    if utf16 := _utf16_without_mark(sample):
        return Encoding(utf16, "UTF-16 without a byte order mark")
    if _is_utf8(file):
        return Encoding("utf-8", "UTF-8")
    return _legacy(file, name)


def _spooled(stream: BinaryIO) -> BinaryIO:
    spool = cast("BinaryIO", tempfile.TemporaryFile())  # noqa: SIM115 - the matrix that reads it closes it
    shutil.copyfileobj(stream, spool, CHUNK_BYTES)
    spool.seek(0)
    return spool


def _refuse_binary(sample: bytes, name: str) -> None:
    for magic, what, fix in MAGIC:
        if sample.startswith(magic):
            raise BadInput(f"{name} is {what}, not a text file", hint=f"To use it, {fix}.")
    controls = len(sample) - len(sample.translate(None, delete=_CONTROLS))
    if controls > CONTROLS_MAX and controls * 20 > len(sample) and not _utf16_without_mark(sample):
        raise BadInput(
            f"{name} is a binary file, not a table",
            hint="A matrix is CSV, TSV, JSONL, or plain text with a prompt a line.",
        )


def _utf16_without_mark(sample: bytes) -> str | None:
    """Western text in UTF-16 is a zero in every other byte."""
    half = len(sample) // 2
    for codec, zeros, letters in (("utf-16-le", sample[1::2], sample[::2]), ("utf-16-be", sample[::2], sample[1::2])):
        if half and zeros.count(0) * 2 > half and letters.count(0) * 20 < half:
            return codec
    return None


def _is_utf8(file: BinaryIO) -> bool:
    decoder = codecs.getincrementaldecoder("utf-8")()
    try:
        while chunk := file.read(CHUNK_BYTES):
            decoder.decode(chunk)
        decoder.decode(b"", final=True)
    except UnicodeDecodeError:
        return False
    finally:
        file.seek(0)
    return True


def _legacy(file: BinaryIO, name: str) -> Encoding:
    """The encoding of a file that is no clean UTF-8: an old page, with the doubt; UTF-8 with stray bytes is refused."""
    good, lines = _stray_bytes(file)
    if good > len(lines):
        problems = [
            Problem(name, line, "", "", "a byte here is no UTF-8", "save the file again as UTF-8") for line in lines
        ]
        raise BadInput(f"{name} is UTF-8 with stray bytes", problems)
    sample = _around_first_letter(file)
    codec = _latin(sample) if _scattered(sample) else _guessed(sample)
    if codec is None:
        raise BadInput(f"{name} is not UTF-8, and what else it is cannot be told", hint="Save it again as UTF-8.")
    seen = _ODD_WORD.search(sample.decode(codec, errors="replace"))
    word = seen.group() if seen else ""
    told = f"the file is not UTF-8; it was read as {codec}, with `{word}` here"
    fix = "if that is not what it says, save it again as UTF-8"
    return Encoding(codec, f"{codec}, guessed, since it is not UTF-8", Problem(name, lines[0], "", word, told, fix))


def _stray_bytes(file: BinaryIO) -> tuple[int, list[int]]:
    """How many letters beyond ASCII are sound UTF-8, and the lines of the first bytes that are not."""
    decoder = codecs.getincrementaldecoder("utf-8")(errors="surrogateescape")
    good, line, lines = 0, 1, list[int]()
    chunk = b"\n"
    while chunk:
        chunk = file.read(CHUNK_BYTES)
        text = decoder.decode(chunk, final=not chunk)
        good += len(_OTHER_LETTERS.findall(text))
        for found in _BROKEN.finditer(text):
            if len(lines) < 1000:  # noqa: PLR2004 - as many problems as are ever shown
                lines.append(line + text.count("\n", 0, found.start()))
        line += text.count("\n")
    file.seek(0)
    return good, lines


def _around_first_letter(file: BinaryIO) -> bytes:
    """The part of the file to guess from: it starts with the header and holds the first odd bytes."""
    sample = b""
    while chunk := file.read(CHUNK_BYTES):
        sample = sample[:SAMPLE_BYTES] + chunk
        if not chunk.isascii():
            first = next(at for at, byte in enumerate(sample) if byte > 127)  # noqa: PLR2004 - ASCII ends there
            sample = sample[:SAMPLE_BYTES] + sample[max(SAMPLE_BYTES, first - SAMPLE_BYTES) :][:GUESS_BYTES]
            break
    file.seek(0)
    return sample


def _scattered(sample: bytes) -> bool:
    """Whether odd bytes stand singly, as accents and quotation marks do; other alphabets come in runs."""
    runs = _ODD_BYTES.findall(sample)
    return sum(len(run) == 1 for run in runs) * 3 >= sum(map(len, runs))


def _latin(sample: bytes) -> str | None:
    """cp1252, or cp1250 where words would hold symbols; None where neither has all its bytes."""
    fits = [codec for codec in ("cp1252", "cp1250") if _decodes(sample, codec)]
    if len(fits) > 1 and _SYMBOL_IN_WORD.search(sample.decode("cp1252")):
        return "cp1250"
    return fits[0] if fits else None


def _decodes(sample: bytes, codec: str) -> bool:
    try:
        sample.decode(codec)
    except UnicodeDecodeError:
        return False
    return True


def _guessed(sample: bytes) -> str | None:
    """The page of another alphabet whose letters these are most likely."""
    best = charset_normalizer.from_bytes(sample, cp_isolation=list(PAGES)).best()
    return best.encoding if best is not None else None
