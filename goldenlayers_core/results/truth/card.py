"""The layer card: every way to choose a layer for a model, side by side, judged by real edits."""

from dataclasses import dataclass, field
from typing import Final, Literal

import pandas as pd

from goldenlayers_core.records import KeyCovariance, ScoreMethod
from goldenlayers_core.results.truth.advice import Recommendation
from goldenlayers_core.results.truth.literature import Published
from goldenlayers_core.results.truth.measured import Covariance, MethodUsed, method_used, setting_of

Way = Literal[
    "sweep", "search", "edit_aware", "lga", "line_check", "damage", "causal_trace", "literature_default", "middle"
]


@dataclass(frozen=True, slots=True)
class WayInfo:
    """What a way to choose a layer is called, and what it rests on."""

    name: Way
    kind: Literal["real edits", "estimate", "unseen"]
    title: str  # of a row in a table
    short: str  # of a mark in a figure
    said: str  # in a sentence
    scores: ScoreMethod | None = None  # the method of layer scores whose golden layer it is


WAY_INFOS: Final = (
    WayInfo("sweep", "real edits", "Sweep (real edits)", "sweep", "the sweep"),
    WayInfo("search", "real edits", "Budgeted search (real edits)", "search", "the budgeted search"),
    WayInfo("edit_aware", "estimate", "Edit-aware analysis", "edit-aware", "edit-aware analysis", "edit-aware"),
    WayInfo("lga", "estimate", "Layer Gradient Analysis", "LGA", "LGA", "lga"),
    WayInfo("line_check", "estimate", "Line check", "line check", "the line check", "line-check"),
    WayInfo("damage", "estimate", "Damage to general text", "damage", "the damage to general text", "damage"),
    WayInfo("causal_trace", "estimate", "Causal tracing", "causal trace", "causal tracing"),
    WayInfo("literature_default", "unseen", "Literature's default", "literature", "the literature"),
    WayInfo("middle", "unseen", "Middle layer", "middle", "the middle"),
)
WAYS: Final = tuple(info.name for info in WAY_INFOS)
ESTIMATES: Final = tuple(info for info in WAY_INFOS if info.kind == "estimate")
SCORED: Final = tuple(info for info in ESTIMATES if info.scores)


def way_info(way: Way) -> WayInfo:
    """The row of a way."""
    return WAY_INFOS[WAYS.index(way)]


@dataclass(frozen=True, slots=True)
class Pick:
    """The layer one way chooses, what that cost, and how good it is by the sweep."""

    way: Way
    layer: int | None  # None: not computed, or none published
    source: str  # one phrase: what it was chosen from, a citation, or why there is none
    seconds: float | None  # what choosing took; None: nothing is known of it
    score: float | None = None  # mean score of real edits at the layer, on the requests judged
    regret: float | None = None  # mean of (score at the oracle layer - score at this layer)
    low: float | None = None  # 95 % bootstrap interval of the regret
    high: float | None = None
    run_id: str = ""
    covariance: Covariance = ""  # with which setting the edits are written that it predicts; "": it predicts none

    @property
    def info(self) -> WayInfo:
        """What its way is called."""
        return way_info(self.way)


@dataclass(frozen=True)
class LayerCard:
    """Which layer, and how sure."""

    model: str
    fingerprint: str
    method: str  # of editing
    judged_on: str  # the requests the regret is measured on, in words; "" where there is no sweep
    n_requests: int  # judged; 0 where there is no sweep
    n_layers: int
    oracle_score: float | None  # mean score at each request's own best layer
    picks: tuple[Pick, ...]  # in the order of WAYS
    sentence: str  # the recommended layer, no stronger than its evidence; says so where LGA picks badly
    n_resamples: int = 0
    seed: int = 0
    remarks: tuple[str, ...] = field(
        default=()
    )  # for example: picks were chosen on the very requests they are judged on
    advice: Recommendation | None = None  # for the model, the method and the data of the sweep
    published: tuple[Published, ...] = ()  # for the model's family, every method
    written_with: KeyCovariance = "identity"  # the key covariance of the edits that judge

    def pick(self, way: Way) -> Pick:
        """The pick of one way."""
        return self.picks[WAYS.index(way)]

    @property
    def used(self) -> MethodUsed:
        """The method with its covariance setting."""
        return method_used(self.method, {"covariance": self.written_with})

    @property
    def covariance(self) -> Covariance:
        """The setting that estimates of these edits have."""
        return setting_of(self.written_with)

    @property
    def missing(self) -> tuple[WayInfo, ...]:
        """The estimates that are not there, or predict edits written with another setting."""
        return tuple(
            pick.info
            for pick in self.picks
            if pick.info.kind == "estimate" and (pick.layer is None or pick.covariance not in ("", self.covariance))
        )

    @property
    def layer_to_edit(self) -> int | None:
        """The layer that the sentence says to edit: of other real edits where those decide, else the sweep's."""
        own = self.pick("sweep")
        if self.advice is not None and self.advice.decides_over(own.run_id):
            return self.advice.layer
        return own.layer

    def published_frame(self) -> pd.DataFrame:
        """One row per published configuration of the family: method, layers as published and, under that name, the
        layer that lies as deep in this model."""
        return pd.DataFrame(
            [
                {
                    "method": one.method,
                    "layers as published": one.words.partition(" ")[2],
                    "of": f"{one.model}, {one.n_layers} layers",
                    "as deep in this model": one.at_same_depth(self.n_layers),
                    "source": one.source,
                }
                for one in self.published
            ]
        )

    def to_frame(self) -> pd.DataFrame:
        """One row per way."""
        return pd.DataFrame(
            [
                {
                    "way": p.way,
                    "title": p.info.title,
                    "layer": p.layer,
                    "score": p.score,
                    "regret": p.regret,
                    "regret_low": p.low,
                    "regret_high": p.high,
                    "seconds": p.seconds,
                    "source": p.source,
                    "predicted_covariance": p.covariance,
                    "run": p.run_id,
                }
                for p in self.picks
            ]
        )
