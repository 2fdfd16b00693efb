"""The form: what an order may hold. A dialect lists its fields once; the form reads a body against them.

What is wrong with a field is a `Wrong`, which each dialect puts into its own words.
"""

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Literal, NamedTuple
from urllib.parse import urlsplit


class Words(NamedTuple):
    """What a dialect says when it says no: the HTTP status, its own code, and a sentence."""

    status: int
    code: str
    message: str


class Refused(Exception):
    """An order that is not taken, in the dialect's words."""

    def __init__(self, status: int, code: str, message: str) -> None:
        super().__init__(message)
        self.words = Words(status, code, message)


@dataclass(frozen=True, slots=True)
class Kind:
    """What a value must be: `json` is its type's name in JSON, `words` the name with its article."""

    json: str
    words: str
    fits: Callable[[Any], bool]


@dataclass(frozen=True, slots=True)
class Field:
    """One field. `least` and `most` bound a number itself, a text's characters and a list's entries.

    A text that is too long is refused, or silently cut where `cut` is set. `default` stands for a field left out.
    """

    kind: Kind
    default: Any = None
    choices: tuple[Any, ...] = ()
    needed: bool = False
    least: int | None = None
    most: int | None = None
    cut: bool = False


class Wrong(NamedTuple):
    """What is wrong with one field. `field` is None for a name that is on no form."""

    name: str
    fault: Literal["kind", "unknown", "missing", "choice", "bounds"]
    value: Any
    field: Field | None

    def words(self) -> str:
        """The fault in plain words, for dialects whose own are not known."""
        field = self.field
        match self.fault:
            case "kind" if field:
                return f"{self.name} must be {field.kind.words}"
            case "choice" if field:
                return f"{self.name} must be one of {', '.join(map(str, field.choices))}"
            case "bounds" if field:
                return f"{self.name} must be within [{field.least}, {field.most}]"
            case "missing":
                return f"{self.name} is required"
        return f"{self.name} is not a known parameter"


class Form:
    """The fields of one model. `say` puts a fault into the dialect's words.

    With `strict`, a name that is on no form is refused, else it is read over; `null` says whether a null stands for the
    default or is a wrong type.
    """

    def __init__(
        self, fields: Mapping[str, Field], say: Callable[[Wrong], Refused], *, strict: bool = True, null: bool = False
    ) -> None:
        self.fields = dict(fields)
        self._say = say
        self._strict = strict
        self._null = null

    def read(self, given: Mapping[str, Any]) -> dict[str, Any]:
        """Every field's value, with defaults where none was given.

        Raises:
            Refused: the first fault, in the dialect's words.
        """
        for name, value in given.items():
            field = self.fields.get(name)
            if field is None:
                if self._strict:
                    raise self._say(Wrong(name, "unknown", value, None))
            elif not (self._null and value is None) and not field.kind.fits(value):
                raise self._say(Wrong(name, "kind", value, field))
        for name, field in self.fields.items():
            if field.needed and given.get(name) in (None, "", []):
                raise self._say(Wrong(name, "missing", None, field))
        return {name: self._value(name, field, given.get(name)) for name, field in self.fields.items()}

    def _value(self, name: str, field: Field, value: Any) -> Any:
        if value is None:
            return field.default
        if field.choices and value not in field.choices:
            raise self._say(Wrong(name, "choice", value, field))
        size = value if isinstance(value, int | float) else len(value)
        if field.cut and field.most is not None:
            return value[: field.most]
        if (field.least is not None and size < field.least) or (field.most is not None and size > field.most):
            raise self._say(Wrong(name, "bounds", value, field))
        return value


def parsed(body: bytes) -> dict[str, Any] | None:
    """The body as a JSON object, or None where it is none, or holds what JSON or Unicode has no place for."""
    try:
        whole = json.loads(body, parse_constant=_no_number)
        if b"\\ud" in body.lower():
            json.dumps(whole, ensure_ascii=False).encode()
    except (ValueError, RecursionError):
        return None
    return whole if isinstance(whole, dict) else None


def _no_number(word: str) -> None:
    """`NaN` and `Infinity` are no JSON."""
    raise ValueError(word)


def is_url(value: Any) -> bool:
    """Whether this is an http(s) URL with a host."""
    if not isinstance(value, str) or any(char.isspace() for char in value):
        return False
    try:
        parts = urlsplit(value)
        return parts.scheme in ("http", "https") and bool(parts.hostname)
    except ValueError:
        return False


def is_data_uri(value: Any, kind: str = "image") -> bool:
    """Whether this is a base64 `data:` URI of an image (or of another kind of media)."""
    head, comma, data = value.partition(",") if isinstance(value, str) else ("", "", "")
    return bool(comma and data) and head.startswith(f"data:{kind}/") and head.endswith(";base64")


STRING = Kind("string", "a string", lambda value: isinstance(value, str))
BOOLEAN = Kind("boolean", "a boolean", lambda value: isinstance(value, bool))
INTEGER = Kind("integer", "an integer", lambda value: isinstance(value, int) and not isinstance(value, bool))
OBJECT = Kind("object", "an object", lambda value: isinstance(value, dict))
#: An http(s) URL.
URL = Kind("string", "a uri", is_url)
#: An http(s) URL, or the picture itself as a `data:` URI.
PICTURE = Kind("string", "a uri", lambda value: is_url(value) or is_data_uri(value))
URLS = Kind("array", "an array of uris", lambda value: isinstance(value, list) and all(map(is_url, value)))
