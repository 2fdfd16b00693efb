"""Campaign files: what is multiplied with what, what the rules leave out, and everything that may be wrong with one."""

import itertools
import json
import tomllib
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from config.facts import load_facts
from jobs.errors import BadInput
from jobs.job import PlanLine
from producer.campaigns.campaign import read_campaign
from producer.campaigns.campaignfile import campaign_schema
from producer.campaigns.sampling import Pairwise, drawn
from producer.plan import Plan, PlanOptions, iter_plan, make_plan
from providers.registry import provider

ROOT = Path(__file__).resolve().parents[2]
SCHEMA = ROOT / "jobs" / "campaign.schema.json"
EXAMPLE = ROOT / "examples" / "autumn.toml"
PRODUCTS = "product,material,market\nLamp,glass,north\nKettle,copper,south\n"
PROMPT = '[defaults]\nprompt = "{{ hook }}: a {{ product }}"\n'


@pytest.fixture(autouse=True)
def own_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each test works in a folder of its own, with a table of products."""
    monkeypatch.chdir(tmp_path)
    Path("products.csv").write_text(PRODUCTS)


def planned(text: str, *, name: str = "campaign.toml", **options: Any) -> Plan:
    """The simulated plan of a campaign file with this text."""
    source = Path(name)
    source.write_text(text, encoding="utf-8")
    return make_plan(
        source,
        options=PlanOptions(simulated=True, **options),
        provider=provider("segmind"),
        facts=load_facts()["segmind"],
        bought=lambda _: frozenset(),
        spool=Path("spool"),
    )


def lines(text: str, **options: Any) -> list[PlanLine]:
    """The lines of that plan."""
    return list(iter_plan(planned(text, **options).path))


def prompts(text: str, **options: Any) -> list[str]:
    """The words of each video, in order."""
    return [line.job.render.prompt for line in lines(text, **options)]


def refused(text: str) -> list[str]:
    """Everything that is wrong with a campaign file."""
    with pytest.raises(BadInput) as caught:
        planned(text)
    return [str(problem) for problem in caught.value.problems]


def test_rows_are_crossed_with_axes() -> None:
    """Each row with each value, the last axis fastest; lists, `|` and a column of another table alike."""
    Path("hooks.csv").write_text("owner,Hook\nm,calm\nt,bold\nm,calm\n")
    axes = '[axes]\nhook = { file = "hooks.csv", column = "hook" }\nlook = "wide|near"\n'
    found = lines('rows = "products.csv"\n[defaults]\nprompt = "{{ hook }} {{ product }} {{ look }}"\n' + axes)
    assert [line.job.render.prompt for line in found] == [
        "calm Lamp wide", "calm Lamp near", "bold Lamp wide", "bold Lamp near",
        "calm Kettle wide", "calm Kettle near", "bold Kettle wide", "bold Kettle near",
    ]  # fmt: skip
    assert found[1].variant == {"product": "Lamp", "hook": "calm", "look": "near"}
    assert found[0].source_lines == (2,)
    assert found[0].labels == {"material": "glass", "market": "north"}


def test_a_bare_matrix_and_a_campaign_of_it_are_the_same_jobs() -> None:
    """What is rendered names a job, however it was asked for."""
    Path("m.csv").write_text('prompt,hook,product\n"{{ hook }}: a {{ product }}",calm|bold,Lamp|Kettle\n')
    bare = make_plan(
        Path("m.csv"), options=PlanOptions(simulated=True), provider=provider("segmind"),
        facts=load_facts()["segmind"], bought=lambda _: frozenset(), spool=Path("spool"),
    )  # fmt: skip
    text = PROMPT + '[axes]\nhook = ["calm", "bold"]\nproduct = ["Lamp", "Kettle"]\n'
    assert [line.job for line in iter_plan(bare.path)] == [line.job for line in lines(text)]
    assert prompts('rows = "m.csv"\n') == prompts(text)


def test_zipped_axes_go_together() -> None:
    """First with first; the others are crossed."""
    text = (
        '[defaults]\nprompt = "{{ a }}{{ b }}{{ c }}"\n[axes]\na = ["1", "2"]\nc = ["x", "y"]\nb = [3, 4]\n'
        '[combine]\nzip = [["a", "b"]]\n'
    )
    assert prompts(text) == ["13x", "13y", "24x", "24y"]
    (problem,) = refused(text.replace("[3, 4]", "[3]"))
    assert "zipped axes are equally long, and a has 2, b has 1" in problem


def test_rules_leave_combinations_out_and_are_counted() -> None:
    """`exclude` what holds, `require` what must hold with it; each says how many it left out, and why."""
    text = (
        'rows = "products.csv"\n' + PROMPT + '[axes]\nhook = ["calm", "bold", "dry"]\n'
        '[[exclude]]\nwhen = { product = "Lamp", hook = ["bold", "dry"] }\nwhy = "not cleared"\n'
        '[[require]]\nwhen = { market = "south" }\nthen = { hook = "dry" }\n'
    )
    plan = planned(text)
    assert [line.job.render.prompt for line in iter_plan(plan.path)] == ["calm: a Lamp", "dry: a Kettle"]
    assert [(each.what, each.line, each.why, each.left_out) for each in plan.removed] == [
        ("exclude", 6, "not cleared", 2),
        ("require", 9, "", 2),
    ]
    assert json.loads(json.dumps(plan.json()))["removed"][0]["left_out"] == 2


def test_an_override_is_for_its_combinations() -> None:
    """And the later one wins."""
    text = (
        'rows = "products.csv"\n' + PROMPT + '[axes]\nhook = ["calm", "bold"]\n'
        '[[override]]\nwhen = { hook = "bold" }\nset = { duration = 10 }\n'
        '[[override]]\nwhen = { hook = "bold", product = "Lamp" }\nset = { duration = 15, prompt = "{{ product }}!" }\n'
    )
    assert [(line.job.render.prompt, line.job.render.duration_s) for line in lines(text)] == [
        ("calm: a Lamp", 5), ("Lamp!", 15), ("calm: a Kettle", 5), ("bold: a Kettle", 10),
    ]  # fmt: skip


def test_defaults_stand_under_the_row() -> None:
    """A row's own cell wins; its `|` multiplies; a setting may be a template, too."""
    Path("products.csv").write_text("product,duration,hook\nLamp,,calm\nKettle,10|15,bold\n")
    text = 'rows = "products.csv"\nseed_by = "product"\n' + PROMPT + 'duration = 5\nseed = "{{ duration }}"\n'
    found = [(line.job.render.prompt, line.job.render.duration_s, line.job.seed) for line in lines(text)]
    assert found == [("calm: a Lamp", 5, 5), ("bold: a Kettle", 10, 10), ("bold: a Kettle", 15, 15)]


def test_first_and_random_samples() -> None:
    """So many; a draw is the same each time, another with another seed, and mostly stays when a value is added."""

    def made(sample: str, products: int = 10) -> list[str]:
        axes = {"product": [f"p{n}" for n in range(products)], "hook": [f"h{n}" for n in range(10)]}
        shown = "".join(f"{axis} = {values}\n" for axis, values in axes.items())
        return prompts(PROMPT + "[axes]\n" + shown + f"[combine]\ncount = 10\nsample = {sample}\n")

    assert made('"first"') == [f"h{n}: a p0" for n in range(10)]
    found = made('"random"')
    assert found == made('"random"')
    assert len(set(found)) == 10
    assert set(found) != set(made('"random"\nseed = 1'))
    assert len(set(found).intersection(made('"random"', 11))) >= 7
    other = [line.variant for line in lines(_campaign("Now {{ hook }}: a {{ product }}"))]
    assert other == [line.variant for line in lines(_campaign("{{ hook }} {{ product }}"))]
    assert len(drawn(map(str, range(5)), 9, 0)) == 5


def _campaign(prompt: str) -> str:
    """A draw of three combinations under a prompt."""
    axes = '[axes]\nhook = ["a", "b", "c", "d"]\nproduct = ["x", "y", "z"]\n'
    return f'[defaults]\nprompt = "{prompt}"\n{axes}[combine]\nsample = "random"\ncount = 3\n'


@pytest.mark.parametrize(
    ("sizes", "most"), [((4, 3, 3, 2, 5), 22), ((10,) * 6, 134), ((5,) * 12, 49), ((2,) * 20, 12), ((30, 20, 10), 600)]
)
def test_pairwise_covers_every_pair_in_few(sizes: tuple[int, ...], most: int) -> None:
    """Every two values meet, in no more combinations than well-known makers of covering arrays give."""
    made = Pairwise(sizes, lambda _: True).made()
    for one, two in itertools.combinations(range(len(sizes)), 2):
        assert len({(picks[one], picks[two]) for picks in made}) == sizes[one] * sizes[two]
    assert len(made) <= most


def test_pairwise_keeps_the_rules() -> None:
    """No combination breaks one, and every pair that may meet does."""
    text = (
        'rows = "products.csv"\n[defaults]\nprompt = "{{ product }} {{ hook }} {{ look }}"\n'
        '[axes]\nhook = ["a", "b", "c"]\nlook = ["x", "y", "z"]\n[combine]\nsample = "pairwise"\n'
        '[[exclude]]\nwhen = { hook = "a", look = "x" }\n'
        '[[require]]\nwhen = { product = "Lamp" }\nthen = { look = ["x", "y"] }\n'
    )
    plan = planned(text)
    made = [tuple(line.job.render.prompt.split()) for line in iter_plan(plan.path)]
    assert all(not (hook == "a" and look == "x") for _, hook, look in made)
    assert all(product != "Lamp" or look != "z" for product, _, look in made)
    assert {(hook, look) for _, hook, look in made} == set(itertools.product("abc", "xyz")) - {("a", "x")}
    assert len(made) < 14
    assert [each.left_out for each in plan.removed] == [2, 3, 13 - len(made)]
    assert plan.removed[-1].why == "the rules keep 2 pairs apart"


ROWS = 'rows = "products.csv"\n'
ONE = '[defaults]\nprompt = "a"\n[axes]\nh = ["calm"]\n'
TWO = PROMPT + '[axes]\nhook = ["a"]\nhok = ["b"]\n'
SLIPS = {
    "campain = 1\n": "campaign.toml:1: campain: there is no key `campain` here; did you mean `campaign`?",
    "hook = 1\n": "a column stands under [defaults] or [axes]",
    'rows = "products.csv\n': "campaign.toml:1: the TOML cannot be read",
    f"x = {'[' * 3000}{']' * 3000}\n": "campaign.toml:1: tables or lists are nested too deeply",
    f"{'a.' * 3000}b = 1\n": "campaign.toml:1: tables or lists are nested too deeply",
    "[axes]\nhook = []\n": "campaign.toml:2: axes.hook: an axis has at least one value",
    '[axes]\nhook = ["a|b"]\n': "holds a `|`",
    '[axes]\nhook = { file = "x.csv" }\n': "an axis out of a file is { file =",
    '[combine]\nsample = "pairwis"\n': "did you mean `pairwise`?",
    '[combine]\nsample = "random"\n': "nothing says how many",
    "[combine]\ncount = 3\n": "`count` means nothing where the sample is `all`",
    '[[require]]\nwhen = { a = "b" }\n': "the key `then` is missing",
    "[defaults]\nduratoin = 5\n": "campaign.toml:2: defaults.duratoin: there is no column `duratoin`; did you mean",
    '[defaults]\n_problem = "a"\n': "`_problem` is not yours to set",
    "[defaults]\nAspect-Ratio = '1:1'\n": "`Aspect-Ratio` is spelt `aspect_ratio` here",
    TWO + '[combine]\nzip = [["hook", "hk"]]\n': "there is no axis `hk`; did you mean `hok`?",
    TWO + '[combine]\nzip = [["hook", "hok"], ["hok", "hook"]]\n': "`hok` is zipped twice",
    PROMPT + 'hook = "a"\n[axes]\nhook = ["a"]\n': "`hook` is an axis, and has a default",
    'rows = "nothing.csv"\n': "campaign.toml:1: rows: there is no file nothing.csv",
    ROWS + '[axes]\nmarket = ["a"]\n': "`market` is an axis, and a column of products.csv, too",
    ROWS: "the campaign has no prompt",
    ROWS + PROMPT: "campaign.toml:3: defaults.prompt: the template's field `hook` is no column",
    ROWS + '[axes]\nh = { file = "products.csv", column = "markt" }\n': "no column `markt`; did you mean `market`?",
    ROWS + PROMPT + "hook = { a = 1 }\n": "is neither text, a number, true nor false",
    'seed_by = "x"\n[defaults]\nprompt = "a"\n': "there is no such column",
    'campaign = "a b"\n[defaults]\nprompt = "a"\n': "`a b` is no name for a campaign",
    '[defaults]\nprompt = "{{ a"\n': "the template cannot be read",
    ONE + '[[exclude]]\nwhen = { h = "clam" }\n': "`h` is never `clam`; did you mean `calm`?",
    ONE + '[[exclude]]\nwhen = { g = "calm" }\n': "there is no column `g`",
    ONE + '[[override]]\nwhen = { h = "calm" }\nset = { h = "b" }\n': "is an axis, and stays",
    ONE + "".join(f"a{n} = {list(range(30))}\n" for n in range(5)): "there are 24,300,000 combinations",
}


@pytest.mark.parametrize(("text", "said"), SLIPS.items())
def test_a_file_that_cannot_be_used(text: str, said: str) -> None:
    """Each slip with its line and what would be right; nothing is planned."""
    assert any(said in problem for problem in refused(text)), refused(text)


@pytest.mark.parametrize(("example", "said"), [("nightly", "wanbatch schedule add"), ("product-video", "--template")])
def test_another_kind_of_toml_is_told_where_it_belongs(example: str, said: str) -> None:
    """A schedule and a template are TOML, too; whoever plans one hears what it is for."""
    with pytest.raises(BadInput) as told:
        read_campaign(EXAMPLE.with_name(f"{example}.toml"))
    assert said in told.value.hint


def test_all_slips_at_once() -> None:
    """Those of the file, of its table's header, and of the rows."""
    Path("products.csv").write_text("product,durations,material\nLamp,5,glass\nKettle,99,\n")
    prompt = PROMPT.replace("a {{", "{{ material }} {{")
    found = refused(ROWS + prompt + 'resolution = "480p"\n[axes]\nhook = ["a", "b"]\n')
    assert [problem.partition(": ")[0] for problem in found] == [
        "products.csv:1", "campaign.toml:4", "products.csv:3", "products.csv:3",
    ]  # fmt: skip
    assert found[2].startswith("products.csv:3: material: the template's field `material` is empty in this row; fill")


EACH_KIND = """\
rows = "products.csv"
wieght = 2
weight = "heavy"
campaign = "a b"
key = ["sku"]
[defaults]
prompt = "{{ hook }}: {{ prodct }}"
negative_prompt = "{{ a"
duratoin = 5
labels = { a = 1 }
[axes]
hook = ["calm", "bold"]
look = []
tone = { file = "products.csv", column = "tone" }
mood = ["dry"]
[combine]
zip = [["hook", "mood"], ["hok", "look"]]
sample = "pairwis"
[[exclude]]
when = { hook = "clam" }
[[require]]
when = { product = "Lamp" }
"""


def test_a_slip_of_each_kind_at_once() -> None:
    """Whatever the schema, the names, the columns, the lengths and the templates have, in the order of the lines."""
    Path("products.csv").write_text("product,durations\nLamp,5\n")
    assert [problem.split(": ")[:2] for problem in refused(EACH_KIND)] == [
        ["campaign.toml:2", "wieght"],
        ["campaign.toml:3", "weight"],
        ["campaign.toml:4", "campaign"],
        ["campaign.toml:5", "key"],
        ["campaign.toml:7", "defaults.prompt"],
        ["campaign.toml:8", "defaults.negative_prompt"],
        ["campaign.toml:9", "defaults.duratoin"],
        ["campaign.toml:10", "defaults.labels"],
        ["campaign.toml:13", "axes.look"],
        ["campaign.toml:14", "axes.tone"],
        ["campaign.toml:17", "combine.zip"],
        ["campaign.toml:17", "combine.zip"],
        ["campaign.toml:18", "combine.sample"],
        ["campaign.toml:20", "exclude.when.hook"],
        ["campaign.toml:21", "require.then"],
        ["products.csv:1", "durations"],
    ]


@pytest.mark.parametrize(
    "unread", ["hook = 1\n", 'row = "products.csv"\n', 'rows = "gone.csv"\n', "[axis]\nhook = 1\n", "rows = 1\n"]
)
def test_no_column_is_missed_where_not_all_are_known(unread: str) -> None:
    """One slip is one problem: a key that may have brought columns hides what else is said of columns."""
    (problem,) = refused(unread + PROMPT + '[[exclude]]\nwhen = { product = "Lamp" }\n')
    assert problem.startswith("campaign.toml:1: ")


@pytest.mark.parametrize(
    "text",
    [
        PROMPT + 'product = "a"\n[axes]\nhook = []\n[[exclude]]\nwhen = { hook = "b" }\n',
        'ky = ["h"]\nseeds = "rotate"\n' + ONE,
        'key = 1\nseeds = "rotate"\n' + ONE,
        ONE + '[combine]\nsample = "first"\ncount = 0\n',
        ONE + "x = [1, 2]\ny = []\n" + '[combine]\nzip = [["x", "y"]]\n',
    ],
)
def test_a_slip_brings_no_further_problem(text: str) -> None:
    """What cannot be read is not taken for missing by whatever names it."""
    assert len(refused(text)) == 1, refused(text)


def test_a_rule_for_what_is_gone_is_a_warning() -> None:
    """Rows come and go; the rule stays."""
    plan = planned(
        'rows = "products.csv"\n[defaults]\nprompt = "{{ product }}"\n[[exclude]]\nwhen = { product = "Lmp" }\n'
    )
    (warning,) = plan.warnings
    assert "no row has `Lmp` in `product`, so the rule does nothing for it; did you mean `Lamp`?" in str(warning)


def test_a_table_that_is_not_utf8() -> None:
    """Rows of an old page are made with a warning that shows what was read; an axis of one is refused."""
    Path("products.csv").write_bytes("product\nCafé table\n".encode("cp1252"))
    plan = planned('rows = "products.csv"\n[defaults]\nprompt = "{{ product }}"\n')
    assert "products.csv:2: the file is not UTF-8; it was read as cp1252, with `Café` here" in str(plan.warnings[0])
    assert plan.warnings_count == 1
    axis = '[defaults]\nprompt = "{{ product }}"\n[axes]\nproduct = { file = "products.csv", column = "product" }\n'
    assert "products.csv:2: the file is not UTF-8" in refused(axis)[0]


def test_bad_combinations_become_a_matrix() -> None:
    """The good ones go on, and the file of the bad ones is a matrix that can be mended."""
    text = 'rows = "products.csv"\n' + PROMPT + '[axes]\nhook = ["a"]\nduration = [5, 7]\n'
    plan = planned(text, skip_bad_rows=True)
    assert (plan.variants, plan.refused_count) == (2, 1)
    assert plan.bad_rows_path is not None
    assert plan.bad_rows_path.read_text().splitlines()[0] == "_problem,product,material,market,prompt,hook,duration"
    mended = Path("mended.csv")
    mended.write_text(plan.bad_rows_path.read_text().replace(",7\n", ",10\n"))
    assert make_plan(
        mended, options=PlanOptions(simulated=True), provider=provider("segmind"), facts=load_facts()["segmind"],
        bought=lambda _: frozenset(), spool=Path("spool"),
    ).variants == 2  # fmt: skip


def test_names_and_worlds() -> None:
    """The file's own name for the campaign, else its stem; `--campaign` before both; a template does not go with it."""
    text = '[defaults]\nprompt = "a"\n'
    assert planned(text).campaign == "simulated-campaign"
    assert planned('campaign = "autumn"\n' + text).campaign == "simulated-autumn"
    assert planned('campaign = "autumn"\n' + text, campaign="mine").campaign == "mine"
    with pytest.raises(BadInput, match="is a campaign file, and t"):
        make_plan(
            Path("campaign.toml"), options=PlanOptions(simulated=True), provider=provider("segmind"),
            facts=load_facts()["segmind"], bought=lambda _: frozenset(), spool=Path("spool"), template=Path("t.toml"),
        )  # fmt: skip


def test_tables_in_another_folder() -> None:
    """Files that a table names count from the table's own folder."""
    Path("data").mkdir()
    Path("data/p.csv").write_text("image_url\nshoe.jpg\nhttps://a.example/b.jpg\n")
    said = "\n".join(refused('rows = "data/p.csv"\n[defaults]\nprompt = "a"\n'))
    assert "data/p.csv:2: image_url: " in said
    assert "data/shoe.jpg" in said


class TestSchema:
    """The schema that is published."""

    def test_is_what_the_code_reads(self) -> None:
        """`campaign.schema.json` says what is read; after a change, write `campaign_schema()` to it."""
        assert json.loads(SCHEMA.read_text(encoding="utf-8")) == campaign_schema()

    def test_the_example_plans(self) -> None:
        """As the documents show it: 36 combinations, of which the rules leave 21."""
        plan = make_plan(
            EXAMPLE, options=PlanOptions(simulated=True), provider=provider("segmind"), facts=load_facts()["segmind"],
            bought=lambda _: frozenset(), spool=Path("spool"),
        )  # fmt: skip
        assert plan.read_as.startswith("a campaign of 36 combinations: 3 rows of autumn/products.csv x hook (3) x ")
        assert (plan.variants, [each.left_out for each in plan.removed], plan.warnings_count) == (21, [6, 9], 0)

    def test_holds_for_the_example(self) -> None:
        """The example is valid by the schema, and a slip in it is not."""
        tables = tomllib.loads(EXAMPLE.read_text(encoding="utf-8"))
        jsonschema.validate(tables, campaign_schema())
        slips: tuple[dict[str, Any], ...] = (
            {"axis": {}}, {"axes": {"a": {"file": "x"}}}, {"exclude": [{"when": {}}]}, {"combine": {"count": 0}},
        )  # fmt: skip
        for slip in slips:
            with pytest.raises(jsonschema.ValidationError):
                jsonschema.validate(tables | slip, campaign_schema())
