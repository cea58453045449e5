"""Layer scores of a dataset, from the store where they are there, computed and stored where they are not."""

import dataclasses
import time
from collections.abc import Callable
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from goldenlayers_core.attribution.requests import Usable
from goldenlayers_core.attribution.selection import select
from goldenlayers_core.errors import RequestError
from goldenlayers_core.models import ModelHandle
from goldenlayers_core.records import Dataset
from goldenlayers_core.results import LayerScores, Selection
from goldenlayers_core.runtime import Progress, RowWriter, Store
from goldenlayers_core.tasks.manifest import provenance_of
from goldenlayers_core.tasks.questions import ScoreQuestion
from goldenlayers_core.tasks.scores.methods import MEAN_ABS, Way, stacked, way_asked
from goldenlayers_core.tasks.scores.stored import save_scores, score_version, selected_by
from goldenlayers_core.tasks.stored_rows import read_rows, token_key

if TYPE_CHECKING:
    from goldenlayers_core.tasks.workbench import Workbench

Watch = Callable[[pd.DataFrame], None]  # one row per request: its digest in "request", and (L,) "values"


def score(
    bench: "Workbench", question: ScoreQuestion, progress: Progress, watch: Watch | None = None, fresh: bool = False
) -> str:
    """Answer the question and store the run; returns its id. Raises a GoldenLayersError of one sentence.

    `watch` sees the rows as they come, first those that the store had; `fresh` computes those again, too.
    """
    scores, selection = layer_scores(bench, question, progress, watch, fresh)
    return save_scores(bench.store, question, scores, selection)


def layer_scores(
    bench: "Workbench", question: ScoreQuestion, progress: Progress, watch: Watch | None = None, fresh: bool = False
) -> tuple[LayerScores, Selection]:
    """The scores of every usable request, in the dataset's order, and the golden layer."""
    dataset = bench.requests(question.choice, question.model, progress)
    handle = bench.model(question.model, progress)
    return scores_by(
        way_asked(bench, handle, question, progress), handle, bench.store, dataset, question, progress, watch, fresh
    )


def scores_by(
    method: Way,
    handle: ModelHandle,
    store: Store,
    dataset: Dataset,
    question: ScoreQuestion,
    progress: Progress,
    watch: Watch | None = None,
    fresh: bool = False,
) -> tuple[LayerScores, Selection]:
    """The same, of a model and the requests that are there already."""
    found = method.find(handle, dataset.requests, question, progress)
    if not found.requests:
        reason = found.skipped[0][1] if found.skipped else "The dataset is empty."
        raise RequestError(f"None of the {len(dataset.requests)} requests can be scored. {reason}")
    key = rows_key(handle, method, question)
    seconds, computed, n_tokens = put_rows(handle, store, key, method, found, question, progress, watch, fresh)
    rows = read_rows(store, method.table, key, handle, found.requests).set_index("request")
    digests = [r.digest for r in found.requests]
    scores = dataclasses.replace(
        _assemble(handle, question, method, found, rows.loc[digests], digests),
        seconds=seconds,
        n_computed=computed,
        n_tokens=n_tokens,
    )
    return scores, select(scores.values, question.selection, selected_by(question.method))


def rows_key(handle: ModelHandle, method: Way, question: ScoreQuestion) -> str:
    """Under what the store keeps the scores: everything but the request that can change a number."""
    return f"{handle.result_key}-{method.key(question)}"


def put_rows(
    handle: ModelHandle,
    store: Store,
    key: str,
    method: Way,
    found: Usable,
    question: ScoreQuestion,
    progress: Progress,
    watch: Watch | None = None,
    fresh: bool = False,
) -> tuple[float, int, int]:
    """Score what the store does not have; (seconds, requests, tokens) spent. Stored as it goes, also when cancelled."""
    stored = pd.DataFrame() if fresh else read_rows(store, method.table, key, handle, found.requests)
    if watch is not None and len(stored):
        watch(method.shown(stored, question))
    missing = _without(found, set(stored["request"]) if len(stored) else set())
    total = len(found.requests)
    done, n_tokens, start = total - len(missing.requests), 0, time.perf_counter()
    progress.update(done, total, f"{done} of {total} requests were in the store" if done else "Scoring")

    def part_done(requests: float) -> None:
        """Between two chunks: the count is of requests' worth of work, so that the time left can be told."""
        progress.update(min(done + requests, total), total, "Scoring")

    if missing.requests:
        method = method.ready(handle, store, progress)
    with RowWriter(store, method.table, token_key(key)) as writer:
        for rows, tokens in method.rows(handle, missing, question, part_done):
            writer.add(rows)
            if watch is not None:
                watch(method.shown(rows, question))
            done, n_tokens = done + len(rows), n_tokens + tokens
            progress.update(done, total, "Scoring")
    return time.perf_counter() - start, len(missing.requests), n_tokens


def _without(found: Usable, have: set[str]) -> Usable:
    """The requests whose scores are not there yet, each content once."""
    fresh = {
        r.digest: (r, old) for r, old in zip(found.requests, found.old_answers, strict=True) if r.digest not in have
    }
    return Usable(tuple(r for r, _ in fresh.values()), tuple(old for _, old in fresh.values()), ())


def _assemble(
    handle: ModelHandle, question: ScoreQuestion, method: Way, found: Usable, rows: pd.DataFrame, digests: list[str]
) -> LayerScores:
    shown = method.shown(rows.reset_index(), question)
    values = stacked(shown, "values")
    old, new = (
        stacked(shown, name) if name in shown else np.full_like(values, np.nan) for name in ("norm_old", "norm_new")
    )
    readings = dict(method.readings(rows, question))
    return LayerScores(
        method=question.method,
        model=handle.name,
        fingerprint=handle.fingerprint,
        dataset=question.choice.words,
        scope=question.scope,
        old_answer=question.old_answer,
        case_ids=tuple(r.case_id for r in found.requests),
        request_digests=tuple(digests),
        prompts=tuple(r.prompt for r in found.requests),
        targets_old=found.old_answers,
        targets_new=tuple(r.target_new for r in found.requests),
        relations=tuple(r.relation for r in found.requests),
        subjects=tuple(r.subject for r in found.requests),
        values=values,
        norm_old=old,
        norm_new=new,
        parts=method.parts(rows),
        loss_on=question.loss_on,
        readings=readings.pop(question.scope, ()),
        other_scopes=readings,
        mean_abs_new=stacked(shown, MEAN_ABS) if MEAN_ABS in shown else None,
        skipped=found.skipped,
        provenance={
            **provenance_of(handle),
            "precision": question.settings.precision,
            "code": score_version(question.method),
            **({"covariance": method.covariance} if method.covariance else {}),
        },
    )
