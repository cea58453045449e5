"""Rank correlation of two scores of the same layers."""

import numpy as np

from goldenlayers_core.results.arrays import Floats


def mean_ranks(values: Floats) -> Floats:
    """(N,) ranks from 0, smallest value first, equal values sharing their mean rank."""
    _, code, count = np.unique(values, return_inverse=True, return_counts=True)
    ranks: Floats = (np.cumsum(count) - (count + 1) / 2)[code]
    return ranks


def spearman(left: Floats, right: Floats) -> float | None:
    """Spearman's correlation of two (N,) scores, ties by mean rank; None below 3 values or where one is constant."""
    if len(left) < 3:
        return None
    a, b = mean_ranks(left), mean_ranks(right)
    if np.ptp(a) == 0 or np.ptp(b) == 0:
        return None
    return float(np.corrcoef(a, b)[0, 1])
