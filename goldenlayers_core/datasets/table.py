"""Files as rows of fields: CSV, TSV, JSON, JSON lines and Parquet, told apart by their content."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from goldenlayers_core.datasets.delimited import read_delimited
from goldenlayers_core.datasets.jsontext import read_json
from goldenlayers_core.datasets.parquet import is_parquet, read_parquet
from goldenlayers_core.datasets.text import MAX_BYTES, MAX_RECORDS, clean, decode_text, kind_of, shorten
from goldenlayers_core.errors import DatasetError, FormatError
from goldenlayers_core.records import RowIssue


@dataclass(frozen=True)
class Table:
    """The records of a file. `numbers[i]` is the place of `rows[i]` in the file, counted from 1 without a header."""

    columns: tuple[str, ...]
    rows: tuple[dict[str, Any], ...]
    format: str  # "csv", "tsv", "json", "json-lines" or "parquet"
    encoding: str = "utf-8"
    numbers: tuple[int, ...] = ()
    problems: tuple[RowIssue, ...] = ()  # records that are no set of fields, with the reason
    header: Mapping[str, Any] = field(default_factory=dict)  # what stood beside the list of records (JSON)


def check_size(n_bytes: int, name: str) -> None:
    """Refuse files above MAX_BYTES with a DatasetError."""
    if n_bytes > MAX_BYTES:
        raise DatasetError(
            f"{shorten(name)} has {n_bytes / 2**20:.1f} MiB; at most {MAX_BYTES // 2**20} MiB are read, so split it."
        )


def read_table(data: bytes, name: str) -> Table:
    """The rows of a file's content. The format follows from the content; `name` is only for messages.

    Raises EncodingError (not text), FormatError (none of the formats, damaged, empty) and DatasetError (too large).
    """
    check_size(len(data), name)
    if not data.strip():
        raise FormatError(f"{shorten(name)} is empty; give a file with one record per row.")
    header: Mapping[str, Any] = {}
    records: Sequence[Any]
    if is_parquet(data):
        kind, encoding, records = "parquet", "utf-8", read_parquet(data, name)
    else:
        text, encoding = decode_text(data)
        if not text.strip():
            raise FormatError(f"{shorten(name)} is empty; give a file with one record per row.")
        if text.lstrip()[:1] == "<":
            raise FormatError(f"{shorten(name)} is a web page or XML; give CSV, TSV, JSON, JSON lines or Parquet.")
        if text.lstrip()[:1] in "[{":
            kind, records, header = read_json(text, name)
        else:
            kind, records = read_delimited(text, name)
    return _table(kind, encoding, records, header, name)


def _table(kind: str, encoding: str, records: Sequence[Any], header: Mapping[str, Any], name: str) -> Table:
    if not records:
        raise FormatError(f"{shorten(name)} holds no records; give a file with at least one.")
    if len(records) > MAX_RECORDS:
        raise DatasetError(
            f"{shorten(name)} has more than {MAX_RECORDS:,} records, the most that are read from one file, so split it."
        )
    rows, numbers, problems = [], [], []
    for number, record in enumerate(records, 1):
        if isinstance(record, dict):
            rows.append(record)
            numbers.append(number)
        elif isinstance(record, RowIssue):
            problems.append(record)
        else:
            problems.append(RowIssue(number, f"The record is {kind_of(record)}, not an object with fields."))
    if not rows:
        raise FormatError(
            f"No record of {shorten(name)} can be read; the first one says: {problems[0].reason.rstrip('.')}."
        )
    columns = dict.fromkeys(key for row in rows for key in row)
    if not columns:
        raise FormatError(f"{shorten(name)} holds no fields; give records with a prompt, a subject and a new target.")
    return Table(tuple(columns), tuple(rows), kind, encoding, tuple(numbers), tuple(problems), header)


def columns_in_words(columns: Iterable[str]) -> str:
    """Column names for a message: the first 20, each cut to 40 characters."""
    names = [shorten(clean(column), 40) or "(empty)" for column in columns]
    more = f" and {len(names) - 20} more" if len(names) > 20 else ""
    return ", ".join(names[:20]) + more
