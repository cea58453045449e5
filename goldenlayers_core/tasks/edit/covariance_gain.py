"""What a key covariance buys: sweeps in the store that differ in nothing else. No torch."""

import json
from collections.abc import Callable
from typing import Any

import numpy as np

from goldenlayers_core.results import METRICS, SweepResult
from goldenlayers_core.results.edit.covariance import GAIN_METRICS, CovarianceGain
from goldenlayers_core.runtime import RunManifest, Store

IDENTITY = "identity"


def covariance_gains(
    store: Store, fingerprint: str, opened: Callable[[str], SweepResult]
) -> tuple[CovarianceGain, ...]:
    """Every pair of a model's sweeps with and without a covariance, of equal method, settings and requests; newest
    first. `opened` reads a sweep by its run's id."""
    runs = [m for m in store.runs() if m.kind == "sweep" and m.fingerprint == fingerprint]
    plain = [m for m in runs if _covariance(m) == IDENTITY]
    found = []
    for run in runs:
        other = next((m for m in plain if _covariance(run) != IDENTITY and _apart(m) == _apart(run)), None)
        if other is not None and (gain := _gain(opened(other.run_id), opened(run.run_id), (other.run_id, run.run_id))):
            found.append(gain)
    return tuple(found)


def _covariance(run: RunManifest) -> str:
    """The covariance a sweep was run with; a method that has no such setting is left out by its name."""
    default = IDENTITY if run.settings.get("method", "rome").endswith("rome") else ""
    return str(run.settings.get("settings", {}).get("covariance", default))


def _apart(run: RunManifest) -> str:
    """Everything two sweeps must share to be compared."""
    settings: dict[str, Any] = {k: v for k, v in run.settings.get("settings", {}).items() if k != "covariance"}
    return json.dumps([run.settings.get("method", "rome"), settings, run.dataset_digest], sort_keys=True)


def _gain(plain: SweepResult, other: SweepResult, runs: tuple[str, str]) -> CovarianceGain | None:
    layers = tuple(layer for layer in plain.layers if layer in other.layers)
    if not layers:
        return None
    columns = [[m.name for m in METRICS].index(name) for name in GAIN_METRICS]

    def means(sweep: SweepResult) -> Any:
        rows = [sweep.layers.index(layer) for layer in layers]
        return np.nanmean(sweep.values[:, rows][:, :, columns], axis=0)

    return CovarianceGain(
        method=plain.method,
        model=plain.model,
        dataset=plain.dataset,
        names=(IDENTITY, other.provenance.get("covariance", "estimated")),
        runs=runs,
        n_requests=plain.n_requests,
        layers=layers,
        values=np.stack([means(plain), means(other)]),
        before=np.nanmean(plain.before[:, columns], axis=0),
    )
