"""Any table, through a mapping from its columns to the fields of a request."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any

from goldenlayers_core.datasets.cells import unpack
from goldenlayers_core.datasets.format import Fields, Format, Probes, Row
from goldenlayers_core.datasets.mapping import ColumnMapping, guess_mapping
from goldenlayers_core.datasets.record import Alias, Draft
from goldenlayers_core.datasets.table import Table, columns_in_words
from goldenlayers_core.datasets.text import clean, shorten
from goldenlayers_core.errors import MappingError

_LIST_FIELDS = (
    "target_true",
    "rephrase",
    "locality_prompt",
    "locality_answer",
    "portability_prompt",
    "portability_answer",
)
_PROBES = frozenset({"locality_prompt", "portability_prompt"})
_FIELDS = Fields(  # under our own names
    target_true=("target_true",),
    rephrases=(("rephrase",),),
    locality=(Probes(("locality_prompt",), (("locality_answer",),)),),
    portability=(Probes(("portability_prompt",), (("portability_answer",),)),),
    relation=(("relation",),),
)


@dataclass(frozen=True)
class _TableFormat(Format):
    """A format made of a column mapping."""

    mapping: ColumnMapping = field(default_factory=ColumnMapping)

    def drafts(self, rows: Sequence[Row]) -> Sequence[Draft]:
        """One draft per row: its fields under our names, list cells unpacked."""
        used = tuple((name, column, name in _LIST_FIELDS) for name, column in self.mapping.used.items())
        columns = frozenset(column for _, column, _ in used)
        return [self._draft(row, used, columns) for row in rows]

    @cached_property
    def alias(self) -> Alias:
        """The columns of the needed fields, for messages."""
        mapping = self.mapping
        return Alias(clean(mapping.prompt or ""), clean(mapping.subject or "subject"), clean(mapping.target_new or ""))

    @staticmethod
    def _draft(row: Row, used: Sequence[tuple[str, str, bool]], columns: frozenset[str]) -> Draft:
        cells: dict[str, Any] = {}
        for name, column, is_list in used:
            cell = row.get(column)
            cells[name] = cell_list(cell) if is_list and cell is not None else cell
        fields = _FIELDS if cells.keys().isdisjoint(_PROBES) else _fields(cells)
        draft = fields.draft(cells)
        if row.keys() <= columns:
            return draft
        left = (str(column) for column, cell in row.items() if column not in columns and cell not in (None, "", [], {}))
        return replace(draft, left=(*draft.left, *left))


def table_format(
    table: Table, mapping: ColumnMapping | None, name: str, subjects: Mapping[int, str] | None = None
) -> Format:
    """The format "table" with `mapping`, or the guessed one.

    Raises MappingError where a needed column is lacking. A subject is not needed where none could be guessed, nor where
    `subjects` gives what a person confirmed.
    """
    guessed = mapping is None
    mapping = mapping or guess_mapping(table.columns)
    there = f"{shorten(name)} has the columns {columns_in_words(table.columns)}"
    unknown = [f"{shorten(col, 40)} (for {field})" for field, col in mapping.used.items() if col not in table.columns]
    if unknown:
        raise MappingError(f"{there}; there is no column {' nor '.join(unknown)}, so choose one of those.")
    if mapping.missing and not ((guessed or subjects is not None) and mapping.missing == ("subject",)):
        raise MappingError(f"{there}; say which of them holds {' and which holds '.join(mapping.missing)}.")
    used = ", ".join(f"{field} from {shorten(clean(column), 40)}" for field, column in mapping.used.items())
    return _TableFormat("table", f"A table read by its columns: {used}.", lambda row: True, mapping=mapping)


def _fields(cells: Mapping[str, Any]) -> Fields:
    """Where the probes are: prompts and answers apart, or together in one column, as KnowEdit keeps them."""
    changed: dict[str, Any] = {}
    for kind in ("locality", "portability"):
        value = cells.get(f"{kind}_prompt")
        if isinstance(value, dict) or (isinstance(value, list) and any(isinstance(item, dict) for item in value)):
            changed[kind] = (Probes((f"{kind}_prompt",)),)
    return replace(_FIELDS, **changed) if changed else _FIELDS


def cell_list(cell: Any) -> Any:
    """A cell's text as a list where it is written as one: JSON, Python, or parts between "|"."""
    value = unpack(cell)
    if isinstance(value, str) and "|" in value:
        return [part.strip() for part in value.split("|")]
    return value
