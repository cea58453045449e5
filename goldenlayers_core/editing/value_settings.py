"""The settings that every method with an optimised value shares."""

from dataclasses import dataclass
from typing import Final

from goldenlayers_core.editing.settings import setting
from goldenlayers_core.editing.templates import MethodConfig, TemplateConfig
from goldenlayers_core.records import COVARIANCES

IDENTITY, SAMPLES, TEXT = COVARIANCES
COVARIANCE_HELP: Final = (
    "What usual keys look like: estimated from the model's own samples, from the text given last for this model, or "
    "identity: as if every direction were as usual as any other."
)


@dataclass(frozen=True)
class ValueSettings(MethodConfig):
    """How the new value is looked for, in which contexts, and with which covariance it is written.

    The defaults are EasyEdit's for Llama models, but for 5 context templates where it samples 20.
    """

    steps: int = setting(25, "Steps", "Forward passes of the optimisation, at most.", 1, 500, 1)
    learning_rate: float = setting(0.5, "Learning rate", "Step size of Adam.", 0.0001, 10.0, 0.05)
    weight_decay: float = setting(1e-3, "Weight decay", "Weight of |delta| / |v0|^2 in the loss.", 0.0, 10.0, 0.001)
    clamp_factor: float = setting(
        4.0, "Clamp factor", "delta stays within this many norms of the old value.", 0.01, 100.0, 0.25
    )
    kl_factor: float = setting(
        0.0625, "KL factor", "How strongly '{subject} is a' must go on as before.", 0.0, 10.0, 0.0625
    )
    stop_loss: float = setting(
        0.05, "Stop below", "The optimisation ends when the loss (nats) is lower.", 0.0, 10.0, 0.01
    )
    n_templates: int = setting(2, "Context templates", "Sampled texts before the prompt, beside none.", 0, 100, 1)
    template_length: int = setting(10, "Template length", "Tokens; half of the templates have half as many.", 2, 50, 1)
    seed: int = setting(0, "Seed", "Of the context templates; the rest is deterministic.", 0, 2**31 - 1, 1)
    keep_best: bool = setting(False, "Keep the best", "Take the iterate with the lowest loss, not ROME's last one.")
    direct_steps: bool = setting(True, "Direct steps", "As far as the answer's odds ask for, in place of Adam's.")
    patience: int = setting(3, "Patience", "End when so many passes brought less than 2 %; 0: never.", 0, 100, 1)
    covariance: str = setting(IDENTITY, "Key covariance", COVARIANCE_HELP, added=True, options=COVARIANCES)

    @property
    def templates(self) -> TemplateConfig:
        """The context templates this config asks for."""
        return TemplateConfig(self.n_templates, self.template_length, seed=self.seed)
