"""Two sweeps beside each other: methods, models or requests. No torch."""

import numpy as np
from numpy.typing import NDArray

from goldenlayers_core.attribution.regret import N_RESAMPLES
from goldenlayers_core.results import SweepResult, spearman
from goldenlayers_core.results.truth.compared import Carried, ComparedSweeps
from goldenlayers_core.tasks.truth.judgement import SEED, curve, difference


def compared(a: SweepResult, b: SweepResult, n_resamples: int = N_RESAMPLES, seed: int = SEED) -> ComparedSweeps:
    """Both on the requests that they share, where they share any; else each on its own."""
    place = {digest: row for row, digest in enumerate(b.request_digests)}
    rows_a = np.array([row for row, digest in enumerate(a.request_digests) if digest in place], dtype=np.intp)
    rows_b: NDArray[np.intp] = np.array([place[a.request_digests[row]] for row in rows_a], dtype=np.intp)
    left, right = (a.only(rows_a), b.only(rows_b)) if len(rows_a) else (a, b)
    alike = a.n_layers == b.n_layers
    both = [layer for layer in a.layers if layer in b.layers] if alike else []
    means = [one.mean("score").round(9)[[one.layers.index(layer) for layer in both]] for one in (left, right)]
    return ComparedSweeps(
        names=(_words(a), _words(b)),
        curves=(curve(left, "score", n_resamples, seed), curve(right, "score", n_resamples, seed)),
        golden=(left.golden_layer, right.golden_layer),
        n_shared=len(rows_a),
        n_requests=(a.n_requests, b.n_requests),
        carried=(
            _carried(left.golden_layer, right, n_resamples, seed) if alike else None,
            _carried(right.golden_layer, left, n_resamples, seed) if alike else None,
        ),
        correlation=spearman(*means) if both else None,
        n_layers=len(both),
        same_model=a.fingerprint == b.fingerprint,
        same_method=(a.method, a.config) == (b.method, b.config),
    )


def _carried(layer: int, judge: SweepResult, n_resamples: int, seed: int) -> Carried | None:
    found = difference(judge, judge.golden_layer, layer, n_resamples, seed)
    return None if found is None else Carried(layer, found.mean, found.low, found.high)


def _words(sweep: SweepResult) -> str:
    return f"{sweep.used.edits} of {sweep.dataset}, {sweep.model}"
