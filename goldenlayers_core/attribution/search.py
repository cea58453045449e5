"""The budgeted search: race the layers by real edits on growing samples, and let the beaten ones go.

Sequential halving (Karnin, Koren and Somekh 2013): ceil(log2 L) rounds share the budget evenly; each round edits new
requests at every layer still in the race and keeps the better half. All layers of a round see the same requests, so
that only differences between layers count. By means alone, with a budget of T edits the best of L layers is lost with
probability at most

    3 log2(L) exp( -T / (8 H2 log2 L) ),    H2 = max over i > 1 of i / gap_i^2      (their theorem 4.1)

where gap_i is the i-th smallest difference of a layer's expected score from the best one's, for scores in [0, 1].
Here the better half is the one of which more is expected by everything measured so far (`beliefs`): layers are like
their neighbours, and an estimate of the layers, such as edit-aware analysis, is what they are shrunk towards.

Axes: Q requests of the pool in the order they are drawn, L layers.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from goldenlayers_core.attribution.beliefs import Belief, believe
from goldenlayers_core.errors import RequestError
from goldenlayers_core.results import Floats
from goldenlayers_core.results.bootstrap import interval, resampled_means

FIRST: Final = 2  # requests of the first round at least, whatever the budget


@dataclass(frozen=True)
class Standing:
    """The race after a round."""

    layers: tuple[int, ...]  # that took part in the round, shallow first
    n_requests: int  # each of them has been edited with; fewer where the time was up
    means: tuple[float, ...]  # mean real score of each over its requests
    kept: tuple[int, ...]  # that go on to the next round, best first


def thinned(layers: tuple[int, ...], affordable: float) -> tuple[int, ...]:
    """As many of the layers, evenly spread, as can be afforded; one at least."""
    number = max(int(affordable), 1)
    if number >= len(layers):
        return layers
    places = (np.arange(number) + 0.5) * len(layers) / number
    return tuple(layers[int(place)] for place in places)


class Race:
    """Which (requests, layers) to edit next, and what follows from their scores."""

    def __init__(
        self,
        n_requests: int,
        layers: Sequence[int],
        prior: Floats | None = None,
        seed: int = 0,
        first: int = FIRST,
    ) -> None:
        """`prior` (L,) is any estimate, larger for better layers; `first`: requests of the first round at least.

        Raises RequestError for no requests or no layers.
        """
        if not n_requests or not len(layers):
            raise RequestError("A search needs one request and one layer at least; choose some.")
        self.layers = tuple(layers)
        self.order: NDArray[np.intp] = np.random.default_rng(seed).permutation(n_requests)
        self.scores: Floats = np.full((n_requests, len(layers)), np.nan)  # rows in the order drawn
        self.prior, self.first = prior, first
        self.alive = list(range(len(layers)))
        self.drawn = 0
        self.cut = False  # whether the time was up within a round
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
        count = max(self.first if not self.drawn else 1, int(pairs / len(self.alive)))
        chosen = self.order[self.drawn : self.drawn + count]
        return tuple(int(i) for i in chosen), tuple(self.layers[a] for a in self.alive)

    def tell(self, scores: Floats) -> Standing:
        """Real scores (requests asked, layers asked), NaN where the time did not reach; the better half goes on."""
        rows = slice(self.drawn, self.drawn + len(scores))
        self.scores[rows, self.alive] = scores
        self.drawn += len(scores)
        self.cut = bool(np.isnan(scores).any())
        reached = np.flatnonzero((~np.isnan(scores)).any(axis=0))  # places among those asked
        took_part = [self.alive[int(place)] for place in reached]
        real = self.scores[: self.drawn, took_part]  # whoever is alive was to meet every request drawn
        keep = max(1, math.ceil(len(self.alive) / 2))
        believed = self.belief.mean
        kept = sorted(self.alive, key=lambda a: -float(believed[a]))[:keep]
        standing = Standing(
            tuple(self.layers[a] for a in took_part),
            int((~np.isnan(real)).any(axis=1).sum()),
            tuple(np.nanmean(real, axis=0).tolist()),
            tuple(self.layers[a] for a in kept),
        )
        self.standings.append(standing)
        self.alive = sorted(kept)
        return standing

    @property
    def belief(self) -> Belief:
        """What all scores so far and the prior say of every layer."""
        return believe(self.scores[: self.drawn], self.layers, self.prior)

    @property
    def golden_layer(self) -> int:
        """The layer of which most is expected: of those left that were edited, else of all that were, else of all."""
        believed = self.belief.mean
        edited = {a for a in range(len(self.layers)) if not np.isnan(self.scores[: self.drawn, a]).all()}
        among = [a for a in self.alive if a in edited] or sorted(edited) or self.alive
        return self.layers[max(among, key=lambda a: float(believed[a]))]

    def confidence(self, n_draws: int = 2000, seed: int = 0) -> dict[int, float]:
        """Probability of each layer to be the best, by what is believed after the last round."""
        return dict(zip(self.layers, self.belief.best_share(n_draws, seed).tolist(), strict=True))

    def lead(self, n_resamples: int = 2000, seed: int = 0) -> tuple[int, float, float, float] | None:
        """(runner-up, mean lead over it, low, high) with a 95 % bootstrap interval; None where there is none."""
        if not self.standings:
            return None
        last = self.standings[-1]
        others = [
            (mean, layer) for mean, layer in zip(last.means, last.layers, strict=True) if layer != self.golden_layer
        ]
        if not others:
            return None
        other = max(others, key=lambda each: each[0])[1]
        both = self.scores[: self.drawn, [self.layers.index(self.golden_layer), self.layers.index(other)]]
        ahead = both[:, 0] - both[:, 1]
        ahead = ahead[~np.isnan(ahead)]  # where the time was up, one of them may lack a request
        if not len(ahead):
            return None
        low, high = interval(resampled_means(ahead, n_resamples, seed))
        return other, float(ahead.mean()), float(low), float(high)
