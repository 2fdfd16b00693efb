"""Plans: priced, without repeats, the same every time, and nothing left behind where something is wrong."""

import dataclasses
import hashlib
import json
from collections.abc import Sequence
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from config.facts import load_facts
from jobs.errors import BadInput, PriceMissing
from jobs.identity import derived_seed
from jobs.job import SEED_MAX, PlanLine
from producer.columns import KNOWN, REASON
from producer.plan import Plan, PlanOptions, campaign_name, iter_plan, make_plan
from providers.registry import provider
from providers.segmind import Segmind

ROOT = Path(__file__).resolve().parents[2]
SIMULATED = PlanOptions(simulated=True)


@pytest.fixture(autouse=True)
def own_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each test works in a folder of its own, where bad rows are written."""
    monkeypatch.chdir(tmp_path)


def planned(source: Path, bought: Sequence[str] = (), dialect: str = "segmind", **options: Any) -> Plan:
    """A simulated plan of a file, kept in a folder beside it."""
    return make_plan(
        source,
        options=dataclasses.replace(SIMULATED, **options),
        provider=provider(dialect),
        facts=load_facts()[dialect],
        bought=lambda ids: set(ids).intersection(bought),
        spool=Path("spool"),
    )


def matrix(*lines: str, name: str = "matrix.csv") -> Path:
    """A file of these lines in the test's folder."""
    path = Path(name)
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return path


def jobs_of(plan: Plan) -> list[PlanLine]:
    """All lines of a plan."""
    return list(iter_plan(plan.path))


def refused(source: Path, **options: Any) -> BadInput:
    """Why the file cannot be planned; no plan file may be left of it."""
    before = set(Path("spool").glob("*"))
    with pytest.raises(BadInput) as caught:
        planned(source, **options)
    assert set(Path("spool").glob("*")) == before
    return caught.value


def test_lines_follow_the_matrix() -> None:
    """A plan holds one job a video in matrix order, and its name is the hash of its content."""
    plan = planned(matrix("prompt,hook,aspect_ratio,brand", "first {{ hook }},a|b,16:9|9:16,Fern", "last,c,,Moor"))
    lines = jobs_of(plan)
    assert [line.job.render.prompt for line in lines] == ["first a", "first a", "first b", "first b", "last"]
    assert [line.source_lines for line in lines] == [(2,)] * 4 + [(3,)]
    assert lines[0].variant == {"hook": "a", "aspect_ratio": "16:9"}
    assert lines[4].labels == {"brand": "Moor"}
    assert plan.path.name == f"{plan.sha256}.jsonl"
    assert hashlib.sha256(plan.path.read_bytes()).hexdigest() == plan.sha256
    assert (plan.axes, plan.labels, plan.lines, plan.variants) == ({"aspect_ratio": 2, "hook": 3}, ("brand",), 2, 5)


def test_the_same_matrix_is_the_same_plan() -> None:
    """Planning twice gives the same file, byte for byte; labels and file names are no part of a job's identity."""
    first = planned(matrix("prompt,note", "A cat,x", "A dog,y"))
    again = planned(matrix("prompt,note", "A cat,x", "A dog,y"))
    other = planned(matrix("prompt,mark", "A cat,q", "A dog,", name="other.csv"))
    assert first.sha256 == again.sha256
    assert [line.job.job_id for line in jobs_of(first)] == [line.job.job_id for line in jobs_of(other)]


def test_worlds_never_share_a_job() -> None:
    """The simulated job of a row is another one than the real job."""
    source = matrix("prompt", "A cat")
    (simulated,) = jobs_of(planned(source))
    (real,) = jobs_of(planned(source, simulated=False))
    assert simulated.job.variant_id == real.job.variant_id
    assert simulated.job.job_id != real.job.job_id
    assert (simulated.job.account, real.job.account) == ("simulated-segmind", "segmind")


def test_repeats_are_made_once_and_named() -> None:
    """Rows that render alike are one job with all their lines; each repeat is named beside the row it repeats."""
    plan = planned(matrix("prompt,note", "A cat,a", "A dog,b", "A cat,c", "A dog,d", "A cat,e", "A bird,f"))
    assert plan.duplicates.count == 3
    assert plan.duplicates.first == ((2, 4), (3, 5), (2, 6))
    assert [line.source_lines for line in jobs_of(plan)] == [(2, 4, 6), (3, 5), (7,)]
    assert [line.labels["note"] for line in jobs_of(plan)] == ["a", "b", "f"]
    assert hashlib.sha256(plan.path.read_bytes()).hexdigest() == plan.sha256


def test_repeats_within_a_row() -> None:
    """One row that asks for the same video twice keeps its one line."""
    plan = planned(matrix("prompt,size,aspect_ratio", "A cat,1280*720,16:9|16:09"))
    assert (plan.variants, plan.duplicates.count) == (1, 1)
    assert jobs_of(plan)[0].source_lines == (2,)


def test_only_a_hundred_repeats_are_named() -> None:
    """The rest is counted."""
    plan = planned(matrix("prompt", *["A cat"] * 500))
    assert plan.duplicates.count == 499
    assert len(plan.duplicates.first) == 100
    assert jobs_of(plan)[0].source_lines == tuple(range(2, 502))


def test_takes_and_seeds() -> None:
    """A row's seed counts up with its takes; without one each take has a seed that follows from the video."""
    plan = planned(matrix("prompt,seed,takes", "A,7,2", "B,,2", f"C,{SEED_MAX},2", "D,,"), takes=3)
    found = [(line.job.render.prompt, line.job.render.take, line.job.seed_source) for line in jobs_of(plan)]
    assert found == [
        *(("A", 1, "row"), ("A", 2, "row"), ("B", 1, "job"), ("B", 2, "job"), ("C", 1, "row"), ("C", 2, "row")),
        *(("D", 1, "job"), ("D", 2, "job"), ("D", 3, "job")),
    ]
    seeds = [line.job.seed for line in jobs_of(plan)]
    assert seeds[:2] == [7, 8]
    assert seeds[4:6] == [SEED_MAX, 0]
    assert seeds[2] == derived_seed(jobs_of(plan)[2].job.variant_id)
    assert len(set(seeds)) == 9


def test_seed_groups() -> None:
    """Rows that share a column's value share a seed; a row's own seed wins; an empty cell has the job's."""
    source = matrix("prompt,Product,seed", "A,Lamp,", "B,Lamp,", "C,Kettle,", "D,Lamp,5", "E,,")
    lines = jobs_of(planned(source, seed_by="Product"))
    seeds = [line.job.seed for line in lines]
    assert seeds[0] == seeds[1] != seeds[2]
    assert [line.job.seed_source for line in lines] == ["group", "group", "group", "row", "job"]
    one = {line.job.seed for line in jobs_of(planned(source, seed_by="campaign")) if line.job.seed_source == "group"}
    assert len(one) == 1
    assert "no column `prodct`" in str(refused(source, seed_by="prodct"))


def test_costs() -> None:
    """The cost is the list price of what is still to buy, and each job reserves its own."""
    source = matrix("prompt,resolution,duration", "A,720p,5", "B,1080p,10", "C,720p,15")
    plan = planned(source)
    assert [line.job.price_uusd for line in jobs_of(plan)] == [625_000, 1_875_000, 1_875_000]
    assert plan.cost_high_usd == plan.cost_low_usd == Decimal("4.375")
    known = planned(source, bought=[jobs_of(plan)[1].job.job_id])
    assert (known.already_bought, known.to_buy, known.cost_high_usd) == (1, 2, Decimal("2.50"))
    anew = planned(source, bought=[jobs_of(plan)[1].job.job_id], reuse="none")
    assert (anew.already_bought, anew.to_buy) == (0, 3)


def test_all_bought() -> None:
    """A plan of which all is there costs nothing and takes no time."""
    source = matrix("prompt", "A", "B")
    plan = planned(source, bought=[line.job.job_id for line in jobs_of(planned(source))])
    assert (plan.to_buy, plan.cost_high_usd, plan.eta_s) == (0, Decimal(0), 0.0)


def test_eta() -> None:
    """The estimate is the slower of the submit rate and the slots, and one render on top."""
    assert load_facts()["segmind"].eta_s(100) == pytest.approx(100 * 60 / 50 + 187)
    assert load_facts()["dashscope"].eta_s(100) == pytest.approx(100 * 180 / 5 + 180)


def test_json_shape() -> None:
    """`plan --json` is what scripts rely on, and is JSON."""
    plan = planned(matrix("prompt,duration", "A,5", "A,5", "B,6"), skip_bad_rows=True)
    assert json.loads(json.dumps(plan.json())) == {
        "campaign": "simulated-matrix",
        "variants": 1,
        "duplicates": 1,
        "already_bought": 0,
        "to_buy": 1,
        "refused": [
            {
                "file": "matrix.csv",
                "line": 4,
                "column": "duration",
                "text": plan.refused[0].text,
                "problem": plan.refused[0].problem,
                "fix": plan.refused[0].fix,
            }
        ],
        "refused_count": 1,
        "warnings": [],
        "warnings_count": 0,
        "cost_usd": {"low": "0.625", "high": "0.625"},
        "eta_s": pytest.approx(188.2),
    }


def test_a_header_and_its_rows_are_told_together() -> None:
    """A misspelt column is read as what was meant, so that what else is wrong is told with it; it is never planned."""
    error = refused(matrix("prompt,durations,seed", "A,99,", "B,5,-1", "C,5,"), skip_bad_rows=True)
    assert [(problem.line, problem.column) for problem in error.problems] == [
        (1, "durations"),
        (2, "duration"),
        (3, "seed"),
    ]
    assert "3 problems in the header and 2 rows; nothing was queued" in str(error)
    assert "1 problem in the header" in str(refused(matrix("prompt,durations", "A,5")))


def test_a_misspelt_object_is_read_to_its_end() -> None:
    """JSONL says its columns in each row: what else is wrong with such a row is told with it."""
    error = refused(matrix('{"promt": "A", "durations": 99, "seed": -1}', name="m.jsonl"))
    assert [problem.column for problem in error.problems] == ["promt", "durations", "duration", "seed"]


def test_every_problem_at_once() -> None:
    """All bad rows of a matrix are named together, whatever finds the fault, and nothing is planned."""
    lines = ("prompt,duration,aspect_ratio", "A,5,16:9", "B,99,16:9", "C,5,1:1", "D,5", ",5,16:9")
    error = refused(matrix(*lines))
    assert [(problem.line, problem.column) for problem in error.problems] == [
        (3, "duration"),
        (4, "aspect_ratio"),
        (5, ""),
        (6, "prompt"),
    ]
    assert all(problem.problem and problem.fix for problem in error.problems)
    assert "4 problems in 4 rows; nothing was queued" in str(error)
    assert not list(Path().glob("*bad-rows*"))


def test_one_problem_of_a_row_hides_no_other() -> None:
    """What the provider does not sell is told beside what cannot be read, and is told of nothing that is not sure."""
    error = refused(
        matrix(
            "prompt,product,duration,seed,model,resolution",
            "A {{ prodct }},mug,7,-1,,",
            "A,mug,7,,flsh,",
            "A {{ product }},,5,,,1080p",
            "A,mug,ten,,,480p",
        )
    )
    assert [(problem.line, problem.column) for problem in error.problems] == [
        (2, "prompt"),
        (2, "seed"),
        (2, "duration"),
        (3, "model"),
        (4, "product"),
        (5, "duration"),
        (5, "resolution"),
    ]
    assert error.problems[2].problem == "7 is not sold by Segmind for wan-2.6-t2v"
    assert "can make it as it is" not in error.problems[6].fix


def test_problems_are_bounded() -> None:
    """Of very many problems the first 1,000 are kept, and all are counted."""
    error = refused(matrix("prompt,duration", *["A,99"] * 3000))
    assert len(error.problems) == 1000
    assert "3,000 problems in 3,000 rows" in str(error)


@pytest.mark.parametrize(
    ("name", "lines", "mended"),
    [
        (
            "m.csv",
            ["prompt,duration,note", "A,5,x", 'B,99,"two, words"', "C,5", "D,10,y"],
            {"99": "5", "C,5": "C,5,"},
        ),
        ("m.csv", ["prompt;duration;note", "A;5;x", "B;99;y", "D;10;y"], {"99": "5"}),
        ("m.csv", ["prompt;duration;note", "A;5;x", 'B;5;"y', "D;10;y"], {'"y': "y"}),
        ("m.tsv", ["prompt\tduration", "A\t5", "B\t99", "D\t10"], {"99": "5"}),
        (
            "m.jsonl",
            ['{"prompt": "A"}', '{"prompt": "B", "duration": 99}', '{"prompt" "C"}'],
            {"99": "5", '" "C': '": "C'},
        ),
        ("m.txt", ["A", "B\x07, b", "D"], {"\x07": ""}),
        ("m.csv", ["prompt", "A, a", "B\x07, b", "D"], {"\x07": ""}),
        ("m.csv", ["_problem,prompt,duration", ",A,5", "old reason,B,99"], {"99": "5"}),
    ],
    ids=["comma", "semicolon", "open-quote", "tabs", "jsonl", "text", "one-column", "twice"],
)
def test_bad_rows_can_be_mended(name: str, lines: list[str], mended: dict[str, str]) -> None:
    """Skipped rows go to a file with their reasons; mended in place, that file is a matrix of the rest."""
    source = matrix(*lines, name=name)
    with pytest.raises(BadInput):
        planned(source)
    plan = planned(source, skip_bad_rows=True)
    assert plan.bad_rows_path is not None
    assert plan.bad_rows_path.parent == Path.cwd()
    text = plan.bad_rows_path.read_text(encoding="utf-8")
    assert "old reason" not in text
    assert all(problem.problem.split("`")[0] in text.replace('""', '"') for problem in plan.refused)
    for wrong, right in mended.items():
        text = text.replace(wrong, right)
    Path("mended" + plan.bad_rows_path.suffix).write_text(text, encoding="utf-8")
    rest_of_it = planned(Path("mended" + plan.bad_rows_path.suffix))
    prompts = [line.job.render.prompt[0] for each in (plan, rest_of_it) for line in jobs_of(each)]
    assert "B" in prompts
    assert len(prompts) == len(set(prompts))


def test_bad_rows_never_overwrite() -> None:
    """A bad-rows file that somebody may be mending is left alone; the next gets another name."""
    source = matrix("prompt,duration", "A,5", "B,99")
    names = [planned(source, skip_bad_rows=True).bad_rows_path for _ in range(2)]
    assert [path.name for path in names if path] == ["matrix.bad-rows.csv", "matrix.bad-rows-2.csv"]


def test_nothing_left() -> None:
    """A matrix without a good row, or without any, is refused also with --skip-bad-rows."""
    assert "No row is left" in str(refused(matrix("prompt,duration", "A,99"), skip_bad_rows=True))
    assert "asks for no video" in str(refused(matrix("prompt")))
    assert "asks for no video" in str(refused(matrix("prompt,a", "A,1"), where=[("a", "2")]))


def test_a_bad_variant_spoils_its_row() -> None:
    """A row of which one variant cannot be bought is left out whole, so that mending it repeats nothing."""
    plan = planned(matrix("prompt,aspect_ratio", "A,16:9|1:1", "B,9:16"), skip_bad_rows=True)
    assert [line.job.render.prompt for line in jobs_of(plan)] == ["B"]


def test_limit_and_where() -> None:
    """`--limit` bounds the videos and `--where` chooses rows; columns are found as in the header."""
    source = matrix("prompt,Hook Line,aspect_ratio", "A {{ hook_line }},x|y,16:9|9:16", "B,y,16:9", "C,z,16:9")
    assert planned(source, limit=3).variants == 3
    assert planned(source, limit=99).variants == 6
    chosen = planned(source, where=[("Hook Line", "y"), ("Aspect-Ratio", "16:9"), ("Hook Line", "z")])
    assert [line.job.render.prompt for line in jobs_of(chosen)] == ["A y", "B", "C"]
    assert planned(source, limit=1).axes == {"Hook Line": 1, "aspect_ratio": 1}
    assert "did you mean `Hook Line`?" in str(refused(source, where=[("Hook Lines", "y")]))


def test_rows_for_another_provider() -> None:
    """A row that names another provider is told how to run it apart."""
    source = matrix("prompt,provider", "A,segmind", "B,dashscope")
    assert "--where provider=dashscope --provider dashscope" in str(refused(source).problems[0])
    assert planned(source, where=[("provider", "segmind")]).variants == 1


def unpriced(*rows: str, **options: Any) -> Plan:
    """The plan at a provider whose price list knows no 1080p."""
    facts = load_facts()["segmind"]
    small = {"per_second": {"USD": {"720p": Decimal("0.125")}}}
    facts = facts.model_copy(update={"offers": tuple(one.model_copy(update=small) for one in facts.offers)})
    return make_plan(
        matrix("prompt,resolution", *rows),
        options=PlanOptions(simulated=True, **options),
        provider=Segmind(facts, None),
        facts=facts,
        bought=lambda _: set(),
        spool=Path("spool"),
    )


def test_an_unknown_price_is_asked_for_and_never_0() -> None:
    """A video without a known price cannot be reserved: nothing is planned, and the message holds the flag."""
    with pytest.raises(PriceMissing, match=r"t2v standard 1080p at segmind(?s:.*)--price 0\.10"):
        unpriced("A,720p", "B,1080p")
    assert list(Path("spool").iterdir()) == []


def test_a_named_price_holds_where_the_list_has_none() -> None:
    """Five seconds at the list's price and five at the named one; the job says which."""
    plan = unpriced("A,720p", "B,1080p", price_usd=Decimal("0.2"))
    assert plan.cost_high_usd == Decimal("0.625") + Decimal("1.0")
    assert [(line.job.price_uusd, line.job.price_as_of) for line in iter_plan(plan.path)] == [
        (625_000, "2026-11-01"),
        (1_000_000, "--price"),
    ]


def test_a_named_price_that_nothing_needs_is_refused() -> None:
    """Whoever names a price believes that it holds."""
    with pytest.raises(BadInput, match="segmind has a price for every video"):
        unpriced("A,720p", price_usd=Decimal("0.01"))


def test_a_row_that_others_can_make_names_them() -> None:
    """What this provider lacks is said with the names of those that have it."""
    (problem,) = refused(matrix("prompt,aspect_ratio", "A,1:1")).problems
    assert problem.fix.startswith("use 16:9 or 9:16; dashscope")
    assert problem.fix.endswith("can make it as it is")
    (problem,) = refused(matrix("prompt,model", "A,flash")).problems
    assert "can make it" not in problem.fix


@pytest.mark.parametrize(
    ("source", "given", "simulated", "name"),
    [
        (Path("a/Summer Campaign 2026.csv"), None, False, "Summer-Campaign-2026"),
        (Path("été.csv"), None, True, "simulated-ete"),
        (Path("x.bad-rows.csv"), None, False, "x.bad-rows"),
        ("-", "mine", True, "mine"),
    ],
)
def test_campaign_names(source: Any, given: str | None, simulated: bool, name: str) -> None:
    """A campaign is named after its file, apart in each world, or as it is told."""
    assert campaign_name(source, given=given, simulated=simulated) == name


@pytest.mark.parametrize(
    ("source", "given"), [("-", None), (Path("a.csv"), "a/b"), (Path("a.csv"), ".."), (Path("夏.csv"), None)]
)
def test_no_campaign_name(source: Any, given: str | None) -> None:
    """Where no folder's name can be made of it, a name is asked for."""
    with pytest.raises(BadInput, match="campaign"):
        campaign_name(source, given=given, simulated=False)


def test_examples() -> None:
    """The campaign that ships has 24 videos in three axes, and its stories' time marks end with the video."""
    plan = planned(ROOT / "examples" / "summer-campaign.csv")
    assert (plan.variants, plan.duplicates.count, plan.refused_count) == (24, 0, 0)
    assert plan.axes["product"] == 3
    stories = [line.job.render for line in jobs_of(plan) if line.job.render.shot_type == "multi"]
    assert stories
    assert all(f"-{render.duration_s}s]" in render.prompt.splitlines()[-1] for render in stories)
    assert planned(ROOT / "examples" / "prompts.txt").variants == 4


def test_columns_are_documented() -> None:
    """Every column that means something is explained beside the examples."""
    text = (ROOT / "examples" / "README.md").read_text(encoding="utf-8")
    assert [column for column in (*KNOWN, REASON) if f"`{column}`" not in text] == []
