"""Where the cells of a combination were written: in the table, the campaign file's defaults, axes or overrides."""

import csv
import io
from collections.abc import Iterator, Mapping, Sequence
from typing import Final

from producer.campaigns.campaignfile import CampaignToml
from producer.campaigns.laws import Override
from producer.campaigns.table import Base, BaseRows
from producer.prompts import Template, compiled, field_names, is_template
from producer.rows import Place

#: Settings that a picture may not fit: what is wrong with them is wrong in the row that brings the picture.
SHAPES: Final = frozenset({"aspect_ratio", "size", "fit", "placement"})


class Places(Mapping[str, Place]):
    """Where each cell of a combination was written, told only when it is asked for."""

    __slots__ = ("_applied", "_base", "_cells", "_columns", "_file", "_rows")

    def __init__(
        self,
        file: CampaignToml,
        rows: BaseRows,
        columns: Sequence[str],
        base: Base,
        cells: Mapping[str, str],
        applied: Sequence[Override],
    ) -> None:
        self._file, self._rows, self._columns = file, rows, columns
        self._base, self._cells, self._applied = base, cells, applied

    def __getitem__(self, column: str) -> Place:
        """The place of a column's cell."""
        file, said, rows = self._file, self._file.said, self._rows
        keys: tuple[str | int, ...] = ("defaults", column)
        if column in said.axes:
            keys = ("axes", column)
        elif setter := next((each for each in reversed(self._applied) if column in each.cells), None):
            keys = ("override", setter.at, "set", column)
        elif column in self._base.cells or (column in rows.names and column not in said.defaults):
            return Place(rows.name, self._base.line, rows.names[column])
        name = ".".join(str(key) for key in keys if not isinstance(key, int))
        text = self._cells.get(column, "")
        called = self._called(text)
        if said.rows is not None and (called or (column in SHAPES and "image_url" in self._base.cells)):
            return Place(rows.name, self._base.line, name + called)
        return Place(file.name, file.line(*keys), name + called)

    def __iter__(self) -> Iterator[str]:
        """The columns."""
        return iter(self._cells)

    def __len__(self) -> int:
        """How many columns there are."""
        return len(self._cells)

    def written(self) -> str:
        """The combination as a row of CSV."""
        out = io.StringIO(newline="")
        csv.writer(out, lineterminator="\n").writerow([self._cells.get(key, "") for key in self._columns])
        return out.getvalue()

    def _called(self, text: str) -> str:
        """The axes that a template calls, with their values: which of the combinations it is."""
        template = compiled(text) if is_template(text) else None
        if not isinstance(template, Template):
            return ""
        axes = [axis for axis in self._file.said.axes if not template.fields.isdisjoint(field_names(axis))]
        return " of " + ", ".join(f"{axis}={self._cells.get(axis, '')}" for axis in axes) if axes else " "
