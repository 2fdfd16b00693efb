"""One's own accounts: further keys, and limits that replace the documented ones; a slip in the file is named."""

from pathlib import Path

import pytest

from config.accounts import Accounts
from config.facts import ProviderFacts, load_facts
from config.settings import load_settings
from jobs.errors import BadInput

SEGMIND = load_facts()["segmind"]
DASHSCOPE = load_facts()["dashscope"]


def facts_of(account: str, file: Path | None) -> ProviderFacts:
    """What holds for an account by that file."""
    found = Accounts(file).called(account)
    assert found is not None
    return found.facts


def written(folder: Path, text: str) -> Path:
    """A limits file with that text."""
    file = folder / "limits.toml"
    file.write_text(text)
    return file


def test_without_a_file_the_documented_limits_hold() -> None:
    """Nothing set, nothing changed."""
    assert facts_of("segmind", None) is SEGMIND


def test_a_table_changes_what_it_names_and_nothing_else(tmp_path: Path) -> None:
    """The account's submits are its own; its polls and every other account stay as documented."""
    file = written(tmp_path, "[segmind]\nsubmits = [{ count = 500, window_s = 60 }]\n")
    own = facts_of("segmind", file)
    assert [(window.count, window.window_s) for window in own.limits.submits] == [(500, 60.0)]
    assert own.limits.polls == SEGMIND.limits.polls
    assert facts_of("simulated-segmind", file) is SEGMIND


def test_limits_can_be_lifted(tmp_path: Path) -> None:
    """An empty list and no slots mean that there is no limit."""
    file = written(tmp_path, "[simulated-dashscope]\nsubmits = []\npolls = []\nslots = 0\n")
    lifted = facts_of("simulated-dashscope", file).limits
    assert (lifted.submits, lifted.polls, lifted.slots) == ((), (), None)


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("[segmnd]\nslots = 3\n", "no account 'segmnd'"),
        ("[segmind]\nslot = 3\n", "slot"),
        ("[segmind]\nsubmits = [{ count = 0, window_s = 60 }]\n", "submits.0.count"),
        ("[segmind\n", "cannot be read"),
        ('[two]\nprovider = "segmind"\n', "two: a further account names"),
        ('[two]\nkey_variable = "TWO_KEY"\n', "two: a further account names"),
        ('[two]\nprovider = "segmnd"\nkey_variable = "TWO_KEY"\n', "no provider 'segmnd'"),
        ('[two]\nprovider = "segmind"\nkey_variable = "sg-live-key"\n', "two.key_variable"),
        ('[Two]\nprovider = "segmind"\nkey_variable = "TWO_KEY"\n', "no name for an account"),
        ('[fal]\nprovider = "segmind"\nkey_variable = "TWO_KEY"\n', "another provider's"),
        (
            '[one]\nprovider = "fal"\nkey_variable = "KEY"\n[two]\nprovider = "fal"\nkey_variable = "KEY"\n',
            "one and two have the same key_variable",
        ),
    ],
)
def test_a_slip_is_named_with_the_file(tmp_path: Path, text: str, told: str) -> None:
    """The message says which file and what in it."""
    file = written(tmp_path, text)
    with pytest.raises(BadInput) as caught:
        facts_of("segmind", file)
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
    own = facts_of("dashscope", written(tmp_path, text)).limits
    assert (own.credit_floor, own.models["wan2.6-t2v"].slots) == (20, 2)
    assert own.own == {"credit_floor", "ramp", "models"}
    assert own.submits == DASHSCOPE.limits.submits
    with pytest.raises(BadInput, match="has no model 'wan9'"):
        facts_of("dashscope", written(tmp_path, "[dashscope]\nmodels.wan9 = { slots = 2 }\n"))


def test_a_further_account_has_a_key_limits_and_a_rehearsal_of_its_own(tmp_path: Path) -> None:
    """Its table says whose it is; the usual account and the other world stay as they were."""
    text = """
        [segmind-two]
        provider = "segmind"
        key_variable = "SEGMIND_TWO_API_KEY"
        slots = 4
        [simulated-segmind-two]
        slots = 7
        [wan-cn]
        provider = "dashscope"
        region = "cn"
        key_variable = "DASHSCOPE_CN_KEY"
    """
    known = Accounts(written(tmp_path, text))
    two = known.named("segmind-two", simulated=False)
    assert (two.name, two.facts.key_variables, two.facts.limits.slots) == ("segmind-two", ("SEGMIND_TWO_API_KEY",), 4)
    assert two.facts.limits.submits == SEGMIND.limits.submits
    assert known.named("segmind-two", simulated=True).facts.limits.slots == 7
    assert known.named("segmind", simulated=False).facts is SEGMIND
    assert (known.named("wan-cn", simulated=True).name, known.named("wan-cn", simulated=True).region) == (
        "simulated-wan-cn",
        "cn",
    )
    assert [each.name for each in known.every(simulated=False)] == [*load_facts(), "segmind-two", "wan-cn"]
    assert known.called("simulated-segmind-two") == known.named("segmind-two", simulated=True)
    assert known.called("somebody") is None
    assert [each.name for each in known.of_provider("segmind")] == [
        "segmind", "simulated-segmind", "segmind-two", "simulated-segmind-two",
    ]  # fmt: skip
    with pytest.raises(BadInput, match="did you mean segmind-two"):
        known.named("segmind-tow", simulated=False)


def test_the_secret_of_another_account_proves_nothing(tmp_path: Path) -> None:
    """A further account whose webhooks need a secret has none until its own is named."""
    text = '[two]\nprovider = "toapis"\nkey_variable = "TWO"\n[three]\nprovider = "fal"\nkey_variable = "THREE"\n'
    known = Accounts(written(tmp_path, text))
    assert known.named("two", simulated=False).facts.webhook_secret_variable == ""
    assert known.named("three", simulated=False).facts.webhook_secret_variable is None
