"""Ground truth: the further pictures, one at a time."""

from collections.abc import Callable
from typing import Final

import streamlit as st

from goldenlayers_core import figures
from goldenlayers_core.figures.text import number
from goldenlayers_core.figures.truth.curves import title_of
from goldenlayers_core.figures.truth.sweep import about
from goldenlayers_core.results import METRICS, PROBE_METRICS, LayerCard, LayerScores, SweepResult, way_info
from goldenlayers_core.results.truth.card import SCORED
from goldenlayers_core.tasks.truth.judgement import best, curve, of_selection
from goldenlayers_core.tasks.truth.transfer import generalisation
from pages._shared import beside, cached, fold, link, session, show
from pages._truth import request, trace

VIEWS: Final = {
    "requests": "Every request",
    "metrics": "Metrics by layer",
    "best": "Best layers",
    "agreement": "Estimates against edits",
    "search": "Budgeted search",
    "trace": "Causal trace",
    "carried": "Other requests",
}


def views(card: LayerCard, sweep: SweepResult, run_id: str) -> None:
    """The chosen picture; only that one is computed. On a phone they stand behind a switch: the layer comes first."""
    if any(map(link.asks, ("view", "request", "layer"))):
        fold.unfold("truth-closer")
    with fold.on_phone("truth-closer", "Look closer: every request, metrics, causal trace"):
        _views(card, sweep, run_id)


def _views(card: LayerCard, sweep: SweepResult, run_id: str) -> None:
    link.option("view", "truth-view", tuple(VIEWS))
    view = st.segmented_control(
        "Look closer",
        tuple(VIEWS),
        default="requests",
        required=True,
        format_func=VIEWS.__getitem__,
        key="truth-view",
        persist_state="session",
    )
    link.say(view=view or "requests")
    draw: dict[str, Callable[[], None]] = {
        "requests": lambda: _requests(sweep, run_id),
        "metrics": lambda: _metrics(sweep, run_id),
        "best": lambda: _best(card, sweep, run_id),
        "agreement": lambda: _agreement(card, sweep, run_id),
        "search": lambda: race(card),
        "trace": lambda: trace.trace(card, sweep),
        "carried": lambda: _carried(sweep),
    }
    draw[view or "requests"]()


def _requests(sweep: SweepResult, run_id: str) -> None:
    opened = request.clicked(run_id, sweep)
    left, right = st.columns([3, 2], gap="medium")
    with right, beside.panel("truth", opened):
        index = request.choose(sweep)
        layer = request.choose_layer(sweep, run_id)
        request.panel(sweep, index, layer, cached.workbench().store.manifest(run_id))
    with left:
        request.heatmap(sweep, run_id, (index, layer))
    with fold.on_phone("truth-course", "This request over the layers"):
        request.course(sweep, index, layer)
    with fold.on_phone("truth-failing", "Where it fails"):
        request.failing(sweep, run_id)


def _metrics(sweep: SweepResult, run_id: str) -> None:
    chosen = st.multiselect(
        "Metrics",
        ("score", *(m.name for m in METRICS)),
        default=("score", *PROBE_METRICS),
        format_func=title_of,
        key="truth-metrics",
        persist_state="session",
        max_selections=6,
    )
    if not chosen:
        st.markdown("Choose at least one metric.")
        return
    drawn = [cached.once(curve, sweep, name) for name in chosen]
    picture = figures.metric_curves(drawn, sweep.golden_layer, about(sweep), session.dark())
    show.figure(picture, f"metrics-{run_id}", show.stacked([found.to_frame() for found in drawn]))
    _harmonic(sweep)


def _harmonic(sweep: SweepResult) -> None:
    """ROME's S at its best layer, where the requests have what it takes."""
    values = sweep.harmonic
    known = [place for place in range(len(sweep.layers)) if values[place] == values[place]]
    if known:
        top = max(known, key=lambda place: float(values[place]))
        golden = float(values[sweep.layers.index(sweep.golden_layer)])
        st.caption(
            f"ROME's S (harmonic mean of efficacy, paraphrase and neighborhood) is largest at layer "
            f"{sweep.layers[top]}: {number(float(values[top]), 2)}; at the golden layer {number(golden, 2)}."
        )


def _estimate(card: LayerCard) -> tuple[str, str] | None:
    """(name in a sentence, run) of the estimate to lay beside the sweep, from those that are stored."""
    stored = {info.name: card.pick(info.name).run_id for info in SCORED if card.pick(info.name).run_id}
    if not stored:
        return None
    way = st.segmented_control(
        "Estimate",
        tuple(stored),
        default=next(iter(stored)),
        required=True,
        format_func=lambda way: way_info(way).short,
        key="truth-estimate",
        persist_state="session",
    )
    way = way if way in stored else next(iter(stored))
    return way_info(way).said, stored[way]


def _best(card: LayerCard, sweep: SweepResult, run_id: str) -> None:
    chosen = _estimate(card)
    scores: LayerScores | None = cached.scores(chosen[1])[0] if chosen else None
    epsilon = st.select_slider(
        "Counts as a tie within",
        (0.0, 0.02, 0.05, 0.1),
        0.0,
        key="truth-epsilon",
        persist_state="session",
        help="A layer is among a request's best when its score is at most this far below the request's best score.",
    )
    found = cached.once(best, sweep, scores, chosen[0] if chosen else "", max(float(epsilon), 1e-9))
    drawn = cached.once(figures.best_layers, found, about(sweep), session.dark())
    show.figure(drawn, f"truth-best-{run_id}", found.to_frame())


def _agreement(card: LayerCard, sweep: SweepResult, run_id: str) -> None:
    chosen = _estimate(card)
    if chosen is None:
        st.info(
            "No estimate of these layers is stored; the button “Compute what is missing” above computes them.",
            icon=":material/info:",
        )
        return
    scores, selection = cached.scores(chosen[1])
    found = cached.once(of_selection, sweep, scores, selection, chosen[0])
    drawn = cached.once(figures.agreement_scatter, found, about(sweep), session.dark())
    show.figure(drawn, f"agreement-{run_id}-{chosen[0][:4]}", found.to_frame())


def race(card: LayerCard) -> None:
    """The newest budgeted search, round by round."""
    run_id = card.pick("search").run_id
    if not run_id:
        st.info(
            "No budgeted search of this model is stored; start one above, under “Measure more”.", icon=":material/info:"
        )
        return
    found = cached.search(run_id)
    show.figure(cached.once(figures.race, found, session.dark()), f"race-{run_id}", found.to_frame())


def _carried(sweep: SweepResult) -> None:
    found = generalisation(cached.workbench(), sweep.fingerprint, sweep.used, cached.sweep)
    if found is None or len(found.found_on) < 2:
        st.info(
            "Only one set of requests was swept with this model and method. Sweep another one, such as the test split "
            "or another dataset, and the golden layer of each is judged on the other.",
            icon=":material/info:",
        )
        st.page_link("pages/dataset.py", label="Choose other requests", icon=":material/table_rows:")
    if found is not None:
        drawn = figures.generalisation_matrix(found, session.dark())
        show.figure(drawn, f"carried-{sweep.method}", found.to_frame())
