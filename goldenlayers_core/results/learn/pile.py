"""Edits piling up at one layer, at several layers: where the model breaks, and which sign tells it first."""

import math
from dataclasses import dataclass, field
from typing import Literal

import pandas as pd

from goldenlayers_core.results.edit.panel import CAUTION, COLLAPSE, Pass

Sign = Literal["words", "perplexity"]


@dataclass(frozen=True, slots=True)
class PileCurve:
    """The model with 0, ..., n edits at one layer."""

    layer: int
    passes: tuple[Pass, ...]  # by number of edits, none first
    kept: tuple[float, ...]  # share of the other facts that are still answered, beside each pass

    def ratio(self, place: int) -> float:
        """Perplexity over that of the unedited model."""
        return self.passes[place].perplexity / self.passes[0].perplexity

    @property
    def breaks_at(self) -> int | None:
        """The first number of edits at which the guard says collapse: a third of the words changed, or 1.5 times the
        perplexity; None where it never does."""
        for place, each in enumerate(self.passes):
            if each.changed >= COLLAPSE[0] or not math.isfinite(each.perplexity) or self.ratio(place) >= COLLAPSE[1]:
                return each.size
        return None

    def warns_at(self, sign: Sign) -> int | None:
        """The first number of edits at which a sign exceeds the guard's caution; None where it never does."""
        for place, each in enumerate(self.passes):
            value, level = (each.changed, CAUTION[0]) if sign == "words" else (self.ratio(place), CAUTION[1])
            if not math.isfinite(value) or value > level:
                return each.size
        return None


@dataclass(frozen=True)
class Pile:
    """Real edits of several facts, each computed on the unedited model, laid one on top of the other."""

    model: str
    fingerprint: str
    method: str
    dataset: str  # the choice in words
    written: tuple[str, ...]  # prompts of the facts written, in their order
    facts: tuple[str, ...]  # prompts of the other facts, known before and asked at every size
    n_prompts: int  # of the panel
    curves: tuple[PileCurve, ...]  # shallow layer first
    skipped: tuple[tuple[str, str], ...] = ()  # (prompt, why it could not be written at some layer)
    seconds: float = 0.0
    provenance: dict[str, str] = field(default_factory=dict)

    @property
    def sizes(self) -> tuple[int, ...]:
        """Numbers of edits that were measured."""
        return tuple(each.size for each in self.curves[0].passes)

    @property
    def first_to_break(self) -> tuple[int, ...]:
        """The layers that break with the fewest edits, shallow first; empty where none breaks."""
        broken = {curve.layer: curve.breaks_at for curve in self.curves if curve.breaks_at is not None}
        return tuple(layer for layer, at in broken.items() if at == min(broken.values()))

    def to_frame(self) -> pd.DataFrame:
        """One row per (layer, number of edits)."""
        return pd.DataFrame(
            [
                {
                    "layer": curve.layer,
                    "edits": each.size,
                    "likeliest_token_changed": each.changed,
                    "perplexity": each.perplexity,
                    "perplexity_ratio": curve.ratio(place),
                    "mean_divergence_nats": each.divergence,
                    "norm": each.norm,
                    "other_facts_kept": kept,
                }
                for curve in self.curves
                for place, (each, kept) in enumerate(zip(curve.passes, curve.kept, strict=True))
            ]
        )
