"""The simpler estimates beside LGA, computed from what a score run holds (results.scores.baselines)."""

import numpy as np

from goldenlayers_core.attribution.selection import golden_layers
from goldenlayers_core.records import LOSSES_ON
from goldenlayers_core.results import LayerScores
from goldenlayers_core.results.scores.baselines import Estimate, reversed_name


def estimates(scores: LayerScores, k: float = 1.0) -> tuple[Estimate, ...]:
    """What each estimate that the run has numbers for picks; none for another method than LGA. `k` of the fences.

    A run of before both readings has no other reading to reverse; one of before the mean absolute gradient, not that.
    """
    if scores.method != "lga":
        return ()
    known = {reading.loss_on: (reading.values, reading.norm_new) for reading in scores.readings}
    if not known:
        known = {loss_on: (scores.values, scores.norm_new) for loss_on in LOSSES_ON if loss_on == scores.loss_on}
    totals = {reversed_name(loss_on): -values.sum(axis=0) for loss_on, (values, _) in sorted(known.items())}
    if "answer" in known:
        totals["norm"] = known["answer"][1].mean(axis=0)
    if scores.mean_abs_new is not None:
        totals["mean-abs"] = scores.mean_abs_new.mean(axis=0)
    totals["earlier"] = -np.arange(scores.n_layers, dtype=np.float64)
    return tuple(
        Estimate(name, values, int(golden_layers(values, k)), int(values.argmax())) for name, values in totals.items()
    )
