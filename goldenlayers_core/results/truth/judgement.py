"""What a sweep says about layers: means with intervals, how often a layer is best, golden layers carried elsewhere.

Axes: L layers measured, Q requests, G golden layers carried, D sets of requests judged on.
"""

from dataclasses import dataclass

import numpy as np
import pandas as pd

from goldenlayers_core.results.arrays import Floats, check_shape
from goldenlayers_core.results.scores.ranks import spearman
from goldenlayers_core.results.truth.measured import MethodUsed


@dataclass(frozen=True)
class LayerCurve:
    """The mean of one metric at every layer, with a 95 % percentile bootstrap interval over requests."""

    name: str  # of a metric of results.sweep, or "score"
    layers: tuple[int, ...]
    n_layers: int  # of the model
    mean: Floats
    """(L,) mean over the requests that have the metric; NaN where none has."""
    interval: Floats
    """(L, 2)"""
    before: float  # mean of the unedited model; NaN where only an edit has the metric
    n_requests: int  # that have the metric
    n_resamples: int
    seed: int

    def __post_init__(self) -> None:
        check_shape("mean", self.mean, (len(self.layers),))
        check_shape("interval", self.interval, (len(self.layers), 2))

    def to_frame(self) -> pd.DataFrame:
        """One row per layer."""
        return pd.DataFrame(
            {
                "metric": self.name,
                "layer": self.layers,
                "mean": self.mean,
                "low": self.interval[:, 0],
                "high": self.interval[:, 1],
                "before": self.before,
                "requests": self.n_requests,
            }
        )


@dataclass(frozen=True)
class BestLayers:
    """For which share of the requests a layer is the best one: by real edits with ties, and by an estimate."""

    layers: tuple[int, ...]
    n_layers: int
    golden_layer: int
    share: Floats
    """(L,) share of requests for which the layer is within `epsilon` of the best; with ties the sum exceeds 1."""
    alone: Floats
    """(L,) share of requests for which it is the only one."""
    epsilon: float
    n_requests: int
    estimator: str = ""  # what estimated; "" where nothing did
    estimated: Floats | None = None
    """(n_layers,) share of the estimator's requests whose largest estimate lies at the layer; sums to 1."""
    n_estimated: int = 0

    def __post_init__(self) -> None:
        check_shape("share", self.share, (len(self.layers),))
        check_shape("alone", self.alone, (len(self.layers),))
        if self.estimated is not None:
            check_shape("estimated", self.estimated, (self.n_layers,))

    def to_frame(self) -> pd.DataFrame:
        """One row per layer measured."""
        frame = pd.DataFrame({"layer": self.layers, "best_share": self.share, "only_best_share": self.alone})
        if self.estimated is not None:
            frame[f"{self.estimator} best_share"] = self.estimated[list(self.layers)]
        return frame


@dataclass(frozen=True)
class Agreement:
    """An estimate of the layers beside what real edits say of them."""

    estimator: str  # "LGA", "Edit-aware analysis", ...
    layers: tuple[int, ...]  # that both have
    estimate: Floats
    """(L,) the estimate's number per layer, over its requests."""
    real: Floats
    """(L,) mean real score."""
    golden_layer: int  # by real edits
    pick: int  # by the estimate
    n_estimated: int  # requests of the estimate
    n_requests: int  # requests of the sweep
    low: float | None = None  # 95 % bootstrap interval of the correlation, over the sweep's requests
    high: float | None = None

    def __post_init__(self) -> None:
        check_shape("estimate", self.estimate, (len(self.layers),))
        check_shape("real", self.real, (len(self.layers),))

    @property
    def correlation(self) -> float | None:
        """Spearman's correlation over the layers; None where it is not defined."""
        return spearman(self.estimate, self.real)

    def to_frame(self) -> pd.DataFrame:
        """One row per layer; rank 1 is the best."""
        frame = pd.DataFrame({"layer": self.layers, "estimate": self.estimate, "real_score": self.real})
        for name, source in (("estimate_rank", "estimate"), ("real_rank", "real_score")):
            frame[name] = frame[source].rank(ascending=False)
        return frame


@dataclass(frozen=True)
class Generalisation:
    """Golden layers found on some requests, judged on others by real edits."""

    used: MethodUsed  # the method of editing, with its covariance setting
    found_on: tuple[str, ...]  # (G,) in words
    golden_layers: tuple[int, ...]  # (G,)
    judged_on: tuple[str, ...]  # (D,) in words
    n_requests: tuple[int, ...]  # (D,)
    regret: Floats
    """(G, D) against the per-request oracle of the column; NaN where the layer was not measured there."""
    interval: Floats
    """(G, D, 2) 95 % percentile bootstrap interval over the column's requests."""
    same: tuple[tuple[bool, ...], ...]  # (G, D) whether row and column share requests: then the regret is optimistic
    n_resamples: int
    seed: int

    def __post_init__(self) -> None:
        shape = (len(self.found_on), len(self.judged_on))
        check_shape("regret", self.regret, shape)
        check_shape("interval", self.interval, (*shape, 2))

    def to_frame(self) -> pd.DataFrame:
        """One row per (found on, judged on)."""
        rows = [
            {
                "found_on": found,
                "golden_layer": layer,
                "judged_on": judged,
                "requests": self.n_requests[d],
                "regret": self.regret[g, d],
                "low": self.interval[g, d, 0],
                "high": self.interval[g, d, 1],
                "share_requests": self.same[g][d],
            }
            for g, (found, layer) in enumerate(zip(self.found_on, self.golden_layers, strict=True))
            for d, judged in enumerate(self.judged_on)
        ]
        return pd.DataFrame(rows)

    @property
    def elsewhere(self) -> Floats:
        """Regrets of golden layers on requests they were not found on."""
        there: Floats = self.regret[~np.asarray(self.same) & ~np.isnan(self.regret)]
        return there
