"""Two score runs beside each other."""

import pandas as pd
import streamlit as st

from goldenlayers_core.figures import compare_runs
from goldenlayers_core.runtime import RunManifest
from pages._runs.pair import pair
from pages._shared import cached, fold, link, session, show
from pages._shared.wording import shorten, when


def compare(runs: tuple[RunManifest, ...]) -> None:
    """Choose two score runs; then the figure with its table."""
    scored = {m.run_id: m for m in runs if m.kind == "score"}
    if len(scored) < 2:
        st.header("Compare two score runs")
        st.caption("Needs two score runs: score another part of the dataset, another scope or another model.")
        st.page_link("pages/layer_scores.py", label="To the layer scores", icon=":material/grid_on:")
        return
    if link.asks("a") or link.asks("b"):
        fold.unfold("runs-compare")
    with fold.on_phone("runs-compare", "Compare two score runs"):
        _compare(scored)


def _compare(scored: dict[str, RunManifest]) -> None:
    st.header("Compare two score runs")

    def label(run_id: str) -> str:
        manifest = scored[run_id]
        scope = dict(manifest.summary).get("scope", "")
        own = manifest.title.removeprefix(f"LGA ({scope}) of {manifest.model} on ")
        return f"{shorten(own, 60)}; {scope}, {manifest.model}, {when(manifest.created)} · {run_id[-6:]}"

    chosen = pair(scored, label, "run", "compare", ("a", "b"))
    if chosen is None:
        return
    a, b = chosen
    scores_a, selection_a = cached.scores(a)
    scores_b, selection_b = cached.scores(b)
    figure = cached.once(compare_runs, scores_a, scores_b, selection_a, selection_b, session.dark())
    tables = {"A": selection_a.to_frame(), "B": selection_b.to_frame()}
    show.figure(figure, f"compare-{a}-{b}", pd.concat(tables, names=["run"]).reset_index(level=0))
