"""A key covariance that is in the store: what it was estimated from, and how well it can be inverted."""

from dataclasses import dataclass
from typing import Final, Literal

import pandas as pd

from goldenlayers_core.results.arrays import Floats, check_shape

Kind = Literal["samples", "text"]


@dataclass(frozen=True)
class CovarianceCard:
    """C = (1/n) sum k k^T of some layers of one model, as it is stored."""

    key: str  # names it in the store
    kind: Kind
    source: str  # what the tokens were read from, in words
    origin: str  # digest of that
    model: str
    fingerprint: str
    result_key: str  # fingerprint, dtype and device
    wanted: int  # tokens asked for
    n_tokens: int  # tokens whose keys were added up
    width: int  # d_in
    shrinkage: float  # s of C_s = (1 - s) C + s (tr C / d_in) I
    layers: tuple[int, ...]  # ascending
    conditions: tuple[float, ...]  # of C_s, per layer: largest eigenvalue over smallest
    seconds: float  # of estimating
    created: str  # ISO 8601, UTC

    def __post_init__(self) -> None:
        if len(self.layers) != len(self.conditions):
            raise ValueError(f"There are {len(self.layers)} layers and {len(self.conditions)} condition numbers.")

    @property
    def words(self) -> str:
        """What it was estimated from."""
        return f"{self.n_tokens:,} tokens of {self.source}"

    def to_frame(self) -> pd.DataFrame:
        """One row per layer."""
        return pd.DataFrame({"layer": self.layers, "condition": self.conditions}).assign(
            source=self.source, tokens=self.n_tokens, shrinkage=self.shrinkage, directions=self.width
        )


GAIN_METRICS: Final = ("locality", "locality_kl", "rewrite", "rephrase", "portability")


@dataclass(frozen=True)
class CovarianceGain:
    """The same requests edited at the same layers with two covariances, by one method: what the second buys."""

    method: str
    model: str
    dataset: str
    names: tuple[str, str]  # of the covariances, such as ("identity", "10,240 tokens of the model's own samples")
    runs: tuple[str, str]  # the sweeps they were read from
    n_requests: int
    layers: tuple[int, ...]
    values: Floats
    """(2, L, M) means over the requests, the order of GAIN_METRICS."""
    before: Floats
    """(M,) means of the unedited model."""

    def __post_init__(self) -> None:
        check_shape("values", self.values, (2, len(self.layers), len(GAIN_METRICS)))
        check_shape("before", self.before, (len(GAIN_METRICS),))

    def of(self, metric: str) -> Floats:
        """(2, L) means of one metric."""
        found: Floats = self.values[:, :, GAIN_METRICS.index(metric)]
        return found

    def to_frame(self) -> pd.DataFrame:
        """One row per covariance and layer."""
        rows = [
            {
                "covariance": name,
                "layer": layer,
                "requests": self.n_requests,
                **dict(zip(GAIN_METRICS, cells, strict=True)),
            }
            for name, table in zip(self.names, self.values.tolist(), strict=True)
            for layer, cells in zip(self.layers, table, strict=True)
        ]
        return pd.DataFrame(rows)
