"""A key covariance that is in the store: what it was estimated from, and how well it can be inverted."""

from dataclasses import dataclass
from typing import Literal

import pandas as pd

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
