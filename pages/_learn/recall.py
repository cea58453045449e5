"""Lesson 2: where a fact is recalled."""

from typing import Final

import streamlit as st

from goldenlayers_core import figures
from goldenlayers_core.figures.learn.recall import depth_ladder
from goldenlayers_core.records import EditRequest, TraceConfig
from goldenlayers_core.results import TokenTrace
from goldenlayers_core.results.learn.recall import layer_question, readable_question, recalled, token_question
from goldenlayers_core.tasks import DatasetChoice, TokenTraceQuestion
from goldenlayers_core.tasks.serial import plain
from pages._learn import fact, lesson, work
from pages._shared import cached, session, show

NAME: Final = "recall"
SAMPLES: Final = 4  # noise samples: enough for one picture, and less than half the wait of a trace's usual 10
_SLOT: Final = "lesson-trace"


def section() -> None:
    """Traces one fact, then reads the residual stream after every layer."""
    lesson.intro(NAME)
    card = lesson.model()
    if card is None:
        return
    request = fact.choose()
    about = f"{request.digest}-{card.fingerprint}"
    with lesson.behind(NAME, "trace", "How a trace is made", "token"):
        lesson.text(NAME, "trace", samples=SAMPLES)
    trace = _trace(request, about)
    if trace is None:
        return
    if not lesson.predict(NAME, token_question(trace, about)):
        return
    if not lesson.predict(NAME, layer_question(trace, about)):
        return
    show.figure(figures.token_heatmap(trace, session.dark()), "lesson-recall-trace", trace.to_frame())
    with lesson.behind(NAME, "lens", "What the logit lens is", "readable"):
        lesson.text(NAME, "lens")
    with st.spinner("Reading the residual stream"):
        depth = cached.depth(session.model(), request)
    if not lesson.predict(NAME, readable_question(depth, about)):
        return
    show.figure(depth_ladder(depth, session.dark()), "lesson-recall-depth", depth.to_frame())
    lesson.text(NAME, "after", recalled=recalled(trace, depth))
    lesson.links(
        lesson.Link("Causal traces of many facts", "pages/ground_truth.py", _show_trace),
        lesson.Link("Edit this fact", "pages/edit.py", icon=":material/edit:"),
    )


def _trace(request: EditRequest, about: str) -> TokenTrace | None:
    """The stored trace of this request on this model, or the button that computes it."""
    name = work.result(_SLOT, about)
    if name in cached.workbench().store.names("token-traces"):
        return cached.token_trace(str(name))
    config, label = TraceConfig(n_samples=SAMPLES), "Trace this fact"
    question = TokenTraceQuestion(session.model(), plain(request), DatasetChoice("bundled"), config)
    icon = ":material/route:"
    work.button(_SLOT, "lesson-recall-start", label, question, "Tracing one fact", icon, about=about)
    st.caption("It takes seconds for a short prompt and up to a minute for a long one on two cores.")
    return None


def _show_trace() -> None:
    st.session_state["truth-view"] = "trace"
