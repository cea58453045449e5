"""A model's layers as a stack, and what is known of them: what chose which, which are level, which is edited."""

from dataclasses import dataclass
from itertools import groupby
from typing import Literal

import pandas as pd

from goldenlayers_core.errors import GoldenLayersError
from goldenlayers_core.results.formats import listed

FlagKind = Literal["real edits", "estimate", "unseen", "edited"]


@dataclass(frozen=True, slots=True)
class Flag:
    """A layer that something names: a way to choose one, or an edit that stands there."""

    layer: int
    label: str  # one or two words: "sweep", "LGA", "this edit"
    kind: FlagKind
    about: str = ""  # one phrase: from what it is known


@dataclass(frozen=True)
class LayerStack:
    """What the diagram of a model's layers shows. Raises GoldenLayersError for a layer that the model has not."""

    model: str
    n_layers: int
    flags: tuple[Flag, ...] = ()
    best: int | None = None  # highest mean score of real edits; None where no edits were measured
    level: tuple[int, ...] = ()  # layers that cannot be told apart from the best, it among them
    measured: tuple[int, ...] = ()  # layers that edits were measured at
    evidence: str = ""  # one phrase: what `best` and `level` rest on
    headline: str = ""  # the recommendation, as strong as its evidence; "" where there is none

    def __post_init__(self) -> None:
        named = [flag.layer for flag in self.flags] + [*self.level, *self.measured]
        named += [self.best] if self.best is not None else []
        wrong = sorted({layer for layer in named if not 0 <= layer < self.n_layers})
        if wrong:
            raise GoldenLayersError(f"Layer {wrong[0]} is named and the model has {self.n_layers}, counted from 0.")

    def to_frame(self) -> pd.DataFrame:
        """One row per layer: layer, named_by, measured, level (with the best layer)."""
        names = {layer: [f.label for f in self.flags if f.layer == layer] for layer in range(self.n_layers)}
        return pd.DataFrame(
            {
                "layer": range(self.n_layers),
                "named_by": [", ".join(found) for found in names.values()],
                "measured": [layer in self.measured for layer in range(self.n_layers)],
                "level": [layer in self.level for layer in range(self.n_layers)],
            }
        )


def spans(layers: tuple[int, ...]) -> str:
    """3, 4, 5 and 9 as "3 to 5 and 9"."""
    words = []
    for _, run in groupby(enumerate(sorted(set(layers))), lambda pair: pair[1] - pair[0]):
        found = [layer for _, layer in run]
        words.append(f"{found[0]} to {found[-1]}" if len(found) > 2 else ", ".join(map(str, found)))
    return listed(words)
