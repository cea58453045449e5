"""Questions: what is to be written, asked and computed. Frozen and hashable; no torch, no numpy.

A digest is the first 32 hexadecimal digits of the SHA-256 of canonical JSON; equal content gives equal digests on every
machine.
"""

import dataclasses
import hashlib
import json
from dataclasses import dataclass, field
from typing import Any, Final, Literal

from goldenlayers_core.errors import ConfigError
from goldenlayers_core.subject import Place, check_place, occurrences, place_of

ProbeKind = Literal["rewrite", "rephrase", "locality", "portability"]
Scope = Literal["mlp", "mlp_out", "attention", "block"]
OldAnswer = Literal["dataset", "model"]
LossOn = Literal["sequence", "answer"]
ScoreMethod = Literal["lga", "edit-aware", "line-check", "damage"]
KeyCovariance = Literal["identity", "samples", "text"]
TraceKind = Literal["hidden", "mlp", "attention"]

PROBE_KINDS: tuple[ProbeKind, ...] = ("rewrite", "rephrase", "locality", "portability")
SCOPES: tuple[Scope, ...] = ("mlp", "mlp_out", "attention", "block")
OLD_ANSWERS: tuple[OldAnswer, ...] = ("dataset", "model")
LOSSES_ON: tuple[LossOn, ...] = ("sequence", "answer")
SCORE_METHODS: tuple[ScoreMethod, ...] = ("lga", "edit-aware", "line-check", "damage")
COVARIANCES: tuple[KeyCovariance, ...] = ("identity", "samples", "text")
TRACE_KINDS: tuple[TraceKind, ...] = ("hidden", "mlp", "attention")
TRACE_POSITIONS: tuple[str, ...] = ("all", "subject")
MAX_PROMPT = 2_000
"""Most characters of a prompt, wherever it comes from: a page, the command line or a file."""


def digest_of(content: Any) -> str:
    """32 hexadecimal digits naming `content` (anything JSON can hold; dataclasses by their fields)."""
    text = json.dumps(content, sort_keys=True, ensure_ascii=False, separators=(",", ":"), default=dataclasses.asdict)
    return hashlib.sha256(text.encode()).hexdigest()[:32]


def config_digest(config: Any) -> str:
    """Digest of a config dataclass by class name and every field that can change a result.

    Fields declared with `metadata={"affects_result": False}` (batch sizes and the like) are left out, and so are those
    with `"added": True` that have their default: what was stored before they existed was made with it. Where a field's
    default is another by now, `"before"` is what it was made with.
    """
    kept = {
        f.name: getattr(config, f.name)
        for f in dataclasses.fields(config)
        if f.metadata.get("affects_result", True)
        and not (f.metadata.get("added") and getattr(config, f.name) == f.metadata.get("before", f.default))
    }
    return digest_of([type(config).__name__, kept])


@dataclass(frozen=True, slots=True)
class Probe:
    """A prompt evaluated before and after an edit."""

    prompt: str
    answers: tuple[str, ...]  # accepted aliases; empty: only compared with the unedited model
    kind: ProbeKind
    name: str = ""  # the dataset's own word for it, for example "Subject_Aliasing"


@dataclass(frozen=True, slots=True)
class EditRequest:
    """One fact to write, with its probes. `prompt` is complete and contains `subject` ("" where a file gives none).

    Raises RequestError where `subject_at` is given and the prompt does not have the subject there.
    """

    case_id: str
    prompt: str
    subject: str
    target_new: str
    target_true: str  # "" where the dataset gives none
    rephrases: tuple[Probe, ...] = ()
    locality: tuple[Probe, ...] = ()
    portability: tuple[Probe, ...] = ()
    relation: str = ""
    source: str = ""  # the dataset it came from
    true_aliases: tuple[str, ...] = ()  # further accepted spellings of target_true
    split: str = ""  # "proxy", "test" or "" (none given)
    # character of the prompt at which the subject stands, where a template or a person says so
    subject_at: int | None = None
    new_aliases: tuple[str, ...] = ()  # further accepted spellings of target_new

    def __post_init__(self) -> None:
        if self.subject_at is not None:
            check_place(self.subject, self.prompt, self.subject_at)

    @property
    def digest(self) -> str:
        """Names the content (not case_id, source or split): equal facts share their results.

        The subject's place counts only where it is not the one that would be found anyway.
        """
        content = dataclasses.asdict(self)
        for name in ("case_id", "source", "split"):
            content.pop(name)
        if not self.new_aliases:
            content.pop("new_aliases")
        at = content.pop("subject_at")
        found = occurrences(self.subject, self.prompt)[:1] if at is not None else ()
        return digest_of(content if at is None or (found and found[0][0] == at) else content | {"subject_at": at})

    @property
    def subject_place(self) -> Place:
        """First character of the subject in the prompt, and the one after its last. Raises RequestError."""
        return place_of(self.subject, self.prompt, self.subject_at)

    @property
    def rewrite(self) -> Probe:
        """The request's own prompt as a probe that expects the new target."""
        return Probe(self.prompt, (self.target_new, *self.new_aliases), "rewrite")

    @property
    def probes(self) -> tuple[Probe, ...]:
        """Every probe: the rewrite first, then rephrases, locality, portability."""
        return (self.rewrite, *self.rephrases, *self.locality, *self.portability)

    @property
    def true_answers(self) -> tuple[str, ...]:
        """Accepted old answers, `target_true` first; empty where the dataset gives none."""
        return tuple(dict.fromkeys(a for a in (self.target_true, *self.true_aliases) if a.strip()))


@dataclass(frozen=True, slots=True)
class RowIssue:
    """A record that was not read, or was read with a remark. `row` counts records from 1."""

    row: int
    reason: str
    severity: Literal["rejected", "remark"] = "rejected"


@dataclass(frozen=True)
class Dataset:
    """What a reader made of a file: every record is in `requests` or, with its reason, in `reported`."""

    name: str
    format: str
    requests: tuple[EditRequest, ...]
    reported: tuple[RowIssue, ...]  # severity "rejected": not read
    n_records: int
    remarks: tuple[RowIssue, ...] = ()  # read, but worth knowing (no-op edit, rephrase without the subject, ...)
    encoding: str = "utf-8"
    description: str = ""

    @property
    def digest(self) -> str:
        """Names the requests and their order."""
        return digest_of([self.name, [r.digest for r in self.requests]])

    def subset(self, requests: tuple[EditRequest, ...]) -> "Dataset":
        """The same dataset with fewer requests."""
        return dataclasses.replace(self, requests=requests)


SPILLS: Final = "+disk"  # behind a device's name: what does not fit there is kept elsewhere


@dataclass(frozen=True, slots=True)
class ModelSource:
    """Which model to load, and how. `source`: "bundled", "gemma", a hub name, a folder, or a GGUF file."""

    source: str = "bundled"
    revision: str | None = None
    # auto | cpu | cuda | cuda:N | cuda:N+cuda:M, and +disk behind it: what does not fit is kept elsewhere
    device: str = "auto"
    dtype: str = "auto"  # auto | float32 | bfloat16 | float16 | float64

    @property
    def spills(self) -> bool:
        """Whether what does not fit on the device may be kept elsewhere."""
        return self.device.endswith(SPILLS)

    @property
    def devices(self) -> tuple[str, ...]:
        """Names of the devices that blocks may stand on; all that is no block stands on the first."""
        return tuple(self.device.removesuffix(SPILLS).split("+"))


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
