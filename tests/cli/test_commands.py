"""Commands without a ledger: what the store alone can answer, and what is refused before anything starts."""

import csv
import io
import json
import os
from pathlib import Path

import pytest

from cli.app import exit_code
from cli.stack import ledger_folder
from config.settings import load_settings
from producer.planned import Asked, planned
from producer.world import choose
from providers.registry import PROVIDERS
from tests.cli.conftest import Stored, record


def test_plan_says_whose_money_first(stored: Stored, capsys: pytest.CaptureFixture[str]) -> None:
    """KNOWN or NEW, simulated or real, and the absolute store; then what and how much."""
    assert exit_code(["plan", str(stored.matrix), "--store", stored.store.url]) == 0
    told = capsys.readouterr().out.splitlines()
    assert told[0].startswith(
        "KNOWN campaign simulated-spring | SIMULATED, buys nothing (in the dialect of segmind) | "
    )
    assert told[0].endswith(f" | store {stored.store.url}")
    assert told[1] == "3 videos from 2 rows; 2 are there already; 1 to make"
    assert told[2].startswith("would cost $0.6250 at Segmind (prices of ")


def test_plan_for_real_says_so(stored: Stored, capsys: pytest.CaptureFixture[str]) -> None:
    """Planning with a provider spends nothing and needs no key, but says whose money it would be."""
    words = ["plan", str(stored.matrix), "--store", stored.store.url, "--provider", "segmind", "--json"]
    assert exit_code(words) == 0
    told = capsys.readouterr()
    assert told.err.startswith("NEW campaign spring | REAL MONEY at Segmind | ")
    shape = json.loads(told.out)
    assert list(shape) == [
        "campaign", "variants", "duplicates", "already_bought", "to_buy", "refused", "refused_count", "warnings",
        "warnings_count", "cost_usd", "eta_s", "eta_because", "to_buy_by_cause", "no_longer_asked_for",
        "no_longer_asked_for_first", "price_as_of", "providers",
        "credits",
    ]  # fmt: skip
    assert shape["to_buy"] == 3
    assert shape["cost_usd"] == {"low": "1.875", "high": "1.875"}


def test_a_simulated_plan_is_quicker_than_life(stored: Stored, capsys: pytest.CaptureFixture[str]) -> None:
    """Its ETA is in our own seconds, at the simulator's speed."""
    words = ["plan", str(stored.matrix), "--store", stored.store.url, "--json"]
    exit_code(words)
    quick = json.loads(capsys.readouterr().out)["eta_s"]
    assert 0 < quick < 10


def test_plan_takes_the_limits_it_is_given(stored: Stored, capsys: pytest.CaptureFixture[str]) -> None:
    """--where, --takes and --limit do what they say."""
    base = ["plan", str(stored.matrix), "--store", stored.store.url, "--json"]
    for more, variants in (
        (["--where", "colour=red"], 1),
        (["--takes", "2"], 6),
        (["--limit", "1"], 1),
        (["--campaign", "other", "--where", "colour=red", "--where", "colour=blue"], 2),
    ):
        assert exit_code([*base, *more]) == 0
        assert json.loads(capsys.readouterr().out)["variants"] == variants


@pytest.mark.parametrize(
    "words", [["--where", "colour"], ["--budget", "lots"], ["--budget", "0"], ["--takes", "0"], ["--limit", "-1"]]
)
def test_options_that_make_no_sense_are_bad_input(
    words: list[str], stored: Stored, capsys: pytest.CaptureFixture[str]
) -> None:
    """Exit 2, with the option's name."""
    assert exit_code(["run", str(stored.matrix), *words]) == 2
    assert words[0] in capsys.readouterr().err


def test_bad_rows_are_all_named(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Every problem on its own line, exit 2."""
    file = tmp_path / "bad.csv"
    file.write_text("prompt,duration\na kite,7\na boat,ten\na lamp,5\n")
    assert exit_code(["plan", str(file), "--store", str(tmp_path / "out")]) == 2
    told = capsys.readouterr().err.splitlines()
    assert [line.split(": ")[0] for line in told if "bad.csv:" in line] == [f"{file}:2", f"{file}:3"]


def test_submit_asks_for_a_name_and_a_ledger(stored: Stored, capsys: pytest.CaptureFixture[str]) -> None:
    """First who pays, then where the jobs should go; both are exit 4."""
    base = ["submit", str(stored.matrix), "--store", stored.store.url]
    assert exit_code(base) == 4
    assert "--provider NAME" in capsys.readouterr().err
    assert exit_code([*base, "--simulate"]) == 4
    assert "--redis" in capsys.readouterr().err


def test_a_real_run_needs_a_budget_and_a_key(stored: Stored, capsys: pytest.CaptureFixture[str]) -> None:
    """Refused with the flag to paste, then with the variable to set; nothing is started."""
    base = ["run", str(stored.matrix), "--store", stored.store.url, "--provider", "segmind"]
    assert exit_code(base) == 4
    assert "--budget 1.88" in capsys.readouterr().err
    assert exit_code([*base, "--budget", "1"]) == 4
    told = capsys.readouterr().err
    assert "SEGMIND_API_KEY" in told
    assert not ledger_folder(stored.store.url).exists()


def test_a_small_budget_is_said(
    stored: Stored, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A budget below the price is fine, but nobody should be surprised when it stops early."""
    monkeypatch.setenv("SEGMIND_API_KEY", "sk")
    words = [
        "submit",
        str(stored.matrix),
        "--store",
        stored.store.url,
        "--provider",
        "segmind",
        "--budget",
        "1",
        "--yes",
    ]
    assert exit_code([*words, "--redis", "redis://127.0.0.1:1/0"]) == 4
    told = capsys.readouterr().err
    assert "stops early, with exit code 5" in told
    assert "ledger" in told


def test_a_run_of_what_is_all_there_starts_nothing(stored: Stored, capsys: pytest.CaptureFixture[str]) -> None:
    """The papers are renewed, and the exit code tells of the failed one."""
    stored.end(stored.lines[2])
    assert exit_code(["run", str(stored.matrix), "--store", stored.store.url, "--json"]) == 3
    told = capsys.readouterr()
    assert "nothing was started, nothing was bought" in told.err
    shape = json.loads(told.out)
    assert (shape["states"]["done"], shape["states"]["failed"]) == (2, 1)
    assert shape["money_usd"] == {"budget": "9.00", "reserved": "0.00", "spent": "1.25", "in_doubt": "0.00"}
    assert Path(shape["report"]).is_file()
    assert not ledger_folder(stored.store.url).exists()


def test_a_run_of_unverified_videos_is_no_success(stored: Stored, capsys: pytest.CaptureFixture[str]) -> None:
    """A video that is not what was ordered is exit 3, and is said."""
    stored.end(stored.lines[1], verified=False)
    stored.end(stored.lines[2])
    assert exit_code(["run", str(stored.matrix), "--store", stored.store.url]) == 3
    assert "1 video not what was ordered" in capsys.readouterr().out


def test_status_without_a_ledger(stored: Stored, capsys: pytest.CaptureFixture[str]) -> None:
    """The store's records alone answer, in the same shape; what only a ledger knows is null."""
    assert exit_code(["status", "simulated-spring", "--store", stored.store.url, "--json"]) == 0
    shape = json.loads(capsys.readouterr().out)
    assert list(shape) == [
        "campaign",
        "submitted_by",
        "labels",
        "jobs",
        "states",
        "money_usd",
        "credits",
        "needs",
        "eta_s",
    ]
    assert (shape["submitted_by"], shape["labels"]) == ("me@here", {})
    assert (shape["jobs"], shape["states"]["done"], shape["states"]["failed"]) == (3, 1, 1)
    assert {shape["states"][state] for state in ("queued", "rendering", "unknown", "parked")} == {None}
    assert shape["money_usd"] == {"budget": "9.00", "reserved": None, "spent": "0.625", "in_doubt": None}
    assert shape["credits"] == {
        "simulated-segmind": {"remaining": "99.5", "unit": "USD credits", "at": "2026-11-21T07:30:00Z"}
    }
    assert shape["needs"] == ["1 failed: the report says why and what to do"]


def test_what_another_campaign_paid_is_not_spent_here(stored: Stored, capsys: pytest.CaptureFixture[str]) -> None:
    """A video that two campaigns share was bought by one: the other has it, and its own money is what it paid."""
    other = record(stored.lines[2], failed=False, verified=True).model_copy(update={"buyer": "simulated-winter"})
    stored.shelf.write_record(other)
    assert exit_code(["status", "simulated-spring", "--store", stored.store.url, "--json"]) == 0
    shape = json.loads(capsys.readouterr().out)
    assert (shape["states"]["done"], shape["money_usd"]["spent"]) == (2, "0.625")
    assert exit_code(["manifest", "simulated-spring", "--store", stored.store.url]) == 0
    lines = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert [(line["buyer"], line["cost_usd"]) for line in lines][2] == ("simulated-winter", "0.625")


def test_status_of_all_campaigns(stored: Stored, capsys: pytest.CaptureFixture[str]) -> None:
    """Without a name: all of them, for scripts and for people."""
    assert exit_code(["status", "--store", stored.store.url, "--json"]) == 0
    shape = json.loads(capsys.readouterr().out)
    assert [each["campaign"] for each in shape["campaigns"]] == ["simulated-spring"]
    assert exit_code(["status", "--store", stored.store.url]) == 0
    told = capsys.readouterr().out
    assert "no ledger is running" in told
    assert "3 jobs: 1 done, 1 failed, 1 not there yet (only their ledger knows" in told
    assert "spent $0.6250, beside what may be under way" in told


def test_status_of_an_empty_store(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """No campaigns is an answer, not an error."""
    assert exit_code(["status", "--store", str(tmp_path / "empty")]) == 0
    assert "no campaigns in" in capsys.readouterr().out


def test_watching_needs_a_ledger(stored: Stored, capsys: pytest.CaptureFixture[str]) -> None:
    """Nothing moves without one."""
    assert exit_code(["status", "--watch", "--store", stored.store.url]) == 4
    assert "no ledger is running" in capsys.readouterr().err


@pytest.mark.parametrize("command", ["status", "manifest", "report"])
def test_an_unknown_campaign_is_told(command: str, stored: Stored, capsys: pytest.CaptureFixture[str]) -> None:
    """With the one that was probably meant."""
    assert exit_code([command, "simulated-sprng", "--store", stored.store.url]) == 2
    assert "did you mean simulated-spring?" in capsys.readouterr().err
    assert exit_code([command, "winter", "--store", stored.store.url]) == 2
    assert "it has simulated-spring" in capsys.readouterr().err


def test_manifest_accounts_for_every_job(stored: Stored, capsys: pytest.CaptureFixture[str]) -> None:
    """JSON lines on stdout, in matrix order; --status picks."""
    assert exit_code(["manifest", "simulated-spring", "--store", stored.store.url]) == 0
    lines = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert [line["status"] for line in lines] == ["done", "failed", "queued"]
    assert [line["variant"] for line in lines] == [{"colour": "red"}, {"colour": "blue"}, {"colour": "green"}]
    assert exit_code(["manifest", "simulated-spring", "--store", stored.store.url, "--status", "failed"]) == 0
    assert len(capsys.readouterr().out.splitlines()) == 1


def test_manifest_to_a_file(stored: Stored, capsys: pytest.CaptureFixture[str]) -> None:
    """The file's name says the format, unless --format does."""
    base = ["manifest", "simulated-spring", "--store", stored.store.url]
    assert exit_code([*base, "-o", "m.csv"]) == 0
    assert exit_code([*base, "-o", "m.out", "--format", "csv"]) == 0
    assert exit_code([*base, "-o", "m.jsonl"]) == 0
    rows = list(csv.DictReader(io.StringIO(Path("m.csv").read_text())))
    assert [row["variant.colour"] for row in rows] == ["red", "blue", "green"]
    assert Path("m.out").read_text() == Path("m.csv").read_text()
    assert len(Path("m.jsonl").read_text().splitlines()) == 3
    assert not capsys.readouterr().out


def test_report_can_be_made_at_any_moment(stored: Stored, capsys: pytest.CaptureFixture[str]) -> None:
    """With one video of three: manifests and gallery lie on the campaign's shelf, the run's manifest beside them."""
    assert exit_code(["report", "simulated-spring", "--store", stored.store.url]) == 0
    places = dict(line.split(maxsplit=1) for line in capsys.readouterr().out.splitlines())
    page = Path(places["gallery"]).read_text()
    assert "SIMULATED" in page
    assert f"../../jobs/{stored.lines[0].job.job_id}/video.mp4" in page
    shelf = Path(places["manifest"]).parent
    run = shelf / "runs" / "20261121T073000-abcdef" / "manifest.jsonl"
    assert run.read_text() == Path(places["manifest"]).read_text()
    assert (shelf / "manifest.csv").is_file()


def test_providers_are_listed(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    """Modes, sizes, durations, prices with and without sound, also unknown ones, limits, and whether a key is set."""
    monkeypatch.setenv("SEGMIND_API_KEY", "sk-hush")
    assert exit_code(["providers"]) == 0
    told = capsys.readouterr().out
    assert "sk-hush" not in told
    assert "key      set" in told
    assert "not set (DASHSCOPE_API_KEY)" in told
    assert "submits  50 in 60 s" in told
    assert "720p $0.05/s or $0.025/s silent" in told
    assert "720p unknown or $0.0168/s silent" in told
    assert "up to 3 references (3 videos, no images)" in told
    assert "5 10 15 s; 720p $0.125/s, 1080p $0.1875/s" in told
    assert exit_code(["providers", "--json"]) == 0
    known = {each["name"]: each for each in json.loads(capsys.readouterr().out)["providers"]}
    assert known["segmind"]["key_set"] is True
    assert known["dashscope"]["key_set"] is False
    assert known["segmind"]["offers"][0]["usd_per_second"] == {"global": {"720p": "0.125", "1080p": "0.1875"}}
    assert known["segmind"]["offers"][0]["usd_per_second_silent"] is None
    flash = next(each for each in known["apimart"]["offers"] if each["model"] == "flash")
    assert flash["usd_per_second"] == {"global": {"720p": None, "1080p": None}}
    assert flash["usd_per_second_silent"] == {"global": {"720p": "0.0168", "1080p": None}}
    assert flash["can_be_set"] == ["audio_url", "audio", "watermark", "template", "prompt_expansion"]


def test_check_without_anything_set(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Enough for a simulated run: ok, with a warning for each missing key."""
    assert exit_code(["check", "--store", str(tmp_path / "out"), "--json"]) == 0
    found = {each["what"]: each["verdict"] for each in json.loads(capsys.readouterr().out)["findings"]}
    places = dict.fromkeys(("settings", "store", "ledger", "simulator"), "ok")
    assert found == places | dict.fromkeys(PROVIDERS, "warn")


def test_check_fails_for_what_must_be_mended(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A named provider without its key, a ledger that is not there: exit 4, with what to do, no password shown."""
    words = [
        "check",
        "--store",
        str(tmp_path / "out"),
        "--provider",
        "segmind",
        "--redis",
        "redis://:hush@127.0.0.1:1/0",
    ]
    assert exit_code(words) == 4
    told = capsys.readouterr()
    assert "export SEGMIND_API_KEY=..." in told.out
    assert "fail  ledger     redis://:***@127.0.0.1:1/0" in told.out
    assert "hush" not in told.out + told.err


def test_check_names_a_simulator_that_is_not_there(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """One that was named must answer."""
    monkeypatch.setenv("WANBATCH_SIMULATOR_URL", "http://127.0.0.1:1")
    assert exit_code(["check", "--store", str(tmp_path / "out")]) == 4
    assert "nothing answers at http://127.0.0.1:1" in capsys.readouterr().out


def test_check_looks_for_the_receiver_of_webhooks(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where providers are told an address at which nobody answers, it says so; it is no reason not to buy."""
    monkeypatch.setenv("WANBATCH_WEBHOOK_SECRET", "a secret of this test")
    monkeypatch.setenv("WANBATCH_WEBHOOK_URL", "http://127.0.0.1:9/hooks")
    assert exit_code(["check", "--store", str(tmp_path / "out")]) == 0
    assert "warn  webhooks   no receiver answers at http://127.0.0.1:9/hooks" in capsys.readouterr().out


def test_webhooks_says_what_a_receiver_needs(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """An address and a secret, then a ledger: without them it does not begin, and says which settings to set."""
    words = ["webhooks", "--store", str(tmp_path / "out")]
    assert exit_code(words) == 4
    assert "set WANBATCH_WEBHOOK_URL and WANBATCH_WEBHOOK_SECRET" in capsys.readouterr().err
    monkeypatch.setenv("WANBATCH_WEBHOOK_SECRET", "a secret of this test")
    monkeypatch.setenv("WANBATCH_WEBHOOK_URL", "https://hooks.example")
    assert exit_code(words) == 4
    assert "`wanbatch webhooks` needs a ledger" in capsys.readouterr().err


@pytest.mark.parametrize("broken", [b"", b'{"half', b"[]", b'{"version": 1}'])
def test_what_is_damaged_in_the_store_is_named(
    stored: Stored, capsys: pytest.CaptureFixture[str], broken: bytes
) -> None:
    """A record or a campaign's facts that were cut off or changed by hand: which, and what to do; it is no bug."""
    record = stored.shelf.job_key(stored.lines[0].job.job_id, "record.json")
    facts = stored.shelf.campaign_key("simulated-spring", "campaign.json")
    for key, command in ((record, ["spend", "--simulated"]), (facts, ["status"])):
        stored.store.put(key, broken)
        assert exit_code([*command, "--store", stored.store.url]) == 4
        told = capsys.readouterr().err
        assert f"{stored.store.uri(key)} is no " in told
        assert "bring it back from a backup" in told


def test_a_submit_that_was_killed_hides_no_campaign(stored: Stored, capsys: pytest.CaptureFixture[str]) -> None:
    """Its plan lies there, and it is no campaign yet: all others are shown."""
    stored.store.put(stored.shelf.campaign_key("half", "plans", "x.jsonl"), b"")
    assert exit_code(["status", "--store", stored.store.url]) == 0
    assert "simulated-spring" in capsys.readouterr().out
    assert exit_code(["status", "half", "--store", stored.store.url]) == 2
    assert "it has simulated-spring" in capsys.readouterr().err


def test_a_schedule_that_nobody_knows_has_no_history(stored: Stored, capsys: pytest.CaptureFixture[str]) -> None:
    """A slip in its name is told, in place of runs that there never were."""
    assert exit_code(["schedule", "history", "nihgtly", "--store", stored.store.url]) == 2
    assert "there is no schedule 'nihgtly'" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["staus"], "Did you mean 'status'?"),
        (["plan", "s3://b/m.csv"], "aws s3 cp s3://b/m.csv - | wanbatch ... - --campaign NAME"),
        (["run", "-", "--budget", "1e400"], "is no amount in dollars"),
    ],
)
def test_slips_of_the_hand_are_told(words: list[str], said: str, capsys: pytest.CaptureFixture[str]) -> None:
    """What was meant, or what would be right."""
    assert exit_code(words) == 2
    assert said in capsys.readouterr().err


def test_a_file_whose_name_is_no_text(stored: Stored, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A name in a page of old is spelt out where it is kept; a plan that has to find it again is refused."""
    odd = Path(os.fsdecode(os.fsencode(tmp_path) + b"/caf\xe9.csv"))
    odd.write_text("prompt\na kite\n")
    at = ["--store", stored.store.url]
    assert exit_code(["plan", str(odd), *at, "--simulate", "--save", str(tmp_path / "p.json")]) == 2
    assert "cannot be saved" in capsys.readouterr().err
    settings = load_settings(store=stored.store.url)
    asked = Asked(
        matrix=odd, template=None, provider=None, simulate=True, campaign=None, limit=None, where=(), seed_by="job",
        takes=1, price=None, skip_bad_rows=False, store=stored.store.url,
    )  # fmt: skip
    with planned(asked, choose(settings, simulate=True), stored.store, settings) as plan:
        assert plan.source.endswith(r"caf\udce9.csv")


def test_a_plan_that_was_cut_off_is_not_taken_for_a_small_one(
    stored: Stored, capsys: pytest.CaptureFixture[str]
) -> None:
    """Counts, money and manifest would be of what is left of it."""
    (key,) = stored.store.list(stored.shelf.campaign_key("simulated-spring", "plans") + "/")
    whole = stored.store.get(key)
    stored.store.put(key, whole[: whole.index(b"\n") + 1])
    for words in (["status"], ["manifest", "simulated-spring"], ["report", "simulated-spring"]):
        assert exit_code([*words, "--store", stored.store.url]) == 4
        assert "has 1 job, and 3 were submitted: it is cut off, or was changed" in capsys.readouterr().err


def test_json_is_answered_with_json_whatever_is_wrong(capsys: pytest.CaptureFixture[str]) -> None:
    """A script that asked for it reads why, also of words that no command knows."""
    assert exit_code(["plan", "nothing.csv", "--json"]) == 2
    told = json.loads(capsys.readouterr().out)
    assert told == {"error": "Invalid value for 'MATRIX': File 'nothing.csv' does not exist.", "hint": None}
