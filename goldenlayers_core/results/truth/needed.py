"""How many requests a golden layer needs: how often so many of them choose a layer as good as the best.

Axes: N numbers of requests, W margins.
"""

from dataclasses import dataclass

import pandas as pd

from goldenlayers_core.results.arrays import Floats, check_shape


@dataclass(frozen=True)
class RequestsNeeded:
    """Chances that the golden layer of n requests scores nearly as much as the best fixed layer, from one sweep."""

    numbers: tuple[int, ...]  # (N,) of requests, rising
    margins: tuple[float, ...]  # (W,) of mean score, rising
    chance: Floats
    """(W, N) share of samples whose golden layer is at most the margin behind the best layer of all requests swept."""
    wanted: float  # chance at the widest margin that a sweep should have
    enough: int | None  # fewest requests from which on it has it; None: more than were swept
    n_requests: int  # swept, from which samples are drawn with replacement
    n_layers: int  # measured
    n_resamples: int  # samples of each number
    seed: int

    def __post_init__(self) -> None:
        check_shape("chance", self.chance, (len(self.margins), len(self.numbers)))

    def to_frame(self) -> pd.DataFrame:
        """One row per number of requests."""
        columns = {f"within_{margin:g}": self.chance[w] for w, margin in enumerate(self.margins)}
        return pd.DataFrame({"requests": self.numbers, **columns})
