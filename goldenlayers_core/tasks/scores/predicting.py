"""Scores that predict what edits would do: how they are asked for, and the edits that can judge them. No torch."""

from goldenlayers_core.records import (
    DamageConfig,
    EditAwareConfig,
    KeyCovariance,
    LineCheckConfig,
    ModelSource,
    ScoreMethod,
)
from goldenlayers_core.results import LayerScores
from goldenlayers_core.results.truth.measured import MethodUsed
from goldenlayers_core.tasks.questions import DatasetChoice, ScoreQuestion


def estimate_question(
    model: ModelSource, choice: DatasetChoice, method: ScoreMethod, covariance: KeyCovariance = "identity"
) -> ScoreQuestion:
    """Scores by a method at its defaults; those that predict edits predict such as are written with the covariance."""
    return ScoreQuestion(
        model,
        choice,
        method=method,
        edit_aware=EditAwareConfig(covariance=covariance if method == "edit-aware" else "identity"),
        line_check=LineCheckConfig(covariance=covariance if method == "line-check" else "identity"),
        damage=DamageConfig(covariance=covariance if method == "damage" else "identity"),
    )


def judged_by(scores: LayerScores) -> MethodUsed:
    """The edits that can judge a layer chosen by these scores: ROME's, with the covariance that is predicted."""
    return MethodUsed("rome", "covariance" if scores.covariance else "identity")
