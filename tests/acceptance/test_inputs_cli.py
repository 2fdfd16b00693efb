"""Real input through the front door: every format, broken rows, and a real list of prompts, whole."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.acceptance.driving import (
    ROOT,
    Ended,
    agree,
    good_videos,
    manifest_of,
    papers,
    typed,
    wanbatch,
)
from tests.services import Simulator

#: A published list of prompts that were written for Wan, with two repeats; it lies beside the checkout.
REAL_LIST = (
    ROOT.parent
    / "shared"
    / "inputs"
    / ("Vchitect__VBench__prompts_augmented_prompts_Wan2.1-T2V-1.3B_all_dimension_aug_wanx_seed42.txt")
)
REAL_LINES, REAL_JOBS = 946, 944
REAL_REPEATS = {496: 749, 504: 747}

#: The same two videos in every format that is read.
TEXT = {
    "csv": 'prompt,hook\n"a boat, at dawn",calm\na lamp,bold\n',
    "tsv": "prompt\thook\na boat, at dawn\tcalm\na lamp\tbold\n",
    "jsonl": '{"prompt": "a boat, at dawn", "hook": "calm"}\n{"prompt": "a lamp", "hook": "bold"}\n',
    "txt": "a boat, at dawn\na lamp\n",
}
ENCODED = {
    "csv with CRLF": ("csv", TEXT["csv"].replace("\n", "\r\n").encode()),
    "csv with semicolons": ("csv", b"prompt;hook\na boat, at dawn;calm\na lamp;bold\n"),
    "UTF-8 with BOM": ("csv", TEXT["csv"].encode("utf-8-sig")),
    "UTF-16": ("csv", TEXT["csv"].encode("utf-16")),
}
BAD = (
    "prompt,duration,aspect_ratio\n"
    "a boat,7,16:9\n"
    "a good one,5,16:9\n"
    "a lamp,5,2:1\n"
)  # fmt: skip


def run(folder: Path, *arguments: str | Path, given: bytes = b"", env: dict[str, str] | None = None) -> Ended:
    """Videos are made, in a store beside the matrix."""
    return wanbatch("run", *arguments, "--store", (folder / "out").as_uri(), cwd=folder, given=given, env=env)


def asked(folder: Path, *arguments: str | Path, given: bytes = b"") -> Ended:
    """A command that makes nothing, with the same store."""
    return typed(*arguments, "--store", (folder / "out").as_uri(), cwd=folder, given=given)


@pytest.mark.parametrize(
    ("suffix", "content"),
    [*((name, text.encode()) for name, text in TEXT.items()), *ENCODED.values()],
    ids=[*TEXT, *ENCODED],
)
def test_every_format_asks_for_the_same_two_videos(tmp_path: Path, suffix: str, content: bytes) -> None:
    """CSV, TSV, JSONL and plain text, in the encodings that spreadsheets write, from a file or from stdin."""
    (tmp_path / f"spring.{suffix}").write_bytes(content)
    planned = asked(tmp_path, "plan", f"spring.{suffix}", "--json")
    assert planned.code == 0, planned.err
    assert planned.json["campaign"] == "simulated-spring"
    assert (planned.json["variants"], planned.json["cost_usd"]["high"]) == (2, "1.25")
    piped = asked(tmp_path, "plan", "-", "--campaign", "simulated-spring", "--json", given=content)
    assert piped.json == planned.json


def test_stdin_is_made_like_a_file_and_needs_a_name(tmp_path: Path) -> None:
    """`-` runs to its videos under the name that was given; without one it is refused before anything is queued."""
    nameless = asked(tmp_path, "run", "-", given=TEXT["jsonl"].encode())
    assert nameless.code == 2
    assert "--campaign" in nameless.err
    assert not (tmp_path / "out").exists()
    named = run(tmp_path, "-", "--campaign", "piped", "--json", given=TEXT["jsonl"].encode())
    assert named.code == 0, named.err
    assert named.json["states"]["done"] == 2
    good_videos(lines := manifest_of(Path(named.json["manifest"])))
    assert [line["labels"] for line in lines] == [{"hook": "calm"}, {"hook": "bold"}]


def test_broken_rows_are_all_named_and_nothing_is_queued(tmp_path: Path) -> None:
    """Each problem with file, line and column, what is wrong and what would be right; exit 2, and no store is made."""
    (tmp_path / "bad.csv").write_text(BAD)
    for command in ("plan", "run"):
        refused = asked(tmp_path, command, "bad.csv")
        assert (refused.code, refused.out) == (2, "")
        assert "bad.csv:2: duration: 7 " in refused.err
        assert "5, 10 or 15" in refused.err
        assert "bad.csv:4: aspect_ratio: " in refused.err
        assert "16:9" in refused.err
        assert "bad.csv:3:" not in refused.err
    told = asked(tmp_path, "run", "bad.csv", "--json").json["refused"]
    assert [(one["file"], one["line"], one["column"]) for one in told] == [
        ("bad.csv", 2, "duration"),
        ("bad.csv", 4, "aspect_ratio"),
    ]
    assert not (tmp_path / "out").exists()


def test_bad_rows_can_be_left_out_mended_and_run(tmp_path: Path) -> None:
    """`--skip-bad-rows` makes the good row and keeps the others with their reasons; mended, that file runs as it is."""
    (tmp_path / "bad.csv").write_text(BAD)
    skipped = run(tmp_path, "bad.csv", "--skip-bad-rows")
    assert skipped.code == 0, skipped.err
    kept = tmp_path / "bad.bad-rows.csv"
    assert str(kept) in skipped.err
    text = kept.read_text()
    assert "duration: 7 " in text
    kept.write_text(text.replace(",7,", ",5,").replace(",2:1", ",9:16"))
    mended = asked(tmp_path, "plan", kept.name, "--json")
    assert mended.code == 0, mended.err
    assert mended.json["variants"] == 2


def test_the_real_list_goes_through_in_one_run(tmp_path: Path, simulator: Callable[..., Simulator]) -> None:
    """946 lines make 944 verified videos; the two repeats are named, and every line of the file is accounted for."""
    provider = simulator("--speed", "300")
    env = {"WANBATCH_SIMULATOR_URL": provider.url}
    made = run(tmp_path, REAL_LIST, "--campaign", "real-list", "--json", env=env)
    assert made.code == 0, made.err
    assert made.json["states"]["done"] == REAL_JOBS
    for first, again in REAL_REPEATS.items():
        assert f"line {again} = line {first}" in made.err
    lines = manifest_of(papers(tmp_path / "out", "real-list") / "manifest.jsonl")
    good_videos(lines)
    sources = {tuple(line["source_lines"]): line for line in lines}
    assert len(sources) == len(lines) == REAL_JOBS
    assert {pair for pair in sources if len(pair) > 1} == set(REAL_REPEATS.items())
    assert sorted(number for pair in sources for number in pair) == list(range(1, REAL_LINES + 1))
    texts = REAL_LIST.read_text(encoding="utf-8").splitlines()
    assert all(line["prompt"] == texts[number - 1].strip() for pair, line in sources.items() for number in pair)
    agree(provider, lines)
    assert json.loads((papers(tmp_path / "out", "real-list") / "campaign.json").read_text())["jobs"] == REAL_JOBS
