"""The causal trace of a dataset, from the store where it is there, computed and stored where it is not."""

import dataclasses
import json
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from goldenlayers_core.attribution.causal_trace import RequestTrace, token_trace, trace_requests
from goldenlayers_core.attribution.requests import Usable
from goldenlayers_core.attribution.trace_prompts import resolve, traceable
from goldenlayers_core.errors import RequestError
from goldenlayers_core.models import ModelHandle
from goldenlayers_core.records import EditRequest, TraceConfig, digest_of
from goldenlayers_core.results import TokenTrace, TraceResult, class_means
from goldenlayers_core.runtime import Progress, RowWriter, Store
from goldenlayers_core.tasks.manifest import provenance_of
from goldenlayers_core.tasks.questions import TokenTraceQuestion, TraceQuestion
from goldenlayers_core.tasks.scores.stored_trace import (
    TRACE_TABLE,
    TRACE_VERSION,
    save_token_trace,
    save_trace,
    trace_key,
)
from goldenlayers_core.tasks.serial import request_from
from goldenlayers_core.tasks.stored_rows import read_rows, token_key

if TYPE_CHECKING:
    from goldenlayers_core.tasks.workbench import Workbench


def trace(bench: "Workbench", question: TraceQuestion, progress: Progress) -> str:
    """Answer the question and store the run; returns its id. Raises a GoldenLayersError of one sentence."""
    result, config = trace_result(bench, question, progress)
    return save_trace(bench.store, question, config, result)


def trace_result(bench: "Workbench", question: TraceQuestion, progress: Progress) -> tuple[TraceResult, TraceConfig]:
    """The trace of every request that can be traced, in the dataset's order, and the config with all numbers in it.

    The noise level is that of the whole dataset, so that further requests of it cost only themselves.
    """
    dataset = bench.requests(question.choice, question.model, progress)
    handle = bench.model(question.model, progress)
    config = resolve(handle, question.config, bench.dataset(question.choice.dataset).requests)
    found = traceable(handle, dataset.requests, config.answer)
    if not found.requests:
        reason = found.skipped[0][1] if found.skipped else "The dataset is empty."
        raise RequestError(f"None of the {len(dataset.requests)} requests can be traced. {reason}")
    rows, computed = traced_rows(handle, bench.store, found.requests, config, progress)
    result = _assemble(handle, question, config, found, rows)
    return dataclasses.replace(result, n_computed=computed), config


def traced_rows(
    handle: ModelHandle, store: Store, requests: Sequence[EditRequest], config: TraceConfig, progress: Progress
) -> tuple[pd.DataFrame, int]:
    """The stored rows of the requests, in order, and how many had to be computed. Stored as they come."""
    key = trace_key(handle.result_key, config)
    stored = read_rows(store, TRACE_TABLE, key, handle, requests)
    have = set(stored["request"]) if len(stored) else set()
    missing = list({r.digest: r for r in requests if r.digest not in have}.values())
    total, before = len(requests), len(requests) - len(missing)
    progress.update(before, total, f"{before} of {total} requests were in the store" if before else "Tracing")

    def report(done: float, _total: int, note: str) -> None:
        progress.update(before + done, total, note)

    with RowWriter(store, TRACE_TABLE, token_key(key)) as writer:
        for found in trace_requests(handle, missing, config, report):
            writer.add(_row(found, missing[found.index]))
    rows = read_rows(store, TRACE_TABLE, key, handle, requests).set_index("request")
    return rows.loc[[r.digest for r in requests]], len(missing)


def _row(found: RequestTrace, request: EditRequest) -> pd.DataFrame:
    """One row: the request's digest, what was traced, and the (T, L) effects as one list."""
    return pd.DataFrame(
        {
            "request": [request.digest],
            "tokens": [json.dumps(found.tokens, ensure_ascii=False)],
            "subject_first": [found.subject[0]],
            "subject_last": [found.subject[1]],
            "answer": [found.answer],
            "p_clean": [found.p_clean],
            "p_corrupt": [found.p_corrupt],
            "seconds": [found.seconds],
            "effects": [found.effects.ravel()],
        }
    )


def _request_trace(row: "pd.Series[Any]") -> RequestTrace:
    tokens = tuple(json.loads(str(row["tokens"])))
    return RequestTrace(
        index=0,
        tokens=tokens,
        subject=(int(row["subject_first"]), int(row["subject_last"])),
        answer=str(row["answer"]),
        p_clean=float(row["p_clean"]),
        p_corrupt=float(row["p_corrupt"]),
        seconds=float(row["seconds"]),
        effects=np.asarray(row["effects"], dtype=np.float64).reshape(len(tokens), -1),
    )


def _assemble(
    handle: ModelHandle, question: TraceQuestion, config: TraceConfig, found: Usable, rows: pd.DataFrame
) -> TraceResult:
    traces = [_request_trace(rows.iloc[i]) for i in range(len(rows))]
    return TraceResult(
        kind=config.kind,
        window=config.window or 1,
        model=handle.name,
        fingerprint=handle.fingerprint,
        dataset=question.choice.words,
        case_ids=tuple(r.case_id for r in found.requests),
        request_digests=tuple(r.digest for r in found.requests),
        prompts=tuple(r.prompt for r in found.requests),
        answers=tuple(t.answer for t in traces),
        p_clean=np.array([t.p_clean for t in traces]),
        p_corrupt=np.array([t.p_corrupt for t in traces]),
        effects=np.stack([class_means(t.effects, t.subject) for t in traces]),
        noise=config.noise or 0.0,
        n_samples=config.n_samples,
        seed=config.seed,
        skipped=found.skipped,
        seconds=sum(t.seconds for t in traces),
        provenance={
            **provenance_of(handle),
            "answer": config.answer,
            "positions": config.positions,
            "code": TRACE_VERSION,
        },
    )


def trace_request(bench: "Workbench", question: TokenTraceQuestion, progress: Progress) -> TokenTrace:
    """One request at every token and layer, from the store where a trace of its dataset or of itself left it there."""
    request, dataset = request_from(question.request), bench.dataset(question.choice.dataset)
    handle = bench.model(question.model, progress)
    config = resolve(handle, dataclasses.replace(question.config, positions="all"), dataset.requests)
    rows, _ = traced_rows(handle, bench.store, [request], config, progress)
    return token_trace(handle.name, request, config, _request_trace(rows.iloc[0]))


def trace_one(bench: "Workbench", question: TokenTraceQuestion, progress: Progress) -> str:
    """Answer the question and store the trace; returns the name for `stored_trace.open_token_trace`."""
    found = trace_request(bench, question, progress)
    fingerprint = bench.model(question.model).result_key
    name = digest_of([fingerprint, found.prompt, found.subject, found.answer, found.kind, found.window, found.noise])
    name = f"{name}-{found.n_samples}-{found.seed}"
    save_token_trace(bench.store, name, found)
    return name
