"""MEMIT: facts written into a window of layers by damped least squares (Meng et al. 2023, arXiv 2210.07229).

    W_i' = W_i + R_i K^T (lambda C_i + K K^T)^-1 ,    R_i = (z - now) / (layers left)

A soft constraint: how much of a fact is written depends on how usual its key is. The published lambda (15,000 for
Llama, 20,000 for GPT-2 XL) multiplies a mean over tokens, so that it counts keys; what a usual key k comes to,
k^T C^-1 k, is d_in on average, and a fact with such a key is written by the share d_in / (d_in + lambda). Here lambda
is given in units of d_in: neither the scale of C nor the number of tokens it was estimated from changes what it means,
and one number serves models of every width. Keys of earlier edits of the stack count as keys to preserve.
"""

from dataclasses import dataclass
from typing import Final

from goldenlayers_core.editing.least_squares import Rule, WindowConfig, inverse_covariance, usual_energy
from goldenlayers_core.editing.settings import setting
from goldenlayers_core.editing.window_edits import window_method

PRESERVATION_HELP: Final = (
    "Weight of usual keys against the facts, in units of a usual key's energy, so that it means the same whatever the "
    "covariance's scale and token count: at 1 a fact with a usual key is written half, at 0.3 three quarters. The "
    "published 15,000 is about 1.4 for Llama-2 7B, 20,000 about 3 for GPT-2 XL."
)


@dataclass(frozen=True)
class MemitConfig(WindowConfig):
    """MEMIT's settings. On the bundled model lambda 1 left a sixth of the facts unwritten at layer 9, 0.3 none."""

    preservation: float = setting(0.3, "Preservation (lambda)", PRESERVATION_HELP, 0.0, 1000.0, 0.1)


def rule(config: MemitConfig) -> Rule:
    """MEMIT's rule."""
    return Rule(
        name="memit",
        metric=inverse_covariance,
        damping=lambda energy, moments: config.preservation * usual_energy(energy, moments),
        spread=float,
    )


METHOD: Final = window_method(
    "memit",
    "MEMIT",
    "Least squares over a window of layers, one fact or thousands at once (Meng et al. 2023).",
    MemitConfig,
    rule,
    "Layers 13-17 of 48 in GPT-2 XL and 3-8 of 28 in GPT-J (Meng et al. 2023); 4-8 in EasyEdit's Llama configurations",
)
