"""The layer card: every way to choose a layer for a model, side by side, judged by real edits."""

from dataclasses import dataclass, field
from typing import Final, Literal

import pandas as pd

Way = Literal["sweep", "search", "edit_aware", "lga", "causal_trace", "literature_default", "middle"]
WAYS: Final[tuple[Way, ...]] = (
    "sweep",
    "search",
    "edit_aware",
    "lga",
    "causal_trace",
    "literature_default",
    "middle",
)
WAY_TITLES: Final[tuple[str, ...]] = (
    "Sweep (real edits)",
    "Budgeted search (real edits)",
    "Edit-aware analysis",
    "Layer Gradient Analysis",
    "Causal tracing",
    "Literature's default",
    "Middle layer",
)


def way_title(way: Way) -> str:
    """What a way is called on screen."""
    return WAY_TITLES[WAYS.index(way)]


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
    sentence: str  # which to use here and how sure that is; says so where LGA picks badly
    n_resamples: int = 0
    seed: int = 0
    remarks: tuple[str, ...] = field(
        default=()
    )  # for example: picks were chosen on the very requests they are judged on

    def pick(self, way: Way) -> Pick:
        """The pick of one way."""
        return self.picks[WAYS.index(way)]

    def to_frame(self) -> pd.DataFrame:
        """One row per way."""
        return pd.DataFrame(
            [
                {
                    "way": p.way,
                    "title": way_title(p.way),
                    "layer": p.layer,
                    "score": p.score,
                    "regret": p.regret,
                    "regret_low": p.low,
                    "regret_high": p.high,
                    "seconds": p.seconds,
                    "source": p.source,
                    "run": p.run_id,
                }
                for p in self.picks
            ]
        )
