"""KnowEdit's WikiBio (Zhang et al. 2024, arXiv 2401.01286; Hartvigsen et al. 2023).

The prompt is the passage `text`, the new target the sentence `labels` that continues it, the subject the `concept`,
which is written in lower case with spaces before commas: the passage's own spelling of it is used. The same concept
recurs with a longer passage. There is no true target and no rephrase.
"""

from goldenlayers_core.datasets.format import Format, Row, each, has
from goldenlayers_core.datasets.record import Alias, Draft, Record


def _fits(row: Row) -> bool:
    return has(row, "text") and "labels" in row and "concept" in row


def _draft(row: Row) -> Draft:
    record = Record(row)
    return Draft(
        prompt=record.text("text"),
        subject=record.text("concept"),
        target_new=record.target("labels"),
        rephrases=record.prompts("rephrase_prompt"),
        locality=record.grouped_probes("locality", "locality"),
        portability=record.grouped_probes("portability", "portability"),
        case_id=record.text("case_id"),
        notes=record.notes,
    )


FORMAT = Format(
    name="knowedit-wikibio",
    description="KnowEdit WikiBio: a passage about a person and the true sentence that continues it; no true target.",
    fits=_fits,
    drafts=each(_draft),
    alias=Alias("text", "concept", "labels"),
)
