"""The formats that are read, one row each, and which of them some records are in.

A new format is one more row of `FORMATS`: what its records are recognised by, and the path of each field. Only what
takes more than paths has a file of its own (`known_facts.py`, `rewrites.py`).
"""

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any

from goldenlayers_core.datasets.format import Fields, Format, Probes, Row, has, within
from goldenlayers_core.datasets.known_facts import with_targets

OWN = "golden-layers"
OWN_VERSION = 1


def _holds(*keys: str, named: tuple[str, ...] = (), lacks: tuple[str, ...] = ()) -> Callable[[Row], bool]:
    """A test for rows with values under `keys`, the keys `named` (empty or not), and no values under `lacks`."""

    def fits(row: Row) -> bool:
        return has(row, *keys) and all(key in row for key in named) and not any(has(row, key) for key in lacks)

    return fits


def _is_own(row: Row) -> bool:
    listed = all(isinstance(row[key], list) for key in ("locality", "portability") if row.get(key) is not None)
    own = any(key in row for key in ("rephrases", "true_aliases"))
    return own and listed and has(row, "prompt", "subject", "target_new")


def _is_grouped(row: Row) -> bool:
    groups = any(isinstance(row.get(key), dict) for key in ("locality", "portability"))
    return groups and has(row, "prompt", "target_new") and "subject" in row


def _is_flat(row: Row) -> bool:
    probed = any(key in row for key in ("rephrase_prompt", "locality_prompt", "locality_ground_truth"))
    return not _is_grouped(row) and probed and has(row, "prompt", "subject", "target_new") and "ground_truth" in row


def _has_answer_new(row: Row) -> bool:
    rewrite = row.get("requested_rewrite")
    return isinstance(rewrite, dict) and "answer_new" in rewrite


_OWN = Fields(
    target_true=("target_true",),
    true_aliases=("true_aliases",),
    new_aliases=("new_aliases",),
    rephrases=(("rephrases",),),
    locality=(Probes(("locality",)),),
    portability=(Probes(("portability",), optional=True),),
    relation=(("relation",),),
    split=("split",),
)
_REWRITE = "requested_rewrite"
_COUNTERFACT = within(
    Fields(
        target_true=("target_true",),
        rephrases=((_REWRITE, "question"), ("paraphrase_prompts",)),
        locality=(
            Probes(("neighborhood_prompts",), ((_REWRITE, "target_true"),), "neighborhood", unique=True),
            Probes(("loc",), (("loc_ans",),)),
        ),
        relation=((_REWRITE, "relation_id"),),
        unread=(("pararel_idx",), ("attribute_prompts",), ("generation_prompts",)),
    ),
    _REWRITE,
)
_MQUAKE = replace(
    _COUNTERFACT,
    new_aliases=(_REWRITE, "new_aliases"),
    true_aliases=(_REWRITE, "true_aliases"),
    portability=(Probes(("questions",), (("new_answer",), ("new_answer_alias",)), "multi-hop"),),
    unread=tuple((key,) for key in ("answer", "answer_alias", "single_hops", "new_single_hops", "orig")),
)
_AKEW = replace(
    _COUNTERFACT,
    target_new=(_REWRITE, "answer_new"),
    new_aliases=(_REWRITE, "answer_new_aliases"),
    target_true=(_REWRITE, "answer_true"),
    true_aliases=(_REWRITE, "answer_true_aliases"),
    locality=(
        Probes(("neighborhood_prompts",), ((_REWRITE, "answer_true"),), "neighborhood", unique=True),
        Probes(("loc",), (("loc_ans",),)),
    ),
    portability=(Probes(("portability",)),),
)
_ZSRE = Fields(
    prompt=("src",),
    target_new=("alt",),
    target_true=("answers",),
    rephrases=(("rephrase",),),
    locality=(Probes(("loc",), (("loc_ans",),), "Natural Questions"),),
    portability=(Probes(("portability",)),),
    unread=(("pred",), ("cond",)),
)
_UNKE = Fields(
    prompt=("question",),
    target_new=("answer",),
    rephrases=(("para_question",),),
    portability=(Probes(("sub_question",), (("sub_answer",),), "sub-question"),),
    case_id=(("id",), ("case_id",)),
)
_EASYEDIT = Fields(
    target_true=("ground_truth",),
    rephrases=(("rephrase_prompt",),),
    locality=(Probes(("locality",)), Probes(("locality_prompt",), (("locality_ground_truth",),))),
    portability=(Probes(("portability",)), Probes(("portability_prompt",), (("portability_ground_truth",),))),
    relation=(("relation_id",), ("relation",)),
    unread=(("cond",),),
)
_CALL = replace(
    _EASYEDIT,
    prompt=("prompts",),
    rephrases=(("rephrase_prompts",),),
    locality=(Probes(("locality_inputs",)),),
    portability=(Probes(("portability_inputs",)),),
)
_WIKIBIO = replace(_EASYEDIT, prompt=("text",), subject=("concept",), target_new=("labels",), target_true=())
_KNOWN = Fields(
    target_new=("attribute",),
    target_true=("attribute",),
    relation=(("relation_id",),),
    case_id=(("known_id",), ("case_id",)),
    template=("template",),
    unread=(("prediction",),),
)

FORMATS: tuple[Format, ...] = (
    Format(OWN, "Golden Layers' own format.", _is_own, _OWN),
    Format(
        "mquake",
        "MQuAKE: every rewrite of a record is a request; the record's multi-hop questions, which follow from all its "
        "rewrites together, are portability probes of each. What held before the rewrites is not read.",
        _holds(_REWRITE, "questions", "new_answer"),
        _MQUAKE,
    ),
    Format(
        "akew-wikiupdate",
        "WikiUpdate (AKEW): a fact that changed, with further spellings of the new answer.",
        _has_answer_new,
        _AKEW,
    ),
    Format(
        "counterfact",
        "CounterFact (ROME): neighbourhood prompts are locality probes with the true target as their answer; "
        "attribute_prompts and generation_prompts are not read.",
        _holds(_REWRITE),
        _COUNTERFACT,
    ),
    Format(
        "zsre-mend",
        "zsRE (MEND): the locality probe is an unrelated question from Natural Questions, as it is given; "
        "pred (another model's answer) and cond are not read.",
        _holds("src", named=("alt", "subject")),
        _ZSRE,
    ),
    Format(
        "unke",
        "UnKE: a question and the passage that answers it; questions about its parts are portability probes.",
        _holds("question", "answer", named=("para_question",)),
        _UNKE,
    ),
    Format(
        "knowedit-wikibio",
        "KnowEdit WikiBio: a passage about a person and the true sentence that continues it; no true target.",
        _holds("text", named=("labels", "concept")),
        _WIKIBIO,
    ),
    Format(
        "known-1000",
        "Known facts (ROME): the file gives no new target, so each request takes another record's answer "
        "to the same relation; prediction is not read.",
        _holds("prompt", "subject", "attribute", lacks=("target_new", "target_false")),
        _KNOWN,
        with_targets,
    ),
    Format(
        "easyedit-call",
        "The arguments of EasyEdit's edit call: one list per field.",
        _holds("prompts", "target_new"),
        _CALL,
    ),
    Format(
        "knowedit-zsre",
        "KnowEdit ZsRE: questions with one rephrase, locality and portability probes.",
        lambda row: _is_grouped(row) and "rephrase_prompt" in row,
        _EASYEDIT,
    ),
    Format(
        "knowedit-wiki-counterfact",
        "KnowEdit WikiData_counterfact: locality and portability probes with aliases; no rephrases.",
        lambda row: _is_grouped(row) and has(row, "ground_truth"),
        _EASYEDIT,
    ),
    Format(
        "knowedit-wiki-recent",
        "KnowEdit WikiData_recent: facts newer than the model, so no true target; no rephrases.",
        _is_grouped,
        _EASYEDIT,
    ),
    Format(
        "counterfact-easyedit",
        "CounterFact (EasyEdit): one rephrase and one locality probe per request.",
        _is_flat,
        _EASYEDIT,
    ),
    Format(
        "rome-request",
        "Requests as ROME, MEMIT and AlphaEdit take them: a template, a subject and the new target.",
        lambda row: has(row, "prompt", "subject") and isinstance(row.get("target_new"), dict),
        replace(_EASYEDIT, target_true=("target_true",)),
    ),
)
"""From the most particular to the most general: where two fit equally many records, the earlier one is taken."""


def detect(rows: Sequence[Mapping[str, Any]]) -> Format | None:
    """The format that most of the rows have the keys of; None where no row has the keys of any."""
    counts: Counter[int | None] = Counter()
    known: dict[Any, int | None] = {}  # rows of the same keys and kinds of values are in the same format
    for row in rows:
        kinds = tuple(map(type, row.values()))
        if dict in kinds:
            counts[_place(row)] += 1
            continue
        shape = (tuple(row), kinds)
        if shape not in known:
            known[shape] = _place(row)
        counts[known[shape]] += 1
    del counts[None]
    best = max(sorted(place for place in counts if place is not None), key=counts.__getitem__, default=None)
    return None if best is None else FORMATS[best]


def _place(row: Mapping[str, Any]) -> int | None:
    return next((place for place, candidate in enumerate(FORMATS) if candidate.fits(row)), None)
