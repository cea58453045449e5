"""The layer card: every way to choose a layer for a model, judged by the real edits of a sweep. No torch.

Only runs of the same weights count (equal fingerprints). What gradients, traces or a table choose is judged on the
sweep's requests; a layer that real edits chose is also judged on requests it was not chosen on.
"""

import dataclasses
import functools
import json
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

import numpy as np

from goldenlayers_core.attribution.regret import N_RESAMPLES, regret
from goldenlayers_core.records import digest_of
from goldenlayers_core.results import WAYS, LayerCard, Pick, SweepResult, Way
from goldenlayers_core.results.truth.card import ESTIMATES, WayInfo
from goldenlayers_core.results.truth.literature import published_for
from goldenlayers_core.results.truth.measured import Covariance, method_used, setting_of
from goldenlayers_core.runtime import RunManifest, Store
from goldenlayers_core.tasks.literature import published_layer
from goldenlayers_core.tasks.real_edits import data_of, golden_layer, used_in
from goldenlayers_core.tasks.recommendation import predicted_covariance, recommend, score_method
from goldenlayers_core.tasks.truth.judgement import SEED
from goldenlayers_core.tasks.truth.words import remarks, sentence

NOT_COMPUTED: Final = "not computed"


@dataclass(frozen=True, slots=True)
class ModelFacts:
    """What the card has to know of a model."""

    name: str
    fingerprint: str
    n_layers: int
    model_type: str = ""  # row of the architecture table; "" where it is not known


def layer_card(
    store: Store,
    model: ModelFacts,
    sweep: SweepResult | None = None,
    run_id: str = "",
    method: str = "rome",
    n_resamples: int = N_RESAMPLES,
) -> LayerCard:
    """Every way's pick for a model and an editing method, judged by `sweep` (the run `run_id`) where there is one.

    Its sentence is the recommendation for the model, the method with its covariance, and the sweep's data.
    """
    runs = [m for m in store.runs() if m.fingerprint == model.fingerprint]
    settings = json.loads(sweep.config) if sweep else {}
    used, written_with = method_used(method, settings), settings.get("covariance", "identity")
    setting = setting_of(written_with)
    data = next((data_of(m) for m in runs if m.run_id == run_id), "")
    advice = recommend(store, model.fingerprint, used, data)
    swept = digest_of(list(sweep.request_digests)) if sweep else ""
    makers: dict[Way, Callable[[], Pick]] = {
        "sweep": lambda: _sweep_pick(sweep, run_id),
        "search": lambda: _search_pick([m for m in runs if m.kind == "search" and used_in(m) == used]),
        "literature_default": lambda: _literature(model, method),
        "middle": lambda: Pick("middle", model.n_layers // 2, f"layer {model.n_layers} // 2", 0.0),
    }
    for info in ESTIMATES:
        makers[info.name] = functools.partial(_run_pick, info.name, _estimates(runs, info), swept, setting)
    picks = tuple(_judged(makers[way](), sweep, n_resamples) for way in WAYS)
    return LayerCard(
        model=model.name,
        fingerprint=model.fingerprint,
        method=method,
        judged_on=sweep.dataset if sweep else "",
        n_requests=sweep.n_requests if sweep else 0,
        n_layers=model.n_layers,
        oracle_score=float(sweep.score.max(axis=1).mean()) if sweep else None,
        picks=picks,
        sentence=sentence(picks, sweep, advice, run_id, n_resamples),
        n_resamples=n_resamples if sweep else 0,
        seed=SEED,
        remarks=remarks(picks, sweep),
        advice=advice,
        published=published_for(model.model_type),
        written_with=written_with,
    )


def _judged(pick: Pick, sweep: SweepResult | None, n_resamples: int) -> Pick:
    """The pick with its regret on the sweep's requests; as it is where its layer was not measured."""
    if sweep is None or pick.layer is None:
        return pick
    found = regret(sweep.score, sweep.layers, pick.layer, n_resamples, SEED)
    if found is None:
        return pick
    return dataclasses.replace(pick, score=found.score, regret=found.mean, low=found.low, high=found.high)


def _sweep_pick(sweep: SweepResult | None, run_id: str) -> Pick:
    if sweep is None:
        return Pick("sweep", None, NOT_COMPUTED, None)
    pairs = sweep.n_requests * len(sweep.layers)
    cost = sweep.seconds_per_edit * pairs
    return Pick(
        "sweep",
        sweep.golden_layer,
        f"{pairs:,} real edits: {sweep.n_requests:,} requests of {sweep.dataset} at {len(sweep.layers)} of "
        f"{sweep.n_layers} layers",
        float(cost) if np.isfinite(cost) else None,
        run_id=run_id,
    )


def _search_pick(runs: list[RunManifest]) -> Pick:
    """The newest budgeted search's layer: each is a run of its own, since time decides what it finds."""
    run = next((m for m in runs if golden_layer(m) is not None), None)
    if run is None:
        return Pick("search", None, NOT_COMPUTED, None)
    summary = run.told
    share, sure = summary.get("share of a full sweep", "?"), summary.get("stability", "?")
    source = f"up to {run.n_requests:,} requests of {run.dataset}, {share} of a full sweep's edits, confidence {sure}"
    whole = summary.get("cost", "")  # what it takes with nothing in the store
    return Pick("search", golden_layer(run), source, float(whole) if whole else run.seconds or None, run_id=run.run_id)


def _estimates(runs: list[RunManifest], info: WayInfo) -> list[RunManifest]:
    if info.scores is None:
        return [m for m in runs if m.kind == "trace"]
    return [m for m in runs if m.kind == "score" and score_method(m) == info.scores]


def _run_pick(way: Way, runs: list[RunManifest], swept: str, setting: Covariance) -> Pick:
    """The golden layer of a stored run: best one that predicts edits of the setting, or none, and on the very requests
    that were swept, else the one with most."""
    usable = [m for m in runs if golden_layer(m) is not None]
    if not usable:
        return Pick(way, None, NOT_COMPUTED, None)
    run = max(
        usable,
        key=lambda m: (
            predicted_covariance(m) in ("", setting),
            m.dataset_digest == swept,
            m.n_requests,
            m.created,
        ),
    )
    return Pick(
        way,
        golden_layer(run),
        f"{run.n_requests:,} requests of {run.dataset}",
        cost(run),
        run_id=run.run_id,
        covariance=predicted_covariance(run),
    )


def cost(run: RunManifest) -> float | None:
    """Seconds that all of a run's requests take; None where nearly everything came from the store."""
    computed = dict(run.summary).get("computed now", "")
    if not computed.isdecimal() or not run.n_requests:
        return run.seconds or None
    if int(computed) >= run.n_requests:
        return run.seconds
    return run.seconds * run.n_requests / int(computed) if int(computed) > 0 and run.seconds > 0 else None


def _literature(model: ModelFacts, method: str) -> Pick:
    layer, source = published_layer(model.model_type, model.n_layers, method)
    return Pick("literature_default", layer, source, None if layer is None else 0.0)
