"""What real edits and gradients say of a model's layers, computed once while nothing new is known of it."""

from goldenlayers_core.results import LayerScores, Selection
from goldenlayers_core.results.scores.parts import who
from goldenlayers_core.results.scores.readings import LOSS_WORDS
from goldenlayers_core.results.truth.measured import Covariance, MethodUsed
from goldenlayers_core.tasks import Recommendation, ScoreQuestion, layer_said
from goldenlayers_core.tasks.recommendation import by_gradients, recommend
from goldenlayers_core.tasks.scores.predicting import judged_by
from goldenlayers_core.tasks.scores.stored import other_pick
from goldenlayers_core.tasks.shipped_evidence import shipped
from pages._shared import cached


def known_of(fingerprint: str) -> str:
    """What is known of a model's layers, in a few letters that change with it."""
    runs = cached.workbench().store.runs()
    return " ".join([shipped().digest, *(f"{m.run_id} {m.created}" for m in runs if m.fingerprint == fingerprint)])


def recommendation(fingerprint: str, used: MethodUsed, data: str, *, gradients: bool = False) -> Recommendation | None:
    """The recommended layer for a model, a method and a data set; by LGA alone with `gradients`."""
    known = known_of(fingerprint)
    return cached.once(
        _recommended, fingerprint, used.method, used.covariance, data, known, "gradients" if gradients else ""
    )


def _recommended(
    fingerprint: str, method: str, covariance: Covariance, data: str, _known: str, by: str
) -> Recommendation | None:
    make = by_gradients if by else recommend
    return make(cached.workbench().store, fingerprint, MethodUsed(method, covariance), data)


def of_scores(scores: LayerScores, selection: Selection, run_id: str) -> str:
    """What real edits say of the layer that a score run names; of LGA, under both readings where the run has both."""
    return cached.once(_of_scores, scores, selection, run_id, known_of(scores.fingerprint))


def _of_scores(scores: LayerScores, selection: Selection, run_id: str, _known: str) -> str:
    question = cached.asked(ScoreQuestion, run_id)
    data = question.choice.dataset
    if scores.method != "lga":
        return layer_said.said_of(
            cached.workbench().store,
            scores.fingerprint,
            who(scores.method),
            selection.golden_layer,
            judged_by(scores),
            data,
        )
    picks = [(LOSS_WORDS[scores.loss_on], selection.golden_layer)]
    if (other := other_pick(scores, question)) is not None:
        picks.append((LOSS_WORDS[other[0]], other[1].golden_layer))
    return layer_said.readings_said(cached.workbench().store, scores.fingerprint, picks, MethodUsed(), data)
