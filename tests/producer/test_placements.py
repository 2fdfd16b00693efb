"""Placements: what they set, what they refuse, and that the documents say what the facts say."""

from pathlib import Path
from typing import Any

import pytest

from config.placements import load_placements
from jobs.errors import BadInput
from jobs.job import Render
from producer.plan import Plan, iter_plan
from tests.producer.plans import plan_of, problem_of

PAGE = (Path(__file__).resolve().parents[2] / "docs" / "campaigns.md").read_text(encoding="utf-8")


@pytest.fixture(autouse=True)
def own_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each test works in a folder of its own."""
    monkeypatch.chdir(tmp_path)


def planned(**row: Any) -> Plan:
    """The plan of one row at the provider that sells every shape."""
    return plan_of(row, source=Path("m.jsonl"), dialect="dashscope")


def render(**row: Any) -> Render:
    """What one row asks for."""
    (line,) = iter_plan(planned(**row).path)
    return line.job.render


@pytest.mark.parametrize("name", load_placements())
def test_sets_what_is_empty(name: str) -> None:
    """Its first ratio and resolution, a length that it takes; the facts are of a day."""
    facts, made = load_placements()[name], render(placement=name.upper())
    assert (made.aspect_ratio, made.resolution) == (facts.aspect_ratios[0], facts.resolutions[0])
    assert facts.lasts(made.duration_s)
    assert facts.as_of.year >= 2026
    assert facts.source


def test_a_row_keeps_what_it_says() -> None:
    """Where the placement takes it, by ratio, by resolution or by size."""
    assert render(placement="tiktok", aspect_ratio="1:1").aspect_ratio == "1:1"
    assert render(placement="reels", resolution="720p").resolution == "720p"
    assert render(placement="shorts", size="720*1280").size == "720*1280"
    assert render(placement="merchant", duration=15).duration_s == 15


@pytest.mark.parametrize(
    ("row", "said"),
    [
        ({"placement": "tik tok"}, "placement: `tik_tok` is not known here; did you mean `tiktok`?"),
        ({"placement": "reels", "aspect_ratio": "16:9"}, "aspect_ratio: Instagram and Facebook Reels ads take 9:16"),
        ({"placement": "reels", "size": "1280*720"}, "size: Instagram and Facebook Reels ads take 9:16, not 16:9"),
        ({"placement": "bumper", "duration": 10}, "bumper ads last 1 to 6 s, not 10 s (as of 2026-11-29)"),
        ({"placement": "merchant", "duration": 5}, "duration: Google Merchant Center product videos last 6 to 240 s"),
        ({"placement": "tiktok", "duration": 3}, "write 5 to 15, as is sold"),
    ],
)  # fmt: skip
def test_what_is_not_shown_there(row: dict[str, Any], said: str) -> None:
    """Each is told with the day of the fact."""
    assert said in problem_of(lambda: planned(**row))


def test_it_is_a_label_or_an_axis() -> None:
    """By which the videos are found again."""
    (line,) = iter_plan(planned(placement="tiktok").path)
    assert line.labels == {"placement": "tiktok"}
    several = list(iter_plan(planned(placement="tiktok|bumper").path))
    assert [each.variant for each in several] == [{"placement": "tiktok"}, {"placement": "bumper"}]
    assert [each.labels for each in several] == [{}, {}]


def test_without_one_a_row_is_what_it_was() -> None:
    """A matrix that names none keeps its jobs."""
    (line,) = iter_plan(planned(aspect_ratio="9:16").path)
    (other,) = iter_plan(planned(aspect_ratio="9:16", placement="tiktok").path)
    assert line.job.job_id == other.job.job_id
    with pytest.raises(BadInput):
        planned(placement="instagram story")


def test_the_page_says_what_the_facts_say() -> None:
    """Each row of the table in docs/campaigns.md."""
    for name, facts in load_placements().items():
        sets = ", ".join(
            [facts.aspect_ratios[0], facts.resolutions[0], *([f"{facts.duration_s} s"] if facts.duration_s else [])]
        )
        least, *most = facts.length_s
        length = f"{least} to {most[0]}" if most else f"{least} or more"
        assert f"| `{name}` | {facts.title} | {sets} | {', '.join(facts.aspect_ratios)} | {length} |" in PAGE
