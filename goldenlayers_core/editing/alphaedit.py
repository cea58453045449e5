"""AlphaEdit: only the part of a key that usual text does not use is written (Fang et al. 2025, arXiv 2410.02355).

    W' = W + R K^T P (K K^T P + K_p K_p^T P + L2 I)^-1

P projects onto the eigenvectors of C whose eigenvalue is below a share of the mean one, K_p are the keys that earlier
edits of the stack wrote. Three things differ from the published code: the threshold is relative (0.02 in absolute terms
is everything in one model and nothing in another), so is L2 (a share of the facts' own projected energy), and K_p comes
from the stack that lies over the model (there it is a module's global list, so that edits meant to be independent were
not, and P is one file in the working directory for whatever model and layers).
"""

from dataclasses import dataclass
from typing import Final

from torch import Tensor

from goldenlayers_core.editing.least_squares import Rule, WindowConfig
from goldenlayers_core.editing.moments import KeyMoments
from goldenlayers_core.editing.settings import setting
from goldenlayers_core.editing.value_settings import COVARIANCE_HELP, SAMPLES, TEXT
from goldenlayers_core.editing.window_edits import window_method
from goldenlayers_core.errors import EditError


@dataclass(frozen=True)
class AlphaEditConfig(WindowConfig):
    """AlphaEdit's settings."""

    covariance: str = setting(SAMPLES, "Key covariance", COVARIANCE_HELP, options=(SAMPLES, TEXT))
    null_threshold: float = setting(
        0.3,
        "Null space below",
        "Directions count as unused where their eigenvalue is below this share of the mean eigenvalue of the key "
        "covariance; larger writes more and preserves less.",
        0.0,
        100.0,
        0.05,
    )
    ridge: float = setting(
        0.1,
        "Ridge (L2)",
        "Pull towards no change, as a share of a fact's own energy in the null space: 0.1 writes ten elevenths.",
        0.0,
        10.0,
        0.01,
    )


def rule(config: AlphaEditConfig) -> Rule:
    """AlphaEdit's rule."""

    def project(keys: Tensor, moments: KeyMoments | None) -> Tensor:
        if moments is None:
            raise EditError(
                "AlphaEdit needs a key covariance, because its null space is what it writes in; estimate one first."
            )
        return moments.outside(keys, config.null_threshold)

    return Rule(
        name="alphaedit",
        metric=project,
        damping=lambda energy, _moments: config.ridge * energy,
        spread=float,
    )


METHOD: Final = window_method(
    "alphaedit",
    "AlphaEdit",
    "Writes in the null space of usual keys, so that usual text passes unchanged (Fang et al. 2025).",
    AlphaEditConfig,
    rule,
    "Layers 4-8 of 32 in Llama-3 8B, 13-17 of 48 in GPT-2 XL and 3-8 of 28 in GPT-J (Fang et al. 2025)",
)
