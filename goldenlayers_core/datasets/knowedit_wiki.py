"""KnowEdit's WikiData_counterfact and WikiData_recent (Zhang et al. 2024, arXiv 2401.01286).

One shape: `portability` and `locality` hold groups of {prompt, ground_truth: [[alias, ...], ...]}. A probe may have
several answers, each with aliases; any alias of any answer is accepted. Neither set has rephrases; WikiData_recent
writes facts newer than the model and gives no true answer.
"""

from goldenlayers_core.datasets.format import Format, Row, each, has
from goldenlayers_core.datasets.record import Draft, Record


def _grouped(row: Row) -> bool:
    groups = any(isinstance(row.get(key), dict) for key in ("locality", "portability"))
    return groups and has(row, "prompt", "target_new") and "subject" in row


def _fits_counterfact(row: Row) -> bool:
    return _grouped(row) and has(row, "ground_truth")


def _draft(row: Row) -> Draft:
    record = Record(row)
    true, aliases = record.truths("ground_truth")
    locality = record.grouped_probes("locality", "locality")
    portability = record.grouped_probes("portability", "portability")
    return Draft(
        prompt=record.text("prompt"),
        subject=record.text("subject"),
        target_new=record.target("target_new"),
        target_true=true,
        true_aliases=aliases,
        rephrases=record.prompts("rephrase_prompt"),
        locality=locality,
        portability=portability,
        case_id=record.text("case_id"),
        notes=(*record.notes, *_several(row)),
    )


def _several(row: Row) -> tuple[str, ...]:
    """A note for each field whose probes have more than one answer (aliases of one answer do not count)."""
    notes = []
    for key in ("locality", "portability"):
        groups = row.get(key)
        items = [i for g in groups.values() if isinstance(g, list) for i in g] if isinstance(groups, dict) else []
        many = sum(
            isinstance(item, dict)
            and isinstance(item.get("ground_truth"), list)
            and sum(isinstance(answer, list) and bool(answer) for answer in item["ground_truth"]) > 1
            for item in items
        )
        if many:
            notes.append(
                f"{many} of {len(items)} probes in {key} have several answers; any alias of any one is accepted"
            )
    return tuple(notes)


COUNTERFACT = Format(
    name="knowedit-wiki-counterfact",
    description="KnowEdit WikiData_counterfact: locality and portability probes with aliases; no rephrases.",
    fits=_fits_counterfact,
    drafts=each(_draft),
)
RECENT = Format(
    name="knowedit-wiki-recent",
    description="KnowEdit WikiData_recent: facts newer than the model, so no true target; no rephrases.",
    fits=_grouped,
    drafts=each(_draft),
)
