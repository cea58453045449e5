"""Simpler estimates of where to edit, from the passes that LGA makes anyway: what LGA's formula must beat.

With O and N the gradients of the mean losses of the old and the new answer in a layer's matrices,

    reversed    -phi, for either reading of LGA: where the two answers agree least, inside the same fences
    norm        |N|, Frobenius: where the new answer's loss moves most
    mean-abs    mean over the weights of |N|: SaLEM's saliency (Mishra et al., Findings of EACL 2024, "Correcting
                Language Model Outputs by Editing Salient Layers"), which takes the layer where it is largest; here it
                is averaged over the requests, and of the next-token loss of the new answer
    earlier     the earlier the better: layer 0, without any pass

Axes: L layers.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final

import pandas as pd

from goldenlayers_core.records import LossOn
from goldenlayers_core.results.arrays import Floats
from goldenlayers_core.results.scores.readings import LOSS_WORDS


@dataclass(frozen=True, slots=True)
class EstimateInfo:
    """One estimate in words, and its rule."""

    title: str
    definition: str
    fenced: bool  # whether its pick is the largest total inside LGA's fences, or the largest of all


ESTIMATES: Final[Mapping[str, EstimateInfo]] = MappingProxyType(
    {
        **{
            f"reversed-{loss_on}": EstimateInfo(
                f"Sign reversed, {LOSS_WORDS[loss_on]}",
                "Minus LGA's summed score: where the two answers' gradients agree least, inside the same fences.",
                True,
            )
            for loss_on in ("answer", "sequence")
        },
        "norm": EstimateInfo(
            "Gradient norm",
            "Norm of the gradient of the new answer's loss, mean over the requests; its largest, without fences.",
            False,
        ),
        "mean-abs": EstimateInfo(
            "Mean absolute gradient",
            "Mean over a layer's weights of the absolute gradient of the new answer's loss, mean over the requests; "
            "its largest, without fences. The saliency of SaLEM (Mishra et al., 2024).",
            False,
        ),
        "earlier": EstimateInfo(
            "The earlier the better", "Minus the number of the layer: always the first. It looks at nothing.", False
        ),
    }
)


@dataclass(frozen=True, eq=False)
class Estimate:
    """What one of the `ESTIMATES` says."""

    name: str
    totals: Floats
    """(L,) larger is better; of `reversed` the sum over requests, of `norm` and `mean-abs` their mean."""
    within_fences: int  # the largest inside Tukey fences of these totals, with LGA's k
    without_fences: int  # the largest

    @property
    def info(self) -> EstimateInfo:
        return ESTIMATES[self.name]

    @property
    def golden_layer(self) -> int:
        """Its pick, by its own rule."""
        return self.within_fences if self.info.fenced else self.without_fences


def reversed_name(loss_on: LossOn) -> str:
    """The estimate of that reading with its sign reversed."""
    return f"reversed-{loss_on}"


def picks_frame(estimates: tuple[Estimate, ...]) -> pd.DataFrame:
    """One row per estimate: title, golden_layer (its pick, by its own rule), definition."""
    rows = [(one.info.title, one.golden_layer, one.info.definition) for one in estimates]
    return pd.DataFrame(rows, columns=["title", "golden_layer", "definition"])
