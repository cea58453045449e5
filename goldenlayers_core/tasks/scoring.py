"""Layer scores of a dataset, from the store where they are there, computed and stored where they are not."""

import dataclasses
import time
from collections.abc import Sequence
from typing import TYPE_CHECKING, Final

import numpy as np
import pandas as pd

from goldenlayers_core.attribution.lga import ScoredBatch, iter_lga
from goldenlayers_core.attribution.requests import Usable, usable
from goldenlayers_core.attribution.selection import select
from goldenlayers_core.errors import RequestError
from goldenlayers_core.models import ModelHandle
from goldenlayers_core.records import EditRequest, LgaConfig, config_digest
from goldenlayers_core.results import Floats, LayerScores, Selection
from goldenlayers_core.runtime import Progress, Store, provenance
from goldenlayers_core.tasks.questions import ScoreQuestion
from goldenlayers_core.tasks.stored import SCORE_VERSION, save_scores

if TYPE_CHECKING:
    from goldenlayers_core.tasks.workbench import Workbench

_TABLE: Final = "lga"
_FLUSH_SECONDS: Final = 2.0


def score(bench: "Workbench", question: ScoreQuestion, progress: Progress) -> str:
    """Answer the question and store the run; returns its id. Raises a GoldenLayersError of one sentence."""
    scores, selection = layer_scores(bench, question, progress)
    return save_scores(bench.store, question, scores, selection)


def layer_scores(bench: "Workbench", question: ScoreQuestion, progress: Progress) -> tuple[LayerScores, Selection]:
    """The scores of every usable request, in the dataset's order, and the golden layer."""
    handle = bench.model(question.model, progress)
    dataset = bench.requests(question.choice, question.model, progress)
    found = usable(handle, dataset.requests, question.config.old_answer, progress.check)
    if not found.requests:
        reason = found.skipped[0][1] if found.skipped else "The dataset is empty."
        raise RequestError(f"None of the {len(dataset.requests)} requests can be scored. {reason}")
    key = f"{handle.result_key}-{config_digest(question.config)}-{SCORE_VERSION}"
    seconds, computed, n_tokens = _compute(handle, bench.store, key, found, question.config, progress)
    rows = bench.store.read_rows(_TABLE, key).set_index("request")
    digests = [r.digest for r in found.requests]
    chosen = rows.loc[digests]
    scores = dataclasses.replace(
        _assemble(handle, question, found, chosen, digests), seconds=seconds, n_computed=computed, n_tokens=n_tokens
    )
    return scores, select(scores.values, question.selection)


def _compute(
    handle: ModelHandle, store: Store, key: str, found: Usable, config: LgaConfig, progress: Progress
) -> tuple[float, int, int]:
    """Score what the store does not have; (seconds, requests, tokens) spent. Stored as it goes, also when cancelled."""
    stored = store.read_rows(_TABLE, key)
    have = set(stored["request"]) if len(stored) else set()
    missing = {
        r.digest: (r, old) for r, old in zip(found.requests, found.old_answers, strict=True) if r.digest not in have
    }
    requests = [r for r, _ in missing.values()]
    total = len(found.requests)
    done, n_tokens, start = total - len(requests), 0, time.perf_counter()
    pending: list[pd.DataFrame] = []
    written = time.perf_counter()
    progress.update(done, total, f"{done} of {total} requests were in the store" if done else "Scoring")
    try:
        for batch in iter_lga(handle, requests, [old for _, old in missing.values()], config):
            pending.append(_rows(batch, requests))
            done, n_tokens = done + len(batch.indices), n_tokens + batch.n_tokens
            if time.perf_counter() - written > _FLUSH_SECONDS:
                store.append_rows(_TABLE, key, pd.concat(pending))
                pending, written = [], time.perf_counter()
            progress.update(done, total, "Scoring")
    finally:
        if pending:
            store.append_rows(_TABLE, key, pd.concat(pending))
    return time.perf_counter() - start, len(requests), n_tokens


def _rows(batch: ScoredBatch, requests: Sequence[EditRequest]) -> pd.DataFrame:
    """One row per request: its digest, and per layer phi and the two norms."""
    return pd.DataFrame(
        {
            "request": [requests[i].digest for i in batch.indices],
            "values": list(batch.values),
            "norm_old": list(batch.norm_old),
            "norm_new": list(batch.norm_new),
        }
    )


def _assemble(
    handle: ModelHandle, question: ScoreQuestion, found: Usable, rows: pd.DataFrame, digests: list[str]
) -> LayerScores:
    def stack(name: str) -> Floats:
        return np.stack([np.asarray(v, dtype=np.float64) for v in rows[name]])

    return LayerScores(
        method="lga",
        model=handle.name,
        fingerprint=handle.fingerprint,
        dataset=question.choice.words,
        scope=question.config.scope,
        old_answer=question.config.old_answer,
        case_ids=tuple(r.case_id for r in found.requests),
        request_digests=tuple(digests),
        prompts=tuple(r.prompt for r in found.requests),
        targets_old=found.old_answers,
        targets_new=tuple(r.target_new for r in found.requests),
        relations=tuple(r.relation for r in found.requests),
        values=stack("values"),
        norm_old=stack("norm_old"),
        norm_new=stack("norm_new"),
        skipped=found.skipped,
        provenance={
            **provenance(),
            "device": str(handle.device),
            "dtype": str(handle.dtype).removeprefix("torch."),
            "precision": question.config.precision,
            "code": SCORE_VERSION,
        },
    )
