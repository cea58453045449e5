"""What a browser had chosen and on show when a link came: said where the link took its place, and offered back."""

from collections.abc import Callable, Mapping
from typing import Any, Final

import streamlit as st

from goldenlayers_core.errors import StoreError
from goldenlayers_core.models.naming import source_title
from goldenlayers_core.records import ModelSource
from pages._shared import cached, link_notice, session
from pages._shared.link_notice import Notice

_RUNS: Final = {
    "score_run": "the layer scores",
    "sweep_run": "the sweep",
    "edit_run": "the edit",
    "many_run": "the many edits",
}
_KEPT: Final = ("chosen_model", "chosen_dataset", *_RUNS)


def had() -> dict[str, Any]:
    """What this browser chose and has on show, its defaults among it; empty where it did nothing yet."""
    found = {name: value for name in _KEPT if (value := st.session_state.get(name)) is not None}
    return {"chosen_model": session.model(), "chosen_dataset": session.choice(), **found} if found else {}


def say(before: Mapping[str, Any], forget: Callable[[], None]) -> None:
    """Say what of `before` gave way to the link's, and offer it all back; `forget` drops what the link still asks."""
    gone = {name: value for name, value in before.items() if st.session_state.get(name, value) != value}
    gone |= {name: before[name] for name in _RUNS if name in before and name not in st.session_state}
    if not gone:
        return
    new = [name for name in _RUNS if name in st.session_state and name not in before]

    def back() -> None:
        forget()
        for name, value in (*gone.items(), *((name, None) for name in new)):
            session.keep(name, value)

    words = ", ".join(_words(name, value) for name, value in gone.items())
    text = f"This link took the place of what this browser had: {words}."
    link_notice.put("before", Notice(text, "Back to what I had", back, icon=":material/link:"))


def _words(name: str, value: Any) -> str:
    """A choice as a person knows it again."""
    if isinstance(value, ModelSource):
        return f"the model ({source_title(value.source)})"
    if name == "chosen_dataset":
        return f"the dataset ({value.words})"
    try:
        title = cached.workbench().store.manifest(value).title
    except StoreError:
        title = str(value)
    return f"{_RUNS[name]} on show ({title})"
