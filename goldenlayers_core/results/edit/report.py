"""What a model says, and what one edit changed."""

import math
from dataclasses import dataclass, field

import pandas as pd

from goldenlayers_core.results.edit.routing import Routing
from goldenlayers_core.results.formats import with_gaps
from goldenlayers_core.texts import goes_on_as_a_word


@dataclass(frozen=True)
class View:
    """What a model says to one prompt."""

    answer: str  # greedy continuation, cut at the first line break
    target_new_probability: float  # product over the answer's tokens; NaN where there is none to ask for
    target_true_probability: float
    top_tokens: tuple[tuple[str, float], ...]  # next tokens by probability
    # share of the new target's tokens that are the likeliest, given the right ones before; NaN: not asked
    target_new_agreement: float = math.nan


@dataclass(frozen=True)
class ProbeOutcome:
    """One probe before and after an edit."""

    prompt: str
    kind: str
    name: str
    answers: tuple[str, ...]  # accepted; for locality the dataset's true answer
    before: View
    after: View
    success: bool  # rewrite, rephrase, portability: the answer is an accepted one; locality: the answer is unchanged
    divergence: float  # KL(before || after) of the next token, nats
    against: tuple[str, ...] = ()  # other answers to the same question, from which the accepted ones must be told

    @property
    def written_on(self) -> bool:
        """Whether the model began with an accepted answer and went on with it as a longer word: "Al", "Aluminum"."""
        return (
            not self.success
            and self.kind != "locality"
            and any(goes_on_as_a_word(self.after.answer, answer) for answer in self.answers)
        )

    @property
    def told(self) -> str:
        """What became of the probe, in a word or two: "yes", "no", or what else it is called."""
        return "yes" if self.success else "written on" if self.written_on else "no"


@dataclass(frozen=True)
class EditReport:
    """What one edit did, seen from its rewrite prompt and every probe."""

    edit_id: str
    method: str
    layer: int
    layer_evidence: str  # why this layer: "LGA on 32 requests of bundled", "chosen by hand", ...
    case_id: str
    prompt: str
    subject: str
    target_new: str
    target_true: str
    before: View
    after: View
    outcomes: tuple[ProbeOutcome, ...]
    verdict: str  # one sentence: did it take, what else moved
    took: bool
    weight_change: float  # Frobenius norm of the edit relative to the weight
    stages: tuple[tuple[str, float], ...]  # (stage, seconds)
    fingerprint: str = ""
    provenance: dict[str, str] = field(default_factory=dict)
    routing: Routing | None = None  # of a mixture of experts

    @property
    def seconds(self) -> float:
        return float(sum(s for _, s in self.stages))

    def rates(self) -> dict[str, tuple[int, int]]:
        """Per probe kind: (successes, probes)."""
        kinds: dict[str, tuple[int, int]] = {}
        for outcome in self.outcomes:
            good, count = kinds.get(outcome.kind, (0, 0))
            kinds[outcome.kind] = (good + outcome.success, count + 1)
        return kinds

    def to_frame(self) -> pd.DataFrame:
        """One row per probe; a probability that was not asked for is NaN."""
        return with_gaps(
            pd.DataFrame(
                [
                    {
                        "kind": o.kind,
                        "name": o.name,
                        "prompt": o.prompt,
                        "expected": " | ".join(o.answers),
                        "before": o.before.answer,
                        "after": o.after.answer,
                        "success": o.success,
                        "written_on": o.written_on,
                        "p_new_before": o.before.target_new_probability,
                        "p_new_after": o.after.target_new_probability,
                        "p_true_before": o.before.target_true_probability,
                        "p_true_after": o.after.target_true_probability,
                        "divergence_nats": o.divergence,
                    }
                    for o in self.outcomes
                ]
            )
        )

    def tokens_frame(self) -> pd.DataFrame:
        """One row per likely next token, before and after."""
        return pd.DataFrame(
            [
                {"when": when, "rank": place + 1, "token": token, "probability": probability}
                for when, view in (("before", self.before), ("after", self.after))
                for place, (token, probability) in enumerate(view.top_tokens)
            ],
            columns=["when", "rank", "token", "probability"],
        )
