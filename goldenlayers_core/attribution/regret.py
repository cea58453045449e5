"""How much a fixed layer gives away against the best layer of every single request.

    regret(l) = mean over requests of ( max over layers of score[q, .] - score[q, l] )          (design.md section 2)

Axes: Q requests, L layers measured.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from goldenlayers_core.errors import NotFiniteError, RequestError
from goldenlayers_core.results import Floats
from goldenlayers_core.results.bootstrap import interval, resampled_means

N_RESAMPLES: Final = 2000
EPSILON: Final = 1e-9  # scores closer than this are tied


@dataclass(frozen=True, slots=True)
class Regret:
    """The regret of one fixed layer, with its 95 % percentile bootstrap interval over requests."""

    mean: float
    low: float
    high: float
    score: float  # mean score at the layer
    n_requests: int


def regret(
    scores: Floats, layers: Sequence[int], layer: int, n_resamples: int = N_RESAMPLES, seed: int = 0
) -> Regret | None:
    """Regret of `layer` by (Q, L) scores of `layers`; None where the layer was not measured.

    Raises RequestError when there is no request.
    """
    lost = losses(scores)  # (Q, L)
    if layer not in layers:
        return None
    column = list(layers).index(layer)
    mine = lost[:, column]
    low, high = interval(resampled_means(mine, n_resamples, seed))
    return Regret(float(mine.mean()), float(low), float(high), float(scores[:, column].mean()), len(mine))


def losses(scores: Floats) -> Floats:
    """(Q, L) score at the request's best layer minus score at each layer.

    Raises RequestError for no requests, NotFiniteError for a score that is no number.
    """
    if scores.ndim != 2 or 0 in scores.shape:
        raise RequestError("There are no measured requests to compute a regret from; sweep at least one request first.")
    if not np.isfinite(scores).all():
        raise NotFiniteError("Some scores are not finite, so that no layer can be the best; measure them in float32.")
    lost: Floats = scores.max(axis=1, keepdims=True) - scores
    return lost


def oracle_layers(scores: Floats, layers: Sequence[int], epsilon: float = EPSILON) -> tuple[tuple[int, ...], ...]:
    """(Q,) every layer within `epsilon` of the request's best, shallow first: ties are shown as ties."""
    near = losses(scores) <= epsilon
    return tuple(tuple(layer for layer, hit in zip(layers, row, strict=True) if hit) for row in near)


def best_share(scores: Floats, epsilon: float = EPSILON) -> Floats:
    """(L,) share of requests for which the layer is within `epsilon` of the best; with ties the sum exceeds 1."""
    share: Floats = (losses(scores) <= epsilon).mean(axis=0)
    return share


def golden_of(scores: Floats, layers: Sequence[int]) -> int:
    """The layer with the highest mean score; ties (to nine decimals) go to the shallower one."""
    losses(scores)  # refuses an empty matrix
    return int(layers[int(scores.mean(axis=0).round(9).argmax())])


def golden_share(scores: Floats, n_resamples: int = N_RESAMPLES, seed: int = 0) -> Floats:
    """(L,) share of bootstrap resamples of the requests whose golden layer is each layer; sums to 1."""
    losses(scores)  # refuses what has no best layer
    picks: NDArray[np.intp] = resampled_means(scores, n_resamples, seed).round(9).argmax(axis=1)
    share: Floats = np.bincount(picks, minlength=scores.shape[1]) / n_resamples
    return share
