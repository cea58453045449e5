"""The recommended layer: one answer, as strong as its evidence, which always goes with it."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, Literal

from goldenlayers_core.results.formats import capital, listed

Evidence = Literal["sweep", "search", "measured", "score"]  # measured: real edits that come with the product
Strength = Literal["use", "prefer", "level", "few", "estimate"]
FEW: Final = 8  # requests below which real edits tell too little


@dataclass(frozen=True)
class Recommendation:
    """A layer and why."""

    layer: int
    evidence: str  # one phrase: which edits or scores, on how many requests of what
    caution: str  # one sentence: what the evidence does not prove
    run_id: str  # empty where it comes with the product
    kind: Evidence = "score"
    strength: Strength = "estimate"
    level: tuple[int, ...] = ()  # layers that cannot be told from it, itself among them; () where that is not known
    n_requests: int = 0
    method: str = ""  # of editing, in words
    data: str = ""  # name of the data set it was measured on
    other_data: bool = False  # that is not the data set asked for
    brief: str = ""  # the evidence in the fewest words, to stand after "by"

    def decides_over(self, run_id: str) -> bool:
        """Whether real edits other than those of a run choose the layer."""
        return self.kind != "score" and self.run_id != run_id

    @property
    def is_shared(self) -> bool:
        """Whether other layers cannot be told from this one."""
        return self.strength == "level" and any(layer != self.layer for layer in self.level)

    @property
    def called(self) -> str:
        """What the layer is called on a button, no stronger than the headline."""
        if self.is_shared:
            return "one of several"
        words = {"use": "recommended", "few": "ahead so far", "estimate": "estimate"}
        return words.get(self.strength, "preferred")

    @property
    def headline(self) -> str:
        """The answer, no stronger than its evidence."""
        if self.is_shared:
            return f"Cannot tell apart: layers {ranges(self.level)}"
        return {
            "use": f"Use layer {self.layer}",
            "prefer": f"Prefer layer {self.layer}",
            "level": f"Prefer layer {self.layer}",
            "few": f"Too few to tell: layer {self.layer} is ahead so far",
            "estimate": f"Estimate: layer {self.layer}",
        }[self.strength]

    @property
    def full(self) -> str:
        """All of the evidence, as a sentence."""
        return f"{capital(self.evidence)}."

    @property
    def sentence(self) -> str:
        """The answer with its evidence."""
        return f"{self.headline} ({self.evidence})."


def ranges(layers: Sequence[int]) -> str:
    """`3 to 6`, `0, 3 to 6 and 9`."""
    ordered = sorted(set(layers))
    starts = [at for at in ordered if at - 1 not in ordered]
    ends = [at for at in ordered if at + 1 not in ordered]
    words: list[str] = []
    for first, last in zip(starts, ends, strict=True):
        words += [str(at) for at in range(first, last + 1)] if last - first < 2 else [f"{first} to {last}"]
    return listed(words)
