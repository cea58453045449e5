"""How many requests a golden layer needs, from the rows of a sweep. No torch.

Axes: Q requests swept, L layers, R samples, N numbers of requests, W margins.
"""

from typing import Final

import numpy as np

from goldenlayers_core.results import Floats, SweepResult
from goldenlayers_core.results.truth.advice import FEW
from goldenlayers_core.results.truth.needed import RequestsNeeded

NUMBERS: Final = (1, 2, 3, 4, 6, 8, 12, 16, 24, 32, 48, 64, 96, 128, 192, 256)
MARGINS: Final = (0.01, 0.05)  # of mean score, from 0 to 1
WANTED: Final = 0.8
N_SAMPLES: Final = 2000
FEWEST: Final = FEW  # requests that a next sweep is to have at least: what fewer say of themselves is too good


def requests_needed(sweep: SweepResult, n_resamples: int = N_SAMPLES, seed: int = 0) -> RequestsNeeded | None:
    """The chances of 1, 2, ... requests up to those swept; None where too few were swept, or one layer only."""
    if sweep.n_requests < FEW or len(sweep.layers) < 2:
        return None
    numbers = (*(n for n in NUMBERS if n < sweep.n_requests), sweep.n_requests)
    chance = chances(sweep.score, numbers, MARGINS, n_resamples, seed)
    falls_short = [n for n, share in zip(numbers, chance[-1], strict=True) if share < WANTED]
    longer = [n for n in numbers if n > max(falls_short, default=0)]
    return RequestsNeeded(
        numbers=numbers,
        margins=MARGINS,
        chance=chance,
        wanted=WANTED,
        enough=longer[0] if longer else None,
        n_requests=sweep.n_requests,
        n_layers=len(sweep.layers),
        n_resamples=n_resamples,
        seed=seed,
    )


def advised(found: RequestsNeeded) -> int:
    """How many requests a next sweep should have: as many as are enough, twice as many as were not."""
    return max(found.enough or 2 * found.n_requests, FEWEST)


def chances(
    scores: Floats, numbers: tuple[int, ...], margins: tuple[float, ...], n_resamples: int = N_SAMPLES, seed: int = 0
) -> Floats:
    """(W, N) share of samples of n of the Q rows of (Q, L), drawn with replacement, whose best layer is good enough:

    mean over all Q rows at most the margin below the highest such mean.
    """
    queries, random = len(scores), np.random.default_rng(seed)
    means = scores.mean(axis=0)
    behind = means.max() - means  # (L,)
    found = np.empty((len(margins), len(numbers)))
    for place, number in enumerate(numbers):
        drawn = random.multinomial(number, np.full(queries, 1 / queries), size=n_resamples)  # (R, Q) counts
        chosen = (drawn @ scores / number).round(9).argmax(axis=1)  # (R,) ties go to the shallower layer
        found[:, place] = [(behind[chosen] <= margin + 1e-9).mean() for margin in margins]
    return found
