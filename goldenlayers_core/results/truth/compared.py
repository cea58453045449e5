"""Two sweeps beside each other: what each says of the layers, on the requests they share where they share some."""

from dataclasses import dataclass

import pandas as pd

from goldenlayers_core.results.truth.judgement import LayerCurve


@dataclass(frozen=True)
class Carried:
    """What one sweep's golden layer gives away by the other's real edits, against the other's golden layer."""

    layer: int
    mean: float  # mean over requests of (score at the other's golden layer minus score at `layer`)
    low: float  # 95 % bootstrap interval
    high: float


@dataclass(frozen=True)
class ComparedSweeps:
    """Two sweeps, A and B."""

    names: tuple[str, str]  # in words: method, requests, model
    curves: tuple[LayerCurve, LayerCurve]  # mean real scores, of the requests they share where they share some
    golden: tuple[int, int]  # on these requests
    n_shared: int  # requests that both have; 0: each stands for its own
    n_requests: tuple[int, int]  # of each, whole
    carried: tuple[Carried | None, Carried | None]  # A's layer by B's edits, B's by A's; None: not measured there
    correlation: float | None  # Spearman, of the mean scores of the layers that both measured; None: not defined
    n_layers: int  # that both measured; 0 where the models have different numbers of layers
    same_model: bool
    same_method: bool

    def to_frame(self) -> pd.DataFrame:
        """One row per (sweep, layer)."""
        parts = zip("AB", self.curves, strict=True)
        return pd.concat([curve.to_frame().assign(sweep=name) for name, curve in parts], ignore_index=True)
