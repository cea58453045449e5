"""Questions that can be written down: frozen, and JSON in both directions, so that a job survives its process."""

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Any, Literal, Self, get_args

from goldenlayers_core.errors import ConfigError
from goldenlayers_core.places import is_path, last_part
from goldenlayers_core.records import (
    SCORE_METHODS,
    DamageConfig,
    EditAwareConfig,
    KeyCovariance,
    LgaConfig,
    LineCheckConfig,
    ModelSource,
    ScoreMethod,
    SelectionConfig,
    TraceConfig,
)
from goldenlayers_core.results.edit.many_edits import MODES, Mode
from goldenlayers_core.tasks.serial import restored

Split = Literal["all", "proxy", "test"]
AUTO = "auto"
PASTED = "pasted-"  # how the names of pasted texts begin (see tasks.corpus)


@dataclass(frozen=True, slots=True)
class DatasetChoice:
    """Which requests: a dataset, a split of it, the first so many, and whether only facts the model knows."""

    dataset: str = "bundled"  # catalogue name, file, or "upload-<digest>"
    split: Split = "all"
    limit: int | None = None
    known_only: bool = False
    title: str = ""  # what a person calls the dataset, where its name says nothing (uploads)

    def __post_init__(self) -> None:
        if self.split not in get_args(Split):
            raise ConfigError(f"The split {self.split!r} is unknown; choose all, proxy or test.")
        if self.limit is not None and self.limit < 1:
            raise ConfigError(f"{self.limit} requests were asked for; give a whole number above 0.")

    @property
    def words(self) -> str:
        """The choice in a few words, for titles: a file by its name, wherever it lies."""
        name = self.title or (last_part(self.dataset) if is_path(self.dataset) else self.dataset)
        parts = [name if self.split == "all" else f"{name} ({self.split} split)"]
        if self.limit:
            parts.append(f"first {self.limit}")
        if self.known_only:
            parts.append("facts the model knows")
        return ", ".join(parts)


class Question:
    """JSON in and out of a frozen dataclass whose fields may be such dataclasses."""

    def to_params(self) -> dict[str, Any]:
        """As plain JSON."""
        return dataclasses.asdict(self)  # type: ignore[call-overload, no-any-return]

    @classmethod
    def from_params(cls, params: Mapping[str, Any]) -> Self:
        """From plain JSON. Raises ConfigError for fields that are not known, or not of their type."""
        try:
            return restored(cls, params)
        except (TypeError, ValueError) as error:
            raise ConfigError(f"The stored settings do not fit this version ({error}); start the work anew.") from error


@dataclass(frozen=True)
class ScoreQuestion(Question):
    """Layer scores of a dataset on a model. Each method reads its own settings."""

    model: ModelSource = field(default_factory=ModelSource)
    choice: DatasetChoice = field(default_factory=DatasetChoice)
    config: LgaConfig = field(default_factory=LgaConfig)  # of LGA
    selection: SelectionConfig = field(default_factory=SelectionConfig)
    method: ScoreMethod = "lga"  # what runs stored before there was another one are
    edit_aware: EditAwareConfig = field(default_factory=EditAwareConfig)  # of the edit-aware analysis
    line_check: LineCheckConfig = field(default_factory=LineCheckConfig)  # of the line check
    damage: DamageConfig = field(default_factory=DamageConfig)  # of the damage to general text

    def __post_init__(self) -> None:
        if self.method not in SCORE_METHODS:
            raise ConfigError(f"The method {self.method!r} is unknown; choose one of {', '.join(SCORE_METHODS)}.")

    @property
    def settings(self) -> LgaConfig | EditAwareConfig | DamageConfig:
        """The settings that the method reads."""
        if self.method == "damage":
            return self.damage
        return self.config if self.method == "lga" else self.analysis

    @property
    def analysis(self) -> EditAwareConfig:
        """The passes over probes that the method needs; of no meaning for LGA."""
        if self.method == "damage":
            return self.damage.analysis
        return self.line_check if self.method == "line-check" else self.edit_aware

    @property
    def covariance(self) -> KeyCovariance:
        """With which key covariance the edits are written that the scores predict; LGA predicts none."""
        return "identity" if self.method == "lga" else self.analysis.covariance

    @property
    def scope(self) -> str:
        """The weights of a layer that the scores are of."""
        return self.config.scope if self.method == "lga" else "mlp_out"

    @property
    def loss_on(self) -> str:
        """Which reading of LGA the scores are of; "" in other methods."""
        return self.config.loss_on if self.method == "lga" else ""

    @property
    def old_answer(self) -> str:
        """Where the old answers are from."""
        return self.config.old_answer if self.method == "lga" else "dataset"


@dataclass(frozen=True)
class KnowledgeQuestion(Question):
    """Which requests' true targets a model answers itself."""

    model: ModelSource = field(default_factory=ModelSource)
    choice: DatasetChoice = field(default_factory=DatasetChoice)


@dataclass(frozen=True)
class SweepQuestion(Question):
    """Real edits of a dataset's requests at every layer, measured."""

    model: ModelSource = field(default_factory=ModelSource)
    choice: DatasetChoice = field(default_factory=DatasetChoice)
    method: str = "rome"
    settings: Mapping[str, Any] = field(default_factory=dict)  # fields of the method's config that differ from defaults
    layers: tuple[int, ...] = ()  # (): all
    writing: bool = False  # fluency and perplexity drift too, which doubles the time

    def __post_init__(self) -> None:
        object.__setattr__(self, "layers", tuple(self.layers))  # JSON has lists


@dataclass(frozen=True)
class SearchQuestion(SweepQuestion):
    """The golden layer by real edits within a time budget."""

    seconds: float = 300.0  # budget
    seed: int = 0


@dataclass(frozen=True)
class EditQuestion(Question):
    """One edit and what it changes. `request` is an EditRequest as JSON; `layer` -1 stands for the recommended one."""

    model: ModelSource = field(default_factory=ModelSource)
    request: Mapping[str, Any] = field(default_factory=dict)
    method: str = "rome"
    layer: int = -1
    settings: Mapping[str, Any] = field(default_factory=dict)  # fields of the method's config that differ from defaults
    earlier: tuple[str, ...] = ()  # ids of the edits it is laid on top of, oldest first; (): the unedited model

    def __post_init__(self) -> None:
        object.__setattr__(self, "earlier", tuple(self.earlier))  # JSON has lists


@dataclass(frozen=True)
class ManyEditsQuestion(Question):
    """Every request of a choice written at one layer; `layer` -1 stands for the recommended one."""

    model: ModelSource = field(default_factory=ModelSource)
    choice: DatasetChoice = field(default_factory=DatasetChoice)
    method: str = "rome"
    layer: int = -1
    settings: Mapping[str, Any] = field(default_factory=dict)  # fields of the method's config that differ from defaults
    mode: Mode = "alone"
    earlier: tuple[str, ...] = ()  # ids of the edits they are laid on top of, oldest first; (): the unedited model

    def __post_init__(self) -> None:
        object.__setattr__(self, "earlier", tuple(self.earlier))  # JSON has lists
        if self.mode not in MODES:
            raise ConfigError(f"The mode {self.mode!r} is unknown; choose one of {', '.join(MODES)}.")


@dataclass(frozen=True)
class ExportQuestion(Question):
    """Stored edits, as a stack, written to a file or folder of this machine."""

    model: ModelSource = field(default_factory=ModelSource)
    edit_ids: tuple[str, ...] = ()  # bottom of the stack first
    format: str = "merged"
    out: str = ""
    dtype: str = "auto"  # of a merged checkpoint; auto: the loaded model's own

    def __post_init__(self) -> None:
        object.__setattr__(self, "edit_ids", tuple(self.edit_ids))  # JSON has lists


@dataclass(frozen=True)
class PanelQuestion(Question):
    """The blast radius of a stack of stored edits on the bundled panel of prompts."""

    model: ModelSource = field(default_factory=ModelSource)
    edit_ids: tuple[str, ...] = ()  # from the bottom

    def __post_init__(self) -> None:
        object.__setattr__(self, "edit_ids", tuple(self.edit_ids))  # JSON has lists


@dataclass(frozen=True)
class CovarianceQuestion(Question):
    """What the keys of a model's layers usually are: their second moments over some tokens."""

    model: ModelSource = field(default_factory=ModelSource)
    source: str = "samples"  # the model's own; or a file, "hub:owner/name/path", a pasted text (see tasks.corpus)
    tokens: int = 10240  # at most
    layers: tuple[int, ...] = ()  # (): all
    shrinkage: float = 0.01  # share of the identity mixed in

    def __post_init__(self) -> None:
        object.__setattr__(self, "layers", tuple(self.layers))  # JSON has lists
        if self.tokens < 64:
            raise ConfigError(f"{self.tokens} tokens were asked for; give at least 64, and better 8 per direction.")
        if not 0 < self.shrinkage < 1:
            raise ConfigError(f"The shrinkage is {self.shrinkage}; give a number between 0 and 1, such as 0.01.")


@dataclass(frozen=True)
class TraceQuestion(Question):
    """The causal trace of a dataset on a model."""

    model: ModelSource = field(default_factory=ModelSource)
    choice: DatasetChoice = field(default_factory=DatasetChoice)
    config: TraceConfig = field(default_factory=TraceConfig)


@dataclass(frozen=True)
class TokenTraceQuestion(Question):
    """The causal trace of one request at every token. The noise level is that of the choice's whole dataset."""

    model: ModelSource = field(default_factory=ModelSource)
    request: Mapping[str, Any] = field(default_factory=dict)  # an EditRequest as JSON
    choice: DatasetChoice = field(default_factory=DatasetChoice)
    config: TraceConfig = field(default_factory=TraceConfig)


@dataclass(frozen=True)
class ProbeTextsQuestion(Question):
    """What the model says to a few probes of one request after an edit at each layer (lesson 4)."""

    model: ModelSource = field(default_factory=ModelSource)
    request: Mapping[str, Any] = field(default_factory=dict)  # an EditRequest as JSON
    method: str = "rome"
    settings: Mapping[str, Any] = field(default_factory=dict)  # fields of the method's config
    layers: tuple[int, ...] = ()

    def __post_init__(self) -> None:
        object.__setattr__(self, "layers", tuple(self.layers))  # JSON has lists


@dataclass(frozen=True)
class FactLayersQuestion(Question):
    """One fact edited into the unedited model at every layer in turn, and what each edit does to its probes."""

    model: ModelSource = field(default_factory=ModelSource)
    request: Mapping[str, Any] = field(default_factory=dict)  # an EditRequest as JSON
    method: str = "rome"
    settings: Mapping[str, Any] = field(default_factory=dict)  # fields of the method's config that differ from defaults


@dataclass(frozen=True)
class PileQuestion(Question):
    """Facts written one on top of the other at a layer, at several layers in turn (lesson 7)."""

    model: ModelSource = field(default_factory=ModelSource)
    choice: DatasetChoice = field(default_factory=DatasetChoice)  # its first requests are asked, the next ones written
    method: str = "rome"
    settings: Mapping[str, Any] = field(default_factory=dict)  # fields of the method's config that differ from defaults
    layers: tuple[int, ...] = ()
    sizes: tuple[int, ...] = (0, 1, 3, 6, 10)  # numbers of edits, none first
    facts: int = 12  # asked at every size, and not written

    def __post_init__(self) -> None:
        object.__setattr__(self, "layers", tuple(self.layers))  # JSON has lists
        object.__setattr__(self, "sizes", tuple(self.sizes))
        if len(self.sizes) < 2 or self.sizes[0] != 0 or any(a >= b for a, b in pairwise(self.sizes)):
            raise ConfigError(f"The numbers of edits {list(self.sizes)} came; give rising ones that begin with 0.")
        if self.facts < 1 or not self.layers:
            raise ConfigError(
                f"{self.facts} other facts at {len(self.layers)} layers were asked for; give one of each at least."
            )
