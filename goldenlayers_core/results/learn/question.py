"""What a lesson asks: a question whose right answer was computed from the result on show. No torch, no pages."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Final

from goldenlayers_core.errors import ConfigError

QUARTERS: Final = ("fewer than a quarter", "a quarter to a half", "a half to three quarters", "three quarters or more")


@dataclass(frozen=True)
class Question:
    """A question to guess at before the result is shown.

    `right` are the indices of the options that are right (more than one where they tie), computed from a result.
    `explanation` says why, with the numbers of that result. `about` names the result (a request's digest, a run's id):
    another result asks anew. Raises ConfigError for fewer than two options, equal options, and a right one that is
    none of them.
    """

    key: str  # unique within the lesson; one of the keys in the lesson's text
    text: str
    options: tuple[str, ...]
    right: tuple[int, ...]
    explanation: str
    about: str = ""

    def __post_init__(self) -> None:
        if len(self.options) < 2 or len(set(self.options)) < len(self.options):
            raise ConfigError(
                f"The question {self.key!r} has the options {self.options}; give two or more that differ."
            )
        if not self.right or not set(self.right) <= set(range(len(self.options))):
            raise ConfigError(
                f"The question {self.key!r} has the right answers {self.right}; give indices of its "
                f"{len(self.options)} options, counted from 0."
            )

    @property
    def answers(self) -> tuple[str, ...]:
        """The options that are right."""
        return tuple(self.options[i] for i in self.right)


@dataclass(frozen=True)
class Guess:
    """What a learner chose, and the question as it was then."""

    question: Question
    choice: int  # index of an option
    model: str = ""  # name of the model that it was about

    @property
    def is_right(self) -> bool:
        return self.choice in self.question.right


def layer_ranges(n_layers: int, pieces: int = 4) -> tuple[range, ...]:
    """The layers in at most `pieces` runs of nearly equal length, the shallowest first: the options of a question
    about a layer."""
    count = max(1, min(pieces, n_layers))
    bounds = [round(n_layers * i / count) for i in range(count + 1)]
    return tuple(range(low, high) for low, high in pairwise(bounds))


def range_words(layers: Sequence[int]) -> str:
    """ "layers 0 to 7", "layer 3"."""
    first, last = layers[0], layers[-1]
    return f"layer {first}" if first == last else f"layers {first} to {last}"


def quarter_of(share: float) -> int:
    """The place in QUARTERS of a share, 0 to 1."""
    return min(int(4 * share), 3)
