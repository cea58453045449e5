"""CounterFact in EasyEdit's flat schema: one text per field, or a list of them (Wang et al. 2023)."""

from goldenlayers_core.datasets.format import Format, Row, each, has
from goldenlayers_core.datasets.record import Draft, Record


def _fits(row: Row) -> bool:
    flat = not any(isinstance(row.get(key), dict) for key in ("locality", "portability"))
    probed = any(key in row for key in ("rephrase_prompt", "locality_prompt", "locality_ground_truth"))
    return flat and probed and has(row, "prompt", "subject", "target_new") and "ground_truth" in row


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
        locality=record.listed_probes("locality_prompt", "locality_ground_truth", "locality"),
        portability=record.listed_probes("portability_prompt", "portability_ground_truth", "portability"),
        relation=record.text("relation_id") or record.text("relation"),
        case_id=record.text("case_id"),
        notes=record.notes,
    )


FORMAT = Format(
    name="counterfact-easyedit",
    description="CounterFact (EasyEdit): one rephrase and one locality probe per request.",
    fits=_fits,
    drafts=each(_draft),
)
