"""The two ways to score layers: which requests each can take, what it computes and stores per request."""

from collections.abc import Callable, Iterator, Sequence
from typing import Final, Protocol

import numpy as np
import pandas as pd

from goldenlayers_core.attribution.edit_aware import default_chunk, iter_edit_aware
from goldenlayers_core.attribution.edit_rule import predict
from goldenlayers_core.attribution.lga import iter_lga
from goldenlayers_core.attribution.requests import Usable, editable, usable
from goldenlayers_core.models import ModelHandle
from goldenlayers_core.records import EditRequest, ScoreMethod
from goldenlayers_core.results import Floats, Part
from goldenlayers_core.results.scores.parts import EDIT_AWARE_PARTS, edit_aware_parts
from goldenlayers_core.runtime import Progress
from goldenlayers_core.tasks.questions import ScoreQuestion


class Way(Protocol):
    """One method."""

    table: str  # of the store

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

    def parts(self, rows: pd.DataFrame) -> tuple[Part, ...]:
        """The parts in stored rows."""


class _Lga:
    table = "lga"

    def find(
        self, handle: ModelHandle, requests: Sequence[EditRequest], question: ScoreQuestion, progress: Progress
    ) -> Usable:
        return usable(handle, requests, question.config.old_answer, progress.check)

    def rows(
        self, handle: ModelHandle, found: Usable, question: ScoreQuestion, step: Callable[[float], None]
    ) -> Iterator[tuple[pd.DataFrame, int]]:
        for batch in iter_lga(handle, found.requests, found.old_answers, question.config):
            columns = {"values": batch.values, "norm_old": batch.norm_old, "norm_new": batch.norm_new}
            yield _frame(found.requests, batch.indices, columns), batch.n_tokens

    def parts(self, rows: pd.DataFrame) -> tuple[Part, ...]:
        return ()


class _EditAware:
    table = "edit-aware"

    def find(
        self, handle: ModelHandle, requests: Sequence[EditRequest], question: ScoreQuestion, progress: Progress
    ) -> Usable:
        return editable(handle, requests, question.edit_aware)

    def rows(
        self, handle: ModelHandle, found: Usable, question: ScoreQuestion, step: Callable[[float], None]
    ) -> Iterator[tuple[pd.DataFrame, int]]:
        left, size = len(found.requests), default_chunk(handle)

        def told(share: float) -> None:
            step(share * min(size, left))

        for effects in iter_edit_aware(handle, found.requests, question.edit_aware, told):
            left -= len(effects.indices)
            seen = predict(effects)
            columns = {"values": seen.score} | {info.name: getattr(seen, info.name) for info in EDIT_AWARE_PARTS}
            yield _frame(found.requests, effects.indices, columns), effects.n_tokens

    def parts(self, rows: pd.DataFrame) -> tuple[Part, ...]:
        return edit_aware_parts({info.name: stacked(rows, info.name) for info in EDIT_AWARE_PARTS})


def _frame(requests: Sequence[EditRequest], indices: Sequence[int], columns: dict[str, Floats]) -> pd.DataFrame:
    """One row per request: its digest, and per column the numbers of all layers."""
    arrays = {name: list(values) for name, values in columns.items()}
    return pd.DataFrame({"request": [requests[i].digest for i in indices], **arrays})


def stacked(rows: pd.DataFrame, name: str) -> Floats:
    """(Q, L) of a column of such rows."""
    return np.stack([np.asarray(v, dtype=np.float64) for v in rows[name]])


_WAYS: Final[tuple[tuple[ScoreMethod, Way], ...]] = (("lga", _Lga()), ("edit-aware", _EditAware()))


def way(method: ScoreMethod) -> Way:
    """The method of that name, which a ScoreQuestion has checked."""
    return next(found for name, found in _WAYS if name == method)
