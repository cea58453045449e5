"""Sweeps and budgeted searches as parts of a report."""

from collections.abc import Mapping
from typing import Final

import pandas as pd

from goldenlayers_core import figures
from goldenlayers_core.figures.truth.sweep import about
from goldenlayers_core.reports import Section
from goldenlayers_core.results import PROBE_METRICS, SweepResult
from goldenlayers_core.results.truth.card import SCORED
from goldenlayers_core.runtime import RunManifest, Store
from goldenlayers_core.tasks.report_parts import GREEDY, SMALL, Parts, title_of
from goldenlayers_core.tasks.scores.stored import open_scores
from goldenlayers_core.tasks.truth.judgement import best, curve, failures, of_selection
from goldenlayers_core.tasks.truth.layer_card import ModelFacts, layer_card
from goldenlayers_core.tasks.truth.needed import requests_needed
from goldenlayers_core.tasks.truth.stored_search import open_search
from goldenlayers_core.tasks.truth.stored_sweep import open_sweep

_REGRET: Final = ["way", "title", "layer", "regret", "regret_low", "regret_high"]


def of_sweep(store: Store, manifest: RunManifest) -> Parts:
    """The layer card, its metrics and requests, stored estimates beside them, and what fails."""
    sweep = open_sweep(store, manifest.run_id)
    model_type = sweep.provenance.get("model_type", "")
    facts = ModelFacts(sweep.model, sweep.fingerprint, sweep.n_layers, model_type)
    card = layer_card(store, facts, sweep, manifest.run_id, sweep.method)
    chosen = best(sweep, None, "", 1e-9)
    curves = [curve(sweep, name) for name in ("score", *PROBE_METRICS)]
    sections = [
        Section(figures.layer_card(card, curves[0]), card.to_frame(), name="layer-card"),
        Section(figures.regret_bars(card), card.to_frame()[_REGRET], name="regret"),
        Section(
            figures.metric_curves(curves, sweep.golden_layer, about(sweep)),
            pd.concat([one.to_frame() for one in curves], ignore_index=True),
            name="metrics",
        ),
        Section(figures.sweep_heatmap(sweep), sweep.to_frame(), name="requests"),
        Section(figures.best_layers(chosen, about(sweep)), chosen.to_frame(), name="best-layers"),
        *_needed(sweep),
        *_estimates(store, sweep, {pick.way: pick.run_id for pick in card.picks}),
        _failing(sweep),
    ]
    return card.sentence, tuple(sections), (*card.remarks, GREEDY, SMALL)


def _needed(sweep: SweepResult) -> list[Section]:
    """How many requests a golden layer needs, where enough were swept to say."""
    found = requests_needed(sweep)
    if found is None:
        return []
    return [Section(figures.needed_curves(found, about(sweep)), found.to_frame(), name="requests-needed")]


def _estimates(store: Store, sweep: SweepResult, runs: Mapping[str, str]) -> list[Section]:
    """Stored estimates against the real edits."""
    found = []
    for info in SCORED:
        if runs.get(info.name):
            agreement = of_selection(sweep, *open_scores(store, runs[info.name]), info.said)
            drawn = figures.agreement_scatter(agreement, about(sweep))
            found.append(Section(drawn, agreement.to_frame(), name=f"agreement-{info.name}"))
    return found


def _failing(sweep: SweepResult) -> Section:
    golden = sweep.golden_layer
    place, bad = sweep.layers.index(golden), failures(sweep, golden)
    table = pd.DataFrame(
        {
            "prompt": [sweep.prompts[q] for q in bad],
            "new answer": [sweep.targets_new[q] for q in bad],
            "said": [sweep.answers[q][place] for q in bad],
            "score": [float(sweep.score[q, place]) for q in bad],
        }
    )
    text = f"{len(bad):,} of {sweep.n_requests:,} requests whose rewrite fails there, or whose score is at most 0.5."
    return Section(
        None, table if len(table) else None, f"Where layer {golden} fails", (text,), open_table=True, name="failures"
    )


def of_search(store: Store, manifest: RunManifest) -> Parts:
    """The race of the layers."""
    found = open_search(store, manifest.run_id)
    drawn = figures.race(found)
    return (
        f"{title_of(drawn)}.",
        (Section(drawn, found.to_frame(), name="race"),),
        ("A full sweep would be surer.", GREEDY),
    )
