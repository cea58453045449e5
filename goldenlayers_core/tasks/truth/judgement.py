"""What a sweep says about layers and about estimates of them. No torch.

Axes: Q requests, L layers measured, R resamples.
"""

from collections.abc import Sequence
from typing import Final

import numpy as np

from goldenlayers_core.attribution.regret import (
    EPSILON,
    N_RESAMPLES,
    best_share,
    golden_share,
    losses,
)
from goldenlayers_core.attribution.standing import Apart, behind
from goldenlayers_core.results import (
    Agreement,
    BestLayers,
    Floats,
    LayerCurve,
    LayerScores,
    Selection,
    SweepResult,
    spearman,
)
from goldenlayers_core.results.bootstrap import interval, resampled_means

SEED: Final = 0


def curve(sweep: SweepResult, name: str, n_resamples: int = N_RESAMPLES, seed: int = SEED) -> LayerCurve:
    """The mean of a metric (or "score") per layer with its bootstrap interval over the requests that have it."""
    values = sweep.score if name == "score" else sweep.of(name)
    have = ~np.isnan(values).any(axis=1)
    kept = values[have]
    layers = len(sweep.layers)
    if len(kept):
        resampled = resampled_means(kept, n_resamples, seed)  # (R, L)
        mean, bounds = kept.mean(axis=0), np.stack(interval(resampled), axis=1)
    else:
        mean, bounds = np.full(layers, np.nan), np.full((layers, 2), np.nan)
    before = np.array([np.nan]) if name == "score" else sweep.before_of(name)[have]
    before = before[~np.isnan(before)]
    return LayerCurve(
        name=name,
        layers=sweep.layers,
        n_layers=sweep.n_layers,
        mean=mean,
        interval=bounds,
        before=float(before.mean()) if len(before) else float("nan"),
        n_requests=int(have.sum()),
        n_resamples=n_resamples,
        seed=seed,
    )


def difference(
    sweep: SweepResult, better: int, worse: int, n_resamples: int = N_RESAMPLES, seed: int = SEED
) -> Apart | None:
    """Mean over requests of score at `better` minus score at `worse`; None where one of them was not measured."""
    return behind(sweep.score, sweep.layers, better, worse, n_resamples, seed)


def rivals(sweep: SweepResult, n_resamples: int = N_RESAMPLES, seed: int = SEED) -> tuple[int, ...]:
    """Layers that the golden layer does not beat: the interval of their paired difference includes 0; best first."""
    golden = sweep.golden_layer
    means = sweep.mean("score")
    near: list[tuple[float, int]] = []
    for place, layer in enumerate(sweep.layers):
        apart = difference(sweep, golden, layer, n_resamples, seed)
        if layer != golden and apart is not None and apart.is_level:
            near.append((-float(means[place]), layer))
    return tuple(layer for _, layer in sorted(near))


def steadiness(sweep: SweepResult, n_resamples: int = N_RESAMPLES, seed: int = SEED) -> Floats:
    """(L,) share of bootstrap resamples of the requests whose golden layer is each layer; sums to 1."""
    return golden_share(sweep.score, n_resamples, seed)


def left_out_regret(sweep: SweepResult) -> float | None:
    """Mean regret on each request of the golden layer of all others: fair where a layer is judged where it was chosen.

    None below 2 requests.
    """
    scores = sweep.score
    queries = len(scores)
    if queries < 2:
        return None
    others = scores.sum(axis=0, keepdims=True) - scores  # (Q, L) sum over all other requests
    chosen = others.round(9).argmax(axis=1)
    return float(losses(scores)[np.arange(queries), chosen].mean())


def best(
    sweep: SweepResult, estimate: LayerScores | None = None, title: str = "", epsilon: float = EPSILON
) -> BestLayers:
    """Where single requests have their best layers, by real edits and by an estimate on its own requests.

    Of the estimate only requests that were swept count, where there are any of those.
    """
    scores = sweep.score
    alone = losses(scores) <= epsilon  # (Q, L)
    estimated, n_estimated = None, 0
    if estimate is not None and estimate.n_layers == sweep.n_layers:
        swept = set(sweep.request_digests)
        both = [q for q, digest in enumerate(estimate.request_digests) if digest in swept]
        chosen = estimate.best_layers[both] if both else estimate.best_layers
        n_estimated = len(chosen)
        estimated = np.bincount(chosen, minlength=sweep.n_layers) / max(n_estimated, 1)
    return BestLayers(
        layers=sweep.layers,
        n_layers=sweep.n_layers,
        golden_layer=sweep.golden_layer,
        share=best_share(scores, epsilon),
        alone=(alone & (alone.sum(axis=1, keepdims=True) == 1)).mean(axis=0),
        epsilon=epsilon,
        n_requests=sweep.n_requests,
        estimator=title if estimated is not None else "",
        estimated=estimated,
        n_estimated=n_estimated,
    )


def agreement(
    sweep: SweepResult, totals: Floats, pick: int, title: str, n_estimated: int, n_resamples: int = 500
) -> Agreement:
    """An estimate's (n_layers,) numbers beside the mean real scores, with the interval of their rank correlation."""
    estimate, scores = totals[list(sweep.layers)], sweep.score
    # rounded, because sums of the same hits in another order differ in the last bit and would break ties
    resampled = [spearman(estimate, row) for row in resampled_means(scores, n_resamples, SEED).round(9)]
    found = [value for value in resampled if value is not None]
    low, high = interval(np.array(found)) if found and len(scores) > 1 else (None, None)
    return Agreement(
        estimator=title,
        layers=sweep.layers,
        estimate=estimate,
        real=scores.mean(axis=0).round(9),
        golden_layer=sweep.golden_layer,
        pick=pick,
        n_estimated=n_estimated,
        n_requests=sweep.n_requests,
        low=None if low is None else float(low),
        high=None if high is None else float(high),
    )


def of_selection(sweep: SweepResult, scores: LayerScores, selection: Selection, title: str) -> Agreement:
    """An estimate's summed scores beside the sweep's."""
    return agreement(sweep, selection.totals, selection.golden_layer, title, scores.n_requests)


def failures(sweep: SweepResult, layer: int, most: float = 0.5) -> Sequence[int]:
    """Requests whose score at `layer` is at most `most`, or whose rewrite fails there; the worst first."""
    place = sweep.layers.index(layer)
    scores, rewrite = sweep.score[:, place], sweep.of("rewrite")[:, place]
    bad = np.flatnonzero((scores <= most) | (rewrite < 1))
    return [int(q) for q in bad[np.argsort(scores[bad], kind="stable")]]
