"""Names of copies: made of what the manifest says, in letters that every system takes, and never too long."""

from pathlib import Path

import pytest

from jobs.errors import BadInput
from producer.delivery.pattern import NAME_BELOW, USUAL, Misnamed, Pattern, slug
from tests.producer.deliveries import Campaign

ASKED = "{client}_{campaign}_{hook}_{ratio}_{dur}s_{creative_id}_t{take}"


@pytest.mark.parametrize(
    ("text", "plain"),
    [
        ("A Long Night", "a-long-night"),
        ("Crème brûlée, 50 % off!", "creme-brulee-50-off"),
        ("Straße_Łódź & Smørrebrød", "strasse-lodz-smorrebrod"),
        ("../../etc/passwd", "etc-passwd"),
        ("=cmd|' /C calc'!A0", "cmd-c-calc-a0"),
        ("ﬁne ½ Ⅷ", "fine-1-2-viii"),
        ("夜", ""),
    ],
)
def test_words_become_plain(text: str, plain: str) -> None:
    """Small letters, digits and hyphens, whatever stood there."""
    assert slug(text) == plain


def test_a_name_says_what_the_video_is(tmp_path: Path) -> None:
    """Fields of the manifest, columns of the matrix and fixed words, each in its place."""
    line = Campaign(tmp_path).add("A Long Night", aspect_ratio="9:16", take=2, labels={"Client Name": "Åcme"})
    name = Pattern(ASKED, ["hook"], {"client": "B & B"}).name(line)
    assert name == f"b-b_summer_a-long-night_9x16_5s_{line.creative_id}_t2.mp4"
    assert Pattern("{Client Name}.{seed}", ["hook", "Client Name"], {}).name(line) == "acme.7.mp4"
    assert Pattern(USUAL, [], {}).name(line) == f"summer_9x16_5s_{line.creative_id}_t2.mp4"


def test_the_video_says_its_shape_where_no_row_does(tmp_path: Path) -> None:
    """The ratio of a video that follows an image is measured."""
    line = Campaign(tmp_path).add("calm", video={"width": 832, "height": 1088})
    followed = line.model_copy(update={"aspect_ratio": None})
    assert Pattern("{hook}_{ratio}", ["hook"], {}).name(followed) == "calm_3x4.mp4"


def test_long_words_are_cut_and_identities_are_not(tmp_path: Path) -> None:
    """A name stays under a hundred characters: the longest of people's own words give way, evenly."""
    line = Campaign(tmp_path, name="winter-" * 9).add("a storm " * 20)
    name = Pattern(ASKED, ["hook"], {"client": "acme"}).name(line)
    assert isinstance(name, str)
    assert NAME_BELOW - 5 < len(name) < NAME_BELOW
    client, campaign, hook, *rest = name.split("_")
    assert (client, rest) == ("acme", ["16x9", "5s", line.creative_id, "t1.mp4"])
    assert abs(len(campaign) - len(hook)) <= 2
    assert "-_" not in name


@pytest.mark.parametrize(
    ("pattern", "hook", "field", "said"),
    [
        ("{hook}", " ", "hook", "{hook} is empty here"),
        ("{hook}", "夜", "hook", "no letter from a to z"),
        ("{hook}_{job_id}{job_id}{job_id}{job_id}", "calm", "", "characters too many"),
    ],
)
def test_a_video_without_a_name_says_why(tmp_path: Path, pattern: str, hook: str, field: str, said: str) -> None:
    """No hole, no unreadable word and no cut identity stands in a name."""
    name = Pattern(pattern, ["hook"], {}).name(Campaign(tmp_path).add(hook))
    assert isinstance(name, Misnamed)
    assert name.field == field
    assert said in name.wrong.problem


@pytest.mark.parametrize(
    ("pattern", "said"),
    [
        ("{clinet}_{hok}", "nothing is called {clinet}; nothing is called {hok}"),
        ("{hook", "expected '}'"),
        ("{hook:20}", "followed by more than its name"),
        ("{hook!r}", "followed by more than its name"),
        ("{}", "nothing is called {}"),
        ("ads/{hook}", "'ads/' is not made of a to z"),
        (".{hook}", "begins with a dot"),
        ("video", "names every video alike"),
    ],
)
def test_a_pattern_is_checked_first(pattern: str, said: str) -> None:
    """What could name no video is refused as a whole, with what would be right."""
    with pytest.raises(BadInput) as refused:
        Pattern(pattern, ["hook", "client"], {})
    assert said in refused.value.message
    assert refused.value.hint


def test_a_fixed_word_does_not_hide_the_manifest() -> None:
    """What every video says of itself cannot be set."""
    with pytest.raises(BadInput, match="--set take"):
        Pattern("{take}", [], {"take": "1"})
