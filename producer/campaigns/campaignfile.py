"""A campaign file: what is multiplied with what, under which rules, in TOML that is checked to the last key."""

from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime
from pathlib import Path
from typing import Annotated, Any, Final, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, PositiveInt

from jobs.deadline import HINT, Deadline
from jobs.errors import BadInput, Problem
from jobs.share import Priority, Weight
from producer.columns import FREE_TEXT, REASON, Wrong, meant, resolve
from producer.labels import label_wrong
from producer.names import is_name
from producer.prompts import is_template
from producer.rows import Seeds
from producer.tomlfile import Places, scalar, several

#: How the name of a campaign file ends.
SUFFIX: Final = ".toml"
#: What the schema's reader calls itself in the published schema.
TITLE: Final = "wanbatch campaign file"
Scalar = str | int | float | bool


class FileColumn(BaseModel):
    """The values of an axis out of a column of another table: each once, in the order of the file."""

    model_config = ConfigDict(extra="forbid", frozen=True)
    file: str
    column: str


def _axis(value: Any) -> Any:
    if isinstance(value, dict):
        if set(value) != {"file", "column"} or not all(isinstance(each, str) for each in value.values()):
            raise ValueError('an axis out of a file is { file = "hooks.csv", column = "hook" }')
        return FileColumn(**value)
    parts = dict.fromkeys(part.strip() for part in several(value).split("|"))
    if not value or "" in parts:
        raise ValueError("an axis has at least one value, and none that is empty")
    return tuple(parts)


def _values(value: Any) -> tuple[str, ...]:
    return tuple(part.strip() for part in several(value).split("|"))


def _deadline(value: Any) -> Any:
    if value is None or isinstance(value, Deadline):
        return value
    try:
        return Deadline.read(value.isoformat() if isinstance(value, datetime) else str(value))
    except ValueError:
        raise ValueError(f"{value!s} is no time by which anything could be done; {HINT}") from None


Cell = Annotated[str, BeforeValidator(scalar, json_schema_input_type=Scalar)]
Axis = Annotated[
    tuple[str, ...] | FileColumn, BeforeValidator(_axis, json_schema_input_type=Scalar | list[Scalar] | FileColumn)
]
Wanted = Annotated[tuple[str, ...], BeforeValidator(_values, json_schema_input_type=Scalar | list[Scalar])]
When = Annotated[
    dict[str, Wanted], Field(min_length=1, description="column = value, or a list of values: all of these hold")
]


class _Closed(BaseModel):
    model_config = ConfigDict(extra="forbid")


class Combine(_Closed):
    """How axes are put together, and which of the combinations are made."""

    zip: list[Annotated[list[str], Field(min_length=2)]] = Field(
        [], description="axes that go together, first with first; all others are crossed"
    )
    sample: Literal["all", "first", "random", "pairwise"] = Field(
        "all", description="pairwise: every two values of two axes meet at least once, in few combinations"
    )
    count: PositiveInt | None = Field(None, description="how many, for first and random")
    seed: int = Field(0, description="another seed draws other ones, for random")


class Rule(_Closed):
    """Combinations that are not made, or may only be made in a certain way."""

    when: When
    why: str = ""


class Require(Rule):
    """Where `when` holds `then` must hold, too; combinations for which it does not are not made."""

    then: When


class Override(_Closed):
    """What stands in the cells of the combinations for which `when` holds."""

    when: When
    set: Annotated[dict[str, Cell], Field(min_length=1)]


class Campaign(_Closed):
    """A campaign file as it is written; paths count from its folder."""

    model_config = ConfigDict(extra="forbid", title=TITLE)
    campaign: str | None = Field(None, description="the campaign's name; without it the file's")
    rows: str | None = Field(None, description="a table whose rows are multiplied with the axes: CSV, TSV, JSONL, XLSX")
    seed_by: str = Field("job", description="what shares a seed: job, campaign or a column; see --seed-by")
    weight: Weight | None = Field(None, description="its share of an account beside other campaigns; 1 is usual")
    priority: Priority | None = Field(None, description="of the campaign among others: each step doubles its share")
    key: list[str] = Field([], description="columns by which a video is known again in the next plan, beside its axes")
    refresh_on: Annotated[list[str], Field(min_length=1)] | None = Field(
        None, description="columns whose change buys a video anew; without it every change of the video does"
    )
    seeds: Seeds = Field("keep", description="the seed of a video that is bought anew: keep, rotate or fresh")
    labels: dict[str, Cell] = Field({}, description="label = value, of all its rows that say nothing else; see --label")
    deadline: Annotated[Deadline | None, BeforeValidator(_deadline, json_schema_input_type=str)] = Field(
        None, description="by when all should be done: 2h, 90m, or an instant with its zone; see --deadline"
    )
    defaults: dict[str, Cell] = Field({}, description="what stands in a column where a row says nothing")
    axes: dict[str, Axis] = Field({}, description="column = values to multiply with")
    combine: Combine = Combine()
    exclude: list[Rule] = []
    require: list[Require] = []
    override: list[Override] = []


#: Keys that bring no column.
_BRINGS_NONE: Final = Campaign.model_fields.keys() - {"rows", "axes", "defaults", "override"}


class CampaignToml:
    """A campaign file that was understood: what it says, and the line of each key.

    `cut` are the keys that do not fit the schema: `said` is without them, and what else is wrong is told beside them.
    """

    def __init__(self, path: Path, said: Campaign, places: Places, cut: frozenset[tuple[str, ...]]) -> None:
        self.cut = cut
        self.path = path
        self.name = str(path)
        self.said = said
        self._places = places

    def line(self, *keys: str | int) -> int:
        """The line of a key, or of what is around it."""
        return self._places.line(keys)

    @property
    def unread(self) -> set[str] | None:
        """Columns of which all is known that they are there; None where there may be any others."""
        if any(len(keys) == 1 and keys[0] not in _BRINGS_NONE for keys in self.cut) or ("override", "set") in self.cut:
            return None
        return {keys[-1] for keys in self.cut if keys[:-1] in {("axes",), ("defaults",), ("override", "set")}}

    def problem(self, keys: Sequence[str | int], text: str, what: str, fix: str) -> Problem:
        """A problem of one of its keys."""
        column = ".".join(str(key) for key in keys if not isinstance(key, int))
        return Problem(self.name, self._places.line(keys), column, text[:200], what, fix)

    def refusal(self, problems: Iterable[Problem]) -> BadInput:
        """Why it cannot be used: problems in the order of its lines, each once; then those of its tables."""
        order = sorted(dict.fromkeys(problems), key=lambda each: (each.file != self.name, each.file, each.line))
        return BadInput(f"{self.name} is no campaign file that can be used", order)


def is_campaign(source: object) -> bool:
    """Whether a source is a campaign file, by its name."""
    return isinstance(source, Path) and source.suffix.lower() == SUFFIX


def campaign_schema() -> dict[str, Any]:
    """The JSON Schema of a campaign file, as shipped in `jobs/campaign.schema.json`."""
    return {"$schema": "https://json-schema.org/draft/2020-12/schema"} | Campaign.model_json_schema(mode="validation")


def wrongs(file: CampaignToml) -> Iterator[Problem]:
    """What fits the schema, and makes no sense."""
    said = file.said
    if said.campaign is not None and not is_name(said.campaign):
        what = f"`{said.campaign}` is no name for a campaign"
        yield file.problem(("campaign",), said.campaign, what, "use letters, digits, dots, hyphens and underscores")
    yield from _column_wrongs(file)
    if not said.key and (said.refresh_on is not None or "seeds" in said.model_fields_set):
        what = "nothing says by which columns a video is known again"
        at = ("refresh_on",) if said.refresh_on is not None else ("seeds",)
        yield file.problem(at, "", what, 'name them: key = ["sku"]')
    yield from _combine_wrongs(file)


def _column_wrongs(file: CampaignToml) -> Iterator[Problem]:
    said = file.said
    for label, value in said.labels.items():
        if (wrong := label_wrong(label, value)) is not None:
            yield file.problem(("labels", label), value, wrong.problem, wrong.fix)
    columns: list[tuple[str | int, ...]] = [("defaults", name) for name in said.defaults]
    columns += [("axes", name) for name in said.axes]
    columns += [("override", at, "set", name) for at, each in enumerate(said.override) for name in each.set]
    for keys in columns:
        name = str(keys[-1])
        key, wrong = resolve(name)
        if key == REASON:
            wrong = Wrong(f"`{name}` is not yours to set", "take it out")
        if wrong is not None:
            yield file.problem(keys, name, wrong.problem, wrong.fix)
        text = said.override[int(keys[1])].set[name] if keys[0] == "override" else said.defaults.get(name, "")
        if "|" in text and key not in FREE_TEXT and not is_template(text):
            what = "a `|` parts the values of an axis, and this is one value"
            yield file.problem(keys, text, what, "an axis stands under [axes]")
        elif wrong is None and key not in {name, REASON}:
            yield file.problem(keys, name, f"`{name}` is spelt `{key}` here", f"write {key}")
    for name in said.axes:
        if name in said.defaults:
            what = f"`{name}` is an axis, and has a default"
            yield file.problem(("defaults", name), said.defaults[name], what, "an axis needs no default: take it out")


def _combine_wrongs(file: CampaignToml) -> Iterator[Problem]:
    combine, axes = file.said.combine, file.said.axes
    there = None if file.unread is None else {*axes, *file.unread}
    zipped: set[str] = set()
    for group in combine.zip:
        for name in group:
            if there is not None and name not in there:
                yield file.problem(("combine", "zip"), name, f"there is no axis `{name}`", meant(name, sorted(axes)))
            elif name in zipped:
                yield file.problem(("combine", "zip"), name, f"`{name}` is zipped twice", "keep it in one list")
            zipped.add(name)
    counted = combine.sample in {"first", "random"}
    if counted and combine.count is None:
        yield file.problem(("combine", "sample"), combine.sample, "nothing says how many", "add count = 100")
    if not counted and combine.count is not None:
        what = f"`count` means nothing where the sample is `{combine.sample}`"
        yield file.problem(("combine", "count"), str(combine.count), what, 'sample = "first" or "random"')
