"""Limits of one's own accounts: they replace the documented ones, field by field, and a slip in the file is named."""

from pathlib import Path

import pytest

from config.facts import load_facts
from config.limits import with_own_limits
from config.settings import load_settings
from jobs.errors import BadInput

SEGMIND = load_facts()["segmind"]
DASHSCOPE = load_facts()["dashscope"]


def written(folder: Path, text: str) -> Path:
    """A limits file with that text."""
    file = folder / "limits.toml"
    file.write_text(text)
    return file


def test_without_a_file_the_documented_limits_hold() -> None:
    """Nothing set, nothing changed."""
    assert with_own_limits(SEGMIND, "segmind", None) is SEGMIND


def test_a_table_changes_what_it_names_and_nothing_else(tmp_path: Path) -> None:
    """The account's submits are its own; its polls and every other account stay as documented."""
    file = written(tmp_path, "[segmind]\nsubmits = [{ count = 500, window_s = 60 }]\n")
    own = with_own_limits(SEGMIND, "segmind", file)
    assert [(window.count, window.window_s) for window in own.limits.submits] == [(500, 60.0)]
    assert own.limits.polls == SEGMIND.limits.polls
    assert with_own_limits(SEGMIND, "simulated-segmind", file) is SEGMIND


def test_limits_can_be_lifted(tmp_path: Path) -> None:
    """An empty list and no slots mean that there is no limit."""
    file = written(tmp_path, "[simulated-dashscope]\nsubmits = []\npolls = []\nslots = 0\n")
    lifted = with_own_limits(DASHSCOPE, "simulated-dashscope", file).limits
    assert (lifted.submits, lifted.polls, lifted.slots) == ((), (), None)


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("[segmnd]\nslots = 3\n", "no account 'segmnd'"),
        ("[segmind]\nslot = 3\n", "slot"),
        ("[segmind]\nsubmits = [{ count = 0, window_s = 60 }]\n", "submits.0.count"),
        ("[segmind\n", "cannot be read"),
    ],
)
def test_a_slip_is_named_with_the_file(tmp_path: Path, text: str, told: str) -> None:
    """The message says which file and what in it."""
    file = written(tmp_path, text)
    with pytest.raises(BadInput) as caught:
        with_own_limits(SEGMIND, "segmind", file)
    assert str(file) in caught.value.message
    assert told in caught.value.message


def test_the_file_is_found_from_anywhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A relative path counts from the folder of the nearest wanbatch.toml."""
    (tmp_path / "wanbatch.toml").write_text('limits = "limits.toml"\n')
    (tmp_path / "deep").mkdir()
    monkeypatch.chdir(tmp_path / "deep")
    assert load_settings().limits == tmp_path.resolve() / "limits.toml"


def test_a_model_a_floor_and_a_ramp_may_be_set(tmp_path: Path) -> None:
    """Beside the account's windows; what the owner has set is known as such."""
    text = """
        [dashscope]
        credit_floor = 20
        ramp = { first = 0.5, over_s = 10, quiet_s = 30 }
        models."wan2.6-t2v" = { submits = [{ count = 1, window_s = 1 }], slots = 2 }
    """
    own = with_own_limits(DASHSCOPE, "dashscope", written(tmp_path, text)).limits
    assert (own.credit_floor, own.models["wan2.6-t2v"].slots) == (20, 2)
    assert own.own == {"credit_floor", "ramp", "models"}
    assert own.submits == DASHSCOPE.limits.submits
    with pytest.raises(BadInput, match="has no model 'wan9'"):
        with_own_limits(DASHSCOPE, "dashscope", written(tmp_path, "[dashscope]\nmodels.wan9 = { slots = 2 }\n"))
