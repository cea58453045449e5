"""Files as rows of fields: CSV, TSV, JSON, JSON lines and Parquet, told apart by their content."""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, NamedTuple

from goldenlayers_core.datasets.delimited import read_delimited
from goldenlayers_core.datasets.jsontext import read_json
from goldenlayers_core.datasets.parquet import is_parquet, read_parquet
from goldenlayers_core.datasets.text import MAX_BYTES, MAX_RECORDS, clean, decode_text, kind_of, shorten
from goldenlayers_core.datasets.wrappers import Opened
from goldenlayers_core.errors import DatasetError, FormatError
from goldenlayers_core.records import RowIssue

_INSTEAD = (  # what lies where a file should be
    (re.compile(r"\s*<"), "a web page or XML; give CSV, TSV, JSON, JSON lines or Parquet"),
    (
        re.compile(r"version https?://[\w./-]*git-lfs"),
        "a Git LFS pointer, not the file itself; fetch the file with git lfs pull, or download it from its page",
    ),
    (
        re.compile(r"[./\\]*(\.git)?/?annex/objects/"),
        "a git-annex pointer, not the file itself; fetch the file with git annex get",
    ),
)


class Numbered(NamedTuple):
    """A record, or what is wrong with it, and its place in the file."""

    number: int
    content: Any  # a dict, or a RowIssue
    split: str
    note: str


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
    splits: tuple[str, ...] = ()  # of each row, by the name of the list it came from; () where there is only one list
    notes: Mapping[int, str] = field(default_factory=dict)  # what is odd about a row, by its number

    def in_order(self) -> list[Numbered]:
        """Rows and problems as they stand in the file."""
        splits = self.splits or ("",) * len(self.rows)
        rows = [
            Numbered(n, row, split, self.notes.get(n, ""))
            for n, row, split in zip(self.numbers, self.rows, splits, strict=True)
        ]
        return sorted([*rows, *(Numbered(p.row, p, "", "") for p in self.problems)], key=lambda item: item.number)

    def renumbered(self, parts: Sequence[Sequence[Any]]) -> "Table":
        """The table with what became of each record of `in_order`, counted anew."""
        made: list[Numbered] = []
        for item, contents in zip(self.in_order(), parts, strict=True):
            made += [Numbered(len(made) + n, content, *item[2:]) for n, content in enumerate(contents, 1)]
        rows = [item for item in made if isinstance(item.content, dict)]
        return replace(
            self,
            columns=_columns(item.content for item in rows),
            rows=tuple(item.content for item in rows),
            numbers=tuple(item.number for item in rows),
            splits=tuple(item.split for item in rows) if self.splits else (),
            notes={item.number: item.note for item in rows if item.note},
            problems=tuple(
                RowIssue(item.number, item.content.reason) for item in made if isinstance(item.content, RowIssue)
            ),
        )


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
    if not data or data.isspace():
        raise FormatError(f"{shorten(name)} is empty; give a file with one record per row.")
    if is_parquet(data):
        return _table("parquet", "utf-8", Opened(read_parquet(data, name)), name)
    text, encoding = decode_text(data)
    if not text or text.isspace():
        raise FormatError(f"{shorten(name)} is empty; give a file with one record per row.")
    for pattern, what in _INSTEAD:
        if pattern.match(text):
            raise FormatError(f"{shorten(name)} is {what}.")
    if _first(text) in "[{":
        kind, opened = read_json(text, name)
    else:
        kind, records = read_delimited(text, name)
        opened = Opened(records)
    return _table(kind, encoding, opened, name)


def _first(text: str) -> str:
    """The first character that is no white space."""
    found = re.compile(r"\S").search(text)
    return found.group() if found else ""


def _table(kind: str, encoding: str, opened: Opened, name: str) -> Table:
    records = opened.records
    if not records:
        raise FormatError(f"{shorten(name)} holds no records; give a file with at least one.")
    if len(records) > MAX_RECORDS:
        raise DatasetError(
            f"{shorten(name)} has more than {MAX_RECORDS:,} records, the most that are read from one file, so split it."
        )
    rows: list[dict[str, Any]] = []
    numbers, problems = [], []
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
    columns = _columns(rows)
    if not columns:
        raise FormatError(f"{shorten(name)} holds no fields; give records with a prompt, a subject and a new target.")
    splits = tuple(opened.splits[n - 1] for n in numbers) if opened.splits else ()
    return Table(
        columns,
        tuple(rows),
        kind,
        encoding,
        tuple(numbers),
        tuple(problems),
        opened.header,
        splits,
        dict(opened.notes),
    )


def _columns(rows: Iterable[dict[str, Any]]) -> tuple[str, ...]:
    found: dict[str, None] = {}
    for row in rows:
        if not row.keys() <= found.keys():
            found.update(dict.fromkeys(row))
    return tuple(found)


def columns_in_words(columns: Iterable[str]) -> str:
    """Column names for a message: the first 20, each cut to 40 characters."""
    names = [shorten(clean(column), 40) or "(empty)" for column in columns]
    more = f" and {len(names) - 20} more" if len(names) > 20 else ""
    return ", ".join(names[:20]) + more
