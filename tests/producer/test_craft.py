"""The craft: what is remarked on in a prompt's shots and speech, and that warnings never stop a plan."""

import json
from pathlib import Path
from typing import Any

import pytest

from jobs.errors import BadInput
from jobs.job import Mode, Render
from producer.craft import marked_shots, remarks, spoken_words
from tests.producer.plans import plan_of

ROOT = Path(__file__).resolve().parents[2]
#: The first provider's own sample as it publishes it; it lies beside the checkout.
SAMPLE = ROOT.parent / "shared" / "seeds" / "000_6cfc7f223dfecd00.txt"


def said(prompt: str, **more: Any) -> list[str]:
    """What is remarked on, as column and words."""
    found = remarks(Render(mode=Mode.T2V, prompt=prompt, **{"shot_type": "multi", **more}))
    return [f"{each.column}: {each.wrong.problem}; {each.wrong.fix}" for each in found]


def test_the_sellers_own_sample_has_two_warnings(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its order is a row as it stands: shots to 15 s in a video of 5, and several shots where one is asked for."""
    monkeypatch.chdir(tmp_path)
    text = SAMPLE.read_text(encoding="utf-8")
    order = json.JSONDecoder().raw_decode(text, text.index('{ "size"'))[0]
    plan = plan_of(order, source=tmp_path / "sample.jsonl", dialect="segmind")
    assert (plan.to_buy, plan.refused_count, plan.warnings_count) == (1, 0, 2)
    assert [(each.column, each.text) for each in plan.warnings] == [
        ("shot_type", "single"),
        ("prompt", "Shot 4 [10-15s]"),
    ]
    assert plan.json()["warnings"][1]["fix"] == "set duration to 15, or let the last mark end at 5"


@pytest.mark.parametrize(
    "prompt",
    [
        "Warm light. Shot 1 [0-2s] Wide: a ferry. Shot 2 [2-5s] Close: a drop.",
        "[00:00-00:02] a ferry [00:02-00:05] a drop",
        "0-2s: a ferry\n2-5s: a drop",
        "Shot 1 (0\u20132.5 s) a ferry. Shot 2 (2.5\u20135 s) a drop",
        "\u955c\u59341 [0-2\u79d2] a ferry \u955c\u59342 [2-5\u79d2] a drop",
        "It costs (2-5) coins, for 3-4 s.",
        "",
    ],
)
def test_what_adds_up_is_passed_over(prompt: str) -> None:
    """However it is written, and whatever else stands in brackets."""
    assert said(prompt) == []


@pytest.mark.parametrize(
    ("prompt", "words"),
    [
        ("Shot 1 [0-2s] a Shot 2 [3-5s] b", "nothing is said of 2-3 s, before `Shot 2 [3-5s]`; let it begin at 2"),
        ("Shot 1 [0-3s] a Shot 2 [2-5s] b", "two shots share 2-3 s, before `Shot 2 [2-5s]`; let it begin at 3"),
        ("Shot 1 [1-3s] a Shot 2 [3-5s] b", "the first shot begins at 1 s"),
        ("Shot 1 [0-3s] a Shot 3 [3-5s] b", "shot 3 stands where shot 2 is due"),
        ("[3-5s] a [0-3s] b [3-5s] c", "`[0-3s]` comes after `[3-5s]`, and is earlier"),
        ("Shot 1 [0-3s] a Shot 2 [5-3s] b", "the shot `Shot 2 [5-3s]` ends before it begins"),
        ("Shot 1 [0-2s] a Shot 2 [2-4s] b", "the shots end at 4 s (`Shot 2 [2-4s]`) and the video lasts 5 s"),
    ],
)
def test_marks_that_do_not_add_up(prompt: str, words: str) -> None:
    """Each slip is told with the mark and what would be right."""
    assert any(words in each for each in said(prompt))


def test_shots_without_seconds_count_too() -> None:
    """Several shots need the switches that make cuts."""
    told = said("Shot 1: a ferry. Shot 2: a drop.", shot_type="single", prompt_expansion=False)
    assert [each.partition(":")[0] for each in told] == ["shot_type", "prompt_expansion"]


def test_speech_that_does_not_fit() -> None:
    """Over about 2.5 words a second, in the whole or within a shot; what is read or silent does not count."""
    speech = "one two three four five six seven eight nine ten eleven twelve thirteen"
    (told,) = said(f'She smiles: "{speech}"')
    assert "13 words are spoken in 5 s, from `one two" in told
    assert told.endswith("shorten them to 12 words, or give them 6 s")
    assert said(f"A low voice says: {speech}")
    assert said(f'A sign reads "{speech}"') == []
    assert said(f'She smiles: "{speech}"', audio=False) == []
    assert said(f'She smiles: "{speech}"', duration_s=10) == []
    (told,) = said('Shot 1 [0-1s] "one two three" Shot 2 [1-5s] he nods')
    assert "3 words are spoken in 1 s in `Shot 1 [0-1s]`" in told


def test_parts_of_a_prompt() -> None:
    """What is heard of it and which shots it has are told apart from prose."""
    assert spoken_words('A 46" television beside a 55" one. "Hello"') == ["Hello"]
    assert spoken_words("\u201cHello\u201d and \u00abSalut\u00bb, a logo \u201cACME\u201d") == ["Hello", "Salut"]
    assert marked_shots("one mark [0-3s] alone") == ()


def test_warnings_stand_apart_from_errors(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """All of both at once: a header, two rows and a remark, each with its place, and the count of what is wrong."""
    monkeypatch.chdir(tmp_path)
    good = {"prompt": "Shot 1: a ferry. Shot 2: a drop."}
    with pytest.raises(BadInput) as refused:
        plan_of(good, {"duration": 7}, {"seed": -1}, source=tmp_path / "m.jsonl", dialect="segmind")
    assert [(each.line, each.column) for each in refused.value.problems] == [(2, "duration"), (3, "seed")]
    assert [(each.line, each.column) for each in refused.value.warnings] == [(1, "shot_type")]
    assert refused.value.count == 2
