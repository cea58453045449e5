"""JSON and JSON lines as records."""

import json
import re
from typing import Any, Final

from goldenlayers_core.datasets.text import MAX_RECORDS, shorten
from goldenlayers_core.datasets.wrappers import Opened, open_object, unwrap_rows
from goldenlayers_core.errors import DatasetError, FormatError
from goldenlayers_core.records import RowIssue

_MAX_UNPACKED: Final = 400 * 2**20  # bytes of memory that the values may take, as `_unpacked` estimates them
_PATIENCE: Final = 1000  # lines without one object among them, after which these are no JSON lines
_BETWEEN: Final = re.compile(r"[\s,\x1e]*")  # what may stand between objects written one after another
_DECODER: Final = json.JSONDecoder()


def read_json(text: str, name: str) -> tuple[str, Opened]:
    """("json" or "json-lines", records and what stood around them) of text that starts with a bracket or brace.

    A list of records, an object that `wrappers` knows how to open, one record, one record per line, or objects written
    one after another. Raises FormatError where the text is not whole JSON, DatasetError where it holds too much.
    """
    _check_unpacked(text, name)
    try:
        content = json.loads(text)
    except (ValueError, RecursionError) as error:
        return _one_after_another(text, name, error)
    return "json", unwrap_rows(Opened(content) if isinstance(content, list) else open_object(content, name))


def _check_unpacked(text: str, name: str) -> None:
    """Refuse text whose values would take more memory than its length tells, before they are made."""
    unpacked = 240 * text.count("{") + 80 * text.count("[") + 90 * text.count(",")
    if unpacked > _MAX_UNPACKED:
        values = text.count(",") + text.count("{") + text.count("[")
        raise DatasetError(
            f"{shorten(name)} holds up to {values:,} values, more than can be read at once, "
            f"or more than {MAX_RECORDS:,} records, so split it."
        )


def _one_after_another(text: str, name: str, error: Exception) -> tuple[str, Opened]:
    lines = _read_lines(text) if text.find("\n", 0, len(text) - 2) >= 0 else None
    if lines is not None:
        return "json-lines", unwrap_rows(Opened(lines))
    whole_first = isinstance(error, json.JSONDecodeError) and error.msg == "Extra data"
    chain = _read_chain(text) if whole_first else None
    if chain is not None:
        return "json", unwrap_rows(Opened(chain))
    raise FormatError(f"{shorten(name)} is not valid JSON: {_why(error)}.") from error


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
    """One record per line, a RowIssue for each line that is none; None where most lines are no objects.

    Ends one line after the most that are read from a file.
    """
    records: list[Any] = []
    objects = start = 0
    while start < len(text) and len(records) <= MAX_RECORDS:
        end = text.find("\n", start)
        end = len(text) if end < 0 else end
        line, start = text[start:end], end + 1
        if not line or line.isspace():
            continue
        value = _line(line, len(records) + 1)
        objects += isinstance(value, dict)
        records.append(value)
        if not objects and len(records) == _PATIENCE:
            return None
    return records if objects and objects * 2 >= len(records) else None


def _line(line: str, number: int) -> Any:
    """The value that a line holds, or a RowIssue."""
    bare = line.strip()
    if bare[0] != "{" or bare[-1] == "}":  # else it is cut short, and trying costs more than looking
        try:
            return json.loads(bare)
        except (ValueError, RecursionError):
            pass
    return RowIssue(number, f"The line {shorten(line[:200], 40)!r} is not valid JSON.")


def _read_chain(text: str) -> list[Any] | None:
    """Objects written one after another, a RowIssue for what follows the last whole one; None where there are not two.

    Lists written one after another are joined.
    """
    records: list[Any] = []
    at, values = _skip(text, 0), 0
    while at < len(text) and len(records) <= MAX_RECORDS:
        try:
            value, at = _DECODER.raw_decode(text, at)
        except (ValueError, RecursionError):
            if values:
                rest = text[at : at + 200]
                records.append(RowIssue(len(records) + 1, f"From {shorten(rest, 40)!r} on this is not valid JSON."))
            break
        values += isinstance(value, list | dict)
        records += value if isinstance(value, list) else [value]
        at = _skip(text, at)
    return records if values > 1 else None


def _skip(text: str, at: int) -> int:
    found = _BETWEEN.match(text, at)
    return found.end() if found else at
