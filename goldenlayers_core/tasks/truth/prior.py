"""What a search begins with: an estimate of the layers that is at hand, or cheap enough to be made."""

import dataclasses
from typing import TYPE_CHECKING, Final

import numpy as np

from goldenlayers_core.errors import Cancelled, GoldenLayersError
from goldenlayers_core.records import KeyCovariance
from goldenlayers_core.results import Floats
from goldenlayers_core.results.truth.measured import setting_of
from goldenlayers_core.runtime import Progress, Store
from goldenlayers_core.tasks.questions import SearchQuestion
from goldenlayers_core.tasks.recommendation import predicted_covariance
from goldenlayers_core.tasks.scores.layer_scores import layer_scores
from goldenlayers_core.tasks.scores.predicting import estimate_question
from goldenlayers_core.tasks.scores.stored import open_scores
from goldenlayers_core.tasks.truth.clock import TimeUp, Within
from goldenlayers_core.tasks.truth.estimates import written_with

if TYPE_CHECKING:
    from goldenlayers_core.tasks.workbench import Workbench

SHARE: Final = 0.1  # of the budget that an estimate may take
MOST: Final = 8  # requests that it is made of
LEAST: Final = 2
NONE: Final = "none"


@dataclasses.dataclass(frozen=True)
class Prior:
    """An estimate of the layers, and what it is in words."""

    values: Floats | None = None
    """(L,) larger for better layers"""
    words: str = NONE


def stored_prior(store: Store, fingerprint: str, layers: tuple[int, ...], covariance: KeyCovariance) -> Prior:
    """Mean predicted scores of the newest edit-aware run of these weights that predicts edits written with the same
    covariance; LGA may rank the other way round."""
    for run in store.runs():
        fits = predicted_covariance(run) == setting_of(covariance)
        if run.kind == "score" and run.fingerprint == fingerprint and run.word("method") == "edit-aware" and fits:
            values = open_scores(store, run.run_id)[0].values.mean(axis=0)
            words = f"edit-aware analysis of {run.n_requests} requests of {run.dataset}"
            return Prior(np.asarray(values[list(layers)]), words)
    return Prior()


def made_prior(
    bench: "Workbench", question: SearchQuestion, layers: tuple[int, ...], cost: float, progress: Progress
) -> Prior:
    """Edit-aware analysis of the first few requests, as many as should fit into a tenth of the budget.

    `cost`: seconds per edit, which is about what a request takes. Where it takes longer after all, there is no prior.
    """
    allowed = SHARE * question.seconds
    number = min(MOST, question.choice.limit or MOST, int(allowed / max(cost, 1e-9)))
    if number < LEAST:
        return Prior(words=f"{NONE}: edit-aware analysis would take more than a tenth of the time")
    few = dataclasses.replace(question.choice, limit=number)
    asked = estimate_question(question.model, few, "edit-aware", written_with(question))
    try:
        scores, _ = layer_scores(bench, asked, Within(progress, allowed, "Edit-aware analysis"))
    except TimeUp:
        return Prior(words=f"{NONE}: edit-aware analysis did not end within a tenth of the time")
    except Cancelled:
        raise
    except GoldenLayersError as error:
        return Prior(words=f"{NONE}: {error}")
    values = np.asarray(scores.values.mean(axis=0)[list(layers)])
    return Prior(values, f"edit-aware analysis of {scores.n_requests} of the requests")
