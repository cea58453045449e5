"""CounterFact as ROME publishes it (Meng et al. 2022, appendix D).

Rephrases are `paraphrase_prompts`, locality probes are `neighborhood_prompts` (the true target is their answer).
`attribute_prompts` and `generation_prompts` are no probes of ours and are not read.
"""

from goldenlayers_core.datasets.format import Format, Row, each, has
from goldenlayers_core.datasets.record import Alias, Draft, Record
from goldenlayers_core.records import Probe


def _fits(row: Row) -> bool:
    return has(row, "requested_rewrite")


def _draft(row: Row) -> Draft:
    record = Record(row)
    subject = record.text("requested_rewrite", "subject")
    true = _target(record, "target_true")
    return Draft(
        prompt=record.text("requested_rewrite", "prompt"),
        subject=subject,
        target_new=_target(record, "target_new"),
        target_true=true,
        rephrases=record.prompts("paraphrase_prompts"),
        locality=tuple(
            Probe(prompt, (true,) if true else (), "locality", "neighborhood")
            for prompt in record.prompts("neighborhood_prompts")
        ),
        relation=record.text("requested_rewrite", "relation_id"),
        case_id=record.text("case_id"),
        notes=record.notes,
    )


def _target(record: Record, key: str) -> str:
    whole = record.get("requested_rewrite", key)
    path = ("requested_rewrite", key, "str") if isinstance(whole, dict) else ("requested_rewrite", key)
    return record.text(*path)


FORMAT = Format(
    name="counterfact",
    description="CounterFact (ROME): neighbourhood prompts are locality probes with the true target as their answer.",
    fits=_fits,
    drafts=each(_draft),
    alias=Alias("requested_rewrite.prompt", "requested_rewrite.subject", "requested_rewrite.target_new"),
)
