"""Causal traces on disk: runs of whole datasets, and single requests token by token. No torch."""

import json
from collections.abc import Mapping
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from goldenlayers_core.errors import StoreError
from goldenlayers_core.records import TraceConfig, config_digest, digest_of
from goldenlayers_core.results import POSITIONS, TokenTrace, TraceResult
from goldenlayers_core.runtime import Store, StoredRun
from goldenlayers_core.tasks.manifest import is_stored, manifest_of
from goldenlayers_core.tasks.questions import TraceQuestion
from goldenlayers_core.tasks.serial import restored

TRACE_VERSION: Final = "trace-1"  # changes when an effect would come out differently
TRACE_TABLE: Final = "trace"
_TOKENS: Final = "token-traces"


def trace_key(result_key: str, config: TraceConfig) -> str:
    """Under what the store keeps the rows of a model and a resolved config: what can change a number is in it."""
    return f"{result_key}-{config_digest(config)}-{TRACE_VERSION}-{config.noise:g}"


def save_trace(store: Store, question: TraceQuestion, config: TraceConfig, result: TraceResult) -> str:
    """Store the run under a name made of its content; `config` is the resolved one. Returns the run's id."""
    content = [result.fingerprint, result.request_digests, config_digest(config), TRACE_VERSION]
    content += [result.provenance["dtype"], result.provenance["device"], question.choice.words]
    run_id = f"trace-{digest_of(content)[:16]}"
    if is_stored(store, run_id, result):
        return run_id
    share = float(result.pick_share()[result.golden_layer])
    title = f"Causal trace ({result.kind}, window {result.window}) of {result.model} on {result.dataset}"
    summary = (
        ("golden layer", str(result.golden_layer)),
        ("stability", f"{share:.0%}"),
        ("kind", result.kind),
        ("window", str(result.window)),
        ("noise", f"{result.noise:g}"),
        ("noise samples", str(result.n_samples)),
        ("seed", str(result.seed)),
    )
    manifest = manifest_of(run_id, title, question, result, summary, TRACE_VERSION)
    frames = {"effects": result.to_frame(), "requests": result.requests_frame()}
    store.save_run(manifest, frames, {"skipped": json.dumps(result.skipped)})
    return run_id


def open_trace(store: Store, run_id: str) -> TraceResult:
    """A stored run of kind trace. Raises StoreError when it is missing, damaged, or of another kind."""
    return store.read_run(run_id, _trace)


def _trace(run: StoredRun) -> TraceResult:
    if run.manifest.kind != "trace":
        raise StoreError(f"The run {run.manifest.run_id} holds no causal trace; choose a run of kind trace.")
    requests, manifest, summary = run.frames["requests"], run.manifest, dict(run.manifest.summary)
    question = TraceQuestion.from_params(manifest.settings)
    values = run.frames["effects"]["indirect_effect"].to_numpy(np.float64)

    def texts(name: str) -> tuple[str, ...]:
        return tuple(requests[name].astype(str))

    return TraceResult(
        kind=question.config.kind,
        window=int(summary["window"]),
        model=manifest.model,
        fingerprint=manifest.fingerprint,
        dataset=manifest.dataset,
        case_ids=texts("case_id"),
        request_digests=texts("request"),
        prompts=texts("prompt"),
        answers=texts("answer"),
        p_clean=requests["p_clean"].to_numpy(np.float64),
        p_corrupt=requests["p_corrupt"].to_numpy(np.float64),
        effects=values.reshape(len(requests), len(POSITIONS), -1),
        noise=float(summary["noise"]),
        n_samples=question.config.n_samples,
        seed=question.config.seed,
        skipped=tuple((str(c), str(r)) for c, r in json.loads(run.texts.get("skipped", "[]"))),
        seconds=manifest.seconds,
        n_computed=int(summary.get("computed now", 0)),
        provenance=dict(manifest.provenance),
    )


def save_token_trace(store: Store, name: str, trace: TokenTrace) -> None:
    """Store one request's trace; the numbers as arrays, the rest as text."""
    rest = {k: v for k, v in vars(trace).items() if k != "effects"}
    store.save_arrays(_TOKENS, name, {"effects": trace.effects}, {"trace": json.dumps(rest, ensure_ascii=False)})


def open_token_trace(store: Store, name: str) -> TokenTrace:
    """One request's stored trace. Raises StoreError when it is missing or damaged."""
    return store.read_arrays(_TOKENS, name, _token_trace)


def _token_trace(arrays: Mapping[str, NDArray[Any]], meta: Mapping[str, str]) -> TokenTrace:
    return restored(TokenTrace, {**json.loads(meta["trace"]), "effects": arrays["effects"]})
