"""A budgeted search: how the layers were raced, round by round, and how sure the winner is."""

import json
from dataclasses import dataclass, field

import pandas as pd

from goldenlayers_core.results.truth.measured import MethodUsed, method_used


@dataclass(frozen=True, slots=True)
class SearchRound:
    """One round: layers that took part, and their mean score over the requests they were edited with so far."""

    layers: tuple[int, ...]
    n_requests: int
    means: tuple[float, ...]
    kept: tuple[int, ...]  # that went on, best first, by all that is believed of them
    seconds: float


@dataclass(frozen=True)
class SearchResult:
    """The golden layer found within a time budget by real edits, and what it rests on."""

    method: str
    model: str
    fingerprint: str
    dataset: str
    config: str  # JSON of the method's config
    layers: tuple[int, ...]
    n_layers: int
    n_pool: int  # requests there were to draw from
    rounds: tuple[SearchRound, ...]
    golden_layer: int
    confidence: float  # probability that it is the best layer (older: see `neighbours`)
    rival: int | None  # runner-up of the last round
    lead: tuple[float, float, float] | None  # mean lead over it and its 95 % bootstrap interval
    prior: str  # what the race began with, in words
    budget: float  # seconds given
    seconds: float  # of it spent, what it took beyond it included
    n_pairs: int  # (request, layer) pairs edited or taken from the store
    seed: int
    finished: bool  # whether the race was run to its end; else the time was up
    provenance: dict[str, str] = field(default_factory=dict)
    n_computed: int | None = None  # pairs that were edited now; the others were in the store. None: not recorded
    seconds_per_edit: float | None = None  # of the pairs, whenever they were edited

    loading: float = 0.0  # seconds before the budget began to run: model, requests, covariances
    estimating: float = 0.0  # seconds of the budget that the estimate took
    neighbours: bool = False  # judged by attribution.beliefs; else by means, confidence a share of bootstrap resamples

    @property
    def used(self) -> MethodUsed:
        """The method with its covariance setting."""
        return method_used(self.method, json.loads(self.config or "{}"))

    @property
    def over(self) -> float:
        """Seconds that it took beyond its budget."""
        return max(self.seconds - self.budget, 0.0)

    @property
    def share_of_sweep(self) -> float:
        """Pairs used over those of a full sweep of the pool."""
        return self.n_pairs / (self.n_pool * len(self.layers))

    @property
    def cost(self) -> float:
        """Seconds that all of its pairs take, were none in the store."""
        return self.n_pairs * self.seconds_per_edit if self.seconds_per_edit else self.seconds

    @property
    def n_requests(self) -> int:
        """Requests the last round's layers were edited with."""
        return self.rounds[-1].n_requests if self.rounds else 0

    def to_frame(self) -> pd.DataFrame:
        """One row per (round, layer)."""
        return pd.DataFrame(
            [
                {
                    "round": place + 1,
                    "layer": layer,
                    "mean_score": mean,
                    "requests": one.n_requests,
                    "kept": layer in one.kept,
                }
                for place, one in enumerate(self.rounds)
                for layer, mean in zip(one.layers, one.means, strict=True)
            ]
        )
