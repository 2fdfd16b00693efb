"""A campaign file, read: what it says, or everything that is wrong with it, at once and in the order of its lines."""

import copy
import difflib
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Final

from pydantic import BaseModel, ValidationError

from jobs.errors import BadInput, Problem
from jobs.share import BOUNDS
from producer.campaigns.campaignfile import Campaign, CampaignToml, Combine, Override, Require, Rule, wrongs
from producer.campaigns.combined import Combined
from producer.columns import KNOWN, meant
from producer.rows import SEEDS
from producer.tomlfile import Places, innermost, read_toml

Keys = tuple[str, ...]
#: Keys that make no sense without each other: where one cannot be read, the others are not looked at.
_TOGETHER: Final[tuple[frozenset[Keys], ...]] = (
    frozenset({("key",), ("refresh_on",), ("seeds",)}),
    frozenset({("combine", "sample"), ("combine", "count")}),
)


def read_campaign(path: Path) -> CampaignToml:
    """The campaign in a file; BadInput with everything that is wrong with it and with how it fits its tables."""
    tables, places = read_toml(path, "campaign file", "examples/autumn.toml")
    try:
        said, problems, cut = Campaign.model_validate(tables), [], frozenset[Keys]()
    except ValidationError as error:
        problems = list(_complaints(error, str(path), places))
        if hint := _hint(tables):
            raise BadInput(f"{path} is no campaign file that can be used", problems, hint) from error
        said, cut = _readable(tables, error)
    file = CampaignToml(path, said, places, cut)
    problems += wrongs(file)
    if problems:
        raise file.refusal([*problems, *_misfits(file)])
    return file


def _misfits(file: CampaignToml) -> Sequence[Problem]:
    """What is wrong between a file and its tables."""
    try:
        with Combined(file) as combined:
            return combined.header.problems
    except BadInput as error:
        return error.problems


def _readable(tables: Mapping[str, Any], error: ValidationError) -> tuple[Campaign, frozenset[Keys]]:
    """The campaign without the keys that do not fit the schema, and those keys as they were meant."""
    left, gone = copy.deepcopy(dict(tables)), set[Keys]()
    while True:
        # All are found before one is taken out: then each is still where it was complained of.
        for holder, key, keys in [innermost(left, found["loc"]) for found in error.errors()]:
            holder.pop(key, None)
            gone.add(keys if len(keys) > 1 else (_closest(key),))
        for group in _TOGETHER:
            if gone & group:
                gone |= group
                for keys in group:
                    (left if len(keys) == 1 else left.get(keys[0], {})).pop(keys[-1], None)
        try:
            return Campaign.model_validate(left), frozenset(gone)
        except ValidationError as another:  # such as a rule that is empty now; what there was to say of it is said
            error = another


def _closest(key: str) -> str:
    """The key of a campaign file that a key seems to mean; without one the key itself."""
    return next(iter(difflib.get_close_matches(key.lower(), Campaign.model_fields, n=1, cutoff=0.6)), key)


def _hint(tables: Mapping[str, Any]) -> str:
    if "matrix" in tables:
        return "It looks like a schedule: `wanbatch schedule add FILE` says what its first run would make."
    return "A template of a catalog is given with --template, beside the catalog." if "video" in tables else ""


#: What may stand in each table, by its name.
_TABLES: Final[Mapping[str, type[BaseModel]]] = {
    "combine": Combine, "exclude": Rule, "require": Require, "override": Override,
}  # fmt: skip


def _complaints(error: ValidationError, file: str, places: Places) -> Iterator[Problem]:
    """What does not fit the schema, in words, each with its line."""
    for found in error.errors():
        path = tuple(found["loc"])
        shown = ".".join(str(part) for part in path if not isinstance(part, int))
        what, fix, last = found["msg"].removeprefix("Value error, "), "", str(path[-1])
        table = Campaign if len(path) == 1 else _TABLES.get(str(path[0]), Campaign)
        if found["type"] == "extra_forbidden":
            what, fix = f"there is no key `{last}` here", meant(last, sorted(table.model_fields))
            if len(path) == 1 and (last in KNOWN or last not in Campaign.model_fields):
                fix += "; a column stands under [defaults] or [axes]"
        elif found["type"] == "literal_error":
            known = SEEDS if last == "seeds" else ("all", "first", "random", "pairwise")
            what, fix = f"`{found['input']}` is not known here", meant(str(found["input"]), known)
        elif found["type"] == "missing":
            what, fix = f"the key `{last}` is missing", f'give it, such as {last} = {{ hook = "calm" }}'
        elif found["type"] == "too_short":
            what, fix = "it is empty", "fill it, or take it out"
        elif last in {"weight", "priority"} and len(path) == 1:
            fix = BOUNDS
        elif found["type"] == "value_error" and not fix:
            fix = "write a text, a number, true or false" + (", or a list of them" if path[0] != "defaults" else "")
        text = "" if isinstance(found["input"], dict | list) else str(found["input"])
        yield Problem(file, places.line(path), shown, text[:200], what, fix)
