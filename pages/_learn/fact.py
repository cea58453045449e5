"""The fact that a lesson is about: one of the bundled dataset, or one of a stored run. Opening it opens it in the
tools too."""

from collections.abc import Callable, Sequence

import streamlit as st

from goldenlayers_core.figures.text import shorten
from goldenlayers_core.records import EditRequest
from goldenlayers_core.tasks.learn.facts import lesson_facts
from pages._shared import cached, session


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


def of_run(label: str, key: str, digests: Sequence[str], words: Callable[[int], str], first: int = 0) -> int:
    """The row of a run that is open: the session's request where the run has it, else the `first`."""
    wanted = session.request_digest()
    if wanted in digests and st.session_state.get(f"{key}-of") != wanted:
        st.session_state[key] = digests.index(str(wanted))
    if not 0 <= st.session_state.get(key, -1) < len(digests):
        st.session_state[key] = first
    row = int(
        st.selectbox(
            label, range(len(digests)), format_func=words, key=key, persist_state="session", help="Type to search."
        )
    )
    st.session_state[f"{key}-of"] = digests[row]
    session.open_request(digests[row])
    return row


def words(row: int, prompt: str, old: str, new: str) -> str:
    """A row of a run in one line."""
    return f"{row + 1}. {shorten(prompt, 60)} | {shorten(old, 24) or '?'} → {shorten(new, 24)}"
