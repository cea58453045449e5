"""Sweeps on disk: results to store and back. No torch."""

import json
from typing import Final

import numpy as np
import pandas as pd

from goldenlayers_core.attribution.regret import golden_share
from goldenlayers_core.errors import StoreError
from goldenlayers_core.figures.text import counted, layer_list
from goldenlayers_core.records import digest_of
from goldenlayers_core.results import METRICS, SweepResult
from goldenlayers_core.results.truth.sweep import TEXTS
from goldenlayers_core.runtime import Store, StoredRun
from goldenlayers_core.tasks.manifest import is_stored, manifest_of
from goldenlayers_core.tasks.questions import SweepQuestion
from goldenlayers_core.tasks.serial import restored, settings_text

SWEEP_VERSION: Final = "sweep-2"  # changes when an edit or a metric would come out differently


def save_sweep(store: Store, question: SweepQuestion, found: SweepResult) -> str:
    """Store the run under a name made of its content: equal questions on equal models have one run."""
    content = [found.fingerprint, found.request_digests, found.method, found.config, list(found.layers), SWEEP_VERSION]
    content += [found.provenance["dtype"], found.provenance["device"], question.choice.words]
    content += ["writing"] if question.writing else []
    covariance = found.provenance.get("covariance", "")
    content += [covariance] if covariance else []
    run_id = f"sweep-{digest_of(content)[:16]}"
    if is_stored(store, run_id, found):
        return run_id
    share = golden_share(found.score)[found.layers.index(found.golden_layer)]
    summary = (
        ("golden layer", str(found.golden_layer)),
        ("stability", f"{share:.0%}"),
        ("method", found.method),
        ("layers", str(len(found.layers))),
        ("score", f"{found.mean('score').max():.3f}"),
        ("seconds per edit", f"{found.seconds_per_edit:.4g}"),
    )
    manifest = manifest_of(run_id, title_of(question, found), question, found, summary, SWEEP_VERSION)
    after, before = found.to_frame(), _before(found)
    if found.texts:
        after["texts"] = [text for row in found.texts for text in row]
        before["texts"] = list(found.texts_before)
    store.save_run(manifest, {"sweep": after, "before": before}, {"rest": json.dumps(_rest(found))})
    return run_id


def title_of(question: SweepQuestion, found: SweepResult) -> str:
    """What tells two sweeps apart: method and changed settings, model, data, requests, layers."""
    changed = "".join(f", {name} {value}" for name, value in question.settings.items())
    whole = len(found.layers) == found.n_layers
    layers = f"all {found.n_layers} layers" if whole else layer_list(found.layers)
    return (
        f"Sweep ({found.method.upper()}{changed}) of {found.model} on {found.dataset}: "
        f"{counted(found.n_requests, 'request')}, {layers}"
    )


def open_sweep(store: Store, run_id: str) -> SweepResult:
    """A stored sweep. Raises StoreError when it is missing or damaged, or of another kind."""
    return store.read_run(run_id, _sweep)


def _sweep(run: StoredRun) -> SweepResult:
    if run.manifest.kind != "sweep":
        raise StoreError(f"The run {run.manifest.run_id} holds no sweep; choose a run of kind sweep.")
    SweepQuestion.from_params(run.manifest.settings)  # what it was asked with is understood, too
    rest, after, before = json.loads(run.texts["rest"]), run.frames["sweep"], run.frames["before"]
    layers, names = tuple(int(layer) for layer in rest["layers"]), [m.name for m in METRICS]
    queries, n_layers = len(before), restored(int, rest["n_layers"])
    if not queries or not layers or not set(layers) <= set(range(n_layers)):
        raise ValueError(f"{queries} requests were swept at the layers {layers} of {n_layers}")
    answers = after["answer"].astype(str).to_numpy().reshape(queries, len(layers))
    values = after.reindex(columns=names).to_numpy(np.float64).reshape(queries, len(layers), len(names))
    return SweepResult(
        method=restored(str, rest["method"]),
        model=run.manifest.model,
        fingerprint=run.manifest.fingerprint,
        dataset=run.manifest.dataset,
        config=settings_text(rest["config"]),
        layers=layers,
        n_layers=n_layers,
        values=np.asarray(values, dtype=np.float64),
        before=np.asarray(before.reindex(columns=names).to_numpy(np.float64), dtype=np.float64),
        answers=tuple(map(tuple, answers.tolist())),
        answers_before=tuple(before["answers_before"].astype(str)),
        texts=_texts(after, queries, len(layers)),
        texts_before=tuple(before["texts"].astype(str)) if "texts" in before else (),
        skipped=tuple((str(case), str(reason)) for case, reason in rest["skipped"]),
        seconds=run.manifest.seconds,
        n_computed=int(dict(run.manifest.summary).get("computed now", 0)),
        seconds_per_edit=float(rest["seconds_per_edit"]),
        provenance=dict(run.manifest.provenance),
        **{name: tuple(before[name].astype(str)) for name in TEXTS},
    )


def _texts(after: pd.DataFrame, queries: int, layers: int) -> tuple[tuple[str, ...], ...]:
    """(Q, L) as kept; none in runs from before they were."""
    if "texts" not in after:
        return ()
    return tuple(map(tuple, after["texts"].astype(str).to_numpy().reshape(queries, layers).tolist()))


def _before(found: SweepResult) -> pd.DataFrame:
    """One row per request: its texts, and what the unedited model does."""
    columns: dict[str, object] = {name: getattr(found, name) for name in TEXTS}
    columns["answers_before"] = found.answers_before
    columns |= {m.name: found.before[:, i] for i, m in enumerate(METRICS)}
    return pd.DataFrame(columns)


def _rest(found: SweepResult) -> dict[str, object]:
    return {
        "method": found.method,
        "config": found.config,
        "layers": list(found.layers),
        "n_layers": found.n_layers,
        "skipped": list(found.skipped),
        "seconds_per_edit": found.seconds_per_edit,
    }
