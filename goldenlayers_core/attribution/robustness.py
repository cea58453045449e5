"""The layer that LGA picks under every choice the paper leaves open (results.scores.robustness)."""

from collections.abc import Mapping

import numpy as np

from goldenlayers_core.attribution.selection import golden_layers
from goldenlayers_core.errors import RequestError
from goldenlayers_core.results import Floats
from goldenlayers_core.results.scores.readings import Reading
from goldenlayers_core.results.scores.robustness import FENCES, Choice, Fences


def robustness(readings: Mapping[str, tuple[Reading, ...]], k: float = 1.0) -> tuple[Choice, ...]:
    """The pick of every combination. `readings`: scope -> LGA's readings of the same requests; `k` of the fences.

    Raises RequestError where there is no request, or a score is not finite.
    """
    return tuple(
        Choice(reading.loss_on, scope, "sum" if summed else "mean", fences, _pick(values, k, fences))
        for scope, both in readings.items()
        for reading in both
        for summed, values in enumerate((reading.values, reading.summed))
        for fences in FENCES
    )


def _pick(values: Floats, k: float, fences: Fences) -> int:
    if 0 in values.shape or not np.isfinite(values).all():
        raise RequestError("There are no finite layer scores to choose a layer from; score at least one request first.")
    totals = values.sum(axis=0)
    return int(totals.argmax() if fences == "none" else golden_layers(totals, k, fences))
