"""How sure it is that a layer is the best: which others cannot be told from it by the same requests.

    level(l)  the 95 % bootstrap interval over requests of score[q, best] - score[q, l] includes 0

Axes: Q requests, L layers measured.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from goldenlayers_core.attribution.regret import N_RESAMPLES, golden_of, golden_share
from goldenlayers_core.results import Floats
from goldenlayers_core.results.bootstrap import interval, resampled_means


@dataclass(frozen=True, slots=True)
class Apart:
    """How much more one layer scores than another on the same requests, with its 95 % bootstrap interval."""

    mean: float
    low: float
    high: float

    @property
    def is_level(self) -> bool:
        """Whether the interval includes 0."""
        return self.low <= 0 <= self.high


@dataclass(frozen=True, slots=True)
class Standing:
    """The best layer of some requests, and what cannot be told from it."""

    layer: int
    score: float  # mean over the requests
    low: float  # 95 % bootstrap interval of it
    high: float
    share: float  # of resamples whose best layer it is
    level: tuple[int, ...]  # layers that cannot be told from it, itself among them; shallow first
    n_requests: int


def standing(scores: Floats, layers: Sequence[int], n_resamples: int = N_RESAMPLES, seed: int = 0) -> Standing:
    """The standing of the best layer by (Q, L) scores. Raises RequestError where there is no request."""
    layer = golden_of(scores, layers)
    place = list(layers).index(layer)
    means = resampled_means(scores, n_resamples, seed)  # (R, L)
    low, high = interval(means[:, place])
    least, most = interval(resampled_means(scores[:, [place]] - scores, n_resamples, seed))  # (L,), (L,)
    level = tuple(at for n, at in enumerate(layers) if at == layer or least[n] <= 0 <= most[n])
    return Standing(
        layer=layer,
        score=float(scores[:, place].mean()),
        low=float(low),
        high=float(high),
        share=float(golden_share(scores, n_resamples, seed)[place]),
        level=level,
        n_requests=len(scores),
    )


def behind(
    scores: Floats, layers: Sequence[int], better: int, worse: int, n_resamples: int = N_RESAMPLES, seed: int = 0
) -> Apart | None:
    """Mean over requests of score at `better` minus score at `worse`; None where one of them was not measured."""
    if better not in layers or worse not in layers:
        return None
    places = list(layers)
    apart = scores[:, places.index(better)] - scores[:, places.index(worse)]
    low, high = interval(resampled_means(apart, n_resamples, seed))
    return Apart(*(round(float(found), 12) + 0.0 for found in (apart.mean(), low, high)))  # sums are not exact; no -0
