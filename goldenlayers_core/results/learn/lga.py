"""Lesson 6: two arrows and their inner product, and LGA's layer beside real edits. No torch."""

import math
from dataclasses import dataclass
from typing import Final

from goldenlayers_core.errors import ConfigError

RANKS: Final = ("best", "middle", "worst")  # thirds of the layers, ranked by real edits


@dataclass(frozen=True, slots=True)
class Arrows:
    """Two directions of descent in a plane, the old and the new answer's, and their inner product.

    The inner product of two gradients and that of their negatives, the directions of descent, are the same:
    phi = < grad L(old), grad L(new) > = |old| |new| cos(angle between them).
    """

    old_degrees: float
    old_length: float
    new_degrees: float
    new_length: float

    def __post_init__(self) -> None:
        if self.old_length < 0 or self.new_length < 0:
            raise ConfigError(
                f"The lengths {self.old_length:g} and {self.new_length:g} were given; an arrow's length is 0 or more."
            )

    @property
    def old(self) -> tuple[float, float]:
        """The tip of the old answer's arrow."""
        return _tip(self.old_degrees, self.old_length)

    @property
    def new(self) -> tuple[float, float]:
        """The tip of the new answer's arrow."""
        return _tip(self.new_degrees, self.new_length)

    @property
    def between(self) -> float:
        """The angle between the arrows, 0 to 180 degrees."""
        turned = abs(self.new_degrees - self.old_degrees) % 360
        return min(turned, 360 - turned)

    @property
    def cosine(self) -> float:
        """Cosine of the angle between them."""
        return math.cos(math.radians(self.between))

    @property
    def shadow(self) -> float:
        """Signed length of the new arrow's projection on the old one's direction."""
        return self.new_length * self.cosine

    @property
    def foot(self) -> tuple[float, float]:
        """Where the plumb line from the new arrow's tip meets the old one's direction: the end of the shadow."""
        return _tip(self.old_degrees, self.shadow)

    @property
    def inner(self) -> float:
        """phi, the inner product: the old arrow's length times the new one's shadow on it."""
        return self.old_length * self.shadow

    @property
    def sign(self) -> int:
        """1, 0 or -1: the sign of the inner product, what rounds to 0.00 counting as 0."""
        rounded = round(self.inner, 2)
        return (rounded > 0) - (rounded < 0)


def _tip(degrees: float, length: float) -> tuple[float, float]:
    return length * math.cos(math.radians(degrees)), length * math.sin(math.radians(degrees))


@dataclass(frozen=True, slots=True)
class LgaJudged:
    """LGA's layer beside what real edits say of it."""

    pick: int
    golden_layer: int  # by real edits
    pick_score: float  # mean real score at LGA's layer
    golden_score: float
    rank: int  # of LGA's layer by real edits; 1 is the best
    n_layers: int  # measured
    regret: float  # of LGA's layer, against every request's own best layer
    golden_regret: float
    apart: float  # mean over requests of score at the golden layer minus score at LGA's
    low: float  # 95 % bootstrap interval of `apart`
    high: float
    correlation: float | None  # Spearman, of S and the mean real score over the layers
    n_requests: int  # of the sweep
    total: float  # LGA's sum S at its layer
    negative: int  # layers of the model at which S is negative
    n_sums: int  # layers of the model
    lost: tuple[int, ...]  # of the best third of the layers by real edits those that LGA's fences set aside
    n_good: int  # layers in that best third

    @property
    def outcome(self) -> str:
        """How it came out: "same" layer; "behind", or "level" where the interval of the difference includes 0."""
        if self.pick == self.golden_layer:
            return "same"
        return "behind" if self.low > 0 else "level"

    @property
    def third(self) -> str:
        """Among which third of the layers, ranked by real edits, LGA's pick lies: "best", "middle" or "worst"."""
        return RANKS[min(3 * (self.rank - 1) // self.n_layers, 2)]
