"""How layers are scored, selected and traced. Frozen and hashable; no torch, no numpy."""

from dataclasses import dataclass, field
from typing import Literal

from goldenlayers_core.errors import ConfigError
from goldenlayers_core.records.names import (
    COVARIANCES,
    LOSSES_ON,
    OLD_ANSWERS,
    SCOPES,
    TRACE_KINDS,
    TRACE_POSITIONS,
    KeyCovariance,
    LossOn,
    OldAnswer,
    Scope,
    TraceKind,
)


@dataclass(frozen=True, slots=True)
class LgaConfig:
    """Layer Gradient Analysis (arXiv 2602.20207; design.md section 4)."""

    scope: Scope = "mlp"
    old_answer: OldAnswer = "dataset"
    precision: Literal["model", "bfloat16"] = "model"  # bfloat16: faster on processors with AMX or AVX512-BF16
    # padded tokens per batch; None: 96 on a processor (0.25 GB for the bundled model), 4,096 on a GPU
    token_budget: int | None = field(default=None, metadata={"affects_result": False})
    # whose loss has gradients: the answer's tokens alone, or every token of prompt and answer but the first
    loss_on: LossOn = field(default="sequence", metadata={"added": True, "before": "answer"})

    def __post_init__(self) -> None:
        if self.loss_on not in LOSSES_ON:
            raise ConfigError(f"A loss on {self.loss_on!r} is unknown; choose one of {', '.join(LOSSES_ON)}.")
        if self.scope not in SCOPES:
            raise ConfigError(f"Scope {self.scope!r} is unknown; choose one of {', '.join(SCOPES)}.")
        if self.old_answer not in OLD_ANSWERS:
            raise ConfigError(f"Old answer {self.old_answer!r} is unknown; choose one of {', '.join(OLD_ANSWERS)}.")
        if self.precision not in ("model", "bfloat16"):
            raise ConfigError(f"Precision {self.precision!r} is unknown; choose model or bfloat16.")
        if self.token_budget is not None and self.token_budget < 1:
            raise ConfigError(f"The token budget is {self.token_budget}; give a whole number above 0.")


@dataclass(frozen=True, slots=True)
class EditAwareConfig:
    """Edit-aware layer analysis (design.md section 4): what an edit would do, predicted from gradients."""

    probes_per_kind: int = 3  # rephrases, locality and portability probes that take part, at most, evenly spaced
    portability: bool = True  # portability probes take part; without them a seventh less work on the bundled facts
    precision: Literal["model", "bfloat16"] = "model"  # bfloat16: faster on processors with AMX or AVX512-BF16
    # padded tokens per batch; None: 192 on a processor, 4,096 on a GPU
    token_budget: int | None = field(default=None, metadata={"affects_result": False})
    # with which key covariance the predicted edits are written (editing.value_settings)
    covariance: KeyCovariance = field(default="identity", metadata={"added": True})

    def __post_init__(self) -> None:
        if self.probes_per_kind < 1:
            raise ConfigError(f"{self.probes_per_kind} probes per kind were asked for; give a whole number above 0.")
        if self.covariance not in COVARIANCES:
            raise ConfigError(
                f"A key covariance {self.covariance!r} is unknown; choose one of {', '.join(COVARIANCES)}."
            )
        if self.precision not in ("model", "bfloat16"):
            raise ConfigError(f"Precision {self.precision!r} is unknown; choose model or bfloat16.")
        if self.token_budget is not None and self.token_budget < 1:
            raise ConfigError(f"The token budget is {self.token_budget}; give a whole number above 0.")


@dataclass(frozen=True, slots=True)
class LineCheckConfig(EditAwareConfig):
    """The line check: the predicted edit at every layer, applied once and read off a few probes."""

    probes_per_kind: int = 2


@dataclass(frozen=True, slots=True)
class DamageConfig:
    """The damage to general text: what the edit that a request needs would do to any other text."""

    precision: Literal["model", "bfloat16"] = "model"  # of the passes over the requests
    token_budget: int | None = field(default=None, metadata={"affects_result": False})  # as of edit-aware analysis
    covariance: KeyCovariance = field(default="identity", metadata={"added": True})  # likewise

    def __post_init__(self) -> None:
        _ = self.analysis  # whose checks are these

    @property
    def analysis(self) -> EditAwareConfig:
        """The passes over the requests."""
        return EditAwareConfig(precision=self.precision, token_budget=self.token_budget, covariance=self.covariance)


@dataclass(frozen=True, slots=True)
class SelectionConfig:
    """From layer scores to a golden layer: Tukey fences, then signed sums (design.md section 4)."""

    fence: float = 1.0  # k in [Q1 - k IQR, Q3 + k IQR]
    n_resamples: int = 1000  # bootstrap resamples of the requests
    seed: int = 0

    def __post_init__(self) -> None:
        if not self.fence > 0:
            raise ConfigError(f"The fence factor is {self.fence}; give a number above 0 (the paper uses 1).")
        if self.n_resamples < 1:
            raise ConfigError(f"{self.n_resamples} resamples were asked for; give a whole number above 0.")


@dataclass(frozen=True, slots=True)
class TraceConfig:
    """Causal tracing (Meng et al. 2022, section 2; algorithms.md section 10)."""

    kind: TraceKind = "mlp"  # what is restored: the block's output, its MLP's, or its attention's
    # layers restored together, centred; None: 1 for hidden states, else ROME's share of the depth (10 of 48 layers)
    window: int | None = None
    # standard deviation added to the subject's embeddings; None: 3 x that of the dataset's subjects' embeddings
    noise: float | None = None
    n_samples: int = 10
    seed: int = 0
    answer: OldAnswer = "model"  # whose first token is looked at: the model's own answer, or the dataset's true one
    # tokens restored: every one from the subject on, or only the subject's last (all that the choice of a layer needs)
    positions: Literal["all", "subject"] = "all"
    # tokens per forward pass; None: 256 on a processor, 4,096 on a GPU
    token_budget: int | None = field(default=None, metadata={"affects_result": False})

    def __post_init__(self) -> None:
        if self.kind not in TRACE_KINDS:
            raise ConfigError(f"The kind {self.kind!r} is unknown; choose one of {', '.join(TRACE_KINDS)}.")
        if self.answer not in OLD_ANSWERS:
            raise ConfigError(f"The answer {self.answer!r} is unknown; choose one of {', '.join(OLD_ANSWERS)}.")
        if self.positions not in TRACE_POSITIONS:
            raise ConfigError(f"Positions {self.positions!r} are unknown; choose one of {', '.join(TRACE_POSITIONS)}.")
        if self.window is not None and self.window < 1:
            raise ConfigError(f"The window is {self.window} layers; give a whole number above 0.")
        if self.noise is not None and not 0 < self.noise < float("inf"):
            raise ConfigError(f"The noise is {self.noise}; give a number above 0.")
        if self.n_samples < 1:
            raise ConfigError(f"{self.n_samples} noise samples were asked for; give a whole number above 0.")
        if self.seed < 0:
            raise ConfigError(f"The seed is {self.seed}; give a whole number, 0 or larger.")
        if self.token_budget is not None and self.token_budget < 1:
            raise ConfigError(f"The token budget is {self.token_budget}; give a whole number above 0.")
