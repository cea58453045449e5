"""What was measured on the bundled model before it was shipped: docs/evidence.md, from which a test reads it again.

Used only where the store has no sweep and no search of its own on the model.
"""

from dataclasses import dataclass
from typing import Final


@dataclass(frozen=True, slots=True)
class Judged:
    """A layer that was chosen on proxy requests, judged by real edits of test requests."""

    layer: int
    score: float  # mean of rewrite, rephrase, locality and portability over the kinds a request has, 0 to 1
    locality: float  # share of neighbours that keep their answer


@dataclass(frozen=True, slots=True)
class Measured:
    """The part of docs/evidence.md that says where to edit."""

    fingerprint: str  # of the weights, float32
    n_proxy: int  # requests a layer was chosen on
    n_test: int  # requests it was judged on
    n_layers: int  # swept
    sweep: Judged
    gradients: Judged  # LGA's layer

    @property
    def words(self) -> str:
        """The evidence in one phrase."""
        return (
            f"a sweep of {self.n_proxy * self.n_layers:,} real ROME edits ({self.n_proxy} requests at every layer), "
            "made on this very model before it was shipped (docs/evidence.md)"
        )


BUNDLED: Final = Measured(
    fingerprint="1ec9c355ba935332b7766746535947ea",
    n_proxy=32,
    n_test=24,
    n_layers=30,
    sweep=Judged(layer=3, score=0.569, locality=0.778),
    gradients=Judged(layer=21, score=0.526, locality=0.417),
)
