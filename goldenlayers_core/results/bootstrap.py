"""Resamples of requests with replacement, for intervals and for how often a choice comes out the same.

Axes: Q requests, R resamples, L layers.
"""

from functools import lru_cache
from typing import Any

import numpy as np

from goldenlayers_core.results.arrays import Floats


@lru_cache(maxsize=2)  # a page compares dozens of layers on the same resamples
def draws(queries: int, n_resamples: int, seed: int) -> Floats:
    """(R, Q) how often each request is in each resample; not to be written."""
    counts = np.random.default_rng(seed).multinomial(queries, np.full(queries, 1 / queries), size=n_resamples)
    drawn: Floats = counts.astype(np.float64)
    drawn.flags.writeable = False
    return drawn


def resampled_means(values: Floats, n_resamples: int, seed: int) -> Floats:
    """(R, L) means of resamples of the Q rows of (Q, L); (R,) of (Q,)."""
    means: Floats = draws(len(values), n_resamples, seed) @ values / len(values)
    return means


def interval(resampled: Floats) -> tuple[Any, Any]:
    """What 95 % of the resamples lie between: (L,) and (L,) of (R, L), two numbers of (R,)."""
    low, high = np.quantile(resampled, (0.025, 0.975), axis=0)
    return low, high
