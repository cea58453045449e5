"""Two sweeps beside each other: two methods, two models, or other requests."""

import streamlit as st

from goldenlayers_core.figures import compare_sweeps
from goldenlayers_core.runtime import RunManifest
from goldenlayers_core.tasks.truth.compared import compared
from pages._runs.pair import pair
from pages._shared import cached, fold, link, session, show
from pages._shared.run_choice import edited_how
from pages._shared.wording import count, shorten, when


def compare(runs: tuple[RunManifest, ...]) -> None:
    """Choose two sweeps; then the figure with its table. Nothing while there are fewer than two."""
    swept = {m.run_id: m for m in runs if m.kind == "sweep"}
    if len(swept) < 2:
        return
    if link.asks("sa") or link.asks("sb"):
        fold.unfold("runs-compare-sweeps")
    with fold.on_phone("runs-compare-sweeps", "Compare two sweeps"):
        _compare(swept)


def _compare(swept: dict[str, RunManifest]) -> None:
    st.header("Compare two sweeps")

    def label(run_id: str) -> str:
        run = swept[run_id]
        what = f"{edited_how(run)}, {count(run.n_requests, 'request')} of {shorten(run.dataset, 40)}"
        return f"{what}; {run.model}, {when(run.created)} · {run_id[-6:]}"

    chosen = pair(swept, label, "sweep", "compare-sweep", ("sa", "sb"))
    if chosen is None:
        return
    a, b = chosen
    found = cached.once(compared, cached.sweep(a), cached.sweep(b))
    show.figure(cached.once(compare_sweeps, found, session.dark()), f"compare-{a}-{b}", found.to_frame())
