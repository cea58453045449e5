"""The budgeted search: race the layers by real edits on growing samples, and let the beaten ones go.

Sequential halving (Karnin, Koren and Somekh 2013): ceil(log2 L) rounds share the budget evenly; each round edits new
requests at every layer still in the race and keeps the better half by the mean over all requests so far. All layers of
a round see the same requests, so that only differences between layers count. With a budget of T edits the best of L
layers is lost with probability at most

    3 log2(L) exp( -T / (8 H2 log2 L) ),    H2 = max over i > 1 of i / gap_i^2      (their theorem 4.1)

where gap_i is the i-th smallest difference of a layer's expected score from the best one's, for scores in [0, 1].
A prior over layers, such as predicted scores, counts as one request, and stops counting as real ones come.

Axes: Q requests of the pool in the order they are drawn, L layers.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from goldenlayers_core.attribution.regret import golden_share
from goldenlayers_core.errors import RequestError
from goldenlayers_core.results import Floats
from goldenlayers_core.results.bootstrap import interval, resampled_means

FIRST: Final = 2  # requests that every layer is edited with, whatever the budget
PRIOR_WEIGHT: Final = 1.0  # requests that the prior counts as


@dataclass(frozen=True)
class Standing:
    """The race after a round."""

    layers: tuple[int, ...]  # that took part in the round, shallow first
    n_requests: int  # each of them has been edited with
    means: tuple[float, ...]  # mean score of each over these requests
    kept: tuple[int, ...]  # that go on to the next round, best first


class Race:
    """Which (requests, layers) to edit next, and what follows from their scores."""

    def __init__(
        self,
        n_requests: int,
        layers: Sequence[int],
        prior: Floats | None = None,
        seed: int = 0,
    ) -> None:
        """`prior` (L,) is any score, larger for better layers. Raises RequestError for no requests or no layers."""
        if not n_requests or not len(layers):
            raise RequestError("A search needs one request and one layer at least; choose some.")
        self.layers = tuple(layers)
        self.order: NDArray[np.intp] = np.random.default_rng(seed).permutation(n_requests)
        self.scores: Floats = np.full((n_requests, len(layers)), np.nan)  # rows in the order drawn
        self.prior = prior
        self.alive = list(range(len(layers)))
        self.drawn = 0
        self.standings: list[Standing] = []

    @property
    def n_rounds(self) -> int:
        return max(1, math.ceil(math.log2(len(self.layers))))

    @property
    def rounds_left(self) -> int:
        return max(0, self.n_rounds - len(self.standings))

    @property
    def over(self) -> bool:
        """Whether one layer is left, every round was run, or every request was drawn."""
        return len(self.alive) == 1 or not self.rounds_left or self.drawn >= len(self.order)

    def ask(self, pairs: float) -> tuple[tuple[int, ...], tuple[int, ...]]:
        """Requests (indices into the pool) and layers of the next round, for a budget of about so many pairs."""
        count = max(FIRST if not self.drawn else 1, int(pairs / len(self.alive)))
        chosen = self.order[self.drawn : self.drawn + count]
        return tuple(int(i) for i in chosen), tuple(self.layers[a] for a in self.alive)

    def tell(self, scores: Floats) -> Standing:
        """Real scores (requests asked, layers asked); the better half goes on."""
        rows = slice(self.drawn, self.drawn + len(scores))
        self.scores[rows, self.alive] = scores
        self.drawn += len(scores)
        real = self.scores[: self.drawn, self.alive]  # (n, A): whoever is alive has met every request drawn
        means: Floats = real.mean(axis=0)
        believed = self._with_prior(means)
        rank = np.argsort(-believed, kind="stable")
        keep = max(1, math.ceil(len(self.alive) / 2))
        took_part = tuple(self.layers[a] for a in self.alive)
        kept = [self.alive[int(i)] for i in rank[:keep]]
        standing = Standing(took_part, self.drawn, tuple(means.tolist()), tuple(self.layers[a] for a in kept))
        self.standings.append(standing)
        self.alive = sorted(kept)
        return standing

    def _with_prior(self, means: Floats) -> Floats:
        """Means of the layers alive, with the prior, put on their scale, as some more requests."""
        if self.prior is None:
            return means
        prior = self.prior[self.alive]
        spread = float(prior.std())
        if not spread or not np.isfinite(prior).all():
            return means
        scaled = means.mean() + (prior - prior.mean()) / spread * means.std()
        mixed: Floats = (self.drawn * means + PRIOR_WEIGHT * scaled) / (self.drawn + PRIOR_WEIGHT)
        return mixed

    @property
    def golden_layer(self) -> int:
        """The best layer of the last round; of the race's start where none was run."""
        return self.standings[-1].kept[0] if self.standings else self.layers[self.alive[0]]

    def confidence(self, n_resamples: int = 2000, seed: int = 0) -> dict[int, float]:
        """Share of bootstrap resamples of the requests drawn in which each layer of the last round is the best."""
        if not self.standings:
            return {}
        last = self.standings[-1].layers
        columns = [self.layers.index(layer) for layer in last]
        share = golden_share(self.scores[: self.drawn, columns], n_resamples, seed)
        return dict(zip(last, share.tolist(), strict=True))

    def lead(self, n_resamples: int = 2000, seed: int = 0) -> tuple[int, float, float, float] | None:
        """(runner-up, mean lead over it, low, high) with a 95 % bootstrap interval; None where it ran alone."""
        if not self.standings or len(self.standings[-1].layers) < 2:
            return None
        last = self.standings[-1]
        other = max(
            zip(last.means, last.layers, strict=True), key=lambda each: (each[1] != self.golden_layer, each[0])
        )[1]
        both = self.scores[: self.drawn, [self.layers.index(self.golden_layer), self.layers.index(other)]]
        ahead = both[:, 0] - both[:, 1]
        low, high = interval(resampled_means(ahead, n_resamples, seed))
        return other, float(ahead.mean()), float(low), float(high)
