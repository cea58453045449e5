"""Lesson 5: a golden layer chosen on some requests and judged on others, drawn again and again. No torch.

Axes: Q requests, n proxy requests (1 to N), D draws.
"""

from dataclasses import dataclass
from typing import Final

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from goldenlayers_core.results.arrays import Floats, check_shape

SETTLED: Final = 0.01  # a mean regret within so much of the last one has settled


@dataclass(frozen=True, slots=True)
class Draw:
    """One way to divide a sweep's requests: some choose the golden layer, others judge it, the rest wait."""

    number: int  # of the draw
    proxies: tuple[int, ...]  # rows of the sweep
    held_out: tuple[int, ...]
    golden_layer: int  # of the proxies
    regret: float  # of it on the held-out requests
    low: float  # 95 % bootstrap interval over the held-out requests
    high: float
    best_layer: int  # the best fixed layer of the held-out requests
    best_regret: float  # its regret on them
    score: float  # mean score of the held-out requests at the golden layer
    oracle: float  # at each one's own best layer


@dataclass(frozen=True)
class ProxyCurve:
    """Mean regret on held-out requests by the number of proxy requests."""

    layers: tuple[int, ...]
    n_requests: int
    n_held_out: int  # in every draw
    n_draws: int
    seed: int
    regret: Floats
    """(N,) mean over draws of the regret of the golden layer of n = 1..N proxy requests."""
    interval: Floats
    """(N, 2) what 95 % of the draws lie between."""
    picks: NDArray[np.int64]
    """(N, L) in how many draws each layer is chosen."""
    best_regret: float  # mean over draws of the regret of the best fixed layer of the held-out requests themselves

    def __post_init__(self) -> None:
        size = len(self.regret)
        check_shape("interval", self.interval, (size, 2))
        check_shape("picks", self.picks, (size, len(self.layers)))

    @property
    def most(self) -> int:
        """The largest number of proxy requests."""
        return len(self.regret)

    @property
    def settled(self) -> int:
        """The smallest number of proxy requests from which on the mean regret stays within SETTLED of the last one."""
        away = np.flatnonzero(np.abs(self.regret - self.regret[-1]) > SETTLED)
        return int(away[-1]) + 2 if len(away) else 1

    def favourite(self, n: int) -> tuple[int, float]:
        """The layer that n proxy requests choose most often, and the share of draws that choose it."""
        row = self.picks[n - 1]
        return self.layers[int(row.argmax())], float(row.max() / self.n_draws)

    def to_frame(self) -> pd.DataFrame:
        """One row per number of proxy requests."""
        numbers = range(1, self.most + 1)
        return pd.DataFrame(
            {
                "proxy_requests": list(numbers),
                "mean_regret": self.regret,
                "low": self.interval[:, 0],
                "high": self.interval[:, 1],
                "most_chosen_layer": [self.favourite(n)[0] for n in numbers],
                "share_of_draws": [self.favourite(n)[1] for n in numbers],
            }
        )
