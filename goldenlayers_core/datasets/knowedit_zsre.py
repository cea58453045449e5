"""KnowEdit's ZsRE (Zhang et al. 2024, arXiv 2401.01286): zsRE with grouped locality and portability probes."""

from goldenlayers_core.datasets.format import Format, Row, each, has
from goldenlayers_core.datasets.record import Draft, Record


def _fits(row: Row) -> bool:
    grouped = any(isinstance(row.get(key), dict) for key in ("locality", "portability"))
    return grouped and has(row, "prompt", "target_new") and "subject" in row and "rephrase_prompt" in row


def _draft(row: Row) -> Draft:
    record = Record(row)
    true, aliases = record.truths("ground_truth")
    return Draft(
        prompt=record.text("prompt"),
        subject=record.text("subject"),
        target_new=record.target("target_new"),
        target_true=true,
        true_aliases=aliases,
        rephrases=record.prompts("rephrase_prompt"),
        locality=record.grouped_probes("locality", "locality"),
        portability=record.grouped_probes("portability", "portability"),
        case_id=record.text("case_id"),
        notes=record.notes,
    )


FORMAT = Format(
    name="knowedit-zsre",
    description="KnowEdit ZsRE: questions with one rephrase, locality and portability probes.",
    fits=_fits,
    drafts=each(_draft),
)
