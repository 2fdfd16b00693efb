"""What a campaign multiplies: its axes, each with its values, and those that go together."""

from collections.abc import Mapping
from typing import NamedTuple

from jobs.errors import BadInput, Problem
from producer.campaigns.campaignfile import CampaignToml, FileColumn
from producer.campaigns.table import file_values


class Factor(NamedTuple):
    """What is multiplied: an axis, or several that go together; each value is the cells that it fills."""

    columns: tuple[str, ...]
    values: tuple[Mapping[str, str], ...]


def factors_of(file: CampaignToml) -> tuple[list[Factor], dict[str, frozenset[str]], list[Problem]]:
    """What is multiplied, in the order of the file, all values of each axis, and what is wrong with them.

    Raises BadInput for a table that cannot be opened.
    """
    said = file.said
    values: dict[str, tuple[str, ...]] = {}
    problems: list[Problem] = []
    for axis, found in said.axes.items():
        try:
            values[axis] = file_values(found, file, axis) if isinstance(found, FileColumn) else found
        except BadInput as error:
            if not error.problems:
                raise
            problems.extend(error.problems)
    zips = [group for group in said.combine.zip if values.keys() >= set(group)]
    for group in zips:
        if len({len(values[axis]) for axis in group}) > 1:
            sizes = ", ".join(f"{axis} has {len(values[axis])}" for axis in group)
            what = f"zipped axes are equally long, and {sizes}"
            problems.append(file.problem(("combine", "zip"), ", ".join(group), what, "give each as many values"))
    groups = {axis: group for group in zips for axis in group}
    factors = []
    for axis in () if problems else values:
        group = groups.get(axis, [axis])
        if axis == group[0]:
            rows = zip(*(values[each] for each in group), strict=True)
            factors.append(Factor(tuple(group), tuple(dict(zip(group, row, strict=True)) for row in rows)))
    return factors, {axis: frozenset(found) for axis, found in values.items()}, problems
