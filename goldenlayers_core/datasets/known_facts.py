"""ROME's known_1000: facts a model knows (Meng et al. 2022, section 2).

The list has true answers (`attribute`) and nothing to write. So the new target is another record's answer to the same
relation, chosen by a digest of the record: the same file always gives the same requests. A relation with only one
answer offers none, and its records are reported.
"""

import dataclasses
import hashlib
from collections.abc import Sequence

from goldenlayers_core.datasets.record import Draft
from goldenlayers_core.datasets.text import answer_key


def with_targets(drafts: Sequence[Draft]) -> Sequence[Draft]:
    """The drafts with another answer to the same relation as their new target, or with the reason why there is none."""
    answers: dict[str, dict[str, str]] = {}  # relation -> {answer_key: its spelling}
    for draft in drafts:
        if draft.target_true:
            answers.setdefault(draft.relation, {})[answer_key(draft.target_true)] = draft.target_true
    choices = {relation: _Choices(found) for relation, found in answers.items()}
    return [_with_target(draft, choices.get(draft.relation)) for draft in drafts]


class _Choices:
    """The answers to one relation, in order, and the place of each."""

    def __init__(self, found: dict[str, str]) -> None:
        by_text = sorted(found.items(), key=lambda pair: pair[1])
        self.texts = [text for _, text in by_text]
        self.places = {key: place for place, (key, _) in enumerate(by_text)}


def _with_target(draft: Draft, choices: _Choices | None) -> Draft:
    if choices is None or not draft.target_true:
        return dataclasses.replace(draft, target_new="")
    if len(choices.texts) < 2:
        where = f"relation {draft.relation}" if draft.relation else "the records without a relation"
        refusal = f"no other answer in {where} could serve as the new target"
        return dataclasses.replace(draft, target_new="", refusal=refusal)
    digest = hashlib.sha256(f"{draft.prompt}\n{draft.subject}\n{draft.target_true}".encode()).digest()
    place = int.from_bytes(digest[:8]) % (len(choices.texts) - 1)
    own = choices.places[answer_key(draft.target_true)]
    return dataclasses.replace(draft, target_new=choices.texts[place + (place >= own)])
