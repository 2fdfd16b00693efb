"""Catalogs in tests: files of other people's beside the checkout, and small ones written on the spot."""

from pathlib import Path

import pytest

from jobs.errors import BadInput
from producer.catalogs.catalog import Catalog, read_catalog
from producer.catalogs.template import read_template
from producer.rows import Row

#: Catalogs that other people published; they lie beside the checkout.
REAL = Path(__file__).resolve().parents[3] / "shared" / "inputs"

#: A template that calls what nearly every product has.
PLAIN = """
[defaults]
brand = ""
color = ""
description = ""
image = ""
[[video]]
prompt = "{{ title }}{% if brand %} by {{ brand }}{% endif %}{% if color %}, {{ color }}{% endif %}: {{ description }}"
image_url = "{{ image }}"
"""


def opened(catalog: Path, template: str = PLAIN) -> Catalog:
    """The catalog, read with a template of this text."""
    written = Path("template.toml")
    written.write_text(template, encoding="utf-8")
    return read_catalog(catalog, read_template(written, catalog.absolute().parent))


def rows_of(catalog: Path, template: str = PLAIN) -> list[Row]:
    """A row a video."""
    with opened(catalog, template) as found:
        return list(found)


def cells_of(catalog: Path, template: str = PLAIN) -> list[dict[str, str]]:
    """The cells of every row; none may have a problem."""
    rows = rows_of(catalog, template)
    assert [str(problem) for row in rows for problem in row.problems] == []
    return [row.cells for row in rows]


def told(catalog: Path, template: str = PLAIN) -> str:
    """Everything that is said of a catalog or template that is refused whole."""
    with pytest.raises(BadInput) as caught:
        rows_of(catalog, template)
    return "\n".join([str(caught.value), caught.value.hint, *map(str, caught.value.problems)])


def written(name: str, content: str | bytes) -> Path:
    """A file of that name and content in the test's folder."""
    path = Path(name)
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return path
