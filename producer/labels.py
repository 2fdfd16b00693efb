"""Labels of a campaign: what stands in a column of the user's own where a row says nothing."""

from collections.abc import Iterable, Mapping
from typing import Final

from jobs.budgets import ALL, SUBMITTED_BY, label_key
from jobs.errors import BadInput
from producer.columns import KNOWN, REASON, Wrong, control_character, resolve
from producer.spending import FACTS

#: Names that mean something else where labels are used.
TAKEN: Final = frozenset({ALL, SUBMITTED_BY, *FACTS})
#: Characters of a label's value; budgets are called by it.
VALUE_MAX: Final = 200


def label_wrong(name: str, value: str) -> Wrong | None:
    """What is wrong with a label."""
    key, wrong = resolve(name)
    if wrong is not None:
        return wrong
    if key in KNOWN or key == REASON:
        return Wrong(
            f"`{name}` is a setting of a video", "a label changes nothing that is bought: give it another name"
        )
    if not key or "=" in key or control_character(key):
        return Wrong(f"`{name}` is no name for a column", "write for example client=acme")
    if label_key(key) in TAKEN:
        fix = (
            "who submits is told by WANBATCH_SUBMITTED_BY" if label_key(key) == SUBMITTED_BY else "give it another name"
        )
        return Wrong(f"`{name}` means something else", fix)
    if not value.strip() or len(value) > VALUE_MAX:
        return Wrong(f"the label `{name}` has {'no value' if not value.strip() else 'too long a value'}", "client=acme")
    if "|" in value:
        return Wrong(f"`{value}` holds several values", "a label has one; several are an axis of the matrix")
    return control_character(value)


def read_labels(pairs: Iterable[tuple[str, str]]) -> dict[str, str]:
    """Labels as they were given to a command; BadInput for the first that cannot be one."""
    found: dict[str, str] = {}
    for name, value in pairs:
        wrong = label_wrong(name, value)
        if wrong is None and label_key(name) in map(label_key, found):
            wrong = Wrong(
                f"the label `{name}` is given twice", "a campaign has one value of it; rows may have their own"
            )
        if wrong is not None:
            raise BadInput(f"--label {name}={value}: {wrong.problem}", hint=wrong.fix)
        found[name.strip()] = value.strip()
    return found


def over(labels: Mapping[str, str], below: Mapping[str, str]) -> dict[str, str]:
    """Labels, with others below them: those that are not named above, however they are spelt."""
    keys = set(map(label_key, labels))
    return {**{name: value for name, value in below.items() if label_key(name) not in keys}, **labels}
