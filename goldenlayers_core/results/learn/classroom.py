"""What every way of finding a layer says of a fact whose layer is known, because it was planted there.

Axes: P planted layers, W ways (the order of `CLASSROOM_WAYS`), L layers of the model.
"""

from dataclasses import dataclass, field
from typing import Final

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from goldenlayers_core.results.arrays import Floats, check_shape

_TIED: Final = 1e-9  # numbers closer than this are level


@dataclass(frozen=True, slots=True)
class ClassroomWay:
    """One way of naming a layer."""

    name: str
    title: str
    short: str  # for the axis of a picture
    unit: str
    definition: str  # one sentence for the screen: what the number is, and how it names a layer


CLASSROOM_WAYS: Final[tuple[ClassroomWay, ...]] = (
    ClassroomWay(
        "lga",
        "Layer Gradient Analysis",
        "LGA",
        "nats² per squared unit of weight",
        "Inner product of the gradients of the old and the new answer in the layer's MLP weights; layers outside the "
        "Tukey fences are set aside, the largest of the others is named.",
    ),
    ClassroomWay(
        "edit_aware",
        "Edit-aware analysis",
        "edit-aware",
        "predicted score, 0 to 1",
        "Predicted score of an edit in the layer, from gradients; the largest is named.",
    ),
    ClassroomWay(
        "trace_hidden",
        "Causal tracing, hidden state",
        "hidden trace",
        "probability",
        "Probability of the answer that comes back when the layer's clean hidden state at the subject's last token is "
        "put into a run with a corrupted subject; the largest is named.",
    ),
    ClassroomWay(
        "trace_window",
        "Causal tracing, MLP window",
        "MLP-window trace",
        "probability",
        "The same, with the MLP outputs of a window of layers put back.",
    ),
    ClassroomWay(
        "trace_mlp",
        "Causal tracing, one MLP",
        "one-MLP trace",
        "probability",
        "The same, with the MLP output of the layer alone put back.",
    ),
    ClassroomWay(
        "lens",
        "Logit lens",
        "logit lens",
        "probability",
        "Rise of the answer's probability from before the layer to after it, read off the residual stream through the "
        "final norm and the LM head; the largest is named.",
    ),
    ClassroomWay(
        "sweep",
        "Sweep (real edits)",
        "real edits",
        "score, 0 to 1",
        "Score of a real ROME edit of the fact in the layer: mean of rewrite, rephrase and locality; the largest is "
        "named, the shallowest where some are level.",
    ),
)


@dataclass(frozen=True)
class PlantedRun:
    """One fact in one known layer, and where every way looks for it."""

    planted: int  # layer
    model: str
    fingerprint: str
    prompt: str
    subject: str
    answer: str  # the planted one
    target_new: str  # what the sweep's edits write in its place
    base_answer: str  # what the model answered before the fact was planted
    p_base: float  # probability of the planted answer before
    p_planted: float  # and after
    n_known: int  # other facts that the base model answers
    n_kept: int  # of these, answered after planting
    window: int  # layers of `trace_window`
    aside: tuple[int, ...]  # layers that LGA's fences set aside
    values: Floats
    """(W, L) each way's number, in its own unit."""
    picks: tuple[int, ...]  # (W,) the layer each way names
    seconds: float = 0.0  # spent looking, without planting
    provenance: dict[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        check_shape("values", self.values, (len(CLASSROOM_WAYS), self.values.shape[-1]))
        check_shape("picks", np.asarray(self.picks), (len(CLASSROOM_WAYS),))

    @property
    def n_layers(self) -> int:
        return int(self.values.shape[1])

    def value_of(self, name: str) -> Floats:
        """(L,) the numbers of one way."""
        found: Floats = self.values[_place(name)]
        return found

    def pick_of(self, name: str) -> int:
        """The layer one way names."""
        return self.picks[_place(name)]

    def level(self, name: str) -> tuple[int, ...]:
        """The layers with a way's largest number, within rounding; LGA's pick alone, since fences may forbid others."""
        if name == "lga":
            return (self.pick_of(name),)
        values = self.value_of(name)
        return tuple(int(layer) for layer in np.flatnonzero(values >= values.max() - _TIED))

    @property
    def right(self) -> tuple[str, ...]:
        """Names of the ways that name the planted layer and no other: a way for which layers are level finds none."""
        return tuple(way.name for way in CLASSROOM_WAYS if self.level(way.name) == (self.planted,))

    def to_frame(self) -> pd.DataFrame:
        """One row per (way, layer)."""
        return pd.DataFrame(
            [
                {
                    "planted_layer": self.planted,
                    "way": way.title,
                    "layer": layer,
                    "value": float(value),
                    "unit": way.unit,
                    "named": layer == pick,
                    "level_with_named": layer in self.level(way.name),
                }
                for way, pick, row in zip(CLASSROOM_WAYS, self.picks, self.values, strict=True)
                for layer, value in enumerate(row)
            ]
        )


@dataclass(frozen=True)
class Classroom:
    """The same fact planted in several layers, one after the other."""

    runs: tuple[PlantedRun, ...]  # (P,) by planted layer

    @property
    def planted(self) -> tuple[int, ...]:
        return tuple(run.planted for run in self.runs)

    @property
    def hits(self) -> NDArray[np.bool_]:
        """(W, P) whether that is the planted one, and no other is level with it."""
        return np.array([[way.name in run.right for run in self.runs] for way in CLASSROOM_WAYS], dtype=np.bool_)

    @property
    def counts(self) -> tuple[int, ...]:
        """(W,) how often each way is right."""
        return tuple(int(n) for n in self.hits.sum(axis=1))

    def to_frame(self) -> pd.DataFrame:
        """One row per (way, planted layer)."""
        return pd.DataFrame(
            [
                {
                    "way": way.title,
                    "planted_layer": run.planted,
                    "named_layer": run.pick_of(way.name),
                    "level_layers": len(run.level(way.name)),
                    "right": way.name in run.right,
                }
                for way in CLASSROOM_WAYS
                for run in self.runs
            ]
        )


def classroom_way(name: str) -> ClassroomWay:
    """The way of that name."""
    return CLASSROOM_WAYS[_place(name)]


def _place(name: str) -> int:
    return [way.name for way in CLASSROOM_WAYS].index(name)
