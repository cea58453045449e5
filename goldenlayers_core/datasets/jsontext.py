"""JSON and JSON lines as records."""

import json
from collections.abc import Mapping, Sequence
from typing import Any

from goldenlayers_core.datasets.text import shorten
from goldenlayers_core.errors import FormatError
from goldenlayers_core.records import RowIssue

_LISTS = ("requests", "data", "records", "examples", "rows", "items", "facts")


def read_json(text: str, name: str) -> tuple[str, Sequence[Any], Mapping[str, Any]]:
    """("json" or "json-lines", records, what stood beside them) of text that starts with a bracket or brace.

    A list of records, an object with such a list (under "requests", "data", "records", ...), an object of records by
    id, one record, or one record per line. Raises FormatError where the text is not whole JSON.
    """
    try:
        content = json.loads(text)
    except (ValueError, RecursionError) as error:
        lines = _read_lines(text)
        if lines is None:
            raise FormatError(f"{shorten(name)} is not valid JSON: {_why(error)}.") from error
        return "json-lines", lines, {}
    if isinstance(content, list):
        return "json", content, {}
    records, header = _unwrap(content)
    return "json", records, header


def _why(error: Exception) -> str:
    if isinstance(error, json.JSONDecodeError):
        return (
            f"{error.msg[:1].lower()}{error.msg[1:]} at line {error.lineno}, column {error.colno}; "
            "it may be cut short, so save it again"
        )
    if isinstance(error, RecursionError):
        return "it is nested too deeply; give a plain list of records"
    return "it holds a number that is too long to read"


def _read_lines(text: str) -> list[Any] | None:
    """One record per line, a RowIssue for each line that is none; None where most lines are no objects."""
    records: list[Any] = []
    objects = 0
    for line in text.split("\n"):
        if not line.strip():
            continue
        number = len(records) + 1
        try:
            value = json.loads(line)
        except (ValueError, RecursionError):
            records.append(RowIssue(number, f"The line {shorten(line, 40)!r} is not valid JSON."))
        else:
            objects += isinstance(value, dict)
            records.append(value)
    return records if objects and objects * 2 >= len(records) else None


def _unwrap(content: dict[str, Any]) -> tuple[Sequence[Any], Mapping[str, Any]]:
    """The records in a JSON object, and the fields that stood beside them."""
    for key in _LISTS:
        if isinstance(content.get(key), list):
            return content[key], {k: v for k, v in content.items() if k != key}
    values = list(content.values())
    if len(values) == 1 and isinstance(values[0], list) and any(isinstance(v, dict) for v in values[0]):
        return values[0], {}
    inner = values[0].keys() if values and isinstance(values[0], dict) else ()
    if inner and all(isinstance(v, dict) and v.keys() == inner for v in values):
        if all(key.isdigit() for key in inner) and not all(key.isdigit() for key in content):
            # pandas' default: {column: {row: value}}
            return [{column: content[column][row] for column in content} for row in inner], {}
        if all(key.isdigit() for key in content):
            return values, {}  # {id: record}
    return [content], {}
