"""Layer scores: one number per request and layer, and the layer they choose.

Axes: Q requests, L layers (0 is the first block).
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from itertools import chain
from typing import Literal

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from goldenlayers_core.errors import GoldenLayersError
from goldenlayers_core.results.arrays import Floats, check_shape
from goldenlayers_core.results.scores.readings import Reading, cosine


@dataclass(frozen=True, eq=False)
class Part:
    """One of the numbers that a layer score is made of."""

    name: str  # of its column
    title: str
    unit: str
    better: Literal["higher", "lower"]
    definition: str  # one or two sentences for the screen
    values: Floats
    """(Q, L)"""


@dataclass(frozen=True)
class LayerScores:
    """One number per (request, layer), with what explains it: LGA's gradient norms, or the parts of a prediction."""

    method: str  # one of records.SCORE_METHODS
    model: str  # the name a person gave
    fingerprint: str  # of config and weights
    dataset: str
    scope: str
    old_answer: str
    case_ids: tuple[str, ...]
    request_digests: tuple[str, ...]
    prompts: tuple[str, ...]
    targets_old: tuple[str, ...]  # the old answer in fact used
    targets_new: tuple[str, ...]
    relations: tuple[str, ...]
    values: Floats
    """(Q, L) LGA: Frobenius inner product <grad L(old), grad L(new)>, signed; nats^2 per squared unit of weight.
    Else: the predicted score of an edit, mean over the probe kinds of the request, 0 to 1."""
    norm_old: Floats
    """(Q, L) Frobenius norm of the old answer's gradient; nats per unit of weight. NaN except in LGA."""
    norm_new: Floats
    """(Q, L) Frobenius norm of the new answer's gradient; nats per unit of weight. NaN except in LGA."""
    parts: tuple[Part, ...] = ()  # of a prediction; none in LGA
    loss_on: str = "answer"  # which reading of LGA the values are of: "sequence" or "answer"; "" in other methods
    readings: tuple[Reading, ...] = ()
    """LGA under both readings, that of the values first; none in other methods, nor in runs of before."""
    other_scopes: Mapping[str, tuple[Reading, ...]] = field(default_factory=dict)
    """The same under the scopes of weights that were not asked for; none in runs of before."""
    mean_abs_new: Floats | None = None
    """(Q, L) LGA: mean over the weights of |grad L(new)|, the loss on the answer, whichever reading was asked for; nats
    per unit of weight. None in other methods, and in runs of before."""
    subjects: tuple[str, ...] = ()  # (Q,); none in runs of before
    skipped: tuple[tuple[str, str], ...] = ()  # (case_id, reason): requests without a score
    seconds: float = 0.0  # spent computing (0 for what came from the store)
    n_computed: int = 0  # requests computed now; the others came from the store
    n_tokens: int = 0  # tokens that went through the model for n_computed
    provenance: dict[str, str] = field(default_factory=dict)  # versions, device, dtype

    def __post_init__(self) -> None:
        shape = (len(self.case_ids), self.values.shape[-1])
        for name in ("values", "norm_old", "norm_new"):
            check_shape(name, getattr(self, name), shape)
        if self.mean_abs_new is not None:
            check_shape("mean_abs_new", self.mean_abs_new, shape)
        for part in self.parts:
            check_shape(part.name, part.values, shape)
        for reading in chain(self.readings, *self.other_scopes.values()):
            check_shape(f"values with {reading.words}", reading.values, shape)

    @property
    def covariance(self) -> str:
        """What the key covariance was estimated from that the predicted edits are written with; "" without one."""
        return self.provenance.get("covariance", "")

    @property
    def n_requests(self) -> int:
        return len(self.case_ids)

    @property
    def n_layers(self) -> int:
        return int(self.values.shape[1])

    def part(self, name: str) -> Part:
        """The part of that name. Raises GoldenLayersError with the list of names."""
        found = next((part for part in self.parts if part.name == name), None)
        if found is None:
            names = ", ".join(part.name for part in self.parts) or "none"
            raise GoldenLayersError(f"These scores have no part {name!r}; they have {names}.")
        return found

    @property
    def other_reading(self) -> Reading | None:
        """LGA under the reading that was not asked for; None where a run does not have it."""
        return next((reading for reading in self.readings if reading.loss_on != self.loss_on), None)

    @property
    def cosine(self) -> Floats:
        """(Q, L) values / (norm_old norm_new), in [-1, 1]; 0 where a gradient vanishes."""
        return cosine(self.values, self.norm_old, self.norm_new)

    @property
    def best_layers(self) -> NDArray[np.int64]:
        """(Q,) layer with the largest value for each request; ties go to the shallower layer."""
        best: NDArray[np.int64] = self.values.argmax(axis=1).astype(np.int64)
        return best

    def best_frame(self) -> pd.DataFrame:
        """One row per request: case_id, relation, prompt, answers, its best layer, the value there."""
        best = self.best_layers
        return pd.DataFrame(
            {
                "case_id": self.case_ids,
                "relation": self.relations,
                "prompt": self.prompts,
                "old_answer": self.targets_old,
                "new_answer": self.targets_new,
                "best_layer": best,
                "value": self.values[np.arange(len(best)), best],
            }
        )

    def to_frame(self) -> pd.DataFrame:
        """One row per (request, layer): case_id, prompt, old and new answer, layer, value, then cosine and norms (LGA),
        nats per token (damage) or the parts."""
        queries, layers = self.values.shape
        repeat = np.repeat(np.arange(queries), layers)

        def column(items: tuple[str, ...]) -> list[str]:
            return [items[q] for q in repeat]

        explained = (
            {part.name: part.values.ravel() for part in self.parts}
            if self.parts
            else {"damage": np.exp(-self.values).ravel()}
            if self.method == "damage"
            else {
                "cosine": self.cosine.ravel(),
                "norm_old": self.norm_old.ravel(),
                "norm_new": self.norm_new.ravel(),
            }
            | ({} if self.mean_abs_new is None else {"mean_abs_new": self.mean_abs_new.ravel()})
        )
        return pd.DataFrame(
            {
                "case_id": column(self.case_ids),
                "request": column(self.request_digests),
                "relation": column(self.relations),
                "prompt": column(self.prompts),
                **({"subject": column(self.subjects)} if self.subjects else {}),
                "old_answer": column(self.targets_old),
                "new_answer": column(self.targets_new),
                "layer": np.tile(np.arange(layers), queries),
                "value": self.values.ravel(),
            }
            | explained
        )


@dataclass(frozen=True)
class Selection:
    """The golden layer, and how sure the choice is."""

    golden_layer: int
    ranking: tuple[int, ...]  # layers inside the fences, best first
    raw_ranking: tuple[int, ...]  # all layers by S, best first
    outliers: tuple[int, ...]  # layers outside the fences, shallow first
    fences: tuple[float, float]  # [Q1 - k IQR, Q3 + k IQR]; bounds are kept
    fence_factor: float
    totals: Floats
    """(L,) S[l]: sum over requests of the layer score, or its mean (see `by`)."""
    interval: Floats
    """(L, 2) 95 % percentile bootstrap interval of S[l]."""
    pick_share: Floats
    """(L,) share of bootstrap resamples that pick layer l; sums to 1."""
    n_requests: int
    n_resamples: int
    seed: int
    by: Literal["sum", "mean"] = "sum"  # LGA sums; predicted scores are averaged, and no fences apply to them

    def __post_init__(self) -> None:
        layers = len(self.raw_ranking)
        check_shape("totals", self.totals, (layers,))
        check_shape("interval", self.interval, (layers, 2))
        check_shape("pick_share", self.pick_share, (layers,))

    @property
    def stability(self) -> float:
        """Share of resamples that pick the same golden layer."""
        return float(self.pick_share[self.golden_layer])

    def to_frame(self) -> pd.DataFrame:
        """One row per layer: S, its interval, rank, whether set aside, share of resamples that pick it."""
        rank = {layer: place + 1 for place, layer in enumerate(self.ranking)}
        layers = range(len(self.raw_ranking))
        return pd.DataFrame(
            {
                "layer": list(layers),
                "score": self.totals,
                "score_low": self.interval[:, 0],
                "score_high": self.interval[:, 1],
                "rank": pd.array([rank.get(layer) for layer in layers], dtype="Int64"),
                "set_aside": [layer in self.outliers for layer in layers],
                "pick_share": self.pick_share,
            }
        )
