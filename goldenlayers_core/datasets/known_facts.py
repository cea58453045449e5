"""ROME's known_1000: facts a model knows (Meng et al. 2022, section 2).

The list has true answers (`attribute`) and nothing to write. So the new target is another record's answer to the same
relation, chosen by a digest of the record: the same file always gives the same requests. A relation with only one
answer offers none, and its records are reported.
"""

import hashlib
from collections.abc import Sequence

from goldenlayers_core.datasets.format import Format, Row, has
from goldenlayers_core.datasets.record import Alias, Draft, Record
from goldenlayers_core.datasets.text import answer_key


def _fits(row: Row) -> bool:
    return has(row, "prompt", "subject", "attribute") and not has(row, "target_new") and not has(row, "target_false")


def _drafts(rows: Sequence[Row]) -> Sequence[Draft]:
    answers: dict[str, dict[str, str]] = {}  # relation -> {answer_key: its spelling}
    for row in rows:
        record = Record(row)
        answer = record.text("attribute")
        if answer:
            answers.setdefault(record.text("relation_id"), {})[answer_key(answer)] = answer
    return [_draft(row, answers) for row in rows]


def _draft(row: Row, answers: dict[str, dict[str, str]]) -> Draft:
    record = Record(row)
    prompt, subject, true = record.text("prompt"), record.text("subject"), record.text("attribute")
    relation = record.text("relation_id")
    others = sorted({text for key, text in answers.get(relation, {}).items() if key != answer_key(true)})
    place = int.from_bytes(hashlib.sha256(f"{prompt}\n{subject}\n{true}".encode()).digest()[:8])
    target = others[place % len(others)] if others and true else ""
    where = f"relation {relation}" if relation else "the records without a relation"
    return Draft(
        prompt=prompt,
        subject=subject,
        target_new=target,
        target_true=true,
        relation=relation,
        case_id=record.text("known_id") or record.text("case_id"),
        notes=record.notes,
        refusal=f"no other answer in {where} could serve as the new target" if true and not others else "",
    )


FORMAT = Format(
    name="known-1000",
    description="Known facts (ROME): the file gives no new target, so each request takes another record's answer "
    "to the same relation.",
    fits=_fits,
    drafts=_drafts,
    alias=Alias(target_new="attribute"),
)
