"""Disk use of the store, and how to get it back."""

from typing import Final

import streamlit as st

from goldenlayers_core.runtime import Usage
from pages._runs import entry
from pages._shared import cached, jobs
from pages._shared.wording import count, escape, size

_KINDS: Final = {
    "runs": ("Runs", "the list above; a run is computed again from the scores per request"),
    "lga": ("Scores per request", "so that adding requests computes only the new ones"),
    "knowledge": ("What models know", "their own answers, for the filter on the Dataset page"),
    "datasets": ("Uploaded datasets", "upload the files again after clearing"),
    "templates": ("Context templates", "texts that the model made itself, for the editing methods"),
    "curvature": ("General text", "for the damage of an edit there; computed again in a minute"),
    "covariance-so-far": ("Covariances under way", "sums of stopped estimates, which go on from there"),
    "many_edits": ("Many edits", "what became of every request, so that a run goes on from where it stopped"),
    "settings": ("Settings", "where long work is done"),
    "edits": ("Edits", "the factors of every edit; without them no edit can be applied again"),
}

_INDEX: Final = "uploads"  # goes with the datasets


def use() -> None:
    """A line per kind with a button to clear it, and what was found damaged; nothing where desks are apart."""
    if cached.apart():
        return
    store = cached.workbench().store
    kinds = [usage for usage in store.usage() if usage.kind != _INDEX]
    problems = store.problems()
    for problem in problems:
        st.warning(f"{escape(problem.path)}: {escape(problem.reason)}", icon=":material/healing:")
    with st.expander(f"Disk use: {size(sum(usage.n_bytes for usage in kinds))}", icon=":material/hard_drive:"):
        _table(kinds)
        if len(kinds) > 1 or problems:  # what is left of damaged jobs goes with everything, and belongs to no kind
            _clear(None, "everything")


def _table(kinds: list[Usage]) -> None:
    store = cached.workbench().store
    models = "" if store.place.words else " Converted models are kept there too and are not counted here."
    st.caption(f"In {escape(store.where)}.{models}")
    if not kinds:
        st.markdown("Nothing is stored yet.")
    for usage in kinds:
        title, about = _KINDS.get(usage.kind, (usage.kind.replace("_", " ").capitalize(), "results of earlier work"))
        with st.container(border=True, horizontal=True, vertical_alignment="center"):
            used = f"{size(usage.n_bytes)} in {count(usage.n_files, 'file')}"
            st.markdown(f"**{escape(title)}** {used}  \n:small[{escape(about)}]", width="stretch")
            _clear(usage.kind, title.lower())


def _clear(kind: str | None, what: str) -> None:
    key = kind or "all"
    with st.popover("Clear everything" if kind is None else "Clear", key=f"clear-{key}"):
        st.markdown(f"Delete {escape(what)} for everyone who uses this folder? This cannot be undone.")
        st.button("Delete now", key=f"clear-now-{key}", type="primary", on_click=jobs.attempt, args=(_delete, kind))


def _delete(kind: str | None) -> None:
    store = cached.workbench().store
    store.clear(kind)
    if kind == "datasets" and store.names(_INDEX):
        store.clear(_INDEX)
    if kind in ("runs", None):
        entry.put_away()
