"""Which stored run of a kind is on show: the session's, else the latest; with its selectbox."""

from collections.abc import Callable

import streamlit as st

from goldenlayers_core.runtime import RunManifest
from pages._shared import cached, link
from pages._shared.wording import escape, when


def run_on_show(
    kind: str,
    label: str,
    key: str,
    opened: str | None,
    show: Callable[[str], None],
    words: Callable[[RunManifest], str],
    explanation: str,
) -> RunManifest | None:
    """The run of `kind` on show, from the selectbox `key`; None where the store has none.

    `opened` is the session's run (an address that names another has made it that) and `show` makes a run that.
    """
    runs = {m.run_id: m for m in cached.workbench().store.runs() if m.kind == kind}
    if not runs:
        return None
    wanted = opened or next(iter(runs))
    if wanted not in runs:
        st.warning(
            f"The run {escape(wanted)} is no longer in the store; the latest one is shown.", icon=":material/history:"
        )
        wanted = next(iter(runs))
    if st.session_state.get(key) != wanted:
        st.session_state[key] = wanted
    chosen = st.selectbox(
        label,
        list(runs),
        format_func=lambda run_id: words(runs[run_id]),
        key=key,
        on_change=lambda: show(st.session_state[key]),
        help=explanation,
    )
    show(chosen)
    link.say(run=chosen)
    return runs[chosen]


def golden_words(run: RunManifest, how: str) -> str:
    """One line that tells apart runs that found a golden layer; `how` names method and settings."""
    golden = run.told.get("golden layer", "?")
    return (
        f"{when(run.created)} · golden layer {golden} · {run.n_requests:,} of {run.dataset} · {how} · {run.model} · "
        f"{run.run_id[-6:]}"
    )
