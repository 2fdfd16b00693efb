"""What shops keep as options: a column with `Colour` beside one with `Moss`, in the shop's own language."""

import re
from collections.abc import Iterator, Mapping, Sequence
from functools import cache
from typing import Final

#: How options are called, by the field that they are.
WORDS: Final[Mapping[str, frozenset[str]]] = {
    "color": frozenset(
        {"color", "colour", "colors", "colours", "farbe", "couleur", "colore", "cor", "kolor", "kleur", "färg", "farve",
         "farge", "väri", "barva", "farba", "szín", "culoare", "renk", "цвет", "колір", "χρώμα", "色", "カラー", "颜色",
         "顏色", "색상", "اللون"}
    ),
    "material": frozenset(
        {"material", "materials", "fabric", "matière", "tissu", "materiale", "tessuto", "tecido", "tela", "materiał",
         "stoff", "materiaal", "stof", "composition", "compositions", "материал", "素材", "材质"}
    ),
    "pattern": frozenset(
        {"pattern", "muster", "motif", "fantasia", "estampa", "estampado", "wzór", "patroon", "рисунок"}
    ),
    "product_size": frozenset(
        {"size", "sizes", "größe", "groesse", "grösse", "taille", "pointure", "taglia", "tamanho", "talla", "tamaño",
         "rozmiar", "maat", "storlek", "størrelse", "koko", "velikost", "méret", "mărime", "beden", "размер", "サイズ",
         "尺码", "사이즈", "المقاس"}
    ),
}  # fmt: skip
#: Options that one product may have.
OPTIONS_MAX: Final = 12
_SWATCH: Final = re.compile(r"(?:#[0-9a-f]{3,8}|rgba?\([^)]*\)):", re.IGNORECASE)
_NOTHING: Final = frozenset({"default title", "default", "n/a", "-"})

Cells = Mapping[str, str]


def option(field: str, head: Cells, variants: Sequence[Cells], attribute: tuple[str, ...]) -> tuple[str, str] | None:
    """What the options say of a field, for the first variant that says it, and the column that holds it.

    Of a list that only says what there is to choose from, it is the first.
    """
    words = WORDS.get(field)
    if words is None:
        return None
    for column, word in _columns(head, attribute):
        if word in words:
            for cells in (*variants, head):
                text = _first(cells.get(column, ""))
                if text:
                    return text, column
    for part in re.split(r"[,;\n]", head.get("feature", "")):
        name, _, rest = part.partition(":")
        if name.strip().lower() in words and (text := rest.partition(":")[0].strip()):
            return text, "feature"
    return None


def _columns(head: Cells, attribute: tuple[str, ...]) -> Iterator[tuple[str, str]]:
    """The columns of the options' values, and how each option is called."""
    for name, *values in _numbered(attribute) if attribute else ():
        if name in head:
            word = " ".join(head[name].lower().split())
            yield from ((value, word) for value in values)


@cache
def _numbered(attribute: tuple[str, ...]) -> Sequence[Sequence[str]]:
    """The columns of every option: with its name, and with its values."""
    return [[each.format(number) for each in attribute] for number in range(1, OPTIONS_MAX + 1)]


def _first(text: str) -> str:
    """The first of several values, without the swatch that a shop paints it with."""
    first = re.split(r"[;|\n]|,\s", _SWATCH.sub("", text))[0].strip()
    return "" if first.lower() in _NOTHING else first
