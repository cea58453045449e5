"""Ground truth: how many requests a golden layer needs, by the sweep on show."""

import streamlit as st

from goldenlayers_core import figures
from goldenlayers_core.errors import GoldenLayersError
from goldenlayers_core.figures.truth.needed import needed_answer, needed_finding
from goldenlayers_core.figures.truth.sweep import about
from goldenlayers_core.results import SweepResult
from goldenlayers_core.tasks.truth.needed import advised, requests_needed
from pages._shared import cached, session, show
from pages._shared.wording import escape


def needed(sweep: SweepResult, run_id: str) -> None:
    """The answer in one line that opens to the curve; nothing where too few requests were swept to say."""
    found = cached.once(requests_needed, sweep)
    if found is None:
        return
    box = st.expander(
        f"How many requests choose a layer? {escape(needed_answer(found))}",
        icon=":material/stacked_line_chart:",
        key=f"truth-needed-{run_id}",
        on_change="rerun",
    )
    if box.open:
        with box:
            drawn = cached.once(figures.needed_curves, found, about(sweep), session.dark())
            show.figure(drawn, f"needed-{run_id}", found.to_frame())


def next_sweep(run_id: str) -> tuple[int, str] | None:
    """(requests that a next sweep should have, why in one sentence); None where this one cannot say, or be read."""
    try:
        found = cached.once(requests_needed, cached.sweep(run_id))
    except GoldenLayersError:  # the page says so where it shows the sweep
        return None
    return None if found is None else (advised(found), f"By the sweep on show {escape(needed_finding(found))}.")
