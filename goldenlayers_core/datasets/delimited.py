"""CSV and TSV as records, with comma, semicolon or tab between cells."""

import csv
import re
from collections.abc import Iterator, Sequence
from typing import Any, Final

from goldenlayers_core.datasets.mapping import guess_mapping
from goldenlayers_core.datasets.text import MAX_CELLS, MAX_COLUMNS, MAX_RECORDS, shorten
from goldenlayers_core.errors import DatasetError, FormatError
from goldenlayers_core.records import RowIssue

_DELIMITERS: Final = (",", "\t", ";")
_MAX_CELL: Final = 131_072  # the csv module's own limit, characters
_LINE: Final = re.compile(r"[^\r\n]*(?:\r\n|\r|\n)|[^\r\n]+")
_DECLARED: Final = re.compile(r'\s*"?sep=(\\t|[^\r\n"])"?[ ,;\t]*(?:\r\n|\r|\n)', re.IGNORECASE)


def read_delimited(text: str, name: str) -> tuple[str, Sequence[dict[str, Any] | RowIssue]]:
    """("csv" or "tsv", records): the first row names the columns. Quoted cells may hold line breaks.

    A first line such as "sep=;", as Excel writes it, says what stands between cells. A row with more cells than the
    header is a RowIssue (a stray delimiter shifts its cells); missing cells at a row's end are empty. Raises
    FormatError for text that is no table, DatasetError for one with too many columns or cells.
    """
    declared = _DECLARED.match(text)
    start = declared.end() if declared else 0
    delimiter = declared.group(1) if declared else max(_DELIMITERS, key=lambda d: _promise(text, d))
    delimiter = "\t" if delimiter == "\\t" else delimiter
    reader = csv.reader(_lines(text, start, delimiter, name), delimiter=delimiter, skipinitialspace=True)
    try:
        records, begin = _records(reader, name)
    except csv.Error as error:
        raise FormatError(
            f"{shorten(name)} cannot be read as a table near line {reader.line_num}: "
            f"a cell may hold at most {_MAX_CELL:,} characters, and a quotation mark that opens a cell must be closed."
        ) from error
    if len(records) <= MAX_RECORDS:
        _check_last(text, start, begin, delimiter, name)
    return "tsv" if delimiter == "\t" else "csv", records


def _records(reader: Any, name: str) -> tuple[list[dict[str, Any] | RowIssue], int]:
    """(the records under the header, the line that the last row begins at): one more than allowed at most."""
    columns: tuple[str, ...] = ()
    records: list[dict[str, Any] | RowIssue] = []
    begin, n_cells = 1, 0
    line = 0
    for cells in reader:
        begin, line = line + 1, reader.line_num
        n_cells += max(len(cells), len(columns))
        if n_cells > MAX_CELLS:
            raise DatasetError(f"{shorten(name)} has more than {MAX_CELLS:,} cells, empty ones included, so split it.")
        if not "".join(cells).strip():
            continue
        if columns:
            records.append(_record(columns, cells, len(records) + 1))
        else:
            columns = _header(cells, name)
        if len(records) > MAX_RECORDS:
            break
    if not columns:
        _header([], name)
    return records, begin


def _header(cells: list[str], name: str) -> tuple[str, ...]:
    if len(cells) < 2:
        raise FormatError(
            f"{shorten(name)} is neither JSON nor a table with commas, semicolons or tabs between its cells; "
            "give CSV, TSV, JSON, JSON lines or Parquet."
        )
    if len(cells) > MAX_COLUMNS:
        raise DatasetError(
            f"{shorten(name)} has {len(cells):,} columns; at most {MAX_COLUMNS:,} are read, so leave out what is not "
            "needed."
        )
    return _names(cells)


def _record(columns: tuple[str, ...], cells: list[str], number: int) -> dict[str, Any] | RowIssue:
    if len(cells) == len(columns):
        return dict(zip(columns, cells, strict=True))
    if len(cells) > len(columns) and "".join(cells[len(columns) :]).strip():
        return RowIssue(
            number,
            f"The row has {len(cells)} cells but the header has {len(columns)}; quote cells that hold a delimiter.",
        )
    return {column: cells[i] if i < len(cells) else None for i, column in enumerate(columns)}


def _lines(text: str, start: int, delimiter: str, name: str) -> Iterator[str]:
    """The lines of a text with their ends, from a place on. Raises DatasetError for one of too many cells."""
    for found in _LINE.finditer(text, start):
        line = found.group()
        if len(line) > MAX_COLUMNS and line.count(delimiter) > max(MAX_COLUMNS, len(line) // 2):
            raise DatasetError(
                f"{shorten(name)} has a line of {line.count(delimiter) + 1:,} cells; at most {MAX_COLUMNS:,} columns "
                "are read, so leave out what is not needed."
            )
        yield line


def _promise(text: str, delimiter: str) -> tuple[int, int]:
    """How much the header looks like one with this delimiter: known columns first, then columns."""
    lines = (found.group() for found in _LINE.finditer(text))
    try:
        reader = csv.reader(lines, delimiter=delimiter, skipinitialspace=True)
        header = next((cells for cells in reader if "".join(cells).strip()), [])
    except csv.Error:
        return 0, 0
    return len(guess_mapping(_names(header[:MAX_COLUMNS])).used), len(header)


def _check_last(text: str, start: int, begin: int, delimiter: str, name: str) -> None:
    """Refuse a last row that ends inside a quoted cell: that cell would have swallowed every record after it."""
    lines = (found.group() for found in _LINE.finditer(text, start))
    last = [line for number, line in enumerate(lines, 1) if number >= begin]
    if not any('"' in line for line in last):
        return
    try:
        for _ in csv.reader(last, delimiter=delimiter, skipinitialspace=True, strict=True):
            pass
    except csv.Error as error:
        if "unexpected end of data" in str(error):
            raise FormatError(
                f"{shorten(name)} has a quoted cell in the row at line {begin} that is never closed; "
                "close it or double the quotation mark."
            ) from error


def _names(header: list[str]) -> tuple[str, ...]:
    """Column names: trimmed, "column N" where empty, numbered where they recur."""
    names: dict[str, None] = {}
    counts: dict[str, int] = {}
    for place, cell in enumerate(header, 1):
        base = cell.strip() or f"column {place}"
        name = base
        while name in names:
            counts[base] = counts.get(base, 1) + 1
            name = f"{base} ({counts[base]})"
        names[name] = None
    return tuple(names)
