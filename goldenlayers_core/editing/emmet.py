"""EMMET: many facts as equality constraints, ROME's update for a batch (Gupta et al. 2024, arXiv 2403.14236).

    W' = W + R (K^T C^-1 K)^-1 K^T C^-1            W' K = W K + R exactly

C is the covariance as it was estimated: the published code first multiplies it by 1,000 to 100,000 and then adds 0.1 to
K^T C^-1 K, so that the ridge, meant to be small, decides; here the ridge is a share of the mean of k^T C^-1 k over the
facts, and 0. With one fact in one layer this is ROME with one kind of key.
"""

from dataclasses import dataclass
from typing import Final

from goldenlayers_core.editing.least_squares import Rule, WindowConfig, inverse_covariance
from goldenlayers_core.editing.settings import setting
from goldenlayers_core.editing.window_edits import window_method


@dataclass(frozen=True)
class EmmetConfig(WindowConfig):
    """EMMET's settings."""

    window: int = setting(
        1, "Window", "Layers written to, around the chosen one; the published one writes one.", 1, 100, 1
    )
    ridge: float = setting(
        0.0,
        "Ridge",
        "Gives the constraints some slack where facts have nearly the same key, as a share of a fact's own energy; "
        "at 0 they hold exactly.",
        0.0,
        10.0,
        0.01,
    )


def rule(config: EmmetConfig) -> Rule:
    """EMMET's rule."""
    return Rule(
        name="emmet",
        metric=inverse_covariance,
        damping=lambda energy, _moments: config.ridge * energy,
        spread=float,
    )


METHOD: Final = window_method(
    "emmet",
    "EMMET",
    "ROME's exact constraint for many facts at once, in one layer (Gupta et al. 2024).",
    EmmetConfig,
    rule,
    "Layer 17 of 48 in GPT-2 XL and 5 in Llama (EasyEdit's EMMET configurations)",
)
