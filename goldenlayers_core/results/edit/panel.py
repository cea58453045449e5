"""Blast radius of a stack of edits on a fixed panel of prompts, and the guard against collapse.

N prompts, in the panel's order.
"""

import math
from dataclasses import dataclass, field
from typing import Final, Literal

import numpy as np
import pandas as pd

from goldenlayers_core.records import digest_of
from goldenlayers_core.results.arrays import Floats, check_shape
from goldenlayers_core.results.formats import multiple, percent

TopTokens = tuple[tuple[str, float], ...]
SAMPLE: Final = 5  # every fifth prompt is asked at each size of the stack
# (share of the panel whose likeliest next token is another, perplexity over that of the unedited model), read off
# benchmarks/collapse.py: about CAUTION 78 to 97 % of 32 other known facts were still answered, from COLLAPSE on at most
# 72 %, and 56 % but for one of ten stacks
CAUTION: Final = (0.1, 1.1)
COLLAPSE: Final = (1 / 3, 1.5)
MOVED: Final = 0.1  # nats; a next token that moved by more is counted


@dataclass(frozen=True, slots=True)
class PanelPrompt:
    """One prompt of the panel."""

    kind: str
    prompt: str


def panel_digest(panel: tuple[PanelPrompt, ...]) -> str:
    """Names the prompts and their order."""
    return digest_of([[p.kind, p.prompt] for p in panel])


@dataclass(frozen=True, slots=True)
class Pass:
    """The model with the first `size` edits of a stack."""

    size: int
    perplexity: float  # of the bundled text
    norm: float  # of the summed change over that of the matrices the whole stack changes
    divergence: float  # mean over the sampled prompts, nats
    changed: float  # share of the sampled prompts whose likeliest next token is another


@dataclass(frozen=True, slots=True)
class Answers:
    """What the model goes on to say to one prompt of the panel."""

    index: int
    before: str
    after: str


@dataclass(frozen=True, slots=True)
class Guard:
    """Whether the model still writes as it did."""

    colour: Literal["green", "amber", "red"]
    words: str


@dataclass(frozen=True)
class PanelResult:
    """What a stack does to the panel: before is the unedited model, after the whole stack."""

    model: str
    fingerprint: str
    edit_ids: tuple[str, ...]  # from the bottom
    names: tuple[str, ...]
    panel: str  # digest of the prompts
    prompts: tuple[PanelPrompt, ...]
    divergence: Floats
    """(N,) KL(before || after) of the next token, nats."""
    tops_before: tuple[TopTokens, ...]  # (N,) likeliest next tokens and their probabilities
    tops_after: tuple[TopTokens, ...]
    answers: tuple[Answers, ...]  # of the prompts that moved most, the worst first
    curve: tuple[Pass, ...]  # from no edit to all of them
    seconds: float = 0.0
    provenance: dict[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        check_shape("divergence", self.divergence, (len(self.prompts),))

    @property
    def order(self) -> tuple[int, ...]:
        """Prompts by divergence, the largest first."""
        return tuple(int(i) for i in np.argsort(-self.divergence, kind="stable"))

    @property
    def changed(self) -> tuple[bool, ...]:
        """(N,) whether the likeliest next token is another."""
        return tuple(b[0][0] != a[0][0] for b, a in zip(self.tops_before, self.tops_after, strict=True))

    @property
    def ratio(self) -> float:
        """Perplexity with all edits over that with none."""
        return self.curve[-1].perplexity / self.curve[0].perplexity

    @property
    def guard(self) -> Guard:
        """Red where either number reaches COLLAPSE, amber where either exceeds CAUTION, else green."""
        ratio, share, norm = self.ratio, sum(self.changed) / len(self.changed), self.curve[-1].norm
        seen = (
            f"{percent(share)} of the panel go on with another word, the text's perplexity is {multiple(ratio)} "
            f"that of the unedited model, the summed norm {percent(norm)} of the weights"
        )
        if not math.isfinite(ratio) or share >= COLLAPSE[0] or ratio >= COLLAPSE[1]:
            return Guard("red", f"The model is collapsing: {seen}.")
        if share > CAUTION[0] or ratio > CAUTION[1]:
            return Guard("amber", f"The edits begin to show everywhere: {seen}.")
        return Guard("green", f"The model still writes as it did: {seen}.")

    def to_frame(self) -> pd.DataFrame:
        """One row per prompt, the most moved first."""
        said = {a.index: a for a in self.answers}
        rows = []
        for i in self.order:
            (before, p), (after, q) = self.tops_before[i][0], self.tops_after[i][0]
            rows.append(
                {
                    "kind": self.prompts[i].kind,
                    "prompt": self.prompts[i].prompt,
                    "divergence_nats": float(self.divergence[i]),
                    "token_before": before,
                    "p_before": p,
                    "token_after": after,
                    "p_after": q,
                    "answer_before": said[i].before if i in said else "",
                    "answer_after": said[i].after if i in said else "",
                }
            )
        return pd.DataFrame(rows)

    def curve_frame(self) -> pd.DataFrame:
        """One row per number of edits."""
        names = {"size": "edits", "divergence": "mean_divergence_nats", "changed": "likeliest_token_changed"}
        return pd.DataFrame(list(self.curve)).rename(columns=names)
