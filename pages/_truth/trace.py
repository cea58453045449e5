"""Ground truth: the causal trace behind its pick, over all requests and for the open one token by token."""

from typing import Final

import streamlit as st

from goldenlayers_core import figures
from goldenlayers_core.results import LayerCard, SweepResult
from goldenlayers_core.tasks.questions import TokenTraceQuestion, TraceQuestion
from goldenlayers_core.tasks.serial import plain
from pages._shared import cached, jobs, session, show
from pages._shared.wording import escape
from pages._truth.request import choose

SLOT: Final = "token-trace"
_TRACED: Final = "truth-traced"  # in the session: (run and request, name of its stored trace)
_TRACING: Final = "truth-tracing"  # the run and request that are being traced


def trace(card: LayerCard, sweep: SweepResult) -> None:
    """The dataset's curve, then one request."""
    run_id = card.pick("causal_trace").run_id
    if not run_id:
        st.info(
            "No causal trace of this model is stored; the button “Compute what is missing” above computes it.",
            icon=":material/info:",
        )
        return
    found = cached.trace(run_id)
    show.figure(cached.once(figures.trace_curves, found, session.dark()), f"trace-{run_id}", found.to_frame())
    st.header("One request, token by token")
    index = choose(sweep)
    digest = sweep.request_digests[index]
    _ask(run_id, digest)
    jobs.follow(SLOT, _done)
    traced = st.session_state.get(_TRACED)
    if traced and traced[0] == f"{run_id} {digest}":
        one = cached.token_trace(traced[1])
        drawn = cached.once(figures.token_heatmap, one, session.dark())
        show.figure(drawn, f"tokens-{traced[1]}", one.to_frame())


def _done(name: str) -> None:
    session.keep(_TRACED, (st.session_state.get(_TRACING, ""), name))


def _ask(run_id: str, digest: str) -> None:
    """The button that traces the open request with the settings of the run on show."""
    asked = cached.asked(TraceQuestion, run_id)
    request = cached.by_digest(asked.choice.dataset).get(digest)
    if request is None:
        st.caption(f"This request is not in {escape(asked.choice.words)} any more, so it cannot be traced.")
        return
    job = jobs.waiting(SLOT)
    busy = job is not None and job.active
    if st.button("Trace this request", key="truth-trace-one", icon=":material/route:", disabled=busy):
        question = TokenTraceQuestion(asked.model, plain(request), asked.choice, asked.config)
        session.keep(_TRACING, f"{run_id} {digest}")
        jobs.submit(SLOT, question, "Tracing one request")
        st.rerun()
