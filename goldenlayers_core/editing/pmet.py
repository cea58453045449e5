"""PMET: attention and MLP are optimised together, only the MLP is written (Li et al. 2024, arXiv 2308.08742).

Two changes are looked for at the window's last layer, one of attention's output and one of the MLP's, each within its
own clamp; the MLP's is the value, and

    W_i' = W_i + R_i K^T (lambda C_i + K K^T)^-1 ,    R_i = (v - now) / sqrt(layers left)

where v and now are outputs of the last layer's MLP: a layer takes the root's share, so that more of it is written in
deep ones. lambda as in `memit`. Left out is the published rule that takes a tenth of the loss once the target is the
likeliest token: the optimisation ends by its loss, as everywhere here. Rows are padded on the right whatever the
tokenizer says (the published code pads PMET's on the left, which moves the position it edits).
"""

from dataclasses import dataclass
from math import sqrt
from typing import Final

from goldenlayers_core.editing.least_squares import Rule, WindowConfig, inverse_covariance, usual_energy
from goldenlayers_core.editing.memit import PRESERVATION_HELP
from goldenlayers_core.editing.settings import setting
from goldenlayers_core.editing.window_edits import window_method


@dataclass(frozen=True)
class PmetConfig(WindowConfig):
    """PMET's settings. The roots add up to more than the whole, so that lambda may be larger than MEMIT's."""

    preservation: float = setting(1.0, "Preservation (lambda)", PRESERVATION_HELP, 0.0, 1000.0, 0.1)


def rule(config: PmetConfig) -> Rule:
    """PMET's rule."""
    return Rule(
        name="pmet",
        metric=inverse_covariance,
        damping=lambda energy, moments: config.preservation * usual_energy(energy, moments),
        spread=sqrt,
        sites=("attention", "mlp"),
    )


METHOD: Final = window_method(
    "pmet",
    "PMET",
    "As MEMIT, with a value found for attention and MLP together and written to the MLP alone (Li et al. 2024).",
    PmetConfig,
    rule,
    "Layers 3-8 of 28 in GPT-J (Li et al. 2024); 4-8 in EasyEdit's Llama configurations",
)
