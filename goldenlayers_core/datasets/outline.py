"""What a person needs to see of a table to say which column means what."""

from dataclasses import dataclass

from goldenlayers_core.datasets.mapping import ColumnMapping, guess_mapping
from goldenlayers_core.datasets.table import read_table
from goldenlayers_core.datasets.text import clean, shorten

_ROWS = 3
_WIDTH = 200  # characters of a cell


@dataclass(frozen=True)
class Outline:
    """The columns of a table and how it begins."""

    columns: tuple[str, ...]
    head: tuple[tuple[str, ...], ...]  # the first rows, cut to a glance; a cell per column
    n_rows: int

    @property
    def guess(self) -> ColumnMapping:
        """The mapping that the names of the columns suggest."""
        return guess_mapping(self.columns)


def outline(data: bytes, name: str) -> Outline:
    """The outline of a file's content. Raises a DatasetError, as `read_table` does."""
    table = read_table(data, name)
    head = tuple(
        tuple(shorten(clean(str(row.get(column, ""))[: 10 * _WIDTH]), _WIDTH) for column in table.columns)
        for row in table.rows[:_ROWS]
    )
    return Outline(table.columns, head, len(table.rows))
