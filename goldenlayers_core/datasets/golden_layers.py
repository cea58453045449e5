"""The project's own format, version 1: what the bundled datasets are written in.

{"format": "golden-layers", "version": 1, "name", "description", "licence", "requests": [{"case_id", "relation",
 "split", "prompt", "subject", "target_true", "true_aliases": [str], "target_new", "rephrases": [str],
 "locality": [{"prompt", "answers": [str]}], "portability": [{"prompt", "answers": [str], "name"}]}]}
"""

from goldenlayers_core.datasets.format import Format, Row, each, has
from goldenlayers_core.datasets.record import Draft, Record

NAME = "golden-layers"
VERSION = 1


def _fits(row: Row) -> bool:
    listed = all(isinstance(row[key], list) for key in ("locality", "portability") if row.get(key) is not None)
    own = any(key in row for key in ("rephrases", "true_aliases"))
    return own and listed and has(row, "prompt", "subject", "target_new")


def _draft(row: Row) -> Draft:
    record = Record(row)
    split = record.text("split")
    if split not in ("proxy", "test", ""):
        record.note(f"split is {split!r}; only proxy and test are known, so it was left out")
        split = ""
    true = record.text("target_true")
    return Draft(
        prompt=record.text("prompt"),
        subject=record.text("subject"),
        target_new=record.text("target_new"),
        target_true=true,
        true_aliases=tuple(alias for alias in record.texts("true_aliases") if alias != true),
        rephrases=record.prompts("rephrases"),
        locality=record.grouped_probes("locality", "locality"),
        portability=record.grouped_probes("portability", "portability", optional=True),
        relation=record.text("relation"),
        split=split,
        case_id=record.text("case_id"),
        notes=record.notes,
    )


FORMAT = Format(name=NAME, description="Golden Layers' own format.", fits=_fits, drafts=each(_draft))
