"""Lesson 3: a fact as key and value. One real ROME edit of one matrix W, taken apart. No torch.

    W' = W + left right^T        v_0 = W k        v* = v_0 + left (right . k) = W' k        u = right / |right|

Another key k' is moved along the same left, by (k' . u) / (k . u) of what k is moved by. Axes: P prompts.
"""

from dataclasses import dataclass
from typing import Literal

import numpy as np
import pandas as pd

from goldenlayers_core.errors import ConfigError
from goldenlayers_core.results.formats import percent
from goldenlayers_core.results.learn.question import Question

KeyKind = Literal["rewrite", "rephrase", "neighbour", "unrelated"]
KINDS: tuple[KeyKind, ...] = ("rewrite", "rephrase", "neighbour", "unrelated")
ALIKE = 0.05  # cosines that lie within so much of each other are called alike
SIZES = (0.01, 0.05, 0.2)
LEAKS = (0.05, 0.25, 0.75)


@dataclass(frozen=True)
class KeyRow:
    """One prompt's key, and what the edit does to it."""

    kind: KeyKind
    prompt: str
    token: str  # where the key is taken
    cosine: float  # of this key and the edited prompt's
    share: float  # (k' . u) / (k . u): what it is moved by, as a share of what k is moved by
    across: float  # length of the rest of k', which the edit does not see, in units of |k . u|
    moved: float  # measured: |W' k' - W k'| / |v* - v_0| in a forward pass under the edit
    p_new_before: float  # probability of the new answer after this prompt
    p_new_after: float


@dataclass(frozen=True)
class RankOne:
    """One rank-one edit taken apart."""

    model: str
    edit_id: str
    about: str  # digest of the request
    layer: int
    prompt: str
    subject: str
    target_new: str
    target_true: str
    shape: tuple[int, int]  # (d_out, d_in) of W
    key_norm: float
    value_norm: float  # |v_0|
    change_norm: float  # |v* - v_0|
    weight_norm: float  # |W|, Frobenius
    update_norm: float  # |left right^T|, Frobenius
    residual: float  # |W' k - v*| / |v* - v_0|, W' formed as a matrix
    residual_run: float  # the same with what the model's own forward pass under the edit gave as W' k
    says: tuple[tuple[str, float], ...]  # likeliest tokens of v_0 read through final norm and LM head
    says_new: tuple[tuple[str, float], ...]  # of v*
    rank_new: tuple[int, int]  # of the new answer's first token in v_0 and in v*
    rows: tuple[KeyRow, ...]  # the edited prompt first

    def __post_init__(self) -> None:
        if not self.rows or self.rows[0].kind != "rewrite":
            raise ConfigError("A rank-one edit is told from its own prompt first; the rows begin with another one.")

    @property
    def relative_update(self) -> float:
        """|left right^T| / |W|."""
        return self.update_norm / self.weight_norm

    def of(self, *kinds: KeyKind) -> tuple[KeyRow, ...]:
        """The rows of some kinds, in order."""
        return tuple(row for row in self.rows if row.kind in kinds)

    def mean_cosine(self, kind: KeyKind) -> float:
        """Mean over the prompts of a kind; NaN where there is none."""
        found = [row.cosine for row in self.of(kind)]
        return float(np.mean(found)) if found else float("nan")

    def to_frame(self) -> pd.DataFrame:
        """One row per prompt."""
        names = ("kind", "prompt", "token", "cosine", "share", "across", "moved", "p_new_before", "p_new_after")
        return pd.DataFrame([{name: getattr(row, name) for name in names} for row in self.rows])


def alike_question(found: RankOne) -> Question | None:
    """Whose keys are most like the edited prompt's? None where there is no rephrase or no neighbour."""
    same, other = found.mean_cosine("rephrase"), found.mean_cosine("neighbour")
    if np.isnan(same) or np.isnan(other):
        return None
    right = 2 if abs(same - other) < ALIKE else 0 if same > other else 1
    return Question(
        key="alike",
        text=f"Whose keys at layer {found.layer} are more like the key of “{found.prompt}”?",
        options=(
            f"those of rephrases, which ask about {found.subject} in other words",
            "those of neighbours, which ask the same about others",
            f"neither: their mean cosines differ by less than {ALIKE}",
        ),
        right=(right,),
        explanation=(
            f"Mean cosine with the edited prompt's key: {same:.2f} over {len(found.of('rephrase'))} rephrases, "
            f"{other:.2f} over {len(found.of('neighbour'))} neighbours. "
            + "; ".join(f"“{row.prompt}” {row.cosine:.2f}" for row in found.of("rephrase", "neighbour"))
            + "."
        ),
        about=found.about,
    )


def size_question(found: RankOne) -> Question:
    """How large is the change, next to the matrix?"""
    d_out, d_in = found.shape
    return Question(
        key="size",
        text=f"The matrix of layer {found.layer} has {d_out * d_in:,} numbers. How long is the change, as a share of "
        "the matrix (both measured as if all numbers were one long arrow)?",
        options=("under 1 %", "1 to 5 %", "5 to 20 %", "20 % or more"),
        right=(sum(found.relative_update >= bound for bound in SIZES),),
        explanation=(
            f"{100 * found.relative_update:.2g} %: the change has a Frobenius norm of {found.update_norm:.3g}, the "
            f"matrix {found.weight_norm:.3g}. It is told by {d_out:,} + {d_in:,} numbers. Yet at this one key the "
            f"output moves by {found.change_norm / found.value_norm:.1f} times its own length."
        ),
        about=found.about,
    )


def leak_question(found: RankOne) -> Question | None:
    """How much of the change does the neighbour get that gets most? None where there is no neighbour."""
    others = found.of("neighbour")
    if not others:
        return None
    most = max(others, key=lambda row: abs(row.share))
    return Question(
        key="leak",
        text=f"{found.subject} gets the whole change. How much of it does the neighbour get that gets most?",
        options=("under 5 %", "5 to 25 %", "25 to 75 %", "75 % or more"),
        right=(sum(abs(most.share) >= bound for bound in LEAKS),),
        explanation=(
            f"{100 * most.share:.0f} % of it, at “{most.token.strip()}” of “{most.prompt}”; a forward pass under the "
            f"edit moves it by {100 * most.moved:.0f} %. There “{found.target_new}” goes from "
            f"{percent(most.p_new_before)} to {percent(most.p_new_after)}; "
            f"after the edited prompt it goes from {percent(found.rows[0].p_new_before)} to "
            f"{percent(found.rows[0].p_new_after)}."
        ),
        about=found.about,
    )
