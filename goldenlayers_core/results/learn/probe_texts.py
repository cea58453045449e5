"""What the model says to a few probes of one request after an edit at each layer.

Axes: L layers, K probes.
"""

from dataclasses import dataclass, field

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from goldenlayers_core.results.arrays import check_shape


@dataclass(frozen=True, slots=True)
class AskedProbe:
    """One probe, and what the unedited model says to it."""

    kind: str  # rewrite, rephrase, locality or portability
    prompt: str
    wanted: tuple[str, ...]  # accepted answers; for locality those of the dataset, which are not compared
    before: str  # greedy answer of the unedited model


@dataclass(frozen=True)
class ProbeTexts:
    """Greedy answers after real edits of one request, layer by layer."""

    model: str
    fingerprint: str
    method: str
    config: str  # JSON of the method's config
    request: str  # digest
    layers: tuple[int, ...]
    probes: tuple[AskedProbe, ...]  # the rewrite first
    answers: tuple[tuple[str, ...], ...]  # (L, K); "" where the edit could not be made
    hits: NDArray[np.bool_]
    """(L, K) rewrite, rephrase, portability: begins with an accepted answer; locality: the answer is as before."""
    seconds: float = 0.0
    provenance: dict[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        check_shape("hits", self.hits, (len(self.layers), len(self.probes)))

    def at(self, layer: int) -> tuple[tuple[AskedProbe, str, bool], ...] | None:
        """(probe, answer, as wished) at a layer; None where it was not read there."""
        if layer not in self.layers:
            return None
        place = self.layers.index(layer)
        return tuple(
            (probe, text, bool(hit))
            for probe, text, hit in zip(self.probes, self.answers[place], self.hits[place], strict=True)
        )

    def to_frame(self) -> pd.DataFrame:
        """One row per (layer, probe)."""
        return pd.DataFrame(
            [
                {
                    "layer": layer,
                    "kind": probe.kind,
                    "prompt": probe.prompt,
                    "before": probe.before,
                    "after": text,
                    "as_wished": hit,
                }
                for layer in self.layers
                for probe, text, hit in self.at(layer) or ()
            ]
        )
