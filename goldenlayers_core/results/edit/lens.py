"""Where edits act: two answers read off the residual stream after every layer, and what each layer adds for them.

L layers; L + 1 places: what enters the first block, then what leaves each block. Two targets: the new one, the old one.
"""

from dataclasses import dataclass, field

import numpy as np
import pandas as pd

from goldenlayers_core.results.arrays import Floats, check_shape


@dataclass(frozen=True)
class LensReading:
    """One forward pass, read at the last token of the prompt."""

    probability: Floats
    """(2, L + 1) of the new and the old target's first token, from each place through final norm and LM head."""
    rank: Floats
    """(2, L + 1) rank of that token; 1 is the likeliest."""
    attention: Floats
    """(L,) logits that each layer's attention adds to new minus old; NaN where it cannot be told."""
    mlp: Floats
    """(L,) the same of each layer's MLP."""
    base: float  # logits from what enters the first block and from the biases; NaN likewise
    difference: float  # logit of new minus logit of old, before the model's cap on logits

    def __post_init__(self) -> None:
        layers = len(self.attention)
        check_shape("probability", self.probability, (2, layers + 1))
        check_shape("rank", self.rank, (2, layers + 1))
        check_shape("mlp", self.mlp, (layers,))

    @property
    def n_layers(self) -> int:
        return len(self.attention)

    @property
    def has_contributions(self) -> bool:
        """Whether what the layers add could be told apart."""
        return bool(np.isfinite(self.base))


@dataclass(frozen=True)
class LensResult:
    """A prompt without and with a stack of edits."""

    model: str
    prompt: str
    tokens: tuple[str, str]  # first tokens of the new and the old target
    before: LensReading
    after: LensReading
    layers: tuple[int, ...]  # that the edits act at
    n_edits: int
    why_not: str = ""  # one sentence where the contributions cannot be told
    provenance: dict[str, str] = field(default_factory=dict)

    def to_frame(self) -> pd.DataFrame:
        """One row per (when, place): the probabilities and ranks there, and what the layer added."""
        rows = []
        for when, reading in (("before", self.before), ("after", self.after)):
            for place in range(reading.n_layers + 1):
                rows.append(
                    {
                        "when": when,
                        "layer": place - 1,  # -1: what enters the first block
                        "p_new": float(reading.probability[0, place]),
                        "p_old": float(reading.probability[1, place]),
                        "rank_new": int(reading.rank[0, place]),
                        "rank_old": int(reading.rank[1, place]),
                        "attention_logits": float(reading.attention[place - 1]) if place else np.nan,
                        "mlp_logits": float(reading.mlp[place - 1]) if place else reading.base,
                    }
                )
        return pd.DataFrame(rows)
