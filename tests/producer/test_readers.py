"""What people's files do to a reader: every odd one is read, or told with its line and what would be right."""

import contextlib
import io
import os
import sys
import threading
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from jobs.errors import BadInput
from producer.readers import read_matrix
from producer.rows import CELL_MAX, Row


def written(folder: Path, name: str, content: str | bytes) -> Path:
    """A file of that name and content."""
    path = folder / name
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return path


def rows_of(path: Path) -> list[Row]:
    """All rows of a matrix."""
    with read_matrix(path) as matrix:
        return list(matrix)


def told(path: Path) -> str:
    """Everything that is said of a matrix that is refused whole."""
    try:
        with read_matrix(path) as matrix:
            list(matrix)
            return "\n".join(map(str, matrix.header.problems))
    except BadInput as refused:
        return "\n".join([str(refused), *map(str, refused.problems)])


ACCENTS = "prompt;produit\r\nUn été “doux” — café à 5 €;Crème brûlée\r\n"


@pytest.mark.parametrize(
    ("name", "content", "codec"),
    [
        ("utf8.csv", ACCENTS.encode(), "utf-8"),
        ("bom.csv", ACCENTS.encode("utf-8-sig"), "utf-8-sig"),
        ("utf16.csv", ACCENTS.encode("utf-16"), "utf-16"),
        ("utf16le.csv", ACCENTS.encode("utf-16-le"), "utf-16-le"),
        ("utf16be.csv", ACCENTS.encode("utf-16-be"), "utf-16-be"),
        ("windows.csv", ACCENTS.encode("cp1252"), "cp1252"),
        ("excel.txt", ACCENTS.replace(";", "\t").encode("utf-16"), "utf-16"),
        ("table.tsv", ACCENTS.replace(";", "\t").encode(), "utf-8"),
    ],
)
def test_encodings(tmp_path: Path, name: str, content: bytes, codec: str) -> None:
    """What spreadsheets write is read letter by letter, with or without a byte order mark."""
    path = written(tmp_path, name, content)
    with read_matrix(path) as matrix:
        rows = list(matrix)
    assert matrix.encoding.codec == codec
    assert [row.cells for row in rows] == [{"prompt": "Un été “doux” — café à 5 €", "produit": "Crème brûlée"}]


@pytest.mark.parametrize(
    ("codec", "text"),
    [
        ("cp1251", "Кошка спит на подоконнике под дождём и тихо мурлычет во сне"),
        ("cp932", "猫が窓辺で雨の音を聞きながら眠っている。夕日の海辺を犬が走り、カメラがゆっくりと近づいていく"),
        ("cp1250", "Kot śpi na parapecie przy dźwięku deszczu i słychać mruczenie"),
        ("cp1251", "Лампа on a table"),
        ("cp1253", "κίτρινη βάρκα πλέει"),
        ("cp932", "a lamp called ランプ"),
        ("gb18030", "一艘黄色的小船"),
        ("big5", "一艘黃色的小船在河上"),
        ("cp949", "노란 배가 강을 따라"),
        ("cp1252", "Für dich"),
        ("cp1252", "El niño come piña en la mañana"),
        ("cp1252", "A lamp that says “hello”"),
        ("cp1252", "A lamp for 20 €"),
    ],
)
def test_old_pages(tmp_path: Path, codec: str, text: str) -> None:
    """Old pages of spreadsheets are guessed right, also by a single letter; the guess is said, with its line."""
    path = written(tmp_path, "old.csv", f"prompt,product\na plain one,x\n{text},x\n".encode(codec))
    with read_matrix(path) as matrix:
        assert [row.cells["prompt"] for row in matrix][1] == text
    word = next(word for word in text.split() if not word.isascii())
    assert f"old.csv:3: the file is not UTF-8; it was read as {codec}, with `{word}` here" in str(matrix.doubt)


def test_no_known_page(tmp_path: Path) -> None:
    """Bytes that no page of a spreadsheet has are refused, and not read as anything."""
    path = written(tmp_path, "none.csv", b"prompt\na \x81 b \x98 c \x8d d \x90\n")
    assert "not UTF-8, and what else it is cannot be told" in told(path)


def test_odd_bytes_far_down(tmp_path: Path) -> None:
    """A cp1252 letter megabytes after the header still decides the encoding."""
    plain = ("a plain prompt that is only ASCII " * 30 + ",x\n") * 2000
    path = written(tmp_path, "late.csv", ("prompt,product\n" + plain + "une forêt,y\n").encode("cp1252"))
    assert rows_of(path)[-1].cells["prompt"] == "une forêt"


def test_stray_byte_in_utf8(tmp_path: Path) -> None:
    """One broken byte does not turn a whole UTF-8 file into another alphabet: its line is named."""
    path = written(tmp_path, "stray.csv", "prompt\nÉté à la plage, crêpes\n".encode() + b"bad \xff byte\n")
    assert "stray.csv:3: a byte here is no UTF-8" in told(path)


def test_lines_are_physical(tmp_path: Path) -> None:
    """A row is named by the line on which it starts, whatever line breaks its cells hold."""
    path = written(
        tmp_path, "lines.csv", 'prompt,note\r\n"one\ntwo",a\r\n\r\nthree,b\r\n"four\r\nfive","c\n\n"\r\nsix,d\r\n'
    )
    rows = rows_of(path)
    assert [row.line for row in rows] == [2, 5, 6, 10]
    assert rows[0].cells["prompt"] == "one\ntwo"
    assert rows[0].raw == '"one\ntwo",a\r\n'


def test_header_spelling(tmp_path: Path) -> None:
    """Known columns are found whatever their case, padding, spaces and hyphens; others keep their own name."""
    path = written(tmp_path, "head.csv", " Prompt , Aspect Ratio,negative-prompt,My Hook,\na,16:9,b,c,\n")
    assert rows_of(path)[0].cells == {"prompt": "a", "aspect_ratio": "16:9", "negative_prompt": "b", "My Hook": "c"}


@pytest.mark.parametrize(
    ("content", "prompts"),
    [
        ("prompt;a\nx, with a comma;1\n", ["x, with a comma"]),
        ("sep=;\nprompt;a\nx;1\n", ["x"]),
        ('\ufeff"# Required | the id","# two\nlines"\n"prompt","a"\nx,1\n', ["x"]),
        ("prompt\nA cat, asleep, at night\n", ["A cat, asleep, at night"]),
        ("prompt,a\nx,1\n,\n\n  \ny,2,,\n", ["x", "y"]),
        ("prompt,a\rx,1\ry,2\r", ["x", "y"]),
        ("_problem,prompt\nmended by hand,x\n", ["x"]),
    ],
    ids=["semicolons", "excel-sep", "comment-row", "one-column-of-prose", "blank-rows", "lone-cr", "mended"],
)
def test_tables(tmp_path: Path, content: str, prompts: list[str]) -> None:
    """Delimiters, comment rows, blank rows and a mended bad-rows file are understood."""
    rows = rows_of(written(tmp_path, "table.csv", content))
    assert [row.cells["prompt"] for row in rows] == prompts
    assert not any(row.problems or "_problem" in row.cells for row in rows)


@pytest.mark.parametrize(
    ("name", "content", "said"),
    [
        ("a.csv", "", "is empty"),
        ("a.csv", " \n\n", "is empty"),
        ("a.csv", "# only a comment\n", "holds no header"),
        ("a.csv", b"PK\x03\x04rest", "Excel workbook"),
        ("a.csv", bytes(range(256)) * 8, "binary file"),
        ("a.tsv", "---\nlayout: page\n---\nprompt\ta\n", "YAML front matter"),
        ("a.csv", "<html><body>", "XML or HTML"),
        ("a.json", '[\n{"prompt": "x"}\n]\n', "one JSON array"),
        ("a.md", "# Read me\n\nwords\n", "no kind of matrix"),
        (
            "a.csv",
            "text\nA cat\n",
            "a.csv:1: there is no column `prompt` (columns: text); name the column `text` `prompt`",
        ),
        ("a.csv", "id,title\n1,Shoe\n", "add one; it may be a template"),
        ("a.csv", "A woman walks down a street\nA dog\n", "no header row"),
        ("a.csv", '"prompt,product"\n"x,y"\n', "every row is one quoted cell, with 2 columns inside"),
        ("a.csv", '"prompt,product\nx,y\n"', "every row is one quoted cell"),
        ("a.csv", "prompt,Aspect-Ratio,aspect_ratio\n", "this column twice, as `Aspect-Ratio` and `aspect_ratio`"),
        ("a.csv", "promt,a\n", "promt: there is no column `promt`; did you mean `prompt`?"),
        ("a.csv", "prompt,negative prompts\n", "did you mean `negative_prompt`?"),
        (
            "a.csv",
            "prompt,video_url\n",
            "`video_url` asks for video-to-video, which nobody sells for Wan 2.6; the nearest:",
        ),
        ("a.csv", "prompt,Voice URL\n", "`Voice URL` asks for a voice as a reference, which nobody sells"),
        ("a.csv", "prompt,image\n", "did you mean `image_url`?"),
        ("a.csv", 'prompt,"a\n', "a header that cannot be read"),
        ("a.csv", "prompt\n" + "x" * (CELL_MAX + 1), "over 1,048,576 characters"),
        ("a.csv", b"\xff\xfe" + "prompt\nx".encode("utf-16-le") + b"\x00", "is not UTF-16 throughout"),
    ],
)
def test_refused_whole(tmp_path: Path, name: str, content: str | bytes, said: str) -> None:
    """A file that is no matrix is refused with what it is and what to do."""
    assert said in told(written(tmp_path, name, content))


def test_every_header_problem_at_once(tmp_path: Path) -> None:
    """A header with three slips is told once, with all three."""
    said = told(written(tmp_path, "a.csv", "promt,durations,aspect_ratio,aspect ratio\n"))
    assert all(name in said for name in ("`prompt`", "`duration`", "`aspect ratio`"))


def test_missing_and_folder(tmp_path: Path) -> None:
    """A name that leads nowhere, or to a folder, is told plainly."""
    assert "no file" in told(tmp_path / "nothing.csv")
    assert "is a folder" in told(tmp_path)


@pytest.mark.parametrize(
    ("row", "problem"),
    [
        ("x", "the row has 1 cell where the header has 2"),
        ("x,1,2", "the row has 3 cells where the header has 2"),
        ('"5" screen",1', "the row cannot be read"),
        ('x,"never closed', "unexpected end of data"),
        ('x,"' + ("long " * 999 + "\n") * (CELL_MAX // 4000), "field larger than field limit"),
    ],
)
def test_broken_row(tmp_path: Path, row: str, problem: str) -> None:
    """A broken row is named with its line, and the rows before it are read."""
    rows = rows_of(written(tmp_path, "a.csv", f"prompt,a\nfine,1\n{row}"))
    assert rows[0].cells == {"prompt": "fine", "a": "1"}
    assert rows[1].line == 3
    assert str(rows[1].problems[0]).endswith(rows[1].problems[0].fix)
    assert problem in str(rows[1].problems[0])


def test_reading_goes_on_after_a_broken_row(tmp_path: Path) -> None:
    """One bad row does not hide the next."""
    rows = rows_of(written(tmp_path, "a.csv", 'prompt,a\n"5" screen",1\nok,2\n'))
    assert [bool(row.problems) for row in rows] == [True, False]


def test_jsonl(tmp_path: Path) -> None:
    """Values become the text of a table: numbers as written, lists as axes, references joined, null as nothing."""
    line = '{"Prompt": "a | b", "duration": 10, "audio": true, "aspect_ratio": ["16:9", "9:16"], "x": null, "w": 1.50,'
    line += ' "reference_urls": ["https://a.example/1", "https://a.example/2"]}'
    rows = rows_of(written(tmp_path, "a.jsonl", f"# made by hand\n\n{line}\n"))
    assert rows[0].line == 3
    assert rows[0].cells == {
        "prompt": "a | b",
        "duration": "10",
        "audio": "true",
        "aspect_ratio": "16:9|9:16",
        "x": "",
        "w": "1.50",
        "reference_urls": "https://a.example/1;https://a.example/2",
    }


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ('{"prompt": }', "a.jsonl:1: the line is broken JSON"),
        ("[1]", "not an object"),
        ('"text"', "not an object"),
        ('{"prompt": ["a", "b"]}', "prompt: a list cannot stand here"),
        ('{"prompt": "a", "x": {"y": 1}}', "x: an object cannot stand here"),
        ('{"promt": "a"}', "did you mean `prompt`?"),
        ('{"prompt": "a", "PROMPT": "b"}', "this column twice"),
        ("[" * 100_000, "the line is nested too deeply"),
    ],
)
def test_broken_jsonl(tmp_path: Path, line: str, said: str) -> None:
    """A broken object is named by its line, and never stops the reading."""
    rows = rows_of(written(tmp_path, "a.jsonl", line + '\n{"prompt": "fine"}\n'))
    assert said in str(rows[0].problems[0])
    assert rows[1].cells == {"prompt": "fine"}


def test_prompt_list(tmp_path: Path) -> None:
    """A text file is a prompt a line; blank lines are passed over and still counted as lines."""
    rows = rows_of(written(tmp_path, "a.txt", "A cat, asleep\n\n  A dog | running \r\n{curly}\n"))
    assert [(row.line, row.cells) for row in rows] == [
        (1, {"prompt": "A cat, asleep"}),
        (3, {"prompt": "A dog | running"}),
        (4, {"prompt": "{curly}"}),
    ]


@pytest.mark.parametrize(
    ("content", "form", "count"),
    [
        ("prompt,a\nx,1\n", "csv", 1),
        ("prompt\ta\nx\t1\n", "tsv", 1),
        ('{"prompt": "x"}\n{"prompt": "y"}\n', "jsonl", 2),
        ("A cat\nA dog\n", "txt", 2),
    ],
)
def test_standard_input(monkeypatch: pytest.MonkeyPatch, content: str, form: str, count: int) -> None:
    """`-` is read from standard input, which can be read once, and told apart by what it holds."""
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(content.encode())))
    with read_matrix("-") as matrix:
        assert matrix.format == form
        assert matrix.name == "-"
        assert len(list(matrix)) == len(list(matrix)) == count


def test_pipe(tmp_path: Path) -> None:
    """A named pipe, as a shell's <(...) gives, is read like a file."""
    path = tmp_path / "pipe.csv"
    os.mkfifo(path)
    writer = threading.Thread(target=path.write_text, args=("prompt,a\nx,1\n",))
    writer.start()
    rows = rows_of(path)
    writer.join()
    assert [row.cells for row in rows] == [{"prompt": "x", "a": "1"}]


@settings(max_examples=100, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    name=st.sampled_from(["a.csv", "a.tsv", "a.jsonl", "a.txt"]),
    content=st.one_of(
        st.binary(max_size=300),
        st.text(max_size=300).map(str.encode),
        st.lists(
            st.sampled_from(['"', ",", ";", "\t", "\n", "\r\n", "prompt", "a", "#", "{", "}", ":", "|", "é", "\x00"])
        ).map(lambda parts: ("prompt,a\n" + "".join(parts)).encode()),
    ),
)
def test_any_bytes(tmp_path: Path, name: str, content: bytes) -> None:
    """Whatever the bytes: rows, or a refusal that a person can read; never a traceback."""
    path = written(tmp_path, name, content)
    lines: list[int] = []
    with contextlib.suppress(BadInput):
        lines = [row.line for row in rows_of(path)]
    assert lines == sorted(set(lines))
