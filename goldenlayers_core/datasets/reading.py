"""From a file to a Dataset."""

import os
from dataclasses import replace
from pathlib import Path

from goldenlayers_core.datasets import golden_layers
from goldenlayers_core.datasets.assemble import assemble
from goldenlayers_core.datasets.cells import unpack
from goldenlayers_core.datasets.columns import table_format
from goldenlayers_core.datasets.formats import detect
from goldenlayers_core.datasets.mapping import ColumnMapping
from goldenlayers_core.datasets.table import Table, check_size, read_table
from goldenlayers_core.datasets.text import clean, scalar_text, shorten
from goldenlayers_core.errors import DatasetError, FormatError
from goldenlayers_core.records import Dataset


def read_bytes(data: bytes, name: str, mapping: ColumnMapping | None = None) -> Dataset:
    """The dataset in a file's content; its format follows from the content, never from `name`.

    With a mapping the content is read as a table with those columns, whatever it looks like. Every record is in
    `requests` or, with its row number and reason, in `reported`. Raises a DatasetError where nothing can be read.
    """
    table = read_table(data, name)
    name = clean(name)
    if mapping is not None:
        return assemble(name, table_format(table, mapping, name), table)
    if table.header.get("format") == golden_layers.NAME:
        _check_version(table, name)
        return assemble(name, golden_layers.FORMAT, table, scalar_text(table.header.get("description")) or "")
    if table.format in ("csv", "tsv"):  # a published record saved as CSV has its lists and objects as text
        rows = tuple({column: unpack(cell) for column, cell in row.items()} for row in table.rows)
        table = replace(table, rows=rows)
    chosen = detect(table.rows) or table_format(table, None, name)
    return assemble(name, chosen, table)


def read_file(path: str | os.PathLike[str], mapping: ColumnMapping | None = None) -> Dataset:
    """The dataset in a file, named after it. Raises a DatasetError; see `read_bytes`."""
    try:
        file = Path(path).expanduser()
        if not file.is_file():
            what = "is a folder" if file.is_dir() else "does not exist"
            raise DatasetError(f"{shorten(str(path), 200)} {what}; give a file with one request per record.")
        check_size(file.stat().st_size, file.name)
        data = file.read_bytes()
    except (OSError, ValueError, RuntimeError) as error:  # a zero byte in the path; an unknown user after "~"
        raise DatasetError(f"{shorten(str(path), 200)} cannot be opened; check its name and permissions.") from error
    return read_bytes(data, file.name, mapping)


def _check_version(table: Table, name: str) -> None:
    version = table.header.get("version")
    if version != golden_layers.VERSION:
        raise FormatError(
            f"{shorten(name)} is version {shorten(str(version), 20)} of the {golden_layers.NAME} format; "
            f"version {golden_layers.VERSION} is read."
        )
