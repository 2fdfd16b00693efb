"""Rows to variants: what each row of a matrix asks for, multiplied out, with everything that is wrong with it."""

import itertools
from collections.abc import Iterator, Mapping, Sequence
from functools import lru_cache
from typing import Any, NamedTuple

from jobs.errors import Problem
from jobs.job import AspectRatio, Fit, Mode, Render
from jobs.media import media_of
from producer.columns import FREE_TEXT, KNOWN, PROMPT, READERS, Wrong, control_character
from producer.placing import PLACEMENT, misplaced, placed
from producer.prompts import Template, compiled, field_names, filled, is_template, single_braces
from producer.readers import Rows
from producer.rows import Origin, Place, Row, Survey

#: Videos that one row may ask for; more is a slip in the axes.
ROW_VARIANTS_MAX = 10_000

#: Where each setting goes in a render; columns that are not here are dealt with by name.
SETTINGS = {
    "audio_url": "audio_track", "model": "model", "resolution": "resolution", "aspect_ratio": "aspect_ratio",
    "duration": "duration_s", "audio": "audio", "shot_type": "shot_type", "prompt_expansion": "prompt_expansion",
    "watermark": "watermark", "template": "template", "negative_prompt": "negative_prompt",
}  # fmt: skip

_KNOWN = frozenset(KNOWN)
#: What decides who sells a render at all: where one of these cannot be read, nothing is known of the others.
_DECISIVE = frozenset({"model", "provider", "image_url", "reference_urls", PLACEMENT})
#: What is no label; a placement is one, too, by which the videos are found again.
_SETTINGS = _KNOWN - {PLACEMENT}

#: What may be at odds with other cells.
_AT_ODDS = frozenset({"image_url", "reference_urls", "audio_url", "fit", "size", PLACEMENT})

#: What holds for a row that stands in its file as it is.
_AS_WRITTEN = Origin(str)


class Variant(NamedTuple):
    """One wanted video: its render (as take 1) with the column and address of each of its files, the row's say on seed,
    takes and priority, and the user's columns.

    `shape` is the ratio that a row with an image names, and `fit` how the image is brought to it.
    """

    render: Render
    media: Sequence[tuple[str, str]]
    shape: AspectRatio | None
    fit: Fit | None
    seed: int | None
    takes: int | None
    priority: int
    provider: str | None
    cells: Mapping[str, str]
    axes: dict[str, str]
    labels: dict[str, str]


class Trouble(NamedTuple):
    """A cell of a row that cannot be used."""

    column: str
    text: str
    wrong: Wrong


class Rest(NamedTuple):
    """What could be read of a row beside its troubles: the columns, and a render with the usual in place of the others.

    It is asked about once more, so that a person hears of everything at once, and never made.
    """

    render: Render
    columns: frozenset[str]
    provider: str | None


def survey(matrix: Rows) -> Survey:
    """Read the matrix once for its columns.

    An axis is a column that holds `|` between values in some cell, or that a prompt template names; every other column
    of the user's own is a label.
    """
    if matrix.seen is not None:
        return matrix.seen
    columns: dict[str, None] = dict.fromkeys(matrix.header.keys)
    axes: set[str] = set()
    fields: set[str] = set()
    for row in matrix:
        columns.update(dict.fromkeys(row.cells))
        if any("|" in text for text in row.cells.values()):
            axes.update(column for column, text in row.cells.items() if "|" in text and column not in FREE_TEXT)
        for column in FREE_TEXT:
            text = row.cells.get(column, "")
            if is_template(text) and isinstance(template := compiled(text), Template):
                fields.update(template.fields)
    axes.update(column for column in columns if column not in _KNOWN and not fields.isdisjoint(field_names(column)))
    return Survey(frozenset(columns), frozenset(axes))


def variants(row: Row, seen: Survey, where: Mapping[str, frozenset[str]]) -> Iterator[Variant | Trouble | Rest]:
    """The variants of one row in order, the last axis turning fastest; or what is wrong with it, and what is left.

    `where` keeps only those whose cell in each named column is one of the given texts.
    """
    cells = {column: text for column, text in row.cells.items() if text}
    origin = row.origin or _AS_WRITTEN
    total, combinations = _multiplied(cells, origin.literal)
    if total > ROW_VARIANTS_MAX:
        wrong = Wrong(
            f"this one row asks for {total:,} videos", f"a row multiplies out to {ROW_VARIANTS_MAX:,} at most"
        )
        yield Trouble("", row.raw, wrong)
        return
    for combination in combinations:
        if not where or all(combination.get(column, "") in wanted for column, wanted in where.items()):
            yield from _variant(combination, seen, origin.optional)


def located(troubles: Sequence[Trouble], row: Row, file: str) -> list[Problem]:
    """The troubles of a row as problems with their place, each once."""
    if not troubles:
        return []
    places = row.origin.places if row.origin else {}
    return [
        Problem(
            *places.get(trouble.column, Place(file, row.line, trouble.column)),
            trouble.text[:200],
            trouble.wrong.problem,
            trouble.wrong.fix,
        )
        for trouble in dict.fromkeys(troubles)
    ]


def _multiplied(cells: dict[str, str], literal: frozenset[str]) -> tuple[int, Iterator[dict[str, str]]]:
    """How many combinations the `|` in the cells ask for, but for prose and columns that are `literal`, and those."""
    parted = (column for column, text in cells.items() if "|" in text)
    axes = {column: _values(cells[column]) for column in parted if column not in FREE_TEXT and column not in literal}
    if not axes:
        return 1, iter((cells,))
    total = 1
    for values in axes.values():
        total *= len(values)
    return total, (cells | dict(zip(axes, values, strict=True)) for values in itertools.product(*axes.values()))


def _values(text: str) -> tuple[str, ...]:
    return tuple(dict.fromkeys(part.strip() for part in text.split("|") if part.strip())) or ("",)


def _variant(cells: dict[str, str], seen: Survey, optional: frozenset[str]) -> Iterator[Variant | Trouble | Rest]:
    values: dict[str, Any] = {}
    troubles = []
    axes: dict[str, str] = {}
    labels: dict[str, str] = {}
    if PLACEMENT in cells:
        cells = placed(cells)
    is_clean = control_character("".join(cells.values())) is None
    for column, text in cells.items():
        if column in seen.axes:
            axes[column] = text
        elif column not in _SETTINGS:
            labels[column] = text
        if is_clean and column not in _KNOWN:
            continue
        value = (None if is_clean else control_character(text)) or _read(column, text, cells, seen, optional)
        if isinstance(value, Wrong):
            troubles.append(Trouble(value.column or column, "" if value.column else text, value))
        else:
            values[column] = value
    troubles.extend(_disagreements(cells, values))
    if troubles:
        yield from troubles
        amiss = {trouble.column for trouble in troubles}
        if amiss.isdisjoint(_DECISIVE):
            yield Rest(_render(values), frozenset(values) - amiss, values.get("provider"))
        return
    render = _render(values)
    yield Variant(
        render=render,
        media=media_of(render),
        shape=_shape(values) if "image_url" in values else None,
        fit=values.get("fit"),
        seed=values.get("seed"),
        takes=values.get("takes"),
        priority=values.get("priority", 0),
        provider=values.get("provider"),
        cells=cells,
        axes=axes,
        labels=labels,
    )


def _read(column: str, text: str, cells: Mapping[str, str], seen: Survey, optional: frozenset[str]) -> Any:
    if column in FREE_TEXT:
        return _free_text(text.replace("\r\n", "\n"), cells, seen, optional)
    return _typed(column, text) if column in _KNOWN else text


@lru_cache(maxsize=65536)
def _typed(column: str, text: str) -> Any:
    return READERS[column](text)


def _free_text(text: str, cells: Mapping[str, str], seen: Survey, optional: frozenset[str]) -> str | Wrong:
    if "{" not in text:
        return text
    if is_template(text):
        return filled(text, cells, seen.columns, optional, without=FREE_TEXT)
    return single_braces(text, seen.columns) or text


def _disagreements(cells: Mapping[str, str], values: Mapping[str, Any]) -> Iterator[Trouble]:
    """What is wrong between cells, each of which is right by itself."""
    if PROMPT in cells and _AT_ODDS.isdisjoint(cells):
        return
    media = [column for column in ("image_url", "reference_urls") if column in cells]
    if PROMPT not in cells and not media:
        yield Trouble(PROMPT, "", Wrong("the prompt is empty", "say what the video shows, or delete the row"))
    if len(media) > 1:
        fix = "keep the image (it is animated) or the references (they are put into a new scene)"
        yield Trouble("reference_urls", cells["reference_urls"], Wrong("the row has an image and references", fix))
    yield from _misfits(cells, values)
    yield from (Trouble(*found) for found in misplaced(cells, values))
    if "audio_url" in cells and values.get("audio") is False:
        yield Trouble(
            "audio", cells["audio"], Wrong("the row has a sound file and asks for silence", "keep one of them")
        )
    if "size" in values:
        for column, implied in zip(("resolution", "aspect_ratio"), values["size"], strict=True):
            if values.get(column, implied) != implied:
                wrong = Wrong(f"the size {cells['size']} is {implied}, not {values[column]}", "keep one of them")
                yield Trouble(column, cells[column], wrong)


def _misfits(cells: Mapping[str, str], values: Mapping[str, Any]) -> Iterator[Trouble]:
    fit = values.get("fit")
    if fit is None:
        return
    if "image_url" not in cells:
        wrong = Wrong("the row has no image to fit", "leave this cell empty, or give an image_url")
        yield Trouble("fit", cells["fit"], wrong)
    elif fit != "as_is" and not {"aspect_ratio", "size"} & cells.keys():
        fix = "name it in aspect_ratio, or leave fit empty: the video then has the image's own shape"
        yield Trouble("fit", cells["fit"], Wrong("the row names no ratio to bring its image to", fix))


def _shape(values: Mapping[str, Any]) -> AspectRatio | None:
    """The ratio that the row names."""
    _, implied = values.get("size", (None, None))
    named: AspectRatio | None = values.get("aspect_ratio", implied)
    return named


def _render(values: Mapping[str, Any]) -> Render:
    fields = {SETTINGS[column]: value for column, value in values.items() if column in SETTINGS}
    if "size" in values:
        fields["resolution"], _ = values["size"]
    fields.pop("aspect_ratio", None)
    mode = Mode.T2V
    aspect_ratio: AspectRatio | None = _shape(values) or "16:9"
    if "image_url" in values:
        mode, aspect_ratio = Mode.I2V, None
    elif "reference_urls" in values:
        mode = Mode.R2V
    return Render(
        mode=mode,
        prompt=values.get(PROMPT, ""),
        image=values.get("image_url"),
        references=values.get("reference_urls", ()),
        aspect_ratio=aspect_ratio,
        **fields,
    )
