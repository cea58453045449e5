"""From a file to a Dataset."""

import os
from collections.abc import Mapping
from dataclasses import replace

from goldenlayers_core.datasets.assemble import assemble
from goldenlayers_core.datasets.cells import unpack
from goldenlayers_core.datasets.columns import table_format
from goldenlayers_core.datasets.files import read_plain
from goldenlayers_core.datasets.formats import FORMATS, OWN, OWN_VERSION, detect
from goldenlayers_core.datasets.languages import in_language
from goldenlayers_core.datasets.mapping import ColumnMapping
from goldenlayers_core.datasets.rewrites import spread
from goldenlayers_core.datasets.table import Table, read_table
from goldenlayers_core.datasets.text import clean, scalar_text, shorten
from goldenlayers_core.errors import FormatError
from goldenlayers_core.records import Dataset


def read_bytes(
    data: bytes,
    name: str,
    mapping: ColumnMapping | None = None,
    language: str = "",
    subjects: Mapping[int, str] | None = None,
) -> Dataset:
    """The dataset in a file's content; its format follows from the content, never from `name`.

    With a mapping the content is read as a table with those columns, whatever it looks like. `language` chooses one of
    a file that holds several. `subjects` (row -> subject) are what a person confirmed for a file that names none; such
    a file's other requests have the subject "". Every record is in `requests` or, with its row number and reason, in
    `reported`. Raises a DatasetError where nothing can be read.
    """
    table = in_language(read_table(data, name), language, name)
    name = clean(name)
    if mapping is not None:
        return assemble(name, table_format(table, mapping, name, subjects), table, subjects=subjects)
    if table.header.get("format") == OWN:
        _check_version(table, name)
        return assemble(name, FORMATS[0], table, scalar_text(table.header.get("description")) or "", subjects)
    if table.format in ("csv", "tsv"):  # a published record saved as CSV has its lists and objects as text
        rows = tuple({column: unpack(cell) for column, cell in row.items()} for row in table.rows)
        table = replace(table, rows=rows)
    table = spread(table)
    chosen = detect(table.rows) or table_format(table, None, name)
    return assemble(name, chosen, table, subjects=subjects)


def read_file(path: str | os.PathLike[str], mapping: ColumnMapping | None = None, language: str = "") -> Dataset:
    """The dataset in a file, named after it. Raises a DatasetError; see `read_bytes`."""
    data, name = read_plain(path)
    return read_bytes(data, name, mapping, language)


def _check_version(table: Table, name: str) -> None:
    version = table.header.get("version")
    if version != OWN_VERSION:
        raise FormatError(
            f"{shorten(name)} is version {shorten(str(version), 20)} of the {OWN} format; "
            f"version {OWN_VERSION} is read."
        )
