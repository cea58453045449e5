"""What the first minute has found so far: one fact from question to edited answer. No torch."""

from dataclasses import dataclass
from typing import Literal

LayerBy = Literal["", "sweep", "search", "measured", "literature"]


@dataclass(frozen=True)
class Tour:
    """A tour under way or finished. What it has not come to yet is empty, and -1 for a layer."""

    model: str = ""
    fingerprint: str = ""
    n_layers: int = 0
    case_id: str = ""
    request: str = ""  # digest of the fact
    prompt: str = ""
    subject: str = ""
    target_true: str = ""
    target_new: str = ""
    answer: str = ""  # greedy, of the unedited model
    knows: bool = False  # the answer is the true one
    true_probability: float = -1.0  # of the whole true answer after the prompt; -1 until the model was asked
    scored: str = ""  # the facts scored, in words
    prompts: tuple[str, ...] = ()  # (Q,) of the facts to score
    rows: tuple[tuple[float, ...], ...] = ()  # (Q, L) layer scores so far, () where one is missing; only on the way
    score_run: str = ""
    golden_layer: int = -1  # by gradients
    stability: float = 0.0  # share of bootstrap resamples that pick it
    edit_layer: int = -1  # where the best evidence says to edit
    edit_by: LayerBy = ""
    evidence: str = ""  # for it, one phrase
    advice: str = ""  # the recommendation in a few words, no stronger than its evidence; "" for the literature's
    data: str = ""  # the data set that it is of
    evidence_run: str = ""  # the run it comes from; "" where it is not of this store
    edit_run: str = ""  # the fact written at `edit_layer`
    other_run: str = ""  # and at the golden layer by gradients; the same run where the two layers are one
    seconds: float = 0.0

    @property
    def n_scored(self) -> int:
        """Facts with a score so far."""
        return len(self.prompts) if self.score_run else sum(bool(row) for row in self.rows)

    @property
    def stage(self) -> int:
        """How many of the five steps are done: asked, scored, layer named, edited, compared."""
        done = (
            self.true_probability >= 0,
            bool(self.score_run),
            self.edit_layer >= 0,
            bool(self.edit_run),
            bool(self.other_run),
        )
        return done.index(False) if False in done else len(done)
