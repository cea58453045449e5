"""zsRE as MEND publishes it (Levy et al. 2017; Mitchell et al. 2022).

`alt` is the new target, `answers` the true ones. `loc` is a question from Natural Questions, kept as it is given, with
`loc_ans` as its answer. `pred` (another model's answer) and `cond` are not read.
"""

from goldenlayers_core.datasets.format import Format, Row, each, has
from goldenlayers_core.datasets.record import Alias, Draft, Record


def _fits(row: Row) -> bool:
    return has(row, "src") and "alt" in row and "subject" in row


def _draft(row: Row) -> Draft:
    record = Record(row)
    true, aliases = record.truths("answers")
    return Draft(
        prompt=record.text("src"),
        subject=record.text("subject"),
        target_new=record.target("alt"),
        target_true=true,
        true_aliases=aliases,
        rephrases=record.prompts("rephrase"),
        locality=record.listed_probes("loc", "loc_ans", "locality", "Natural Questions"),
        case_id=record.text("case_id"),
        notes=record.notes,
    )


FORMAT = Format(
    name="zsre-mend",
    description="zsRE (MEND): the locality probe is an unrelated question from Natural Questions, as it is given.",
    fits=_fits,
    drafts=each(_draft),
    alias=Alias("src", "subject", "alt"),
)
