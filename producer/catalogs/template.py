"""The template of a catalog's campaign: one or more videos a product, in TOML that is checked to the last key."""

import copy
import difflib
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, Final, cast

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError, create_model

from jobs.errors import BadInput, Problem
from producer.catalogs.products import Each
from producer.catalogs.shapes import FIELDS
from producer.columns import FREE_TEXT, KNOWN, PROMPT, READERS, Wrong, meant, resolve
from producer.prompts import Template, compiled, is_template
from producer.rows import Refresh, Seeds
from producer.tomlfile import FILES, Places, innermost, read_toml, scalar, seen_from, several

#: The column that says which of a template's videos it is.
VIDEO: Final = "video"
#: Likeness from which an unknown field counts as a misspelt one (0 to 1).
FIELD_LIKENESS: Final = 0.75
#: The field that is meant where a setting is named as one.
NEAREST: Final = {"image_url": "image", "reference_urls": "images", "size": "product_size", "prompt": "description"}
_NAME: Final = re.compile(r"[^\W\d]\w*")


Cell = Annotated[str, BeforeValidator(scalar)]
Axis = Annotated[str, BeforeValidator(several)]


class _Closed(BaseModel):
    model_config = ConfigDict(extra="forbid")


class _Products(_Closed):
    each: Each = "product"
    sheet: str | None = None
    key: Annotated[list[str], Field(min_length=1)] | None = None
    refresh_on: Annotated[list[str], Field(min_length=1)] | None = None
    seeds: Seeds = "keep"

    @property
    def refresh(self) -> Refresh | None:
        """What is a refresh of a product's videos; the product is known again by its id, where nothing else is said."""
        if self.key is None and self.refresh_on is None and "seeds" not in self.model_fields_set:
            return None
        usual = {"product": ["id"], "variant": ["id", "sku"], "color": ["id", "color"]}[self.each]
        on = None if self.refresh_on is None else tuple(self.refresh_on)
        return Refresh(tuple(self.key or usual), on, self.seeds)


class _Video(_Closed):
    name: str | None = None
    axes: dict[str, Axis] = {}


_Settings: Any = create_model(
    "_Settings",
    __base__=_Video,
    **{column: (Cell | None if column in FREE_TEXT else Axis | None, None) for column in KNOWN},
)  # type: ignore[call-overload]


class _File(_Closed):
    products: _Products = _Products()
    columns: dict[str, str] = {}
    defaults: dict[str, Cell] = {}
    video: list[_Settings] = Field(min_length=1)


@dataclass(frozen=True, slots=True)
class VideoTemplate:
    """One video of each product: `settings` are a matrix's columns, `axes` its own; as text, lists with `|`.

    `fields` are all names that its texts call and that are no axes; `lines` says where each key stands in the template.
    """

    name: str
    settings: Mapping[str, str]
    axes: Mapping[str, str]
    fields: frozenset[str]
    lines: Mapping[str, int]

    @property
    def multiplied(self) -> tuple[str, ...]:
        """The columns that make several videos of this one."""
        return (*self.axes, *(name for name, text in self.settings.items() if "|" in text and name not in FREE_TEXT))


@dataclass(frozen=True, slots=True)
class CampaignTemplate:
    """A template that was understood. `columns` says which column of the catalog holds a field, `defaults` what stands
    for an empty one; `lines` says where a key of those stands, as (table, key).
    """

    file: str
    each: Each
    sheet: str | None
    columns: Mapping[str, str]
    defaults: Mapping[str, str]
    videos: tuple[VideoTemplate, ...]
    lines: Mapping[tuple[str, str], int]
    refresh: Refresh | None = None


def read_template(path: Path, base: Path) -> CampaignTemplate:
    """The template in a file; BadInput with all that is wrong with it. Its own files are named as seen from `base`."""
    tables, places = read_toml(path, "template", "examples/product-video.toml")
    file = str(path)
    problems: list[Problem] = []
    amiss: frozenset[tuple[str | int, ...]] = frozenset()
    try:
        read = cast("Any", _File.model_validate(tables))
    except ValidationError as error:
        problems.extend(_complaints(error, file, places))
        read = _readable(tables, error)
        if read is None:
            raise BadInput(f"{path} is no template that can be used", problems) from error
        amiss = frozenset(tuple(found["loc"])[:2] for found in error.errors())
    lines: dict[tuple[str, str], int] = {("", "products"): places.line(("products",))}
    for table in ("columns", "defaults"):
        for field in getattr(read, table):
            line = lines[table, field] = places.line((table, field))
            if wrong := _field_name(field):
                problems.append(Problem(file, line, f"{table}.{field}", field, wrong.problem, wrong.fix))
    videos = []
    for number, video in enumerate(read.video):
        videos.append(_video(video, number, places, path.absolute().parent, base))
        problems.extend(_wrongs(videos[-1], file, whole=("video", number) not in amiss))
    names = [video.name for video in videos]
    problems.extend(
        Problem(file, video.lines["name"], "name", video.name, "two videos have this name", "rename one of them")
        for at, video in enumerate(videos)
        if video.name in names[:at]
    )
    if problems:
        raise BadInput(f"{path} is no template that can be used", sorted(problems, key=lambda each: each.line))
    return CampaignTemplate(
        file,
        read.products.each,
        read.products.sheet,
        read.columns,
        read.defaults,
        tuple(videos),
        lines,
        read.products.refresh,
    )


def _readable(tables: dict[str, Any], error: ValidationError) -> Any:
    """The template without the keys that do not fit the schema; None where too little is left of it."""
    left = copy.deepcopy(tables)
    for holder, key, _ in [innermost(left, found["loc"]) for found in error.errors()]:
        holder.pop(key, None)
    try:
        return _File.model_validate(left)
    except ValidationError:
        return None


def _complaints(error: ValidationError, file: str, places: Places) -> Iterator[Problem]:
    """What does not fit the schema, in words, each with its line."""
    for found in error.errors():
        path = tuple(found["loc"])
        shown = ".".join(str(part) for part in path if not isinstance(part, int))
        what, fix = found["msg"].removeprefix("Value error, "), ""
        if found["type"] == "extra_forbidden":
            what = f"there is no key `{path[-1]}` here"
            tables: dict[int, type[BaseModel]] = {1: _File, 2: _Products}
            fix = meant(str(path[-1]), sorted(tables.get(len(path), _Settings).model_fields))
            if len(path) > 2:  # noqa: PLR2004 - ("video", 0, "hook")
                fix += "; a column of your own stands under [video.axes]"
        elif path[:1] == ("video",) and len(path) == 1:
            what, fix = "the template asks for no video", "begin one with [[video]], and give it a prompt"
        elif found["type"] == "literal_error":
            what, fix = (
                f"`{found['input']}` is not known here",
                meant(str(found["input"]), ["product", "variant", "color"]),
            )
        elif found["type"] == "value_error":
            fix = "write a text, a number, true or false" + ("" if path[-1] in FREE_TEXT else ", or a list of them")
        yield Problem(file, places.line(path), shown, str(found["input"])[:200], what, fix)


def _video(read: Any, number: int, places: Places, folder: Path, base: Path) -> VideoTemplate:
    settings = {column: text for column in KNOWN if (text := getattr(read, column)) is not None and text.strip()}
    for column in FILES:
        if column in settings and not is_template(settings[column]):
            settings[column] = seen_from(base, folder, settings[column])
    path = ("video", number)
    lines = {"": places.line(path), "name": places.line((*path, "name"))}
    lines |= {column: places.line((*path, column)) for column in settings}
    lines |= {axis: places.line((*path, "axes", axis)) for axis in read.axes}
    templates = [compiled(text) for text in settings.values() if is_template(text)]
    named = {name for each in templates if isinstance(each, Template) for name in each.fields}
    fields = frozenset(named - set(read.axes) - (set(settings) - FREE_TEXT))
    return VideoTemplate(read.name or f"video {number + 1}", settings, read.axes, fields, lines)


def _wrongs(video: VideoTemplate, file: str, *, whole: bool) -> Iterator[Problem]:
    """What is wrong with the words of one video, whatever the product; `whole` says that all its keys could be read."""
    if whole and PROMPT not in video.settings and "image_url" not in video.settings:
        fix = 'prompt = "A slow shot of {{ title }} on a windowsill"'
        yield Problem(file, video.lines[""], "video", video.name, "the video has no prompt", fix)
    for column, text in video.settings.items():
        for wrong in _setting(column, text, video.axes):
            yield Problem(file, video.lines[column], column, text[:200], wrong.problem, wrong.fix)
    for axis, text in video.axes.items():
        amiss = resolve(axis)[1]
        if not text.strip("| "):
            amiss = Wrong("the axis has no value", 'give it some: hook = ["calm", "bold"]')
        if axis in KNOWN:
            amiss = Wrong(f"`{axis}` is a setting, and no axis of your own", "write it above, under [[video]]")
        elif axis in FIELDS or axis == VIDEO:
            amiss = Wrong(f"`{axis}` is a field of the product", "give the axis another name")
        if amiss:
            yield Problem(file, video.lines[axis], f"axes.{axis}", text[:200], amiss.problem, amiss.fix)


def _setting(column: str, text: str, axes: Mapping[str, str]) -> Iterator[Wrong]:
    if is_template(text):
        template = compiled(text)
        if isinstance(template, Wrong):
            yield template
        elif column not in FREE_TEXT:
            for axis in sorted(template.fields.intersection(axes)):
                yield Wrong(f"it calls the axis `{axis}`, which only a prompt may", "call fields of the product here")
    elif column not in FREE_TEXT:
        for value in text.split("|"):
            read = READERS[column](value.strip()) if value.strip() else None
            if isinstance(read, Wrong):
                yield read


def _field_name(field: str) -> Wrong | None:
    """What is wrong with the name of a field: a setting's, a misspelt one, or none that a template could call."""
    if field in FIELDS:
        return None
    if field in KNOWN:
        near = NEAREST.get(field)
        return Wrong(
            f"`{field}` is a setting, and no field of a product", f"did you mean `{near}`?" if near else "rename it"
        )
    close: Sequence[str] = difflib.get_close_matches(field.lower(), FIELDS, n=1, cutoff=FIELD_LIKENESS)
    if close:
        return Wrong(f"there is no field `{field}`", f"did you mean `{close[0]}`?")
    if not _NAME.fullmatch(field):
        return Wrong(f"`{field}` is no name that a template can call", "use letters, digits and underscores")
    return None
