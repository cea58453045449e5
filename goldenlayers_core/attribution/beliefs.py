"""What some edits say of every layer: a layer is like its neighbours, and an estimate is believed as far as it holds.

    score[q, l] = e_q + f_l + noise,    f ~ N(b z, s^2 K),    b ~ N(0.03, 0.04^2)

e_q: how easy request q is (unknown; only differences between layers of one request count). z (L,): the estimate, as
minus the squared share of layers that it ranks higher: in whatever unit it is, order is what it gives, and it tells bad
layers from good ones better than the good ones apart. K: Matern 3/2 over the layers' numbers, with a share of each
layer's own. b, in score per standard deviation of z, is learnt with f: edits that rank the layers the other way round
turn it negative, so that a wrong estimate soon costs little. The noise, s and the length of K are averaged over a grid,
each setting weighted by how likely it makes the scores. Gaussian process regression: Rasmussen and Williams 2006, ch. 2
and 5. The constants were chosen on made-up scores and two small real pools (benchmarks/README.md, search.py).

Axes: n requests, L layers, G settings of the grid.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import product
from typing import Final

import numpy as np

from goldenlayers_core.results import Floats, mean_ranks

NOISES: Final = (0.10, 0.16, 0.25)  # standard deviations of a score, which lies between 0 and 1
SPREADS: Final = (0.02, 0.06, 0.15)  # s: of the layers' expected scores
LENGTHS: Final = (0.05, 0.13, 0.27)  # of K, as shares of the layers' span
OWN: Final = 0.8  # share of a layer's variance that no neighbour shares
SLOPE: Final = 0.03  # expected b
SLOPE_SPREAD: Final = 0.04


@dataclass(frozen=True)
class Belief:
    """Expected scores of the layers up to a constant, and how sure they are."""

    mean: Floats
    """(L,)"""
    covariance: Floats
    """(L, L)"""

    def best_share(self, n_draws: int = 2000, seed: int = 0) -> Floats:
        """(L,) probability of being the best layer, from draws; sums to 1."""
        values, axes = np.linalg.eigh(self.covariance)
        draws = np.random.default_rng(seed).normal(size=(n_draws, len(self.mean)))
        drawn = self.mean + (draws * np.sqrt(np.maximum(values, 0.0))) @ axes.T  # (n_draws, L)
        share: Floats = np.bincount(drawn.argmax(axis=1), minlength=len(self.mean)) / n_draws
        return share


def believe(scores: Floats, layers: Sequence[int], prior: Floats | None = None) -> Belief:
    """From (n, L) scores, NaN where no edit was made, and an estimate (L,), larger for better layers.

    An estimate that is not finite, or the same everywhere, says nothing.
    """
    size = len(layers)
    information, pulls, squares, n_contrasts = _contrasts(scores)
    z = _standardised(prior, size)
    expected = SLOPE * z
    left = pulls - information @ expected  # (L,) what the expectation does not explain
    squares += float(expected @ information @ expected - 2 * pulls @ expected)
    grid = list(product(SPREADS, LENGTHS, NOISES))
    kernels = np.stack([_kernel(layers, spread, length) for spread, length, _ in grid])  # (G, L, L)
    kernels += SLOPE_SPREAD**2 * np.outer(z, z)
    noise = np.array([noise for _, _, noise in grid]) ** 2  # (G,)
    gain = np.eye(size) + information @ kernels / noise[:, None, None]  # (G, L, L)
    covariances = kernels @ np.linalg.inv(gain)
    moves = covariances @ left / noise[:, None]  # (G, L)
    fit = (squares - moves @ left) / noise
    likelihood = -0.5 * (n_contrasts * np.log(noise) + np.linalg.slogdet(gain)[1] + fit)  # (G,) log, up to a constant
    weight = np.exp(likelihood - likelihood.max())
    weight /= weight.sum()
    mean = weight @ moves
    apart = moves - mean
    covariance = np.einsum("g,gij->ij", weight, covariances) + (weight[:, None] * apart).T @ apart
    return Belief(expected + mean, (covariance + covariance.T) / 2)


def _contrasts(scores: Floats) -> tuple[Floats, Floats, float, int]:
    """Of scores less their request's mean: (L, L) information, (L,) sums, their sum of squares, free differences."""
    measured = ~np.isnan(scores)
    count = measured.sum(axis=1)  # (n,)
    share = measured / np.sqrt(np.maximum(count, 1))[:, None]
    ease = np.where(measured, scores, 0.0).sum(axis=1) / np.maximum(count, 1)
    apart = np.where(measured, scores - ease[:, None], 0.0)
    information: Floats = np.diag(measured.sum(axis=0).astype(np.float64)) - share.T @ share
    return information, apart.sum(axis=0), float((apart**2).sum()), int(np.maximum(count - 1, 0).sum())


def _kernel(layers: Sequence[int], spread: float, length: float) -> Floats:
    """(L, L) Matern 3/2 over the layers' numbers, and each layer's own part."""
    span = max(max(layers) - min(layers), 1)
    distance = np.sqrt(3) * np.abs(np.subtract.outer(layers, layers)) / (length * span)
    matern = (1 + distance) * np.exp(-distance)
    kernel: Floats = spread**2 * ((1 - OWN) * matern + OWN * np.eye(len(layers)))
    return kernel


def _standardised(prior: Floats | None, size: int) -> Floats:
    """(L,) minus the squared share of the layers that the estimate ranks higher, of mean 0 and standard deviation 1."""
    if prior is None or not np.isfinite(prior).all() or not float(prior.std()):
        return np.zeros(size)
    higher = 1 - (mean_ranks(prior) + 0.5) / size
    z = (higher**2).mean() - higher**2
    standardised: Floats = z / z.std()
    return standardised
