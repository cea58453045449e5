"""One sentence about an edit: did it take, and what else moved."""

from collections.abc import Sequence

from goldenlayers_core.evaluation.answers import accepts, cut_answer, is_long, says
from goldenlayers_core.models.generate import first_answer
from goldenlayers_core.records import EditRequest
from goldenlayers_core.results import ProbeOutcome


def verdict(request: EditRequest, outcomes: Sequence[ProbeOutcome]) -> str:
    """For example: The edit took: the model now answers 'Rome'; 2 of 2 rephrases follow, 1 of 3 neighbours moved."""
    rewrite = outcomes[0]
    said = _said(rewrite.after.answer, request.target_new, rewrite.success)
    if rewrite.success and says(rewrite.before, rewrite.answers, rewrite.against):
        opening = f"The model answered {said} before the edit and still does"
    elif rewrite.success:
        opening = f"The edit took: the model now answers {said}"
    else:
        wanted = _shortened(cut_answer(request.target_new))
        opening = f"The edit did not take: the model answers {said}, not '{wanted}'"
        if rewrite.written_on:
            opening += ", which it begins with and goes on as a longer word"
    parts = [
        _count(outcomes, "rephrase", True, "rephrase follows", "rephrases follow"),
        _count(outcomes, "portability", True, "consequence follows", "consequences follow"),
        _count(outcomes, "locality", False, "neighbour moved", "neighbours moved"),
    ]
    rest = ", ".join(part for part in parts if part)
    return f"{opening}; {rest}." if rest else f"{opening}."


def _said(answer: str, target: str, is_target: bool) -> str:
    """The answer as one would quote it: the target's own words where it begins with them, else its first clause."""
    text = target.strip() if accepts(answer, (target,)) or (is_target and is_long(target)) else first_answer(answer)
    return f"'{_shortened(cut_answer(text or answer))}'" if text or answer else "nothing"


def _shortened(text: str) -> str:
    return text if not is_long(text) else f"{text[:80].rstrip()} ..."


def _count(outcomes: Sequence[ProbeOutcome], kind: str, success: bool, one: str, many: str) -> str:
    """ "2 of 3 rephrases follow"; "" where there is no such probe."""
    hits = [o.success == success for o in outcomes if o.kind == kind]
    return f"{sum(hits)} of {len(hits)} {one if len(hits) == 1 else many}" if hits else ""
