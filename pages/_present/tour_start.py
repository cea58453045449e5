"""Home's one button: the first minute on the bundled model, and which fact it is about."""

import streamlit as st

from goldenlayers_core.errors import GoldenLayersError
from goldenlayers_core.figures.text import shorten
from goldenlayers_core.records import EditRequest
from goldenlayers_core.tasks.present.stored_tour import DATASET, FACT, TourQuestion, tour_facts
from pages._shared import cached, jobs, session
from pages._shared.wording import escape

SLOT = "tour"


def start(case_id: str, fresh: bool = False) -> None:
    """Start a tour; Home follows it."""
    session.show_tour_run(None)
    question = TourQuestion(case_id=case_id, fresh=fresh)
    jobs.submit(SLOT, question, "The first minute")


def offer() -> None:
    """The button, before any tour."""
    with st.container(border=True, key="tour-offer"):
        st.markdown("## See it happen")
        st.markdown(
            "One button: a real model answers a fact, its layers are scored before your eyes, the fact is edited where "
            "the evidence says, and you see what else moved. Everything is computed now, on this machine."
        )
        case_id = st.session_state.get("tour-fact", FACT)
        with st.container(horizontal=True, vertical_alignment="center"):
            st.button(
                "Show me in a minute",
                type="primary",
                key="tour-go",
                icon=":material/play_arrow:",
                on_click=jobs.attempt,
                args=(start, case_id),
            )
            another_fact()
        other = session.model().source
        if other != "bundled":
            st.caption(f"It runs on the bundled model; yours ({escape(other)}) stays chosen.")


def another_fact() -> None:
    """Which fact the tour is about."""
    try:
        facts = {request.case_id: request for request in tour_facts(cached.dataset(DATASET))}
    except GoldenLayersError as error:
        st.caption(escape(str(error)))
        return
    with st.popover("Choose the fact", icon=":material/tune:"):
        st.selectbox(
            "The fact to edit",
            list(facts),
            format_func=lambda case: _line(facts[case]),
            key="tour-fact",
            persist_state="session",
            help="The first was chosen because its neighbours show what a layer does; after it comes the first test "
            "fact of every other kind in the bundled dataset.",
        )
        st.caption("With some facts the edit does not take or its neighbours move; the tour says so.")


def _line(request: EditRequest) -> str:
    return f"{shorten(request.prompt, 70)} | {shorten(request.target_true, 20)} → {shorten(request.target_new, 20)}"
