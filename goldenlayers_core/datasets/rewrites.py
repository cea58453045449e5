"""Records that hold several rewrites (MQuAKE, Zhong et al. 2023) as one record per rewrite."""

from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any

from goldenlayers_core.datasets.table import Numbered, Table

_KEY = "requested_rewrite"


def spread(table: Table) -> Table:
    """The table with a row for every rewrite; the rows are numbered anew where a record holds more than one."""
    if not any(isinstance(row.get(_KEY), list) for row in table.rows):
        return table
    parts = [list(_rows(item)) for item in table.in_order()]
    found = table.renumbered(parts)
    notes = dict(found.notes)
    number = 0
    for item, rows in zip(table.in_order(), parts, strict=True):
        for place in range(1, len(rows) + 1):
            number += 1
            if len(rows) > 1:
                notes[number] = (
                    f"rewrite {place} of {len(rows)} of the file's record {item.number}; its multi-hop questions "
                    "follow only once all of them are written"
                )
    return replace(found, notes=notes)


def _rows(item: Numbered) -> Iterator[Any]:
    record = item.content
    rewrites = record.get(_KEY) if isinstance(record, dict) else None
    if not isinstance(rewrites, list) or not rewrites:
        yield record
        return
    case = record.get("case_id", item.number)
    for place, rewrite in enumerate(rewrites, 1):
        row = {**record, _KEY: _with_aliases(record, rewrite) if isinstance(rewrite, dict) else rewrite}
        if len(rewrites) > 1:
            row["case_id"] = f"{case}-{place}"
        yield row


def _with_aliases(record: Mapping[str, Any], rewrite: dict[str, Any]) -> dict[str, Any]:
    """The rewrite with the further spellings of its answers that the record's single hops give."""
    found = dict(rewrite)
    for hops, name in (("new_single_hops", "new_aliases"), ("single_hops", "true_aliases")):
        listed = record.get(hops)
        for hop in listed if isinstance(listed, list) else ():
            if isinstance(hop, dict) and rewrite.get("question") and hop.get("question") == rewrite["question"]:
                found[name] = hop.get("answer_alias")
    return found
