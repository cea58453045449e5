"""Any table, through a mapping from its columns to the fields of a request."""

from collections.abc import Mapping
from typing import Any

from goldenlayers_core.datasets.cells import unpack
from goldenlayers_core.datasets.format import Format, Row, each
from goldenlayers_core.datasets.mapping import REQUIRED, ColumnMapping, guess_mapping
from goldenlayers_core.datasets.record import Alias, Draft, Record
from goldenlayers_core.datasets.table import Table, columns_in_words
from goldenlayers_core.datasets.text import clean, shorten
from goldenlayers_core.errors import MappingError
from goldenlayers_core.records import Probe, ProbeKind

_LIST_FIELDS = (
    "target_true",
    "rephrase",
    "locality_prompt",
    "locality_answer",
    "portability_prompt",
    "portability_answer",
)


def table_format(table: Table, mapping: ColumnMapping | None, name: str) -> Format:
    """The format "table" with `mapping`, or the guessed one. Raises MappingError where a needed column is lacking."""
    mapping = mapping or guess_mapping(table.columns)
    there = f"{shorten(name)} has the columns {columns_in_words(table.columns)}"
    unknown = [f"{shorten(col, 40)} (for {field})" for field, col in mapping.used.items() if col not in table.columns]
    if unknown:
        raise MappingError(f"{there}; there is no column {' nor '.join(unknown)}, so choose one of those.")
    if mapping.missing:
        raise MappingError(f"{there}; say which of them holds {' and which holds '.join(mapping.missing)}.")

    def draft(row: Row) -> Draft:
        return _draft(row, mapping)

    used = ", ".join(f"{field} from {shorten(clean(column), 40)}" for field, column in mapping.used.items())
    alias = Alias(*(clean(mapping.used[field]) for field in REQUIRED))
    return Format("table", f"A table read by its columns: {used}.", lambda row: True, each(draft), alias)


def _draft(row: Row, mapping: ColumnMapping) -> Draft:
    """Read a row through the mapping: its fields under our names, list cells unpacked."""
    cells = {field: row.get(column) for field, column in mapping.used.items()}
    fields = {field: cell_list(cell) if field in _LIST_FIELDS else cell for field, cell in cells.items()}
    record = Record(fields)
    true, aliases = record.truths("target_true")
    return Draft(
        prompt=record.text("prompt"),
        subject=record.text("subject"),
        target_new=record.target("target_new"),
        target_true=true,
        true_aliases=aliases,
        rephrases=record.prompts("rephrase"),
        locality=_probes(record, fields, "locality"),
        portability=_probes(record, fields, "portability"),
        relation=record.text("relation"),
        case_id=record.text("case_id"),
        notes=record.notes,
    )


def _probes(record: Record, fields: Mapping[str, Any], kind: ProbeKind) -> tuple[Probe, ...]:
    value = fields.get(f"{kind}_prompt")
    if isinstance(value, Mapping) or (isinstance(value, list) and any(isinstance(item, Mapping) for item in value)):
        return record.grouped_probes(f"{kind}_prompt", kind)  # prompts and answers together, as KnowEdit keeps them
    return record.listed_probes(f"{kind}_prompt", f"{kind}_answer", kind)


def cell_list(cell: Any) -> Any:
    """A cell's text as a list where it is written as one: JSON, Python, or parts between "|"."""
    value = unpack(cell)
    if isinstance(value, str) and "|" in value:
        return [part.strip() for part in value.split("|")]
    return value
