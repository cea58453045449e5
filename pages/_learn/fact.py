"""The fact that a lesson is about: one of the bundled dataset. Opening it opens it in the tools too."""

import streamlit as st

from goldenlayers_core.records import EditRequest
from goldenlayers_core.tasks.learn.facts import lesson_facts
from pages._shared import cached, session
from pages._shared.wording import shorten


def choose() -> EditRequest:
    """A fact per relation to choose from; the open request is among them where it is bundled."""
    facts = {r.digest: r for r in lesson_facts(cached.workbench(), session.model(), session.request_digest())}
    opened = session.request_digest()
    wanted = opened if opened in facts else next(iter(facts))
    if st.session_state.get("lesson-fact") != wanted:
        st.session_state["lesson-fact"] = wanted
    digest = st.selectbox(
        "The fact",
        tuple(facts),
        format_func=lambda key: f"{shorten(facts[key].prompt, 70)} … {facts[key].target_true}",
        key="lesson-fact",
        on_change=lambda: session.open_request(st.session_state["lesson-fact"]),
        help="Facts of the bundled dataset, one of each kind. The tools open with the same one.",
    )
    session.open_request(digest)
    return facts[digest]
