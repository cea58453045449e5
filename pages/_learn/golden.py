"""Lesson 5: golden layers. Some requests of a sweep choose the layer, others judge it."""

from typing import Final

import pandas as pd
import streamlit as st

from goldenlayers_core.figures.learn.golden import proxy_curve as draw_curve
from goldenlayers_core.figures.learn.golden import proxy_map
from goldenlayers_core.figures.text import number, percent
from goldenlayers_core.figures.truth.sweep import about
from goldenlayers_core.results import SweepResult
from goldenlayers_core.results.learn.golden import Draw, ProxyCurve
from goldenlayers_core.tasks.learn.golden import LEAST, draw, proxy_curve, questions
from pages._learn import lesson, stored_sweep
from pages._shared import fold, session, show

NAME: Final = "golden"
_COUNT: Final = "lesson-golden-proxies"
_DRAW: Final = "lesson-golden-draw"


def section() -> None:
    """Asks how good one layer can be and how many requests choose it, then lets the learner drag that number."""
    lesson.intro(NAME)
    found = stored_sweep.on_show(NAME)
    if found is None:
        return
    run, sweep = found
    links = (
        stored_sweep.link_to_truth("Open this sweep", run.run_id),
        lesson.Link(
            "Choose other requests",
            "pages/dataset.py",
            lambda: session.choose_dataset(stored_sweep.whole_part(run)),
            ":material/table_rows:",
        ),
    )
    if sweep.n_requests < LEAST:
        lesson.text(NAME, "few", n=sweep.n_requests)
        lesson.links(*links)
        return
    curve = proxy_curve(sweep)
    own, enough = questions(sweep, curve, run.run_id)
    if not lesson.predict(NAME, own):
        return
    settled = lesson.predict(NAME, enough)
    lesson.text(NAME, "play")
    _play(sweep, curve, settled)
    if settled:
        lesson.text(
            NAME,
            "after",
            most=curve.most,
            layer=curve.favourite(curve.most)[0],
            share=percent(curve.favourite(curve.most)[1]),
            settled=curve.settled,
            regret=number(float(curve.regret[-1]), 2),
            best=number(curve.best_regret, 2),
            layers=len(sweep.layers),
        )
        with fold.on_phone("lesson-golden-limits", "What this does not say"):
            lesson.text(NAME, "limits", n=sweep.n_requests)
    lesson.links(*links)


@st.fragment
def _play(sweep: SweepResult, curve: ProxyCurve, settled: bool) -> None:
    """How many proxies, which draw, and what comes of it: only this runs anew while the learner drags."""
    if not 1 <= st.session_state.get(_COUNT, 0) <= curve.most:
        st.session_state[_COUNT] = min(4, curve.most)
    left, right = st.columns([3, 1], vertical_alignment="bottom")
    n = int(
        left.slider(
            "Proxy requests that choose",
            1,
            curve.most,
            key=_COUNT,
            persist_state="session",
            help=f"{curve.n_held_out} others judge, in every draw.",
        )
        if curve.most > 1
        else 1
    )
    right.button("Draw again", key="lesson-golden-again", icon=":material/shuffle:", on_click=_again)
    found = draw(sweep, n, int(st.session_state.get(_DRAW, 0)))
    show.figure(proxy_map(sweep, found, session.dark()), "lesson-golden-map", _table(sweep, found))
    if settled:
        drawn = draw_curve(curve, n, about(sweep), session.dark())
        show.figure(drawn, "lesson-golden-curve", curve.to_frame())
    else:
        st.caption("Over many draws: the curve appears here once you have answered the question above.")


def _again() -> None:
    st.session_state[_DRAW] = int(st.session_state.get(_DRAW, 0)) + 1


def _table(sweep: SweepResult, found: Draw) -> pd.DataFrame:
    """The rows of the sweep that the draw names, with their part in it."""
    frame = sweep.to_frame()[["request", "prompt", "target_new", "layer", "score"]]
    parts = {sweep.request_digests[q]: "proxy" for q in found.proxies}
    parts |= {sweep.request_digests[q]: "held out" for q in found.held_out}
    frame.insert(0, "part", frame["request"].map(parts))
    return frame.dropna(subset="part")
