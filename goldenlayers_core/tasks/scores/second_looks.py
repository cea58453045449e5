"""What a score run of LGA says beside its own pick: the picks of other ways to compute it, and of simpler estimates."""

from goldenlayers_core.attribution.baselines import estimates
from goldenlayers_core.attribution.robustness import robustness
from goldenlayers_core.results import LayerScores, Selection
from goldenlayers_core.results.scores.baselines import Estimate
from goldenlayers_core.results.scores.robustness import Choice


def other_ways(scores: LayerScores, selection: Selection) -> tuple[Choice, ...]:
    """The pick under every choice that the paper leaves open; none where the run does not hold both readings, and under
    its own scope alone where it does not hold the others."""
    scopes = {scores.scope: scores.readings, **scores.other_scopes}
    return robustness(scopes, selection.fence_factor) if scores.readings else ()


def other_estimates(scores: LayerScores, selection: Selection) -> tuple[Estimate, ...]:
    """What simpler estimates pick on the same requests; none for another method than LGA."""
    return estimates(scores, selection.fence_factor)
