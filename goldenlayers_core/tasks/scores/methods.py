"""The ways to score layers: which requests each can take, what it computes and stores per request."""

import dataclasses
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, ClassVar, Final, Protocol

import numpy as np
import pandas as pd

from goldenlayers_core.attribution.damage import Curvature, spared
from goldenlayers_core.attribution.edit_aware import Whiten, default_chunk, iter_edit_aware
from goldenlayers_core.attribution.edit_rule import Prediction, predict
from goldenlayers_core.attribution.effects import Effects
from goldenlayers_core.attribution.lga import ScoredBatch, iter_lga
from goldenlayers_core.attribution.line_rule import LINE_RULE, predict_line
from goldenlayers_core.attribution.requests import Usable, editable, usable
from goldenlayers_core.editing.moments import KeyMoments
from goldenlayers_core.editing.value_settings import IDENTITY
from goldenlayers_core.evaluation.line_check import iter_line_check
from goldenlayers_core.models import ModelHandle
from goldenlayers_core.records import LOSSES_ON, SCOPES, EditRequest, LossOn, ScoreMethod, config_digest
from goldenlayers_core.results import Floats, Part
from goldenlayers_core.results.scores.parts import EDIT_AWARE_PARTS, edit_aware_parts
from goldenlayers_core.results.scores.readings import Counts, Reading
from goldenlayers_core.runtime import Progress, Store
from goldenlayers_core.tasks.covariance import moments_for, moments_key, moments_words
from goldenlayers_core.tasks.questions import ScoreQuestion
from goldenlayers_core.tasks.scores.curvature import curvatures_of
from goldenlayers_core.tasks.scores.stored import score_version

if TYPE_CHECKING:
    from goldenlayers_core.tasks.workbench import Workbench

LGA_ROWS: Final = "lga-4"  # 2: rows hold both readings; 3: and the mean absolute gradient; 4: and every scope
MEAN_ABS: Final = "mean_abs_new"
Readings = Mapping[str, tuple[Reading, ...]]  # by scope of LGA, both readings, the one asked for first
_COLUMNS: Final = ("values", "norm_old", "norm_new", "tokens_old", "tokens_new")  # of a reading


class Way(Protocol):
    """One method."""

    table: ClassVar[str]  # of the store

    @property
    def covariance(self) -> str:
        """What the key covariance was estimated from that the predicted edits are written with; "" without one."""

    def writing_with(self, moments: Mapping[int, KeyMoments]) -> "Way":
        """The method for edits that are written with a key covariance, by layer; itself where it predicts no edits."""

    def ready(self, handle: ModelHandle, store: Store, progress: Progress) -> "Way":
        """The method with what it needs of the model itself, computed once and kept."""

    def key(self, question: ScoreQuestion) -> str:
        """Names the settings and the code that the rows depend on."""

    def find(
        self, handle: ModelHandle, requests: Sequence[EditRequest], question: ScoreQuestion, progress: Progress
    ) -> Usable:
        """The requests that can be scored."""

    def rows(
        self, handle: ModelHandle, found: Usable, question: ScoreQuestion, step: Callable[[float], None]
    ) -> Iterator[tuple[pd.DataFrame, int]]:
        """Chunk by chunk: one row per request, and the tokens it took.

        Where a chunk takes long, `step(requests)` says how many requests' worth of it is done, and may raise to cancel.
        """

    def shown(self, rows: pd.DataFrame, question: ScoreQuestion) -> pd.DataFrame:
        """Such rows with what was asked for in "values"."""

    def parts(self, rows: pd.DataFrame) -> tuple[Part, ...]:
        """The parts in stored rows."""

    def readings(self, rows: pd.DataFrame, question: ScoreQuestion) -> Readings:
        """LGA's in stored rows, by scope, the one asked for first; none of another method."""


class Lga:
    """LGA. Rows hold both readings, whichever was asked for, so that the other costs nothing afterwards."""

    table: ClassVar[str] = "lga"
    covariance = ""

    def writing_with(self, _moments: Mapping[int, KeyMoments]) -> Way:
        return self

    def ready(self, _handle: ModelHandle, _store: Store, _progress: Progress) -> Way:
        return self

    def key(self, question: ScoreQuestion) -> str:
        return f"{config_digest(dataclasses.replace(question.config, loss_on='answer'))}-{LGA_ROWS}"

    def find(
        self, handle: ModelHandle, requests: Sequence[EditRequest], question: ScoreQuestion, progress: Progress
    ) -> Usable:
        return usable(handle, requests, question.config.old_answer, progress.check)

    def rows(
        self, handle: ModelHandle, found: Usable, question: ScoreQuestion, step: Callable[[float], None]
    ) -> Iterator[tuple[pd.DataFrame, int]]:
        for batch in self.batches(handle, found, question, step):
            columns: dict[str, Any] = {MEAN_ABS: batch.mean_abs_new}
            for scope, readings in batch.scopes.items():
                columns |= {f"{scope}_{n}_{r.loss_on}": getattr(r, n) for r in readings for n in _COLUMNS}
            yield _frame(found.requests, batch.indices, columns), batch.n_tokens

    def batches(
        self, handle: ModelHandle, found: Usable, question: ScoreQuestion, _step: Callable[[float], None]
    ) -> Iterator[ScoredBatch]:
        """Scored, in memory."""
        return iter_lga(handle, found.requests, found.old_answers, question.config)

    def shown(self, rows: pd.DataFrame, question: ScoreQuestion) -> pd.DataFrame:
        scope, asked = question.config.scope, question.config.loss_on
        return rows[["request", MEAN_ABS]].assign(**{name: rows[f"{scope}_{name}_{asked}"] for name in _COLUMNS})

    def parts(self, rows: pd.DataFrame) -> tuple[Part, ...]:
        return ()

    def readings(self, rows: pd.DataFrame, question: ScoreQuestion) -> Readings:
        names = sorted(LOSSES_ON, key=lambda name: name != question.config.loss_on)
        return {scope: tuple(_reading(rows, scope, name) for name in names) for scope in SCOPES}


@dataclass(frozen=True)
class _EditAware:
    moments: Mapping[int, KeyMoments] = field(default_factory=dict)  # of the covariance that the edits are written with
    table: ClassVar[str] = "edit-aware"

    def writing_with(self, moments: Mapping[int, KeyMoments]) -> Way:
        return dataclasses.replace(self, moments=moments)

    def ready(self, _handle: ModelHandle, _store: Store, _progress: Progress) -> Way:
        return self

    def key(self, question: ScoreQuestion) -> str:
        covariance = f"-{moments_key(self.moments)}" if self.moments else ""
        return f"{config_digest(question.settings)}-{score_version(question.method)}{covariance}"

    @property
    def covariance(self) -> str:
        return moments_words(self.moments)

    @property
    def whiten(self) -> Whiten | None:
        """C^-1 k of a layer's keys; None without a covariance."""
        moments = self.moments
        return (lambda layer, keys: moments[layer].whitened(keys)) if moments else None

    def find(
        self, handle: ModelHandle, requests: Sequence[EditRequest], question: ScoreQuestion, progress: Progress
    ) -> Usable:
        return editable(handle, requests, question.analysis)

    def rows(
        self, handle: ModelHandle, found: Usable, question: ScoreQuestion, step: Callable[[float], None]
    ) -> Iterator[tuple[pd.DataFrame, int]]:
        left, size = len(found.requests), default_chunk(handle)

        def told(share: float) -> None:
            step(share * min(size, left))

        for effects, columns in self.columns(handle, found.requests, question, told):
            left -= len(effects.indices)
            yield _frame(found.requests, effects.indices, columns), effects.n_tokens

    def columns(
        self,
        handle: ModelHandle,
        requests: Sequence[EditRequest],
        question: ScoreQuestion,
        step: Callable[[float], None],
    ) -> Iterator[tuple[Effects, dict[str, Floats]]]:
        """Chunk by chunk: what was seen of its requests, and (P, L) numbers by the column they are stored in."""
        for effects, seen in self.predictions(handle, requests, question, step):
            yield effects, {"values": seen.score} | {info.name: getattr(seen, info.name) for info in EDIT_AWARE_PARTS}

    def predictions(
        self,
        handle: ModelHandle,
        requests: Sequence[EditRequest],
        question: ScoreQuestion,
        step: Callable[[float], None],
    ) -> Iterator[tuple[Effects, Prediction]]:
        """Chunk by chunk: what was seen of its requests, and what that predicts."""
        for effects in iter_edit_aware(handle, requests, question.edit_aware, step, self.whiten):
            yield effects, predict(effects)

    def shown(self, rows: pd.DataFrame, question: ScoreQuestion) -> pd.DataFrame:
        return rows

    def readings(self, rows: pd.DataFrame, question: ScoreQuestion) -> Readings:
        return {}

    def parts(self, rows: pd.DataFrame) -> tuple[Part, ...]:
        return edit_aware_parts({info.name: stacked(rows, info.name) for info in EDIT_AWARE_PARTS})


class _LineCheck(_EditAware):
    table: ClassVar[str] = "line-check"

    def predictions(
        self,
        handle: ModelHandle,
        requests: Sequence[EditRequest],
        question: ScoreQuestion,
        step: Callable[[float], None],
    ) -> Iterator[tuple[Effects, Prediction]]:
        config, overshoot = question.line_check, LINE_RULE.overshoot
        for checked in iter_line_check(handle, requests, config, overshoot, step, self.whiten):
            yield checked.effects, predict_line(checked.effects, checked.lead)


@dataclass(frozen=True)
class _Damage(_EditAware):
    weights: Mapping[int, Curvature] | None = None
    table: ClassVar[str] = "damage"

    def ready(self, handle: ModelHandle, store: Store, progress: Progress) -> Way:
        return dataclasses.replace(self, weights=curvatures_of(store, handle, progress))

    def columns(
        self,
        handle: ModelHandle,
        requests: Sequence[EditRequest],
        question: ScoreQuestion,
        step: Callable[[float], None],
    ) -> Iterator[tuple[Effects, dict[str, Floats]]]:
        bare = [EditRequest(r.case_id, r.prompt, r.subject, r.target_new, r.target_true) for r in requests]
        for effects in iter_edit_aware(handle, bare, question.analysis, step, self.whiten):
            assert self.weights is not None  # `ready` was asked for it
            yield effects, {"values": spared(self.weights, effects)}

    def parts(self, rows: pd.DataFrame) -> tuple[Part, ...]:
        return ()


def _reading(rows: pd.DataFrame, scope: str, loss_on: LossOn) -> Reading:
    """Of stored rows."""
    names = [f"{scope}_{name}_{loss_on}" for name in _COLUMNS]
    values, old, new = (stacked(rows, name) for name in names[:3])
    tokens_old, tokens_new = (rows[name].to_numpy(np.int64) for name in names[3:])
    return Reading(loss_on, values, old, new, tokens_old, tokens_new)


def _frame(
    requests: Sequence[EditRequest], indices: Sequence[int], columns: Mapping[str, Floats | Counts]
) -> pd.DataFrame:
    """One row per request: its digest, and per column the numbers of all layers, or one."""
    arrays = {name: list(values) for name, values in columns.items()}
    return pd.DataFrame({"request": [requests[i].digest for i in indices], **arrays})


def stacked(rows: pd.DataFrame, name: str) -> Floats:
    """(Q, L) of a column of such rows."""
    return np.stack([np.asarray(v, dtype=np.float64) for v in rows[name]])


_WAYS: Final[tuple[tuple[ScoreMethod, Way], ...]] = (
    ("lga", Lga()),
    ("edit-aware", _EditAware()),
    ("line-check", _LineCheck()),
    ("damage", _Damage()),
)


def way(method: ScoreMethod) -> Way:
    """The method of that name, which a ScoreQuestion has checked."""
    return next(found for name, found in _WAYS if name == method)


def way_asked(bench: "Workbench", handle: ModelHandle, question: ScoreQuestion, progress: Progress) -> Way:
    """The question's method, with the key covariance of every layer where the edits it predicts are written with one.

    Raises ConfigError where no text was given yet for the covariance of a text.
    """
    found = way(question.method)
    if question.covariance == IDENTITY:
        return found
    return found.writing_with(moments_for(bench, handle, question.covariance, range(handle.n_layers), progress))
