"""CSV and TSV as records, with comma, semicolon or tab between cells."""

import csv
import io
from collections.abc import Sequence
from typing import Any

from goldenlayers_core.datasets.mapping import guess_mapping
from goldenlayers_core.datasets.text import MAX_RECORDS, shorten
from goldenlayers_core.errors import FormatError
from goldenlayers_core.records import RowIssue

_DELIMITERS = (",", "\t", ";")
_MAX_CELL = 131_072  # the csv module's own limit, characters


def read_delimited(text: str, name: str) -> tuple[str, Sequence[dict[str, Any] | RowIssue]]:
    """("csv" or "tsv", records): the first row names the columns. Quoted cells may hold line breaks.

    A row with more cells than the header is a RowIssue (a stray delimiter shifts its cells); missing cells at a row's
    end are empty. Raises FormatError for text that is no table.
    """
    delimiter = max(_DELIMITERS, key=lambda d: _promise(text, d))
    rows = _rows(text, delimiter, name)
    if not rows or len(rows[0]) < 2:
        raise FormatError(
            f"{shorten(name)} is neither JSON nor a table with commas, semicolons or tabs between its cells; "
            "give CSV, TSV, JSON, JSON lines or Parquet."
        )
    columns = _names(rows[0])
    records: list[dict[str, Any] | RowIssue] = []
    for cells in rows[1:]:
        if len(cells) > len(columns) and any(cell.strip() for cell in cells[len(columns) :]):
            reason = (
                f"The row has {len(cells)} cells but the header has {len(columns)}; quote cells that hold a delimiter."
            )
            records.append(RowIssue(len(records) + 1, reason))
        else:
            records.append({column: cells[i] if i < len(cells) else None for i, column in enumerate(columns)})
    return "tsv" if delimiter == "\t" else "csv", records


def _promise(text: str, delimiter: str) -> tuple[int, int]:
    """How much the header looks like one with this delimiter: known columns first, then columns."""
    try:
        reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, skipinitialspace=True)
        header = next((cells for cells in reader if any(cell.strip() for cell in cells)), [])
    except csv.Error:
        return 0, 0
    return len(guess_mapping(_names(header)).used), len(header)


def _rows(text: str, delimiter: str, name: str) -> list[list[str]]:
    """All rows that are not blank, the header included."""
    rows: list[list[str]] = []
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, skipinitialspace=True)
    try:
        for cells in reader:
            if any(cell.strip() for cell in cells):
                rows.append(cells)
            if len(rows) > MAX_RECORDS + 1:
                break
    except csv.Error as error:
        raise FormatError(
            f"{shorten(name)} cannot be read as a table near line {reader.line_num}: "
            f"a cell may hold at most {_MAX_CELL:,} characters, and a quotation mark that opens a cell must be closed."
        ) from error
    _check_quotes(text, delimiter, name)
    return rows


def _check_quotes(text: str, delimiter: str, name: str) -> None:
    """Refuse a quoted cell that runs to the end of the file: it would swallow every record after it."""
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, skipinitialspace=True, strict=True)
    start = 1
    try:
        for _ in reader:
            start = reader.line_num + 1
    except csv.Error as error:
        if "unexpected end of data" in str(error):
            raise FormatError(
                f"{shorten(name)} has a quoted cell in the row at line {start} that is never closed; "
                "close it or double the quotation mark."
            ) from error


def _names(header: list[str]) -> tuple[str, ...]:
    """Column names: trimmed, "column N" where empty, numbered where they recur."""
    names: dict[str, None] = {}
    for place, cell in enumerate(header, 1):
        base = cell.strip() or f"column {place}"
        name, count = base, 1
        while name in names:
            count += 1
            name = f"{base} ({count})"
        names[name] = None
    return tuple(names)
