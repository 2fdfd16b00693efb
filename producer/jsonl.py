"""Rows of JSONL: an object a line, its values turned into the text that a table would hold."""

import json
from collections.abc import Iterator
from typing import Any

from jobs.errors import Problem
from producer.columns import FREE_TEXT, REASON, Wrong, guessed, resolve
from producer.rows import Lines, Row


def objects(lines: Lines) -> Iterator[Row]:
    """A row for each object; blank lines and `#` comments are passed over."""
    known: dict[str, tuple[str, Wrong | None]] = {}
    for text in lines:
        raw = lines.take()
        stripped = text.strip()
        if stripped and not stripped.startswith("#"):
            yield _row(stripped, raw, lines, known)


def is_object(text: str) -> bool:
    """Whether the text is one JSON object."""
    return parsed(text) is not None


def parsed(text: str) -> dict[str, Any] | None:
    """The JSON object in `text`, numbers as they are written; None when it is anything else."""
    try:
        value = json.loads(text, parse_int=str, parse_float=str, parse_constant=str)
    except (ValueError, RecursionError):
        return None
    return value if isinstance(value, dict) else None


def _row(text: str, raw: str, lines: Lines, known: dict[str, tuple[str, Wrong | None]]) -> Row:
    file, line = lines.name, lines.count
    value = parsed(text)
    if value is None:
        return Row(line, {}, raw, (Problem(file, line, "", text[:200], trouble(text), "write one {...} a line"),))
    cells: dict[str, str] = {}
    problems = []
    for name, content in value.items():
        if name not in known:
            known[name] = resolve(name)
        key, wrong = known[name]
        if key == REASON:
            continue
        cell = wrong or _cell(key, content)
        if key in cells:
            cell = Wrong("the object has this column twice", "keep one of them")
        if isinstance(cell, Wrong):
            problems.append(Problem(file, line, name, str(content)[:200], cell.problem, cell.fix))
            # What was most likely meant is read, so that all that is wrong with the row is told at once.
            key, cell = guessed(name) or key, _cell(guessed(name) or key, content)
        if not isinstance(cell, Wrong):
            cells.setdefault(key, cell)
    return Row(line, cells, raw, tuple(problems))


def trouble(text: str) -> str:
    """Why a line is no JSON object."""
    try:
        json.loads(text)
    except ValueError as error:
        return f"the line is broken JSON ({error})"
    except RecursionError:
        return "the line is nested too deeply"
    return "the line is JSON, but not an object"


def _cell(key: str, content: Any) -> str | Wrong:
    """A JSON value as the text a table would hold: a list is an axis, several references are joined by `;`."""
    if isinstance(content, str):
        return content.strip()
    if content is None:
        return ""
    if isinstance(content, bool):
        return "true" if content else "false"
    lists = "" if key in FREE_TEXT else " or a list of them"
    if isinstance(content, list) and lists and all(isinstance(item, str | bool | None) for item in content):
        parts = [str(_cell(key, item)) for item in content]
        return (";" if key == "reference_urls" else "|").join(parts)
    kind = "a list" if isinstance(content, list) else "an object"
    return Wrong(f"{kind} cannot stand here", f"write text, a number, true, false{lists}")
