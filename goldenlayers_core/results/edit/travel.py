"""One edit travelling through a model: what it changes of every token's hidden state after every layer.

L layers, T tokens of the prompt, K tokens of the vocabulary that are followed.
"""

from dataclasses import dataclass, field

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from goldenlayers_core.results.arrays import Floats, check_shape


@dataclass(frozen=True)
class Travel:
    """A prompt without and with one edit, every token after every layer.

    h is the hidden state that leaves a layer at a token before the edit, h' with it; the new answer's log-odds are
    ln(p / (1 - p)) in nats, p the probability of its first token read there by the logit lens.
    """

    model: str
    edit_id: str
    method: str
    prompt: str
    tokens: tuple[str, ...]  # (T,) of the prompt
    layers: tuple[int, ...]  # that the edit acts at, ascending
    n_below: int  # edits that lie below it, before and after
    subject: int | None  # index of the subject's last token, where the value was written; None: not in this prompt
    new: str  # first token of the new answer
    old: str  # of the old one
    change: Floats
    """(L, T) |h' - h| / |h|, Euclidean norms."""
    alone: Floats
    """(L, T) the same with the edit acting at the subject's last token alone; NaN where there is none."""
    odds_before: Floats
    """(L, T) the new answer's log-odds before the edit, nats."""
    odds_after: Floats
    """(L, T) with it."""
    followed: tuple[str, ...]  # (K,) tokens: new, old, and the likeliest at the end before and after
    p_before: Floats
    """(L, K) their probabilities at the last token, by the lens."""
    p_after: Floats
    """(L, K) with the edit."""
    says: tuple[tuple[str, str], ...]  # (L,) the likeliest token at the last token, before and after
    provenance: dict[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        grid, bars = (len(self.says), len(self.tokens)), (len(self.says), len(self.followed))
        for name in ("change", "alone", "odds_before", "odds_after"):
            check_shape(name, getattr(self, name), grid)
        for name in ("p_before", "p_after"):
            check_shape(name, getattr(self, name), bars)

    @property
    def n_layers(self) -> int:
        return len(self.says)

    @property
    def lowest(self) -> int:
        """The layer where it enters."""
        return min(self.layers)

    @property
    def cone(self) -> NDArray[np.bool_]:
        """(L, T) where a value written at the subject's last token can change anything: at the edited layer or above,
        at that token or behind it. Where the prompt has no such token, all tokens count."""
        layers, tokens = np.ogrid[: self.n_layers, : len(self.tokens)]
        return np.asarray((layers >= self.lowest) & (tokens >= (self.subject or 0)))

    @property
    def leak(self) -> float:
        """Largest relative change at a token before the subject's last: the edited matrix is asked there, too."""
        before = self.change[:, : self.subject or 0]
        return float(before.max()) if before.size else 0.0

    def to_frame(self) -> pd.DataFrame:
        """One row per layer and token."""
        layers, tokens = np.indices(self.change.shape)
        return pd.DataFrame(
            {
                "layer": layers.ravel(),
                "position": tokens.ravel(),
                "token": [self.tokens[t] for t in tokens.ravel()],
                "in_cone": self.cone.ravel(),
                "relative_change": self.change.ravel(),
                "relative_change_alone": self.alone.ravel(),
                "log_odds_before_nats": self.odds_before.ravel(),
                "log_odds_after_nats": self.odds_after.ravel(),
            }
        )

    def tokens_frame(self) -> pd.DataFrame:
        """One row per layer and followed token: its probability at the prompt's last token."""
        layers, tokens = np.indices(self.p_after.shape)
        return pd.DataFrame(
            {
                "layer": layers.ravel(),
                "token": [self.followed[k] for k in tokens.ravel()],
                "p_before": self.p_before.ravel(),
                "p_after": self.p_after.ravel(),
            }
        )
