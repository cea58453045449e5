"""From layer scores to the golden layer: sum over requests, set outliers aside, rank (design.md section 4).

S[l] = sum over requests of phi[q, l];  layers outside [Q1 - k IQR, Q3 + k IQR] are set aside (quartiles by linear
interpolation, bounds kept); the others are ranked by signed S, descending; ties go to the shallower layer.

Predicted scores of edits are averaged instead, and no fence applies: a layer whose prediction stands out is meant to.
"""

import math
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from goldenlayers_core.errors import RequestError
from goldenlayers_core.records import SelectionConfig
from goldenlayers_core.results import Floats, Selection
from goldenlayers_core.results.bootstrap import draws, interval

Quartiles = Literal["linear", "midpoint"]  # between two values: by interpolation, or the middle of them


def fences(totals: Floats, k: float, quartiles: Quartiles = "linear") -> tuple[Floats, Floats]:
    """Tukey fences of (..., L) totals: (...,) lower and upper bound."""
    q1, q3 = np.quantile(totals, (0.25, 0.75), axis=-1, method=quartiles)
    spread = k * (q3 - q1)
    return q1 - spread, q3 + spread


def golden_layers(totals: Floats, k: float, quartiles: Quartiles = "linear") -> NDArray[np.int64]:
    """(...,) first layer of the ranking for each row of (..., L) totals.

    Where the fences leave no layer (possible for k < 0.5 and few layers), the raw ranking's first.
    """
    low, high = fences(totals, k, quartiles)
    inside = (totals >= np.expand_dims(low, -1)) & (totals <= np.expand_dims(high, -1))
    inside |= ~inside.any(axis=-1, keepdims=True)
    first: NDArray[np.int64] = np.where(inside, totals, -np.inf).argmax(axis=-1)
    return first


def select(values: Floats, config: SelectionConfig | None = None, by: Literal["sum", "mean"] = "sum") -> Selection:
    """The golden layer of (Q, L) layer scores, with a bootstrap over requests.

    `by` "mean" is for predicted scores: their mean decides, without fences. Raises RequestError when there is no
    request, or a score is not finite.
    """
    chosen = config or SelectionConfig()
    if values.ndim != 2 or 0 in values.shape:
        raise RequestError("There are no scored requests to choose a layer from; score at least one request first.")
    if not np.isfinite(values).all():
        raise RequestError("Some layer scores are not finite; score again in float32, or leave those requests out.")
    queries, layers = values.shape
    share = 1 if by == "sum" else 1 / queries
    totals = values.sum(axis=0) * share
    low, high = fences(totals, chosen.fence) if by == "sum" else (-math.inf, math.inf)
    outliers = tuple(layer for layer in range(layers) if not low <= totals[layer] <= high)
    raw = tuple(int(layer) for layer in np.argsort(-totals, kind="stable"))
    ranking = tuple(layer for layer in raw if layer not in outliers) or raw
    resampled = draws(queries, chosen.n_resamples, chosen.seed) @ values * share  # (R, L)
    picks = golden_layers(resampled, chosen.fence) if by == "sum" else resampled.argmax(axis=1)
    return Selection(
        golden_layer=ranking[0],
        ranking=ranking,
        raw_ranking=raw,
        outliers=outliers if len(outliers) < layers else (),
        fences=(float(low), float(high)),
        fence_factor=chosen.fence if by == "sum" else math.inf,
        totals=totals,
        interval=np.stack(interval(resampled), axis=1),
        pick_share=np.bincount(picks, minlength=layers) / chosen.n_resamples,
        n_requests=queries,
        n_resamples=chosen.n_resamples,
        seed=chosen.seed,
        by=by,
    )
