"""Which stored run of a kind is on show: the session's, else the latest of its model; with its selectbox."""

from collections.abc import Callable

import streamlit as st

from goldenlayers_core.runtime import RunManifest
from goldenlayers_core.tasks.manifest import model_of
from pages._shared import cached, link, session
from pages._shared.wording import count, escape, when


def run_on_show(
    kind: str,
    label: str,
    key: str,
    opened: str | None,
    show: Callable[[str], None],
    words: Callable[[RunManifest], str],
    explanation: str,
) -> RunManifest | None:
    """The run of `kind` on show, from the selectbox `key`; None where the store has none of the session's model, and
    no other model's was chosen.

    `opened` is the session's run (an address that names another has made it that) and `show` makes a run that.
    """
    found = [m for m in cached.workbench().store.runs() if m.kind == kind]
    runs = {m.run_id: m for m in sorted(found, key=lambda m: not of_session(m))}  # the session's model's come first
    if not runs:
        return None
    latest = next((m.run_id for m in runs.values() if of_session(m)), None)
    wanted = opened or latest
    if wanted is not None and wanted not in runs:
        st.warning(
            f"The run {escape(wanted)} is no longer in the store; the latest one is shown.", icon=":material/history:"
        )
        wanted = latest
    if st.session_state.get(key) != wanted:
        st.session_state[key] = wanted
    chosen = st.selectbox(
        label,
        list(runs),
        index=None if wanted is None else 0,
        placeholder=f"None of this session's model yet; {count(len(runs), 'run')} of other models",
        format_func=lambda run_id: words(runs[run_id]),
        key=key,
        on_change=lambda: show(st.session_state[key]),
        help=explanation,
    )
    if chosen is None:
        return None
    show(chosen)
    if not of_session(runs[chosen]):
        st.caption(f":material/info: A run of {escape(runs[chosen].model)}, which is not this session's model.")
    link.say(run=chosen)
    return runs[chosen]


def of_session(run: RunManifest) -> bool:
    """Whether a run is of the session's model: of the same weights, or of the same name while those are not known."""
    known = session.card()
    return run.fingerprint == (known.fingerprint if known else session.fingerprint()) or (
        known is None and model_of(run) == session.model()
    )


def edited_how(run: RunManifest) -> str:
    """How a sweep or a search edited: method, settings that differ from the defaults, number of layers."""
    settings = (f"{name} {value}" for name, value in run.part("settings").items())
    layers = run.told.get("layers", "")
    return ", ".join((run.word("method", "rome").upper(), *settings, *([f"{layers} layers"] if layers else [])))


def golden_words(run: RunManifest, how: str) -> str:
    """One line that tells apart runs that found a golden layer; `how` names method and settings."""
    golden = run.told.get("golden layer", "?")
    return (
        f"{when(run.created)} · golden layer {golden} · {run.n_requests:,} of {run.dataset} · {how} · {run.model} · "
        f"{run.run_id[-6:]}"
    )
