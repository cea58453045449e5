"""Causal tracing: how much of an answer comes back when one clean state is put into a corrupted run.

Axes: Q requests, L layers, P classes of token positions, T tokens of one prompt.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Final, Literal

import numpy as np
import pandas as pd

from goldenlayers_core.results.arrays import Floats, check_shape
from goldenlayers_core.results.bootstrap import interval, resampled_means

Kind = Literal["hidden", "mlp", "attention"]
POSITIONS: Final = (
    "first subject token",
    "middle subject tokens",
    "last subject token",
    "first token after",
    "tokens between",
    "last token",
)


def position_class(token: int, subject: tuple[int, int], n_tokens: int) -> str:
    """The class of one token of a prompt; "" before the subject. Each token has one.

    `subject` is its first and last token. Of a subject of one token that is the last subject token, and so it is where
    the subject ends the prompt.
    """
    first, last = subject
    if token < first:
        return ""
    if token == last:
        return "last subject token"
    if token == first:
        return "first subject token"
    if token < last:
        return "middle subject tokens"
    if token == n_tokens - 1:
        return "last token"
    return "first token after" if token == last + 1 else "tokens between"


def class_means(effects: Floats, subject: tuple[int, int]) -> Floats:
    """(P, L) means of (T, L) effects over the tokens of each class; NaN where a prompt has none."""
    classes = [position_class(token, subject, len(effects)) for token in range(len(effects))]
    rows: list[Sequence[int]] = [[t for t, name in enumerate(classes) if name == wanted] for wanted in POSITIONS]
    blank = np.full(effects.shape[1], np.nan)
    return np.stack([effects[list(row)].mean(axis=0) if row else blank for row in rows])


@dataclass(frozen=True)
class TraceResult:
    """Indirect effects of a dataset: probability of the answer restored minus corrupted."""

    kind: Kind  # what is restored: the block's output, its MLP's, or its attention's
    window: int  # layers restored together, centred on the layer; 1: that layer alone
    model: str
    fingerprint: str
    dataset: str
    case_ids: tuple[str, ...]
    request_digests: tuple[str, ...]
    prompts: tuple[str, ...]
    answers: tuple[str, ...]  # the answer traced
    p_clean: Floats
    """(Q,) probability of the answer's first token in the clean run."""
    p_corrupt: Floats
    """(Q,) the same with the subject's embeddings corrupted, mean over the noise samples."""
    effects: Floats
    """(Q, P, L) indirect effect, mean over the samples and the tokens of the class; NaN where a prompt has none."""
    noise: float  # standard deviation added to the embeddings
    n_samples: int
    seed: int
    skipped: tuple[tuple[str, str], ...] = ()
    seconds: float = 0.0  # what tracing these requests took, whenever that was
    n_computed: int = 0  # requests traced now; the others were in the store
    provenance: dict[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        requests = len(self.case_ids)
        check_shape("p_clean", self.p_clean, (requests,))
        check_shape("p_corrupt", self.p_corrupt, (requests,))
        check_shape("effects", self.effects, (requests, len(POSITIONS), self.effects.shape[-1]))

    @property
    def n_requests(self) -> int:
        return len(self.case_ids)

    @property
    def n_layers(self) -> int:
        return int(self.effects.shape[2])

    @property
    def at_subject(self) -> Floats:
        """(Q, L) indirect effect at the last subject token, where editors write."""
        return self.effects[:, POSITIONS.index("last subject token")]

    @property
    def golden_layer(self) -> int:
        """The layer with the largest average indirect effect at the last subject token; ties go to the shallower."""
        return int(self.at_subject.mean(axis=0).argmax())

    def means(self) -> Floats:
        """(P, L) average indirect effect over the requests that have a token of the class; NaN where none has."""
        here = ~np.isnan(self.effects)
        counts = here.sum(axis=0)
        sums = np.where(here, self.effects, 0.0).sum(axis=0)
        found: Floats = np.divide(sums, counts, out=np.full(sums.shape, np.nan), where=counts > 0)
        return found

    def counts(self) -> tuple[int, ...]:
        """(P,) requests that have a token of the class, and its effect."""
        return tuple(int(n) for n in (~np.isnan(self.effects[:, :, 0])).sum(axis=0))

    def interval(self, n_resamples: int = 1000, seed: int = 0) -> tuple[Floats, Floats]:
        """(L,) bounds of the 95 % bootstrap interval (over requests) of the mean at the last subject token."""
        return interval(resampled_means(self.at_subject, n_resamples, seed))

    def pick_share(self, n_resamples: int = 1000, seed: int = 0) -> Floats:
        """(L,) share of resamples of the requests whose largest mean at the last subject token is at each layer."""
        picks = resampled_means(self.at_subject, n_resamples, seed).argmax(axis=1)
        share: Floats = np.bincount(picks, minlength=self.n_layers) / n_resamples
        return share

    def requests_frame(self) -> pd.DataFrame:
        """One row per request."""
        return pd.DataFrame(
            {
                "case_id": self.case_ids,
                "request": self.request_digests,
                "prompt": self.prompts,
                "answer": self.answers,
                "p_clean": self.p_clean,
                "p_corrupt": self.p_corrupt,
            }
        )

    def to_frame(self) -> pd.DataFrame:
        """One row per (request, position class, layer)."""
        rows = [
            {"case_id": case, "request": digest, "position": name, "layer": layer, "indirect_effect": float(value)}
            for case, digest, block in zip(self.case_ids, self.request_digests, self.effects, strict=True)
            for name, curve in zip(POSITIONS, block, strict=True)
            for layer, value in enumerate(curve)
        ]
        return pd.DataFrame(rows)


@dataclass(frozen=True)
class TokenTrace:
    """Indirect effects of one request at every token and layer."""

    kind: Kind
    window: int
    model: str
    prompt: str
    answer: str
    tokens: tuple[str, ...]
    subject: tuple[int, int]  # first and last token of the subject, inclusive
    p_clean: float
    p_corrupt: float
    effects: Floats
    """(T, L) probability of the answer restored minus corrupted."""
    noise: float
    n_samples: int
    seed: int
    seconds: float = 0.0

    def __post_init__(self) -> None:
        check_shape("effects", self.effects, (len(self.tokens), self.effects.shape[-1]))

    def to_frame(self) -> pd.DataFrame:
        """One row per (token, layer)."""
        return pd.DataFrame(
            [
                {"position": t, "token": token, "layer": layer, "indirect_effect": float(value)}
                for t, (token, curve) in enumerate(zip(self.tokens, self.effects, strict=True))
                for layer, value in enumerate(curve)
            ]
        )
